"""One real batch through the model before its first step: every layer's output, the loss, its gradients.

Inference mode, in a scope of Keras that throws every write to a variable away; the caller keeps random states.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from luthier.watching.fits import Fit, Layer, Loss, Weight
from luthier.watching.keras import ahead, gradients, inside
from luthier.watching.keras.handed import handed
from luthier.watching.lines import is_users
from luthier.watching.values import values_of

MAX_BATCH = 64
MAX_LAYERS = 400
MAX_LAYER_ELEMENTS = 1 << 22
_ACTIVATION_LAYERS = ("Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU")


def look(fit: Fit, model: Any, batch: Any, state: Sequence[Any] | None) -> None:
    """Fill the layers, losses and weights of `fit` from one batch.

    Args:
        batch: x, (x, y) or (x, y, sample_weight), as the training step takes it.
        state: on JAX the values of the trainable and non-trainable variables, of the optimizer and of the metrics,
            which the model does not hold then.
    """
    import keras

    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    rows = _num_rows(x)

    def cut(a: Any) -> Any:
        return a[:MAX_BATCH] if a is not None and rows and len(a.shape) and a.shape[0] == rows else a

    x, y = keras.tree.map_structure(cut, x), keras.tree.map_structure(cut, y)
    if not fit.inputs:
        fit.inputs = [values_of(_numpy(a), "x") for a in keras.tree.flatten(x) if a is not None]
    if not fit.targets:
        fit.targets = [values_of(_numpy(a), "y") for a in keras.tree.flatten(y) if a is not None]
    mapping = _mapping(model, state)
    with keras.StatelessScope(state_mapping=mapping):
        with _taps(fit) as made:
            try:
                outputs = inside.called(model, x)
            except Exception as error:  # the person's own code: it may not work outside its training step
                fit.unseen = f"the model could not be called on a batch by itself ({type(error).__name__})"
                return
        if y is not None and not fit.own_step:
            fit.losses = _losses(fit, model, y, outputs, made)
        if y is not None:
            ahead.ask(fit, model, x, y, outputs=outputs)
    if y is not None and not fit.own_step and fit.losses:
        try:
            seen = gradients.measure(model, x, y, mapping)
        except Exception as error:  # the person's loss or targets: the step itself is about to raise
            fit.unseen = f"the loss could not be computed on a batch by itself ({type(error).__name__})"
            return
        fit.weights = [
            Weight(name=v.path, shape=tuple(v.shape), grad_norm=g, norm=_norm(v, mapping))
            for v, g in zip(model.trainable_variables, seen.grad_norms, strict=True)
        ]
        for loss, share in zip(fit.losses, seen.zero_shares, strict=False):
            loss.zero_gradient = share
        if len(fit.losses) == 1:
            fit.losses[0].value = seen.loss


def _mapping(model: Any, state: Sequence[Any] | None) -> list[tuple[Any, Any]] | None:
    if state is None:
        return None
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    pairs = list(zip(variables, [*state[0], *state[1]], strict=True))
    metrics = list(model.metrics_variables)  # with several losses, each keeps its mean in one
    return pairs + (
        list(zip(metrics, state[3], strict=True)) if len(state) == 4 and len(state[3]) == len(metrics) else []
    )


def _norm(variable: Any, mapping: list[tuple[Any, Any]] | None) -> float:
    value = next((v for k, v in mapping if k is variable), None) if mapping else variable.value
    return float(np.linalg.norm(_numpy(value).astype(np.float64).ravel()))


def _num_rows(x: Any) -> int:
    import keras

    first = next((a for a in keras.tree.flatten(x) if a is not None), None)
    return int(first.shape[0]) if first is not None and len(first.shape) else 0


def _numpy(value: Any) -> Any:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value))


@contextmanager
def _taps(fit: Fit) -> Iterator[dict[int, tuple[Any, str, str]]]:
    """Record every call of a layer without parts; yields {id of an output: (output, activation, layer)}."""
    import keras

    base = keras.Layer
    original = base.__call__
    made: dict[int, tuple[Any, str, str]] = {}

    def tapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = original(self, *args, **kwargs)
        if not inside.has_parts(self) and keras.ops.is_tensor(out) and len(fit.layers) < MAX_LAYERS:
            given = args[0] if args else None
            layer = _layer(self, given, out)
            layer.follows = made.get(id(given), (None, "", ""))[2]
            fit.layers.append(layer)
            made[id(out)] = (out, layer.activation, layer.name)
        return out

    base.__call__ = tapped
    try:
        yield made
    finally:
        base.__call__ = original


def _layer(layer: Any, given: Any, out: Any) -> Layer:
    kind = type(layer).__name__
    function = getattr(layer, "activation", None)
    activation = getattr(function, "__name__", "") if function is not None else ""
    if kind in _ACTIVATION_LAYERS:
        activation = {"ReLU": "relu", "Softmax": "softmax"}.get(kind, kind.lower())
    record = Layer(name=layer.name, kind=kind, activation="" if activation == "linear" else activation)
    record.weights = tuple(tuple(v.shape) for v in layer.weights)
    record.trainable = bool(layer.trainable)
    rate = getattr(layer, "rate", None)
    record.rate = float(rate) if isinstance(rate, int | float) else math.nan
    if math.prod(out.shape) <= MAX_LAYER_ELEMENTS:
        numbers = _numpy(out)
        record.outputs = values_of(numbers, layer.name)
        if numbers.ndim > 1 and numbers.dtype.kind == "f":
            record.dead = float((numbers.reshape(-1, numbers.shape[-1]) == 0).all(axis=0).mean())
    if hasattr(given, "shape") and math.prod(given.shape) <= MAX_LAYER_ELEMENTS:
        record.inputs = values_of(_numpy(given), layer.name)
    kernel = getattr(layer, "kernel", None)
    if kernel is not None and len(kernel.shape) >= 2:
        entries = _numpy(kernel.value if hasattr(kernel, "value") else kernel)
        record.equal_columns = entries.shape[-1] > 1 and bool((entries == entries[..., :1]).all())
        record.equal_rows = entries.shape[-2] > 1 and bool((entries == entries[..., :1, :]).all())
    return record


def _losses(fit: Fit, model: Any, y: Any, outputs: Any, made: dict[int, tuple[Any, str, str]]) -> list[Loss]:
    """What each output's loss is and what it gets."""
    compiled = inside.loss_of(model)
    if compiled is None:
        return []
    if not compiled.built:
        compiled.build(y, outputs)
    found = []
    parts = list(inside.parts_of(compiled))
    for path, loss, head in parts:
        output, target = inside.at(outputs, path), inside.at(y, path)
        record = _loss(loss)
        record.head = head if len(parts) > 1 else ""
        if record.own and (call := handed(loss, target, output)) is not None:
            record.gives_to, record.from_logits, record.gives_at = call
        whole = fit.targets[0] if len(fit.targets) == 1 and len(parts) == 1 else None
        record.output, record.target = values_of(_numpy(output), "output"), whole or values_of(_numpy(target), "y")
        record.activation = made.get(id(output), (None, "", ""))[1]
        found.append(record)
    return found


def _loss(loss: Any) -> Loss:
    """Name and settings of a loss object of Keras or of the person."""
    function = inside.function_of(loss)
    name = getattr(function, "__name__", "") or type(loss).__name__
    source = function if function is not None else type(loss)
    own = is_users(inspect.getsourcefile(source) or "") if _has_source(source) else False
    settings = inside.settings_of(loss)
    from_logits = settings.get("from_logits", getattr(loss, "from_logits", None))
    if from_logits is None and function is not None and not own:
        default = inspect.signature(function).parameters.get("from_logits")
        from_logits = default.default if default is not None else None
    smoothing = settings.get("label_smoothing", 0.0)
    return Loss(
        name=name,
        own=own,
        from_logits=None if from_logits is None else bool(from_logits),
        label_smoothing=float(smoothing) if isinstance(smoothing, int | float) else 0.0,
    )


def _has_source(thing: Any) -> bool:
    try:
        return inspect.getsourcefile(thing) is not None
    except TypeError:
        return False
