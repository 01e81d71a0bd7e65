"""The report as plain data: what is shown, in which words and on which axes. Renderers only draw it.

All texts are ready to print (numbers formatted, names cleaned, nothing escaped);
numbers for charts are finite.
"""

from __future__ import annotations

import math
from typing import Literal

from luthier.codec import Record

Role = Literal["best", "baseline", "other"]
Outcome = Literal["adopted", "kept", "not shown", "unfinished", "failed"]


class Measure(Record, frozen=True, kw_only=True):
    """A number with what belongs to it. `text`, `interval` and `size` are how they are written."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    text: str = ""
    interval: str = ""  # "0.962 to 0.971", or why there is none
    size: str = ""  # "n = 6 seeds"


class Axis(Record, frozen=True, kw_only=True):
    """One axis of a chart. Ticks are (value, text); a categorical axis has the options at 0, 1, 2 ..."""

    label: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    options: tuple[str, ...] = ()


class Table(Record, frozen=True, kw_only=True):
    """Headers and rows of ready text. `numeric` names the columns that align right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    numeric: frozenset[int] = frozenset()
    caption: str = ""


class Verdict(Record, frozen=True, kw_only=True):
    """The answer in one sentence, and what else a person must know at once."""

    outcome: Outcome
    word: str
    sentence: str
    notes: tuple[str, ...] = ()


class Card(Record, frozen=True, kw_only=True):
    """One figure of the first screen."""

    label: str
    value: str
    note: str = ""


class Entry(Record, frozen=True, kw_only=True):
    """One line of the ledger: what differs, and what was measured of it."""

    title: str
    verdict: str  # adopted | rejected | not shown
    deciding: bool
    settings: Table
    difference: Measure
    facts: tuple[tuple[str, str], ...]  # (name, text)


class Curve(Record, frozen=True, kw_only=True):
    """One trial's scores over the fraction of its schedule."""

    trial: int
    role: Role
    points: tuple[tuple[float, float], ...]
    diverged: bool = False


class Curves(Record, frozen=True, kw_only=True):
    """Learning curves. `table` says the same in numbers."""

    x: Axis
    y: Axis
    rungs: tuple[float, ...]
    lines: tuple[Curve, ...]
    note: str
    table: Table


Kind = Literal["complete", "partial", "diverged", "baseline", "best"]


class Dot(Record, frozen=True, kw_only=True):
    """One point of a scatter chart: where, how, and which trial."""

    x: float
    y: float
    kind: Kind = "complete"
    outside: bool = False  # its true y lies beyond the axis
    text: str = ""


class Scatter(Record, frozen=True, kw_only=True):
    """A scatter chart: a slice of the search, or residuals. `line` is a horizontal line."""

    title: str
    x: Axis
    y: Axis
    dots: tuple[Dot, ...]
    text: str  # says in words what is drawn
    note: str = ""
    line: float | None = None


class Slices(Record, frozen=True, kw_only=True):
    """Score against each setting."""

    charts: tuple[Scatter, ...]
    note: str


class Parallel(Record, frozen=True, kw_only=True):
    """The best trials across all settings; a line has one position in 0..1 (or None) for each axis."""

    axes: tuple[Axis, ...]
    lines: tuple[tuple[Role, tuple[float | None, ...]], ...]
    note: str
    table: Table


class Confusion(Record, frozen=True, kw_only=True):
    """True class by predicted class. `counts` is empty where there are too many classes to draw."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    pairs: Table
    classes: Table
    note: str


class Bars(Record, frozen=True, kw_only=True):
    """Named lengths: (label, value, text)."""

    title: str
    rows: tuple[tuple[str, float, str], ...]


class Dots(Record, frozen=True, kw_only=True):
    """Estimates on one axis: (label, measure, role). `line` marks a value, such as no difference."""

    title: str
    axis: Axis
    rows: tuple[tuple[str, Measure, Role], ...]
    line: float | None = None


class Noise(Record, frozen=True, kw_only=True):
    """How far the baseline moves by itself."""

    sentence: str
    facts: tuple[tuple[str, str], ...]
    runs: Dots | None


class Optimism(Record, frozen=True, kw_only=True):
    """What selection saw against what fresh seeds say."""

    sentence: str
    chart: Dots | None
    table: Table


class Cost(Record, frozen=True, kw_only=True):
    """Where time and memory went."""

    sentence: str
    bars: Bars | None
    phases: Table
    models: Table
    modes: Table


class Trials(Record, frozen=True, kw_only=True):
    """All trials, or the best of them."""

    table: Table
    note: str
    errors: tuple[str, ...] = ()


class Note(Record, frozen=True, kw_only=True):
    """A finding."""

    severity: str
    title: str
    text: str
    remedy: str
    figures: str


class Folds(Record, frozen=True, kw_only=True):
    """The shipped recipe on rows that its model did not see, fold by fold."""

    sentence: str
    table: Table


class Preparation(Record, frozen=True, kw_only=True):
    """What was done to a table, column by column; those that were left out come first."""

    sentence: str
    table: Table
    notes: tuple[str, ...]


class Group(Record, frozen=True, kw_only=True):
    """Named facts under a heading."""

    title: str
    facts: tuple[tuple[str, str], ...]


class ReportModel(Record, frozen=True, kw_only=True):
    """One report. A part that is None or empty has nothing to show; `absent` says why."""

    title: str
    subtitle: str
    verdict: Verdict
    cards: tuple[Card, ...]
    ledger: tuple[Entry, ...]
    differences: Dots | None
    noise: Noise | None
    curves: Curves | None
    slices: Slices | None
    parallel: Parallel | None
    confusion: Confusion | None
    residuals: Scatter | None
    optimism: Optimism | None
    folds: Folds | None
    cost: Cost
    preparation: Preparation | None
    findings: tuple[Note, ...]
    trials: Trials
    surroundings: tuple[Group, ...]
    command: str
    loading: str
    absent: dict[str, str]
