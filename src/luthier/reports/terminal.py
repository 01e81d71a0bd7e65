"""The run in a terminal: what is planned, where it stands, and the verdict. Readable without colour.

Progress goes to a stream of its own (stderr), so that the verdict on stdout can be piped. Where the stream is
no terminal only the lines that matter are written: the plan, each new phase, the verdict.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from luthier.records import Facts, ModeSpeed, Progress, RunPlan, RunRecord
from luthier.reports import folds, programs
from luthier.reports.numbers import MISSING, count, number, percent, plural, seconds, setting
from luthier.reports.reading import Reading, measure, read
from luthier.reports.verdict import verdict
from luthier.reports.words import clean, clip, label

WIDTH = 80
MOST_LINES = 15
BAR = 60
NAMES = {
    "open": "opening",
    "noise": "noise",
    "search": "search",
    "confirm": "confirmation",
    "final": "final comparison",
    "test": "test rows",
    "report": "report",
}
STATUSES = ("running", "paused", "stopped", "finished", "diverged", "failed")


# ------------------------------------------------------------------------------------------------ the plan


def plan_lines(plan: RunPlan, facts: Facts | None = None) -> list[str]:
    """What the budget is spent on, before it is spent."""
    lines = []
    if facts and facts.num_reports:
        lines.append(
            f"{label(facts.task, 30)}: a {facts.framework} of your own; {label(facts.metric.name, 30)}; "
            f"{plural(facts.num_reports, 'report')} a run, on {label(facts.device or 'an unknown device', 20)}"
        )
    elif facts:
        lines.append(
            f"{label(facts.task, 30)}: {count(facts.num_train)} training, {count(facts.num_val)} validation "
            f"and {count(facts.num_test)} test rows; {label(facts.metric.name, 30)}; {facts.framework} on "
            f"{label(facts.device or 'an unknown device', 20)}, {count(facts.num_parameters)} parameters"
        )
    total = seconds(plan.total) if plan.unit == "seconds" else plural(round(plan.total), "trial")
    lines.append(f"Budget {total}, {plural(plan.num_workers, 'worker')}: {', '.join(_shares(plan))}")
    if facts and facts.num_folds > 1:
        lines.append(
            f"Each configuration on up to {facts.num_folds} folds, given up where its mean falls behind the best's "
            "worst fold"
        )
    if plan.slots > 1:
        cohort = f", drawn in cohorts of {plan.cohort}" if plan.cohort > 1 else ""
        lines.append(f"Search in mode {label(plan.mode, 20)}, {plan.slots} trials side by side a worker{cohort}")
    if plan.note:
        lines.append(clip(clean(plan.note), 300))
    return [line for text in lines for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")]


def _shares(plan: RunPlan) -> list[str]:
    """Each phase with its share and its number of runs."""
    runs = {
        "noise": plural(plan.num_noise, "run"),
        "confirm": f"best {plan.num_top} on {plural(plan.num_fresh, 'seed')}",
        "final": plural(plan.num_final, "pair"),
    }
    whole = sum(plan.split.values()) or 1.0
    return [
        f"{NAMES.get(phase, label(phase, 20))} {percent(part / whole)}"
        + (f" ({runs[phase]})" if phase in runs else "")
        for phase, part in plan.split.items()
        if part > 0
    ]


def print_plan(plan: RunPlan, facts: Facts | None = None, stream: TextIO | None = None) -> None:
    """Write the plan; to stderr unless told otherwise."""
    _write(plan_lines(plan, facts), stream or sys.stderr)


def mode_lines(told: Sequence[ModeSpeed], chosen: str = "") -> list[str]:
    """The execution modes with their speed, or why the model does not go into them, with the mend."""
    reference = next((s.rows_per_s for s in told), math.nan)
    lines = ["Execution modes" + ("" if told else ": the engine has one only, or they were not measured")]
    for speed in told:
        name = f"{programs.name(speed.mode, speed.P)}: "
        if speed.refused:
            text = clip(clean(speed.refused), 400)
        elif math.isfinite(speed.rows_per_s):
            text = f"{count(round(speed.rows_per_s))} rows/s, {speed.rows_per_s / reference:.2f} times the reference"
        else:
            text = "right on this model, not timed"
        lines += textwrap.wrap(name + text.rstrip("."), WIDTH, initial_indent="  ", subsequent_indent="      ")
    return lines + textwrap.wrap(clean(chosen), WIDTH)


def print_modes(told: Sequence[ModeSpeed], chosen: str = "", stream: TextIO | None = None) -> None:
    """Write the execution modes; to stderr unless told otherwise."""
    _write(mode_lines(told, chosen), stream or sys.stderr)


# ---------------------------------------------------------------------------------------------- the verdict


def verdict_lines(record: RunRecord, report: str = "") -> list[str]:
    """The answer in at most MOST_LINES lines of WIDTH characters; only the report's path may be longer."""
    reading = read(record)
    answer = verdict(reading)
    lines = textwrap.wrap(clip(answer.sentence, 380), WIDTH)
    rows = [row for row in _rows(reading) if row[1]]
    rows += [("Note", note) for note in answer.notes]
    lines.append("")
    room = MOST_LINES - len(lines) - bool(report)
    for i, (name, words) in enumerate(rows):
        share = max(1, min(2, room - (len(rows) - 1 - i)))
        block = textwrap.wrap(words, WIDTH - 12, max_lines=share, placeholder=" …")
        if room < len(block):
            break
        lines += [f"  {name if first else '':<10}{text}" for first, text in zip([True, False], block, strict=False)]
        room -= len(block)
    return [*lines, *([f"  {'Report':<10}{clean(report)}"] if report else [])]


