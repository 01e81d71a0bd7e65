"""Keras models on JAX: the JAX engine's programs, with a Keras model as their pure function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from luthier.engines.jax import JaxEngine
from luthier.engines.jax.foreign import Optax
from luthier.engines.keras.build import Blueprint
from luthier.engines.keras.foreign import KerasRule, makes_keras
from luthier.engines.keras.probabilities import logits_only
from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.outside import Maker
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Tree
from luthier.engines.spec import Loss


class JaxStructure:
    """See `luthier.engines.jax.program.Structure`.

    Args:
        skeleton: of the model, which it keeps for itself.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self.weights, self.buffers, self.rates = skeleton.weights, skeleton.buffers, skeleton.rates

    def __call__(
        self, weights: Tree, buffers: Tree, inputs: Any, *, rates: Mapping[str, Any], key: Any = None
    ) -> tuple[Any, Tree, Any]:
        """(output, buffers afterwards, the layers' own losses); the i-th stream starts from fold_in(key, i)."""
        streams = None
        if key is not None:
            streams = [jax.random.key_data(jax.random.fold_in(key, i)) for i in range(self._skeleton.num_streams)]
        return self._skeleton(weights, buffers, inputs, rates=rates, streams=streams)


def _prepared(skeleton: Skeleton, loss: Loss) -> JaxStructure:
    return JaxStructure(logits_only(skeleton, loss))


def jax_engine(inputs: int, outputs: int) -> JaxEngine:
    """The JAX engine for Keras models."""
    return JaxEngine(
        inputs,
        outputs,
        blueprint=Blueprint,
        prepare=_prepared,
        name="keras",
        fits=("keras", "optax"),
        outside=_outside,
    )


def _outside(maker: Maker, where: str) -> Outside:
    """On JAX a Keras model can be trained by optax too."""
    return KerasRule(maker, where) if makes_keras(maker) else Optax(maker, where)
