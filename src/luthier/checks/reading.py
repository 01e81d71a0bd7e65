"""What the checks of losses, models and data read off a trace: calls by line, the course of the loss, chance."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import TypeVar

from luthier.findings import Place
from luthier.watching.calls import Labels, LayerRun, LossCall
from luthier.watching.facts import Event, Loader, Model, Origin, Shape
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

E = TypeVar("E", bound=Event)

NAMED_LOSS = re.compile(r"loss|err|mse|mae|nll|perplexity", re.IGNORECASE)
NAMED_SCORE = re.compile(r"acc|score|f1|auc|precision|recall|dice|iou|map\b", re.IGNORECASE)
"""What a name says of the number behind it: the smaller the better, or the larger."""
ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
"""Losses that compare number with number and stretch shapes that differ."""


def trained(trace: Trace, *names: str) -> list[LossCall]:
    """Calls of these losses that a backward pass went through, in order; no name: of all losses."""
    return [c for c in trace.losses if c.trained_by and not c.raised and (not names or c.name in names)]


def looked_at(calls: Iterable[LossCall]) -> list[LossCall]:
    """The calls whose tensors were looked at; of the others the source and the numbers are not known."""
    return [c for c in calls if c.sampled]


def common_op(calls: Iterable[LossCall]) -> str:
    """The operation that made the input of all looked-at calls; empty where they differ, or it is not known."""
    ops = {c.source.op if c.source else "" for c in looked_at(calls)}
    return ops.pop() if len(ops) == 1 else ""


def feeds_training(loader: Loader) -> bool:
    """Has a row of this loader been trained on?"""
    return any(epoch.num_trained for epoch in loader.epochs)


def by_line(events: Iterable[E]) -> list[tuple[Place | None, list[E]]]:
    """Events grouped by their line, in the order in which the lines first came."""
    groups: dict[tuple[str, int] | None, list[E]] = {}
    for event in events:
        groups.setdefault((event.place.file, event.place.line) if event.place else None, []).append(event)
    return [(group[0].place, group) for group in groups.values()]


def graph_signs(trace: Trace, kind: str) -> list[tuple[int, list[GraphSign]]]:
    """(passes, what was seen of a kind in graphs of losses), by the line of the backward pass."""
    groups = [signs for _, signs in by_line(s for s in trace.signs if s.kind == kind)]
    return [(len({s.backward for s in signs}), signs) for signs in groups]


def shaped(shape: Shape | None) -> str:
    """A shape in words.

    >>> shaped((32, 1)), shaped(())
    ('(32, 1)', '()')
    """
    return str(tuple(shape)) if shape is not None else "(unknown)"


def num(value: float) -> str:
    """A number with at most four digits.

    >>> num(0.69314), num(12000.0), num(float("nan"))
    ('0.6931', '12000', 'nan')
    """
    return f"{value:.0f}" if abs(value) >= 1e4 and abs(value) < 1e6 else f"{value:.4g}"


def course(trace: Trace) -> list[float]:
    """Finite values of the losses that backward passes began at, in order; passes inside a closure left out."""
    return [b.loss for b in trace.backwards if math.isfinite(b.loss) and not b.in_step]


GONE = 0.01
"""Of the highest learning rate: below it a step changes nothing to speak of."""


def gone_from(rates: Sequence[float]) -> int:
    """The place from which on rates stay below 1 % of the highest of them, in order of steps; their number: none.

    >>> gone_from([0.1, 0.05, 0.0, 0.0]), gone_from([0.0, 0.1]), gone_from([])
    (2, 2, 0)
    """
    peak = max(rates, default=0.0)
    alive = [k for k, rate in enumerate(rates) if rate >= GONE * peak]
    return alive[-1] + 1 if peak > 0 else len(rates)


def learning(trace: Trace, values: Sequence[float] | None = None) -> bool | None:
    """Whether the loss falls: the mean of its last third lies more than two standard errors below that of its
    first third, and by at least 2 % of it. None: fewer than 15 values.

    Two standard errors keep chance out; the 2 % keep out a fall that nobody would call learning.
    """
    seen = list(values) if values is not None else course(trace)
    third = len(seen) // 3
    if third < 5:
        return None
    first, last = seen[:third], seen[-third:]
    error = math.sqrt((stdev(first) ** 2 + stdev(last) ** 2) / third)
    fall = fmean(first) - fmean(last)
    return fall > 2 * error and fall > 0.02 * abs(fmean(first))


def labels_at(trace: Trace, place: Place | None) -> Labels | None:
    """What was added up of the targets of the training calls at a line."""
    for labels in trace.labels:
        if labels.phase == "train" and _same_line(labels.place, place):
            return labels
    return None


def _same_line(one: Place | None, other: Place | None) -> bool:
    return (one and (one.file, one.line)) == (other and (other.file, other.line))


def entropy(counts: Iterable[int]) -> float:
    """Entropy in nats of labels counted by class: the loss of a model that knows their shares and nothing else."""
    sizes = [c for c in counts if c > 0]
    total = sum(sizes)
    return -sum(c / total * math.log(c / total) for c in sizes) if total else math.nan


def made_by(source: Origin | None, fallback: str = "the model's output") -> str:
    """Where a tensor came from, in words.

    >>> made_by(Origin(op="softmax", layer="net.3", layer_class="Softmax"))
    'softmax (layer "net.3")'
    """
    if source is None or not source.op:
        return fallback
    return f'{source.op} (layer "{source.layer}")' if source.layer else source.op


def origin_place(source: Origin | None) -> tuple[Place, ...]:
    """The line where a tensor was made, as a further line of a finding."""
    return (source.place,) if source is not None and source.place is not None else ()


def model_of(trace: Trace, forward: int) -> Model | None:
    """The model that an outermost call called."""
    for call in trace.forwards:
        if call.number == forward:
            return trace.models.get(call.model)
    return None


def runs_by_layer(runs: Iterable[LayerRun]) -> dict[tuple[int, str], list[LayerRun]]:
    """Looked-at calls of layers, by model and name."""
    groups: dict[tuple[int, str], list[LayerRun]] = {}
    for run in runs:
        groups.setdefault((run.model, run.layer), []).append(run)
    return groups
