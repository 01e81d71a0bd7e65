"""The Exam: what was measured on a builder and its data. Plain numbers and numpy arrays, no framework.

Axes: n rows, C outputs (classes, or target values), B rows of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.findings import Place, Unknown

Array = npt.NDArray[Any]
MIN_VAL = 100
"""Fewer validation rows do not tell whether anything was learned."""


@dataclass(frozen=True)
class Rows:
    """The rows and what they are for.

    Args:
        inputs: float32 [n, ...] as the person gave them, `prepared`: as the model sees them.
        targets: int64 [n] classes or float32 [n] or [n, C].
        kind: binary, multiclass or regression. num_outputs: classes or target values.
        names: of the prepared columns, raw_names: of those given; empty where nobody gave any.
        train, val, test: int row numbers.
        given: the held-out rows were not drawn from one pool by luthier (given apart, by group, in time).
        whole: all rows are here, in their order; else a sample of each part.
    """

    inputs: Array
    prepared: Array
    targets: Array
    kind: str
    num_outputs: int
    train: Array
    val: Array
    test: Array
    names: tuple[str, ...] = ()
    raw_names: tuple[str, ...] = ()
    given: bool = False
    whole: bool = True

    @cached_property
    def table(self) -> Array:
        """The inputs as the person gave them, flat: [n, d]."""
        return self.inputs.reshape(len(self.inputs), -1)

    @property
    def classes(self) -> bool:
        """Are the targets classes?"""
        return self.kind != "regression"

    @property
    def tabular(self) -> bool:
        """Is a row a list of columns?"""
        return self.inputs.ndim == 2

    def column(self, number: int) -> str:
        """A prepared column in words."""
        return f"column {self.names[number]!r}" if number < len(self.names) else f"column {number}"

    def raw_column(self, number: int) -> str:
        """A column as it was given, in words."""
        return f"column {self.raw_names[number]!r}" if number < len(self.raw_names) else f"column {number}"


@dataclass(frozen=True)
class Start:
    """A fresh model on training rows, in evaluation mode.

    Args:
        outputs: [n, C]; loss: of each row [n]; chance: loss of the best constant output on these rows.
        wide: outputs for inputs times +-1 and +-1000 of models with several seeds, [m, C].
        seeds: how many seeds.
    """

    outputs: Array
    loss: Array
    chance: float
    wide: Array
    seeds: int


@dataclass(frozen=True)
class Mixing:
    """Does the output of a row depend on the rows beside it? On a model that has taken some steps.

    Args:
        num: rows looked at, each beside `width` - 1 others, twice.
        moved: largest change of an output when the neighbours change, as a share of the spread of the outputs.
        twins: largest difference between the outputs of two copies of a row in one batch, as such a share.
        num_moved, num_twins: rows above `TOLERANCE`.
    """

    TOLERANCE = 1e-3

    num: int
    width: int
    moved: float
    twins: float
    num_moved: int
    num_twins: int


@dataclass(frozen=True)
class Weight:
    """One trainable tensor: its size, and its gradient over some batches after some steps.

    Args:
        size: numbers in it; axes: how many axes.
        rms: of the weight. grad: root mean square of the gradient's nonzero entries, the median over the batches.
        zero: is the gradient exactly zero in every batch?
        symmetric: do all units have the same weights, and the same nonzero gradient?
    """

    size: int
    axes: int
    rms: float
    grad: float
    zero: bool
    symmetric: bool


@dataclass(frozen=True)
class Signal:
    """Gradients of all trainable tensors by name, over `batches` batches of `rows` rows."""

    weights: Mapping[str, Weight]
    batches: int
    rows: int


@dataclass(frozen=True)
class Twice:
    """Two builds and two runs with one seed.

    Args:
        builds_differ: first tensor that differs between two builds; "" where all are equal.
        runs_differ: first step whose loss differs between two runs from one state; None where none does.
        difference: of the losses at that step.
        steps: taken in each.
    """

    builds_differ: str
    runs_differ: int | None
    difference: float
    steps: int


@dataclass(frozen=True)
class Fit:
    """The fit of one batch.

    Args:
        rows: in the batch; chance: loss of the best constant output on it.
        tried: (learning rate, scale of the target) -> lowest loss in evaluation mode.
        evaluated: lowest loss in evaluation mode of all runs; trained: lowest in training mode (mean of 10 steps).
        trained_then: loss in training mode of the run that reached `trained`, at its end; `evaluated_then`: the same
            weights in evaluation mode.
        steps: of the longest run. spread: of the outputs over the rows, relative, at the end of that run.
    """

    REACHED = 0.1
    FAILED = 0.2

    rows: int
    chance: float
    tried: Mapping[tuple[float, float], float]
    trained: float
    trained_then: float
    evaluated_then: float
    steps: int
    spread: float

    @property
    def evaluated(self) -> float:
        """The lowest loss in evaluation mode."""
        return min(self.tried.values())

    @property
    def reached(self) -> bool:
        """Was the batch learned?"""
        return self.evaluated <= self.REACHED * self.chance


@dataclass(frozen=True)
class Learned:
    """A short training, judged on validation rows.

    Args:
        loss: of each validation row [n] at the best moment; outputs: [n, C] there.
        constant: loss of each validation row under the best constant output of the training rows, [n].
        targets: [n] of the same rows.
        lr, step: where the best moment was (0: the loss was never finite); steps: of each run; tried: learning rates.
    """

    loss: Array
    outputs: Array
    constant: Array
    targets: Array
    lr: float
    step: int
    steps: int
    tried: tuple[float, ...]

    @cached_property
    def gain(self) -> float:
        """By how much the mean loss is below that of a constant, as a share of it."""
        return float(1 - self.loss.mean() / max(self.constant.mean(), 1e-12))

    @cached_property
    def sigmas(self) -> float:
        """The same in standard errors of the paired difference."""
        return sigmas(self.constant - self.loss)

    @property
    def learned(self) -> bool:
        """Is it better than a constant, beyond doubt?"""
        return self.sigmas > 2 and self.gain > 0.02


@dataclass(frozen=True)
class OwnLoss:
    """A loss of the person's own, on outputs of the model and on drawn ones.

    Args:
        name: of the function; error: what it raised; "" where it ran.
        double: does it compute in float64? has_gradient: does a gradient reach the outputs?
        entries: derivatives compared; wrong: those that differ by more than 1e-3; worst: the largest difference.
        finite: at the outputs of fresh models; wide_finite: at outputs for inputs times 1000.
        doubled: loss of a batch that holds every row twice, over the loss of the batch.
        pairs_matter: does the loss change when the targets are dealt to other rows?
        targets_matter: does it change when the targets do?
        rows: in the batch.
    """

    name: str
    rows: int
    error: str = ""
    double: bool = True
    has_gradient: bool = True
    entries: int = 0
    wrong: int = 0
    worst: float = math.nan
    finite: bool = True
    wide_finite: bool = True
    doubled: float = math.nan
    pairs_matter: bool = True
    targets_matter: bool = True


@dataclass(frozen=True)
class Exam:
    """All that was measured; None where it was not, and `skipped` says why.

    Args:
        place: where the builder is defined. num_steps: optimizer steps taken on copies.
        num_parameters: trainable numbers of the model.
        own: `learned` with the person's own recipe alone; scaled: that with every column standardised; rescaled: with
            the target standardised.
        neighbours: score of 10 nearest neighbours on the validation rows (accuracy, or R squared);
            `neighbours_chance`: score of a constant.
    """

    rows: Rows
    place: Place | None = None
    num_parameters: int = 0
    start: Start | None = None
    mixing: Mixing | None = None
    signal: Signal | None = None
    twice: Twice | None = None
    fit: Fit | None = None
    learned: Learned | None = None
    own: Learned | None = None
    scaled: Learned | None = None
    rescaled: Learned | None = None
    neighbours: float = math.nan
    neighbours_chance: float = math.nan
    loss: OwnLoss | None = None
    num_steps: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def neighbours_know(self) -> bool:
        """Do nearest neighbours beat a constant, by two standard errors of a share, or of R squared at 0?"""
        n, base = max(min(len(self.rows.val), 1024), 2), self.neighbours_chance
        error = math.sqrt(max(base * (1 - base), 1 / n) / n) if self.rows.classes else 2 / math.sqrt(n)
        return self.neighbours > base + 2 * error

    def unknown(self, code: str, title: str, part: str) -> Unknown:
        """A check that cannot judge, since a part was not measured."""
        return Unknown(code=code, title=title, reason=self.skipped.get(part, "it was not measured"), needs=part)


def sigmas(differences: Array) -> float:
    """Mean of paired differences in standard errors; 0 where there are fewer than two."""
    if len(differences) < 2:
        return 0.0
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    mean = float(differences.mean())
    return mean / float(error) if error > 0 else math.copysign(math.inf, mean) if mean else 0.0


def spread(outputs: Array) -> float:
    """How far rows of outputs [n, C] lie from the first, relative to their size."""
    size = float(np.abs(outputs).max(initial=0.0))
    return float(np.abs(outputs - outputs[:1]).max(initial=0.0)) / size if size else 0.0
