"""The gradient of the loss on one batch, by weight and at the output, on each backend of Keras."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from luthier.watching.keras import inside

Mapping = list[tuple[Any, Any]] | None


class Gradients(NamedTuple):
    """loss: on the batch. grad_norms: by trainable weight, None where no path leads to it. zero_shares: of the
    numbers of each loss's output, those whose gradient is exactly zero; NaN where it was not measured."""

    loss: float
    grad_norms: list[float | None]
    zero_shares: list[float]


def measure(model: Any, x: Any, y: Any, mapping: Mapping) -> Gradients:
    """Loss and gradients in inference mode; no variable is written."""
    import keras

    by_backend = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    return by_backend[keras.backend.backend()](model, x, y, mapping)


def _heads(loss: Any, out: Any) -> list[Any]:
    """The output of each loss, in the order of the losses."""
    return [inside.at(out, path) for path, *_ in inside.parts_of(loss)]


def _share(gradient: Any) -> float:
    return math.nan if gradient is None else float((np.asarray(gradient) == 0).mean())


def _tensorflow(model: Any, x: Any, y: Any, _: Mapping) -> Gradients:
    import keras
    import tensorflow as tf

    compiled = inside.loss_of(model)
    weights = [v.value for v in model.trainable_variables]
    with keras.StatelessScope(), tf.GradientTape(persistent=True) as tape:
        out = inside.called(model, x)
        loss = compiled(y, out)
    norms = [None if g is None else float(tf.linalg.global_norm([g])) for g in tape.gradient(loss, weights)]
    return Gradients(float(loss), norms, [_share(g) for g in tape.gradient(loss, _heads(compiled, out))])


def _jax(model: Any, x: Any, y: Any, mapping: Mapping) -> Gradients:
    import jax
    import keras

    compiled = inside.loss_of(model)
    held = {id(k): v for k, v in mapping or []}
    trained = {id(v) for v in model.trainable_variables}
    fixed = [(v, value) for v, value in mapping or [] if id(v) not in trained]
    fixed = fixed or [(v, v.value) for v in model.non_trainable_variables]
    values = [held[id(v)] if held else v.value for v in model.trainable_variables]

    def loss_of(weights: list[Any]) -> tuple[Any, Any]:
        pairs = [*zip(model.trainable_variables, weights, strict=True), *fixed]
        with keras.StatelessScope(state_mapping=pairs):
            out = inside.called(model, x)
            return compiled(y, out), out

    def at_output(out: Any) -> Any:
        with keras.StatelessScope(state_mapping=fixed):
            return compiled(y, out)

    (loss, out), grads = jax.jit(jax.value_and_grad(loss_of, has_aux=True))(values)
    smooth = all(jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating) for leaf in jax.tree.leaves(out))
    shares = [_share(g) for g in _heads(compiled, jax.jit(jax.grad(at_output))(out))] if smooth else []
    return Gradients(float(loss), [float(np.linalg.norm(np.asarray(g))) for g in grads], shares)


def _torch(model: Any, x: Any, y: Any, _: Mapping) -> Gradients:
    import keras
    import torch

    compiled = inside.loss_of(model)
    weights = [v.value for v in model.trainable_variables]
    with keras.StatelessScope(), torch.enable_grad():
        out = inside.called(model, x)
        loss = compiled(y, out)
        heads = _heads(compiled, out)
        heads = heads if all(head.requires_grad for head in heads) else []
        grads = torch.autograd.grad(loss, [*weights, *heads], allow_unused=True)
    norms = [None if g is None else float(g.norm()) for g in grads[: len(weights)]]
    return Gradients(float(loss), norms, [_share(None if g is None else g.cpu()) for g in grads[len(weights) :]])
