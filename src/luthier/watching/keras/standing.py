"""Whether dropout and batch normalisation did during `fit` what they do in training mode, by their own state.

A dropout layer draws from its seed generator at each call in training mode, a batch normalisation moves its
statistics: a state that is the same, bit for bit, after the steps as before them was never used so. Digests are kept,
no arrays.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import math
import textwrap
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from luthier.watching.fits import Fit, Mode
from luthier.watching.keras import inside
from luthier.watching.lines import is_users

MAX_BYTES = 64 << 20


class States(NamedTuple):
    """Digests by id of the layer. states: of what training mode moves; weights: of what is trained."""

    states: dict[int, str]
    weights: dict[int, str]


def states(model: Any) -> States:
    """As they are now; empty where no layer has a training mode, or the model is large."""
    layers = inside.layers_of(model)
    with_mode = {id(layer): state for layer in layers if layer.built and (state := _state(layer))}
    own = {id(x): x.trainable_weights for x in layers if not inside.has_parts(x) and x.trainable_weights}
    size = sum(math.prod(v.shape) * 4 for part in (*with_mode.values(), *own.values()) for v in part)
    if not with_mode or size > MAX_BYTES:
        return States({}, {})
    return States({k: _digest(v) for k, v in with_mode.items()}, {k: _digest(v) for k, v in own.items()})


def compare(fit: Fit, model: Any, before: States) -> None:
    """Fill in the layers with a training mode that are to be trained, and which layers have learned."""
    after, layers = states(model), inside.layers_of(model)
    learned = {key for key, digest in after.weights.items() if before.weights.get(key, digest) != digest}
    told = inside.told_to_infer(layers) if not _meant([model, *layers]) else set(before.states)
    fit.modes_after = fit.num_steps
    fit.learned = frozenset(layer.name for layer in layers if id(layer) in learned)
    fit.modes = [
        Mode(
            name=layer.name,
            kind=type(layer).__name__,
            moved=before.states[id(layer)] != after.states[id(layer)],
            learned=id(layer) in learned,
            told=id(layer) in told,
        )
        for layer in layers
        if id(layer) in before.states and id(layer) in after.states
    ]


def _meant(layers: list[Any]) -> bool:
    """Does a `call` that the person wrote say training=False to a part?"""
    methods = {type(layer).call for layer in layers}
    own = [m for m in methods if hasattr(m, "__code__") and is_users(m.__code__.co_filename)]
    words = [
        word
        for method in own
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(method))))
        if isinstance(node, ast.Call)
        for word in node.keywords
    ]
    return any(w.arg == "training" and isinstance(w.value, ast.Constant) and w.value.value is False for w in words)


def _state(layer: Any) -> list[Any]:
    """What a call in training mode changes; nothing for layers that do the same in both modes, or are frozen."""
    rate, generator = getattr(layer, "rate", None), getattr(layer, "seed_generator", None)
    if not layer.trainable:
        return []
    if isinstance(rate, int | float) and rate > 0 and generator is not None:
        return [generator.state]
    momentum = getattr(layer, "momentum", 1)
    if hasattr(layer, "moving_mean") and hasattr(layer, "moving_variance") and momentum != 1:
        return [layer.moving_mean, layer.moving_variance]
    return []


def _digest(variables: Iterable[Any]) -> str:
    import keras

    out = hashlib.blake2b(digest_size=12)
    for variable in variables:
        out.update(np.asarray(keras.ops.convert_to_numpy(variable.value)).tobytes())
    return out.hexdigest()


def trainable(fit: Fit, model: Any) -> None:
    """Fill in how what is to be trained differs from what the step of TensorFlow, once made, does train."""
    optimizer = getattr(model, "optimizer", None)
    made = getattr(model, "train_function", None) is not None and getattr(optimizer, "built", False)
    if made and fit.backend == "tensorflow" and not model.run_eagerly:
        held = {id(variable) for variable in getattr(optimizer, "_trainable_variables", ())}
        now = {id(variable) for variable in model.trainable_variables}
        fit.thawed, fit.frozen = len(now - held), len(held - now)
