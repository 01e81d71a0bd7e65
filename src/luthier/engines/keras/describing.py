"""What two Keras models must have in common to run in one program: their configuration, rates and names aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from luthier.engines.keras.rates import LIFTED, leaves, lifted
from luthier.records import digest

_LIFTED = {kind.__name__ for kind in LIFTED}


def description_of(model: keras.Model) -> str | None:
    """A digest of the configuration; None where that does not say all: own code, or dropout inside other layers."""
    if not all(_is_keras(layer) for layer in (model, *leaves(model))):
        return None
    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception:  # a layer that can not be written down, as one with a function of its own
        return None
    names: dict[str, str] = {}
    dropped = _names(config, names)
    if dropped != sum(lifted(layer) for layer in set(leaves(model))):
        return None
    return digest(_plain(config, names))


def _is_keras(layer: Any) -> bool:
    return type(layer).__module__.partition(".")[0] == "keras" and type(layer) is not keras.layers.Lambda


def _names(node: Any, names: dict[str, str]) -> int:
    """Number all layers in their order; returns how many rates are left out of the description."""
    if isinstance(node, Mapping):
        config = node.get("config")
        if isinstance(config, Mapping) and isinstance(config.get("name"), str):
            names.setdefault(config["name"], f"#{len(names)}")
        return _is_rate(node) + sum(_names(value, names) for value in node.values())
    if isinstance(node, list | tuple):
        return sum(_names(value, names) for value in node)
    return 0


def _is_rate(node: Mapping[str, Any]) -> bool:
    return node.get("class_name") in _LIFTED and node["config"]["rate"] > 0.0


def _plain(node: Any, names: dict[str, str]) -> Any:
    """The same with the layers' numbers for their names, and without what is lifted."""
    if isinstance(node, Mapping):
        plain = {str(key): _plain(value, names) for key, value in node.items()}
        if _is_rate(node):
            plain["config"] = {k: v for k, v in plain["config"].items() if k not in {"rate", "seed"}}
        return plain
    if isinstance(node, list | tuple):
        return [_plain(value, names) for value in node]
    if isinstance(node, str):
        return names.get(node, node)
    return node if isinstance(node, bool | int | float) or node is None else repr(node)
