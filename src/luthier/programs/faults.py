"""What can be wrong with a program's run, in words, and on its way to the driver."""

from __future__ import annotations

import difflib
import math

from luthier.errors import BudgetTooSmall, InvalidInput, LuthierError, TrainingFailed
from luthier.programs.attempt import Attempt
from luthier.programs.command import Command
from luthier.programs.program import Program
from luthier.programs.store import Report

OWN_CODE = "the program's own code"


def is_bad(score: float) -> bool:
    """Is it no finite number?"""
    return not math.isfinite(score)


def diverged(name: str, report: Report) -> LuthierError:
    """The baseline's own score is no number."""
    return TrainingFailed(
        f"the baseline reported {name}={report.number(name)} at step {report.step:g}",
        must="the baseline reaches its end with a finite score",
        where=OWN_CODE,
        remedy="Lower its learning rate, or pass another baseline",
    )


def backwards(words: str) -> LuthierError:
    """Steps must rise."""
    return InvalidInput(
        words,
        must="each report is of a later step",
        where="report",
        remedy="Count the steps on, for example epoch + 1",
    )


def too_long(attempt: Attempt, limit_s: float) -> LuthierError:
    """The time limit of a trial."""
    return TrainingFailed(
        f"trial {attempt.trial} was ended after {limit_s:g} s, when it had made {_reports(attempt)}",
        must=f"a trial trains for at most {limit_s:g} s",
        where="time limit",
        remedy="Raise the time limit, or let the program train for less",
    )


def over_budget(attempt: Attempt, budget_s: float) -> LuthierError:
    """One run takes longer than all that there is."""
    return BudgetTooSmall(
        f"the baseline's first run was not done after {budget_s:g} s, when it had made {_reports(attempt)}",
        must="the budget pays for the baseline, one trial and the report",
        where="budget",
        remedy="Give more time, or let the program train for less",
    )


def _reports(attempt: Attempt) -> str:
    num = len(attempt.folder.known)
    return f"{num} report{'' if num == 1 else 's'}"


def died(attempt: Attempt, how: str) -> LuthierError:
    """A program that did not come to its end."""
    return TrainingFailed(
        f"the program {how}{_said_last(attempt)}", where=OWN_CODE, remedy=f"Its output is in {attempt.folder.output}"
    )


def _said_last(attempt: Attempt) -> str:
    words = attempt.folder.last_words()
    return f"; it said last: {words}" if words else ""


def silent(program: Program, attempt: Attempt) -> LuthierError:
    """A program that came to its end without a word about the metric."""
    name, others = program.metric.name, sorted(attempt.names)
    near = difflib.get_close_matches(name, others, 1)
    if others:
        return InvalidInput(
            f"{name} was never reported",
            must=f"the metric is one of {', '.join(others)}",
            where="metric",
            remedy=f"Did you mean {near[0]!r}?" if near else f"Report {name}, or name another metric",
        )
    if not isinstance(program.what, Command):
        return InvalidInput(
            f"{program.name} never called trial.report",
            must=f"each run reports {name} at least once",
            where=OWN_CODE,
            remedy=f"Call trial.report(step, {name}=...) after each evaluation",
        )
    file = program.what.reading.file
    place = f"in {file}" if file else "on its standard output"
    return InvalidInput(
        f"the command came to its end without {name} {place}{_said_last(attempt)}",
        must=f"each run writes {name} at least once",
        where="command",
        remedy=f"Its output is in {attempt.folder.output}",
    )
