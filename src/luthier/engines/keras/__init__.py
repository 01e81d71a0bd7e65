"""Keras models, on the backend that Keras has: TensorFlow here, JAX and torch through their own engines."""

from luthier.engines.keras.choosing import keras_engine

__all__ = ["keras_engine"]