def _rows(reading: Reading) -> list[tuple[str, str]]:
    record, metric = reading.record, reading.metric_name
    noise = record.noise.estimate if record.noise else None
    baseline = measure(reading, record.baseline_score or noise, "seed")
    best = measure(reading, reading.candidate, "seed")
    rows = [("Tried", _tried(reading))]
    if baseline.text != MISSING:
        rows.append(("Baseline", f"{metric} {baseline.text} ({baseline.interval}, {baseline.size})"))
    if best.text != MISSING:
        rows.append(("Adopted" if record.adopted else "Best", f"{metric} {best.text} ({best.interval}, {best.size})"))
    if record.evidence:
        rows.append(("Changes", _changes(record)))
    if record.test and math.isfinite(record.test.difference.score):
        one, other = (
            measure(reading, record.test.candidate, "row"),
            measure(reading, record.test.baseline, "row"),
        )
        rows.append(
            (
                "Test rows",
                f"{one.text} ({one.interval}), baseline {other.text} ({other.interval}), n = {count(one.n)}",
            )
        )
    if short := folds.in_short(reading):
        rows.append(("Folds", short))
    if record.used:
        rows.append(("Modes", programs.sentence(record)))
    if record.spent:
        rows.append(("Time", _time(record)))
    return rows


def _tried(reading: Reading) -> str:
    counts = {s: sum(1 for t in reading.search if t.status == s and t.id != 0) for s in STATUSES}
    total = sum(counts.values())
    if not total:
        return ""
    parts = ", ".join(f"{count(k)} {s}" for s, k in counts.items() if k)
    return f"{plural(total, 'trial')} beside the baseline: {parts}"


def _changes(record: RunRecord) -> str:
    settings = record.evidence[0].change.settings
    return ", ".join(f"{label(n, 24)} {setting(a, 20)} -> {setting(b, 20)}" for n, (a, b) in settings.items())


def _time(record: RunRecord) -> str:
    plan, spent = record.plan, seconds(sum(record.spent.values()))
    return f"{spent} of {seconds(plan.total)}" if plan and plan.unit == "seconds" else spent


def print_verdict(record: RunRecord, report: str = "", stream: TextIO | None = None) -> None:
    """Write the verdict; to stdout unless told otherwise."""
    _write(verdict_lines(record, report), stream or sys.stdout, bold_first=True)


def _write(lines: Sequence[str], stream: TextIO, *, bold_first: bool = False) -> None:
    """Lines as they are, in what the stream's encoding can say; the first paragraph bold on a terminal."""
    head = next((i for i, line in enumerate(lines) if not line), len(lines)) if bold_first and stream.isatty() else 0
    for i, line in enumerate(lines):
        said = _sayable(line, stream)
        stream.write(f"\x1b[1m{said}\x1b[0m\n" if i < head else f"{said}\n")
    stream.flush()


