"""How the search trains: which execution mode, and how many trials side by side.

Only the search: noise, confirmation, the final comparison and the test rows are trained in the reference mode, one
trial at a time, so that what is adopted is proven on the program that the person will run.
"""

from __future__ import annotations

import math

from luthier.codec import Record
from luthier.errors import Unsupported
from luthier.playbook.throughput import WIDTHS, ModeChoice, choose_mode, most_slots
from luthier.recipe import Recipe
from luthier.records import Facts, ModeSpeed, RunPlan
from luthier.training.driver import Driver
from luthier.training.modes import NO_ROOM
from luthier.verbs.request import AUTO, Request

MEASURE_S = 2.0
MEASURE_SHARE = 0.02
"""Of the budget at most, so much goes into measuring modes."""
LEAST_S = 0.5
"""Below this a measurement says nothing."""
NAMED_SLOTS = 4
"""Of a mode that was named without their number."""
COHORT = 1.0
"""Trials of a cohort for each slot of all workers: enough to fill them once. On recorded curves cohorts of 4 and 8
lost nothing against none, of 16 a little (benchmarks/README.md)."""
VARIANTS = 5
"""Structures that a search sees, at least."""


class Decided(Record, frozen=True, kw_only=True):
    """What was decided, and on which measurements."""

    mode: str
    slots: int = 1
    speedup: float = 1.0
    reason: str = ""
    structural: tuple[str, ...] = ()
    told: tuple[ModeSpeed, ...] = ()


class Question(Record, frozen=True, kw_only=True):
    """What the decision depends on.

    `expected`: trials that the search would begin in the reference mode; `trainings`: full ones that it would have.
    """

    request: Request
    facts: Facts
    baseline: Recipe
    plan: RunPlan
    expected: float
    trainings: float
    explain: bool = False  # the person wants to see all speeds, also where they decide nothing


def decide(driver: Driver, question: Question) -> Decided:
    """The mode that was named, or the one in which the search finds most, or the reference.

    Raises:
        Unsupported: the mode that was named can not take the model. InvalidInput: there is no such mode.
    """
    asked, reference = question.request, question.facts.mode
    if asked.mode not in (AUTO, reference):
        return _named(driver, question)
    timed = asked.mode == AUTO and question.plan.unit == "seconds"
    seconds = min(MEASURE_S, MEASURE_SHARE * question.plan.total) if question.plan.unit == "seconds" else MEASURE_S
    if not (timed and seconds >= LEAST_S) and not question.explain and (asked.slots or 1) == 1:
        why = "the budget is too short for measuring others" if timed else ""
        return Decided(mode=reference, reason=f"Mode {reference}: {why}." if why else "")
    widths = [asked.slots] if asked.slots else _widths(question)
    told, structural = _ask(driver, question, seconds=max(seconds, LEAST_S), widths=widths)
    choice = ModeChoice(reference, 1, 1.0, "")
    if timed and told:
        choice = choose_mode(told, trainings=question.trainings, num_workers=question.plan.num_workers)
    return Decided(
        mode=choice.mode,
        slots=asked.slots or choice.P,
        speedup=choice.speedup,
        reason=choice.reason,
        structural=structural,
        told=told,
    )


def _named(driver: Driver, question: Question) -> Decided:
    """Not measured, so that it depends on no clock; but it must be right on this model."""
    asked, P = question.request, question.request.slots or NAMED_SLOTS
    told, structural = _ask(driver, question, seconds=0.0, widths=[P], names=[asked.mode])
    while asked.slots is None and P > 1 and any(speed.refused == NO_ROOM for speed in told):
        P //= 2
        told, structural = _ask(driver, question, seconds=0.0, widths=[P], names=[asked.mode])
    found = next((speed for speed in told if speed.mode == asked.mode), None)
    if found is None or found.refused:
        raise Unsupported(
            f"mode={asked.mode!r} does not take this model: {found.refused if found else 'it was not tried'}",
            where="tune",
            remedy="Take another mode, or auto",
        )
    return Decided(
        mode=asked.mode,
        slots=asked.slots or found.P,
        reason=f"Mode {asked.mode}: it was asked for.",
        structural=structural,
        told=told,
    )


def _ask(
    driver: Driver, question: Question, *, seconds: float, widths: list[int], names: list[str] | None = None
) -> tuple[tuple[ModeSpeed, ...], tuple[str, ...]]:
    return driver.measure_modes(
        recipe=question.baseline,
        space=question.request.space,
        widths=widths,
        seconds=seconds,
        names=names,
        remaining_s=question.plan.split["search"] if question.plan.unit == "seconds" else 0.0,
    )


def _widths(question: Question) -> list[int]:
    most = most_slots(question.expected, question.plan.num_workers)
    return [P for P in WIDTHS if most >= P] or [max(most, 1)]


def cohort_size(decided: Decided, num_workers: int, expected: float) -> int:
    """Trials that share a structure; 1 where that would bring nothing, or leave too few structures.

    Args:
        expected: trials that the search would begin in the reference mode: what a mode gains is not sure.
    """
    if decided.slots == 1 or not decided.structural:
        return 1
    return max(1, min(math.ceil(COHORT * decided.slots * num_workers), int(expected / VARIANTS)))
