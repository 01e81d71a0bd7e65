"""Dropout of Flax NNX whose rate is data: trials that differ in nothing else share a program."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx


class Rate(nnx.Variable):
    """A dropout rate, float32 []."""


class LiftedDropout(nnx.Dropout):
    """`nnx.Dropout` with a `Rate` for a number. It is the layer itself with another class, see `lift_`."""

    def __call__(self, inputs: Any, *, deterministic: bool | None = None, rngs: Any = None) -> Any:
        """As that of nnx.Dropout."""
        off = self.deterministic if deterministic is None else deterministic
        if off:
            return inputs
        kept = 1.0 - self.rate.get_value()
        shape = list(inputs.shape)
        for axis in self.broadcast_dims:
            shape[axis] = 1
        mask = jax.random.bernoulli(self._key(rngs), kept, tuple(shape))
        return jnp.where(mask, inputs / jnp.maximum(kept, 1e-6).astype(inputs.dtype), 0.0).astype(inputs.dtype)

    def _key(self, rngs: Any) -> Any:
        given = self.rngs if rngs is None else rngs
        if isinstance(given, nnx.Rngs):
            given = given[self.rng_collection]
        return given() if callable(given) else given


def lift_(model: nnx.Module) -> None:
    """Turn the rates of all dropout layers, subclasses and rates of 0 aside, into variables of the model.

    Rate 0 draws nothing: that is another program, and a quicker one.
    """
    for _, module in nnx.iter_modules(model):
        if type(module) is nnx.Dropout and module.rate > 0.0:
            rate = float(module.rate)
            module.__class__ = LiftedDropout
            module.rate = nnx.data(Rate(jnp.array(rate, jnp.float32)))