def _sayable(text: str, stream: TextIO) -> str:
    """Characters that the stream's encoding lacks become "?": a label must not stop a run."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


# --------------------------------------------------------------------------------------------- the progress


def progress_lines(progress: Progress, plan: RunPlan | None = None, facts: Facts | None = None) -> list[str]:
    """Where the run stands, in three or four lines."""
    left = f"{seconds(progress.left_s)} left" if math.isfinite(progress.left_s) else ""
    if progress.trials_left is not None:
        left = f"{plural(progress.trials_left, 'trial')} left"
    head = ", ".join(part for part in (f"{seconds(progress.elapsed_s)} gone", left) if part)
    counts = ", ".join(f"{count(k)} {s}" for s in STATUSES if (k := getattr(progress, s)))
    metric = label(facts.metric.name, 30) if facts else "score"
    scores = [
        f"{name} {number(v)}"
        for name, v in (("best", progress.best), ("baseline", progress.baseline))
        if math.isfinite(v)
    ]
    speed = f"{count(progress.steps_per_s)} steps/s" if progress.steps_per_s > 0 else ""
    lines = [f"{NAMES.get(progress.phase, label(progress.phase, 20))}: {head}"]
    if plan:
        lines.append(phase_bar(progress, plan))
    lines.append(f"trials: {counts or 'none yet'}" + (f"; {speed}" if speed else ""))
    if scores:
        lines.append(f"{metric}: {', '.join(scores)} (one run each)")
    return [clip(line, WIDTH) for line in lines]


def phase_bar(progress: Progress, plan: RunPlan) -> str:
    """One box a phase, as wide as its share of the plan; what is done is filled.

    Within the phase at hand the filled part is the time since its planned start; where the budget counts
    trials half is filled, because a phase says nothing of its own progress.
    """
    boxes = []
    for _, share, done in phase_shares(progress, plan):
        width = max(1, round(BAR * share))
        filled = round(width * done)
        boxes.append("#" * filled + "." * (width - filled))
    return f"[{'|'.join(boxes)}]"


def phase_shares(progress: Progress, plan: RunPlan) -> list[tuple[str, float, float]]:
    """(name, its share of the plan, what part of it is done) of each phase that has a share."""
    whole = sum(plan.split.values()) or 1.0
    order = list(NAMES)
    now = order.index(progress.phase) if progress.phase in order else 0
    shares, start = [], 0.0
    for phase in (p for p, part in plan.split.items() if part > 0):
        share = plan.split[phase] / whole
        place = order.index(phase) if phase in order else now
        done = 1.0 if place < now else 0.0
        if place == now:
            gone = (progress.elapsed_s - start) / (share * plan.total)
            done = min(max(gone, 0.0), 1.0) if plan.unit == "seconds" else 0.5
        shares.append((NAMES.get(phase, label(phase, 20)), share, done))
        start += share * plan.total
    return shares


class Live:
    """Progress while a run goes on: a block that is redrawn on a terminal, one line a phase elsewhere.

    Use as a context and call it with each `Progress`; it is quiet in between and keeps no thread.

    >>> import io
    >>> with Live(io.StringIO()) as live:
    ...     live(Progress(phase="search", elapsed_s=2.0))
    >>> live.stream.getvalue()
    'search: 2.0 s gone\\n'
    """

    def __init__(self, stream: TextIO | None = None, plan: RunPlan | None = None, facts: Facts | None = None) -> None:
        self.stream = stream or sys.stderr
        self.plan, self.facts = plan, facts
        self.phase = ""
        self.block: Any = None

    def __enter__(self) -> Self:
        if self.stream.isatty():
            from rich.console import Console
            from rich.live import Live as Block

            console = Console(file=self.stream, highlight=False, markup=False)
            self.block = Block(
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.block.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.block is not None:
            self.block.stop()
            self.block = None

    def say(self, text: str) -> None:
        """A line that stays, above the block."""
        if self.block is not None:
            self.block.console.print(_sayable(text, self.stream))
        else:
            _write([text], self.stream)

    def __call__(self, progress: Progress) -> None:
        """Show where the run stands."""
        lines = progress_lines(progress, self.plan, self.facts)
        if self.block is not None:
            from rich.text import Text

            said = "\n".join(_sayable(line, self.stream) for line in lines)
            self.block.update(Text(said, no_wrap=True, overflow="ellipsis"), refresh=True)
        elif progress.phase != self.phase:
            _write(lines[:1], self.stream)
        self.phase = progress.phase
