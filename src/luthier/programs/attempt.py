"""A trial at its program: from what was reported to the points of its curve, to the rung where it pauses, to its end.

What is told depends on the reports alone, never on how fast they came: a report beyond a rung waits until the trial
may go on, and a program that was ended and began again is not asked for what it has already reported.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from luthier.programs.child import CLOSE
from luthier.programs.process import CommandProcess, FunctionProcess, Said
from luthier.programs.store import Report, TrialFolder
from luthier.records import Point
from luthier.training.batches import report_steps
from luthier.training.group import Event


class Course(NamedTuple):
    """What a trial is measured by.

    Args:
        metric: name of what is compared.
        num_steps: reports of a whole run; 0: not known yet.
        num_reports: points of a curve.
    """

    metric: str
    num_steps: int
    num_reports: int


class Attempt:
    """One trial. `until` is where its job ends, in reports; `process` is None while nothing runs for it.

    Args:
        settings: all that there are. `seed`: of the trial.
    """

    def __init__(
        self, trial: int, folder: TrialFolder, course: Course, *, settings: dict[str, Any], seed: int
    ) -> None:
        self.trial, self.folder, self.course = trial, folder, course
        self.settings, self.seed, self.resumed = settings, seed, False
        self.grid = report_steps(course.num_steps, course.num_reports) if course.num_steps else ()
        self.process: FunctionProcess | CommandProcess | None = None
        self.worker: int | None = None
        self.device = "cpu"
        self.until, self.take = course.num_steps, True
        self.num_told = self.num_points = 0
        self.names: set[str] = set()  # of all metrics that were reported
        self.last_step: float | None = None  # of the process
        self.base_s, self.since = folder.seconds, 0.0
        self.told_steps, self.peak_bytes = 0, 0

    # ------------------------------------------------------------------------------------------------ time

    def seconds(self) -> float:
        """Training so far; waiting at a rung does not count."""
        return self.base_s + (time.monotonic() - self.since if self.since else 0.0)

    def start_clock(self) -> None:
        """It trains from here on."""
        self.since = self.since or time.monotonic()

    def stop_clock(self) -> None:
        """It waits."""
        self.base_s, self.since = self.seconds(), 0.0

    # ------------------------------------------------------------------------------------------------ reports

    def hear(self, said: Said) -> str:
        """Take in a report of the process; what is wrong with it, in words."""
        metrics = said["metrics"]
        self.names.update(metrics)
        if self.course.metric not in metrics:
            return ""
        known = self.folder.known
        step, earlier = said["step"], said.get("earlier", False)
        if earlier and step is None:  # counted when they were written
            return ""
        if step is None:  # lines without a step are counted; after a checkpoint they go on where it was
            step = 1.0 + (self.last_step if self.last_step is not None else self._resumed_at())
        elif not earlier and self.last_step is not None and step <= self.last_step:
            return f"step {step:g} was reported after step {self.last_step:g}"
        self.last_step = self.last_step if earlier else step
        if not known or step > known[-1].step:
            seconds = said.get("seconds")
            report = Report.of_numbers(step, said["of"], metrics, self.seconds() if seconds is None else seconds)
            self.folder.add(report, kept=seconds is not None)
        return ""

    def _resumed_at(self) -> float:
        return self.folder.known[-1].step if self.resumed and self.folder.known else 0.0

    def position(self, index: int) -> float:
        """Where the report of this index stands, in reports of a whole run."""
        report = self.folder.known[index]
        return report.step / report.of * self.course.num_steps if report.of else float(index + 1)

    @property
    def step(self) -> int:
        """Where the trial stands on its curve, in reports."""
        return self.grid[self.num_points - 1][0] if self.num_points else 0

    def is_there(self) -> bool:
        """Has it reached the rung of its job?"""
        return 0 < self.until < self.course.num_steps and self.step >= self.until

    def tell(self) -> Iterator[Event]:
        """Points of the curve up to the end of the job; "diverged" where the metric is no finite number."""
        while self.num_told < len(self.folder.known) and not self.is_there():
            report = self.folder.known[self.num_told]
            self.num_told += 1
            if not math.isfinite(report.number(self.course.metric)):
                yield {"event": "diverged", "report": report}
                return
            yield from self._points(report, self.position(self.num_told - 1))
            yield {"event": "at", "trial": self.trial, "step": self.num_told}

    def close(self) -> Iterator[Event]:
        """The rest of the curve: a program that came to its end stands where its last report says."""
        yield from self._points(self.folder.known[-1], math.inf)

    def _points(self, report: Report, position: float) -> Iterator[Event]:
        """Every point of the grid that the report passes; the last only by the end of the program."""
        while self.num_points < len(self.grid):
            step, fraction = self.grid[self.num_points]
            if position < step - CLOSE or (fraction >= 1.0 and math.isfinite(position)):
                return
            self.num_points += 1
            point = Point(
                step=step,
                fraction=fraction,
                train_loss=_first(report, "train_loss", "loss"),
                val_loss=_first(report, "val_loss", "eval_loss"),
                score=report.number(self.course.metric),
                seconds=report.seconds,
            )
            yield {"event": "report", "trial": self.trial, "point": point}


def _first(report: Report, *names: str) -> float:
    """The first of these metrics that is finite."""
    found = (report.number(name) for name in names)
    return next((value for value in found if math.isfinite(value)), math.nan)
