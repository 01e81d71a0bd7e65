"""The schedule counts epochs and is stepped with every batch, or the other way round.

What it detects

A schedule stepped with every batch whose rate has fallen to a hundredth of its peak in the first third of the steps;
a
cosine over `T_max` that goes on past its lowest point and swings up and down; a schedule stepped once an epoch whose
horizon counts all batches of the run; a one-cycle schedule that is stepped more often than it was made for.

Why it hurts

In the first case training is over after a few hundred rows, in the second the rate is high and low at random, in the
third the rate hardly moves from where it began: a one-cycle run ends in its warm-up.

Evidence

The rates before and after each step of the scheduler, its horizon, and how many steps of the optimizer lie between
two of its own. Of a program that was stopped before its end: that the source counts the schedule's steps by the
length of a loader.

Mend

Wrong:

    scheduler = StepLR(optimizer, step_size=10)
    for epoch in range(30):
        for x, y in loader:
            ...
            scheduler.step()

Right:

    scheduler = StepLR(optimizer, step_size=10)
    for epoch in range(30):
        for x, y in loader:
            ...
        scheduler.step()

When it keeps silent

Warm restarts and cycles, which are meant to swing; a rate that reaches nought at the end of the run; schedules
driven by another one; ReduceLROnPlateau; fewer than 20 steps of the optimizer.

Source

Lornatang/SRGAN-PyTorch#1; PyTorch's documentation of OneCycleLR ("step should be called after a batch").
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from luthier.checks.reading import num
from luthier.checks.wording import code, parsed, plural, statement
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Optimizer, Scheduler
from luthier.watching.steps import SchedulerStep
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O07", "the schedule counts another unit", "quick", ()
MIN_STEPS = 20
COLLAPSED = 0.011
"""Of the peak: a factor of 0.1, twice."""
FIRST_SHARE = 0.34
SWINGS = ("CyclicLR", "CosineAnnealingWarmRestarts", "ReduceLROnPlateau")
COUNTED = re.compile(r"\* *len\(|len\([^()]*\) *\*")
"""Epochs times batches."""
TOO_OFTEN = r"Tried to step (\d+) times\. The specified number of total steps is (\d+)"


class Course(NamedTuple):
    """A scheduler, its optimizer, and its steps: per_batch: it is stepped about as often as the optimizer."""

    scheduler: Scheduler
    optimizer: Optimizer
    steps: list[SchedulerStep]
    per_batch: bool
    batches: int


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a scheduler."""
    ended = _ended(trace)
    if ended is not None:
        return [ended]
    found, short = [], False
    for course in _courses(trace):
        if course.optimizer.num_steps < MIN_STEPS:
            short = True
            continue
        finding = _swings(course) or _collapsed(course) or _crawls(trace, course)
        if finding is not None:
            found.append(finding)
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="few optimizer steps were seen", needs=f"{MIN_STEPS} steps")
    return found


def _courses(trace: Trace) -> list[Course]:
    found = []
    for number, scheduler in trace.schedulers.items():
        optimizer = trace.optimizers.get(scheduler.optimizer or 0)
        steps = [s for s in trace.scheduler_steps if s.scheduler == number and s.lr_before and s.lr_after]
        if optimizer is None or scheduler.is_child or scheduler.name in SWINGS or not steps:
            continue
        per_batch = 2 * scheduler.num_steps > optimizer.num_steps
        batches = optimizer.num_steps // max(scheduler.num_steps, 1)
        found.append(Course(scheduler, optimizer, steps, per_batch, batches))
    return found


def _ended(trace: Trace) -> Finding | None:
    """The crash of a schedule that is stepped more often than it was made for."""
    crash = trace.crash
    match = re.search(TOO_OFTEN, crash.message) if crash else None
    if crash is None or match is None:
        return None
    scheduler = next((s for s in trace.schedulers.values() if "total_steps" in s.horizon), None)
    step = crash.place or (crash.frames[0] if crash.frames else None)
    return _finding(
        scheduler.name if scheduler else "the scheduler",
        place=(scheduler.place if scheduler and scheduler.place else None) or step,
        others=(step,),
        number=float(match[1]),
        threshold=float(match[2]),
        n=trace.num_steps,
        text=f"The schedule was made for {plural(int(match[2]), 'step')} and was stepped once more (step "
        f"{match[1]}): it counts epochs where it is stepped with every batch.",
        remedy="Give it epochs * len(loader) as its number of steps.",
        certain=True,
    )


