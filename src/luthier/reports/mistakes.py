"""Where the shipped model errs on the test rows: confusion of classes, or residuals."""

from __future__ import annotations

import math

from luthier.reports.axes import linear
from luthier.reports.model import Confusion, Dot, Scatter, Table
from luthier.reports.numbers import count, number, percent, plural
from luthier.reports.reading import Reading, quantile, thin
from luthier.reports.words import label

MOST_CLASSES = 20
MOST_PAIRS = 20
MOST_ROWS = 40
MOST_RESIDUALS = 1000


def confusion(reading: Reading) -> Confusion | None:
    """Counts by true and predicted class; None where there are none."""
    counts = reading.record.confusion
    if not counts:
        return None
    labels = _labels(reading, len(counts))
    total = sum(map(sum, counts))
    right = sum(row[i] for i, row in enumerate(counts))
    drawn = len(counts) <= MOST_CLASSES
    note = f"{count(total)} test rows, {count(right)} right ({percent(right / total if total else math.nan)})."
    if not drawn:
        note += f" {len(counts):,} classes are too many to draw: the most confused pairs stand in the table."
    return Confusion(
        labels=labels if drawn else (),
        counts=counts if drawn else (),
        pairs=_pairs(counts, labels),
        classes=_classes(counts, labels),
        note=note,
    )


def _labels(reading: Reading, num: int) -> tuple[str, ...]:
    names = reading.record.facts.labels if reading.record.facts else ()
    return tuple(label(names[i], 40) if i < len(names) else f"class {i}" for i in range(num))


def _pairs(counts: tuple[tuple[int, ...], ...], labels: tuple[str, ...]) -> Table:
    """The most frequent confusions."""
    wrong = [(k, i, j) for i, row in enumerate(counts) for j, k in enumerate(row) if i != j and k]
    wrong.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    rows = [(labels[i], labels[j], count(k), percent(k / sum(counts[i]))) for k, i, j in wrong[:MOST_PAIRS]]
    hidden = len(wrong) - len(rows)
    return Table(
        columns=("true class", "taken for", "rows", "of the true class"),
        rows=tuple(rows),
        numeric=frozenset({2, 3}),
        caption=f"The most confused pairs; {plural(hidden, 'more pair')} not listed"
        if hidden
        else "All confused pairs",
    )


def _classes(counts: tuple[tuple[int, ...], ...], labels: tuple[str, ...]) -> Table:
    """Each class by itself, the worst recall first."""
    rows = []
    for i, row in enumerate(counts):
        predicted = sum(other[i] for other in counts)
        recall = row[i] / sum(row) if sum(row) else math.nan
        precision = row[i] / predicted if predicted else math.nan
        rows.append((recall, (labels[i], count(sum(row)), percent(recall), percent(precision))))
    rows.sort(key=lambda pair: pair[0] if math.isfinite(pair[0]) else math.inf)
    hidden = len(rows) - MOST_ROWS
    return Table(
        columns=("class", "test rows", "recall", "precision"),
        rows=tuple(r for _, r in rows[:MOST_ROWS]),
        numeric=frozenset({1, 2, 3}),
        caption="Classes, worst recall first" + (f"; {hidden:,} better ones not listed" if hidden > 0 else ""),
    )


def residuals(reading: Reading) -> Scatter | None:
    """Predicted - true against the prediction; None where there are none."""
    known = [(t, p) for t, p in reading.record.residuals if math.isfinite(t) and math.isfinite(p)]
    if not known:
        return None
    errors = [p - t for t, p in known]
    shown = thin(known, MOST_RESIDUALS)
    x = linear("predicted value", min(p for _, p in known), max(p for _, p in known))
    y = linear("predicted - true", min(*errors, 0.0), max(*errors, 0.0))
    mean = sum(errors) / len(errors)
    middle = quantile((abs(e) for e in errors), 0.5)
    return Scatter(
        title="Residuals on the test rows",
        x=x,
        y=y,
        line=0.0,
        dots=tuple(Dot(x=p, y=p - t) for t, p in shown),
        text=f"{count(len(known))} test rows: mean residual {number(mean)}, median absolute residual "
        f"{number(middle)}, largest {number(max(abs(e) for e in errors))}.",
        note="Above the line the model says too much, below too little. A fan or a curve means that "
        "something is left to learn.",
    )
