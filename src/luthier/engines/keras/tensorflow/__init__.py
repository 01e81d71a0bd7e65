"""Keras on TensorFlow: one slot after another, each chunk one graph."""

from luthier.engines.keras.tensorflow.engine import TensorflowEngine

__all__ = ["TensorflowEngine"]
