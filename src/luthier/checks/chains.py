"""Which linear layer a linear layer follows: what the checks of nets with too few activations share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

MOST_BETWEEN = 4

L = TypeVar("L", bound=Any)


def linear_before(
    layer: L, layers: Mapping[str, L], *, linear: Collection[str], transparent: Collection[str]
) -> L | None:
    """The linear layer whose output a linear layer is given; None where something else stands between.

    Args:
        layer: has a `name`, a `kind`, and in `follows` the name of the layer whose output it was given.
        layers: of the same net, by name.
        linear, transparent: kinds of layers; at most four of the transparent ones are passed through.
    """
    if layer.kind not in linear:
        return None
    seen = layers.get(layer.follows)
    for _ in range(MOST_BETWEEN):
        if seen is None or seen.kind not in transparent:
            break
        seen = layers.get(seen.follows)
    return seen if seen is not None and seen.kind in linear and seen.name != layer.name else None
