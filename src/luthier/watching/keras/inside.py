"""What Keras holds without a public name and the watch reads; with another version of Keras it sees less.

Each has a default, so that nothing here can break a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def is_built(model: Any) -> bool:
    """Has every layer its weights, nested ones too? False where that cannot be told."""
    layers = getattr(model, "_flatten_layers", None)
    return layers is not None and all(layer.built for layer in layers())


def has_parts(layer: Any) -> bool:
    """Does a layer have layers of its own?"""
    return bool(getattr(layer, "_layers", ()))


def layers_of(model: Any) -> list[Any]:
    """Every layer of a model, nested ones too, without itself; none where that cannot be told."""
    layers = getattr(model, "_flatten_layers", None)
    return [] if layers is None else list(layers(include_self=False))


def told_to_infer(layers: Iterable[Any]) -> set[int]:
    """Ids of layers that a functional model calls with training=False, and of all their parts."""
    found = set()
    for layer in layers:
        nodes = getattr(layer, "_inbound_nodes", None) or ()
        if any(node.arguments.kwargs.get("training") is False for node in nodes):
            found |= {id(layer), *map(id, layers_of(layer))}
    return found


def called(model: Any, x: Any) -> Any:
    """The model's output in inference mode."""
    return model(x, training=False) if getattr(model, "_call_has_training_arg", False) else model(x)


def loss_of(model: Any) -> Any:
    """What `compile` made of the losses: a function (targets, outputs) -> mean; None where there is none."""
    return getattr(model, "_compile_loss", None)


def parts_of(loss: Any) -> Iterator[tuple[Any, Any, str]]:
    """(path to an output, its loss, the output's name) of a built `loss_of`."""
    for path, part, *rest in getattr(loss, "_flat_losses", None) or ():
        yield path, part, str(rest[-1]) if rest and rest[-1] else ""


def at(structure: Any, path: Sequence[Any]) -> Any:
    """What lies at a path in outputs or targets; a list of one is its only entry."""
    for key in path:
        structure = structure[key]
    if isinstance(structure, list | tuple) and len(structure) == 1:
        return structure[0]
    return structure


def metrics_of(model: Any) -> list[Any]:
    """The metrics as Keras resolved them from the shapes; none before that."""
    compiled = getattr(model, "_compile_metrics", None)
    return list(compiled.metrics) if compiled is not None and compiled.built else []


def function_of(wrapper: Any) -> Any:
    """The function that a loss or metric was made of; None where it is a class of its own."""
    return getattr(wrapper, "fn", None) or getattr(wrapper, "_fn", None)


def settings_of(wrapper: Any) -> dict[str, Any]:
    """Settings that a loss or metric passes to its function."""
    return dict(getattr(wrapper, "_fn_kwargs", None) or {})


def threshold_of(metric: Any) -> Any:
    """From where on a metric counts an output as positive; None where it has none."""
    own = getattr(metric, "_threshold", getattr(metric, "threshold", None))
    return settings_of(metric).get("threshold", own)


def schedule_of(optimizer: Any) -> Any:
    """The learning rate where it is a schedule of Keras' own; else None."""
    rate = getattr(optimizer, "_learning_rate", None)
    return rate if has_schedule(optimizer) and type(rate).__module__.startswith("keras.") else None


def has_schedule(optimizer: Any) -> bool:
    """Is the learning rate a schedule?"""
    return "LearningRateSchedule" in str(type(getattr(optimizer, "_learning_rate", None)).__mro__)
