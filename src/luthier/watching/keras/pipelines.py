"""What a `tf.data` pipeline says of itself: the chain of its stages, and what the functions of its maps draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luthier.watching.fits import Fit

_DRAWS = (
    "Multinomial",
    "Random",
    "RngReadAndSkip",
    "StatefulRandom",
    "StatefulStandardNormal",
    "StatefulTruncatedNormal",
    "StatefulUniform",
    "StatelessMultinomial",
    "StatelessRandom",
    "StatelessTruncatedNormal",
    "TruncatedNormal",
)
"""What the names of operations that draw begin with."""
_MOST = 200


def describe(fit: Fit, training: Any, validation: Any) -> None:
    """Fill in what of a training and a validation pipeline cannot be right together."""
    fit.cached_draw = _cached_draw(training)
    fit.reshuffled = _parted_after(training) & _parted_after(validation) != set()


def _stages(pipeline: Any) -> Iterator[Any]:
    """The stages from the last one up to the source; a stage of several inputs ends the chain."""
    for _ in range(_MOST):
        if pipeline is None or not hasattr(pipeline, "element_spec"):
            return
        yield pipeline
        pipeline = getattr(pipeline, "_input_dataset", None)


def _cached_draw(pipeline: Any) -> str:
    """The random operation above a cache, whose numbers are drawn once for all epochs; empty: there is none."""
    cached = False
    for stage in _stages(pipeline):
        cached = cached or type(stage).__name__.lstrip("_") == "CacheDataset"
        if cached and (drawn := _draws(stage)):
            return drawn
    return ""


def _draws(stage: Any) -> str:
    """The first random operation in the function of a map; empty: it has none, or no graph."""
    function = getattr(getattr(stage, "_map_func", None), "function", None)
    graph = getattr(function, "graph", None)
    if graph is None:
        return ""
    told = graph.as_graph_def()
    nodes = [*told.node, *(node for inner in told.library.function for node in inner.node_def)]
    return min((node.op for node in nodes if node.op.startswith(_DRAWS)), default="")


def _parted_after(pipeline: Any) -> set[int]:
    """The shuffling stages, by identity, that give another order in each epoch, and of which `take` or `skip` keeps a
    part."""
    parted, found = False, set()
    for stage in _stages(pipeline):
        kind = type(stage).__name__.lstrip("_")
        parted = parted or kind in ("TakeDataset", "SkipDataset")
        if parted and kind == "ShuffleDataset" and getattr(stage, "_reshuffle_each_iteration", None):
            found.add(id(stage))
    return found
