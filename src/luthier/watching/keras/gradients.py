"""The gradient of the loss on one batch, by weight and at the output, on each backend of Keras."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from luthier.watching.keras import inside

Mapping = list[tuple[Any, Any]] | None


class Gradients(NamedTuple):
    """loss: on the batch. grad_norms: by trainable weight, None where no path leads to it. zero_share: of the
    numbers of the (only) output, those whose gradient is exactly zero; NaN where it was not measured."""

    loss: float
    grad_norms: list[float | None]
    zero_share: float


def measure(model: Any, x: Any, y: Any, mapping: Mapping) -> Gradients:
    """Loss and gradients in inference mode; no variable is written."""
    import keras

    by_backend = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    return by_backend[keras.backend.backend()](model, x, y, mapping)


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
    at_output = tape.gradient(loss, out) if isinstance(out, tf.Tensor) else None
    return Gradients(float(loss), norms, _share(at_output))


def _jax(model: Any, x: Any, y: Any, mapping: Mapping) -> Gradients:
    import jax
    import keras

    compiled = inside.loss_of(model)
    held = {id(k): v for k, v in mapping or []}
    fixed = [(v, held[id(v)] if held else v.value) for v in model.non_trainable_variables]
    values = [held[id(v)] if held else v.value for v in model.trainable_variables]

    def loss_of(trained: list[Any]) -> tuple[Any, Any]:
        pairs = [*zip(model.trainable_variables, trained, strict=True), *fixed]
        with keras.StatelessScope(state_mapping=pairs):
            out = inside.called(model, x)
            return compiled(y, out), out

    def at_output(out: Any) -> Any:
        with keras.StatelessScope(state_mapping=fixed):
            return compiled(y, out)

    (loss, out), grads = jax.jit(jax.value_and_grad(loss_of, has_aux=True))(values)
    share = _share(jax.jit(jax.grad(at_output))(out)) if hasattr(out, "shape") else math.nan
    return Gradients(float(loss), [float(np.linalg.norm(np.asarray(g))) for g in grads], share)


def _torch(model: Any, x: Any, y: Any, _: Mapping) -> Gradients:
    import keras
    import torch

    compiled = inside.loss_of(model)
    weights = [v.value for v in model.trainable_variables]
    with keras.StatelessScope(), torch.enable_grad():
        out = inside.called(model, x)
        loss = compiled(y, out)
        wanted = [*weights, out] if isinstance(out, torch.Tensor) else weights
        grads = torch.autograd.grad(loss, wanted, allow_unused=True)
    norms = [None if g is None else float(g.norm()) for g in grads[: len(weights)]]
    last = grads[-1] if len(wanted) > len(weights) else None
    return Gradients(float(loss), norms, _share(None if last is None else last.cpu()))