def _swings(course: Course) -> Finding | None:
    """A cosine that goes on past its end."""
    horizon = course.scheduler.horizon.get("T_max")
    if course.scheduler.name != "CosineAnnealingLR" or not isinstance(horizon, int | float) or horizon < 1:
        return None
    if not course.per_batch or course.scheduler.num_steps < 2 * horizon:
        return None
    rises = sum(s.lr_after[0] > s.lr_before[0] for s in course.steps)
    return _finding(
        course.scheduler.name,
        place=course.scheduler.place,
        others=(course.steps[0].place,),
        number=course.scheduler.num_steps / horizon,
        threshold=1.0,
        n=course.scheduler.num_steps,
        text=f"{course.scheduler.name} with T_max={horizon:g} was stepped {course.scheduler.num_steps} times, once a "
        f"batch: the rate went down and up again {num(course.scheduler.num_steps / horizon / 2)} times ({rises} of "
        f"{len(course.steps)} steps raised it).",
        remedy="Step it once an epoch, or give T_max in batches: epochs * len(loader).",
    )


def _collapsed(course: Course) -> Finding | None:
    """The rate is next to nothing after the first part of the run."""
    if not course.per_batch:
        return None
    peak, down = 0.0, None
    for step in course.steps:
        peak = max(peak, step.lr_before[0], step.lr_after[0])
        fallen = peak > 0 and step.lr_after[0] <= COLLAPSED * peak
        down = (down or step) if fallen else None
    if down is None:
        return None
    before = sum(s.at <= down.at for s in course.steps)
    total = course.scheduler.num_steps
    if before > FIRST_SHARE * total or peak <= 0 or course.steps[0].lr_after[0] == 0:
        return None  # a factor of nought from the start is another mistake: the step changes nothing
    return _finding(
        course.scheduler.name,
        place=down.place,
        others=(course.scheduler.place,),
        number=before / total,
        threshold=FIRST_SHARE,
        n=total,
        text=f"{course.scheduler.name} is stepped with every batch: the rate fell from {num(peak)} to "
        f"{num(down.lr_after[0])} in its first {before} steps, and {total - before} steps followed at that rate or a "
        "lower one.",
        remedy="Step it once an epoch, or give its horizon in batches.",
        step=down.step,
    )


def _crawls(trace: Trace, course: Course) -> Finding | None:
    """Stepped once an epoch, with a horizon of all batches."""
    horizon = course.scheduler.horizon.get("total_steps", course.scheduler.horizon.get("T_max"))
    if course.per_batch or course.batches < 2 or not isinstance(horizon, int | float) or trace.crash:
        return None
    planned = course.scheduler.num_steps * course.batches
    whole = abs(horizon - planned) <= 0.05 * planned
    said = horizon >= 2 * course.batches and _counts_batches(trace, course.scheduler.place)
    if course.scheduler.num_steps < 2 or not (said if trace.stopped else whole):
        return None
    return _finding(
        course.scheduler.name,
        place=course.scheduler.place,
        others=(course.steps[0].place,),
        number=course.scheduler.num_steps / horizon,
        threshold=1.0,
        n=course.scheduler.num_steps,
        text=f"{course.scheduler.name} was made for {horizon:g} steps, one a batch, and was stepped "
        f"{course.scheduler.num_steps} times, once an epoch: {'so far' if trace.stopped else 'the run ended after'} "
        f"{num(100 * course.scheduler.num_steps / horizon)} % of the schedule.",
        remedy="Step it with every batch.",
    )


def _counts_batches(trace: Trace, place: Place | None) -> bool:
    """Does the number of steps that the schedule was given come from the length of a loader?"""
    found = statement(trace.sources, place)
    if found is None or place is None:
        return False
    text = ast.unparse(found.node)
    names = {n.id for n in ast.walk(found.node) if isinstance(n, ast.Name)}
    stores = [n for n in ast.walk(parsed(trace.sources[place.file])) if isinstance(n, ast.Assign)]
    made = [ast.unparse(n.value) for n in stores if len(n.targets) == 1 and ast.unparse(n.targets[0]) in names]
    return "steps_per_epoch=" in text or any(COUNTED.search(words) for words in (text, *made))


def _finding(
    name: str,
    *,
    place: Place | None,
    others: tuple[Place | None, ...],
    number: float,
    threshold: float,
    n: int,
    text: str,
    remedy: str,
    certain: bool = False,
    step: int | None = None,
) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=number,
        threshold=threshold,
        n=n,
        text=text,
        remedy=remedy,
        severity="error",
        certain=certain,
        place=place,
        others=tuple(p for p in others if p and p != place),
        step=step,
        cause="A scheduler knows nothing of epochs and batches: it counts its own steps.",
        wrong=code("""
            scheduler = StepLR(optimizer, step_size=10)
            for x, y in loader:
                ...
                scheduler.step()
        """),
        right=code("""
            scheduler = StepLR(optimizer, step_size=10)
            for x, y in loader:
                ...
            scheduler.step()
        """),
        evidence={"scheduler": name},
    )
