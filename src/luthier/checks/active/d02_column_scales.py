"""Columns of very different scale.

## What it detects
Standard deviations of the columns that the model sees differ by more than a factor of 1000, and a short training gets
clearly better once every column is standardised.

## Why it hurts
The large columns drown the small ones, and no learning rate suits both.

## Evidence
The ratio with its columns, and the losses of both short trainings on the same validation rows.

## Mend
Wrong: `luthier.tune(net, data=(x, y))`
Right: `luthier.tune(net, data=(x, y), fixed={"prepare_scale": "standard"})`

## When it keeps silent
Fewer than 256 training rows. Models that normalise their inputs themselves: for them nothing gets better.

## Source
Y. LeCun et al. 1998, "Efficient BackProp", section 4.3.
"""

from __future__ import annotations

from luthier.checks.active import scales
from luthier.checks.active.exam import Exam
from luthier.findings import Finding, Unknown

TITLE = "columns of very different scale"
TIER = "full"
CAUSES = ("D01",)


def judge(exam: Exam) -> list[Finding] | Unknown:
    """A large ratio, and scaling helps?"""
    found = scales.columns_of(exam.rows)
    if found.images or not scales.columns_ask(exam.rows):
        return []
    if exam.own is None or exam.scaled is None:
        return exam.unknown("D02", TITLE, "scaled")
    if not scales.better(exam.own, exam.scaled):
        return []
    now, other = float(exam.own.loss.mean()), float(exam.scaled.loss.mean())
    return [
        Finding(
            code="D02",
            title=TITLE,
            number=found.ratio,
            threshold=scales.RATIO,
            n=len(exam.rows.train),
            text=f"The standard deviation of {exam.rows.column(found.highest)} is {found.high:.4g}, that of "
            f"{exam.rows.column(found.lowest)} {found.low:.4g}. "
            f"After {exam.own.steps} steps of your recipe the loss on {len(exam.own.loss)} validation rows is "
            f"{scales.said(exam.own)}, with standardised columns {other:.4g}.",
            remedy='Standardise the columns on the training rows: Recipe(preparation={"scale": "standard"}).',
            severity="warning",
            cause="Large columns drown small ones, and no learning rate suits both.",
            wrong="luthier.tune(net, data=(x, y))",
            right='luthier.tune(net, data=(x, y), fixed={"prepare_scale": "standard"})',
            evidence={"loss as it is": now, "loss with standardised columns": other},
        )
    ]
