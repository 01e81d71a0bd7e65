"""The JAX engine: Flax NNX models."""

from luthier.engines.jax.engine import JaxEngine

__all__ = ["JaxEngine"]
