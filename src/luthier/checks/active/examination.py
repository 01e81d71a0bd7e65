"""From a builder and its data to findings: rows are chosen, measurements taken, checks asked."""

from __future__ import annotations

import dataclasses
import inspect
import linecache
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.checks.active import measuring
from luthier.checks.active.bench import CHUNK, Bench, draw
from luthier.checks.active.exam import Exam, Rows
from luthier.checks.active.own_loss import measure as measure_loss
from luthier.checks.judging import Judged, chosen, judge
from luthier.checks.spec import ACTIVE, checks
from luthier.data import Data, preparation
from luthier.draws import draws_kept
from luthier.engines.spec import Engine, Loss
from luthier.findings import Finding, Place, Tier
from luthier.recipe import Recipe

Array = npt.NDArray[Any]
MOST_ROWS = (12_000, 4_000, 4_000)
"""Of more training, validation and test rows, so many are drawn."""


class Subject(NamedTuple):
    """What is examined.

    Args:
        loss: what the engine minimises; `own`: a loss of the person's own, which is examined beside it.
        data: laid out. train, val, test: its rows.
    """

    engine: Engine
    builder: Callable[..., Any]
    recipe: Recipe
    loss: Loss
    data: Data
    train: Array
    val: Array
    test: Array
    own: Callable[..., Any] | None = None


def examine(
    subject: Subject,
    *,
    tier: Tier = "full",
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    parts: Sequence[str] | None = None,
    seconds: float = math.inf,
) -> tuple[Judged, Exam]:
    """Measure and judge, on copies; the person's random generators are afterwards as they were.

    Args:
        select, ignore: codes or families. parts: what is measured; default: what the tier takes.
        seconds: of measuring, about; what comes too late is unknown.
    """
    asked = chosen(checks(ACTIVE), tier, select=select, ignore=ignore)
    with draws_kept():
        rows = rows_of(subject)
        exam = Exam(rows=rows, place=place_of(subject.builder))
        if not np.isfinite(rows.prepared).all():
            exam = Exam(rows=rows, place=exam.place, skipped=dict.fromkeys(measuring.FULL, "inputs are not finite"))
        else:
            bench = Bench(subject.engine, subject.builder, subject.recipe, subject.loss, rows.prepared, rows.targets)
            parts = parts or (measuring.QUICK if tier == "quick" else measuring.FULL)
            exam = measuring.take(bench, rows, place=exam.place, parts=parts, seconds=seconds)
            exam = _with_loss(exam, subject)
    return judge(exam, asked), exam


def _with_loss(exam: Exam, subject: Subject) -> Exam:
    if subject.own is None:
        return exam
    rows = exam.rows
    told = measure_loss(
        subject.engine.framework,
        subject.own,
        rows.targets[rows.train],
        start=exam.start,
        num_outputs=rows.num_outputs,
    )
    return dataclasses.replace(exam, loss=told, place=place_of(subject.own) or exam.place)


def rows_of(subject: Subject) -> Rows:
    """The rows that are looked at, prepared as the recipe says."""
    data = subject.data
    train, val, test = (
        draw(rows, most, 17 + i)
        for i, (rows, most) in enumerate(zip((subject.train, subject.val, subject.test), MOST_ROWS, strict=True))
    )
    everything = len(train) == len(subject.train) and len(val) == len(subject.val) and len(test) == len(subject.test)
    chosen = np.arange(len(data.inputs)) if everything else np.sort(np.concatenate([train, val, test]))
    at = {name: np.searchsorted(chosen, rows) for name, rows in (("train", train), ("val", val), ("test", test))}
    inputs = np.asarray(data.inputs[chosen], np.float32)
    fitted = data.fit(subject.train, subject.recipe.preparation)
    prepared = inputs
    if fitted:
        clipped = np.isin(chosen, subject.train)
        prepared = np.concatenate([*preparation.in_blocks(inputs, fitted, layout=data.layout, clipped=clipped)])
    names: tuple[str, ...] = ()
    raw_names: tuple[str, ...] = ()
    if data.layout is not None and data.schema is not None:  # of a table, the columns that the model sees
        names = tuple(feature.name for feature in data.layout.features)
        used = sorted({feature.part for feature in data.layout.features})
        parts = [part for column in data.schema.columns for part in column.parts]
        inputs, raw_names = inputs[:, used], tuple(parts[i] for i in used)
    return Rows(
        inputs=inputs,
        prepared=prepared,
        targets=preparation.to_training(data.targets[chosen], fitted),
        kind=data.kind,
        num_outputs=data.num_outputs,
        names=names,
        raw_names=raw_names,
        given=bool(data.num_splits == 1 or data.num_given_test or data.group is not None),
        whole=everything,
        **at,
    )


def place_of(builder: Callable[..., Any]) -> Place | None:
    """Where a function or class is defined; None where that is not to be found."""
    try:
        file, (_, line) = inspect.getsourcefile(builder), inspect.getsourcelines(builder)
    except (TypeError, OSError):
        return None
    if file is None:
        return None
    return Place(file=file, line=line, function=builder.__name__, text=linecache.getline(file, line).strip())


def preflight(
    engine: Engine,
    builder: Callable[..., Any],
    recipe: Recipe,
    loss: Loss,
    *,
    data: Data,
    rows: tuple[Array, Array, Array],
    seconds: float,
    step_s: float,
) -> list[Finding]:
    """The cheap tests, as findings of a run. Of a model whose steps take long only the start is looked at.

    Args:
        rows: training, validation and test rows. seconds: that may be spent. step_s: of one training step.
    """
    slow = not step_s * CHUNK * 8 < seconds
    parts = ("start",) if slow else measuring.QUICK
    subject = Subject(engine, builder, recipe, loss, data, *rows)
    return list(examine(subject, tier="quick", parts=parts, seconds=seconds)[0].findings)
