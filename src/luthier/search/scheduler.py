"""Which trial trains on: asynchronous successive halving that pauses and promotes.

ASHA (Li et al. 2020, arXiv 1810.05934): every trial stops at the first rung; whenever there is room, the best
paused trial among the top 1 / eta of its rung goes on to the next, the highest rung first; if there is none, a
new trial starts. Trials compare at equal fractions of their own schedule, so a trial with a longer schedule or a
slower model is judged on the same ground. Pausing rather than stopping pays most at small budgets: a trial that
looked middling among the first three may be the best of ten later.

Three departures from the paper. A rung that has promoted floor(n / eta) trials promotes no further one until n has
grown, and a diverged trial counts at the rung it was on its way to, and not at those beyond: so a rung lets not much
more than 1 / eta of its trials through. And a trial that beats all before it at its rung goes on at once, as in
synchronous halving with a pruner: of n trials in a random order about log(n) do, and a search of few trials has its
good ones at the end early.

Where it is handed upper confidence bounds of the trials' utilities at the last rung, those of a rung are ranked by
these in the place of their scores there: what is behind after a tenth of its schedule (a high rate that has yet to
fall, much dropout) may be what others like it made good at their end. This is the choice of "freeze-thaw"
optimisation (Swersky, Snoek & Adams 2014, arXiv 1406.3896) within the quotas of ASHA, but for the one that leads its
rung: it goes on at once. So where early scores say little of the end, and a model is unsure, more come to theirs.

The baseline (trial 0) counts at every rung and always trains to the end: it is what has to be beaten.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.records import DONE, History, Trial
from luthier.search.spec import Decision, Resume, Start
from luthier.search.table import Table
from luthier.space import Space

Array = npt.NDArray[Any]

ETA = 3.0
"""One in three goes on: the ladder that was measured (rungs 1/27, 1/9, 1/3, 1)."""
MIN_STEPS = 50
"""Optimizer steps before the first comparison. A report that still shows the initial weights ranks nothing:
starting one report earlier doubled the regret on recorded curves (0.41 to 0.57, and 0.08 to 0.18). Fifty is a floor
by judgement, not a measured optimum."""
MIN_REPORTS = 2
MIN_FRACTION = 1 / 27
"""Of the schedule before the first comparison: at 1/25 the ranking within the best quarter is already weak
(correlation 0.25 with the final one)."""


def choose_rungs(
    num_steps: int, num_reports: int, eta: float = ETA, *, min_steps: int = MIN_STEPS
) -> tuple[float, ...]:
    """Fractions of a schedule at which trials are compared: 1, 1/eta, 1/eta^2, ... on the grid of reports.

    Args:
        num_steps: optimizer steps of the whole schedule.
        num_reports: reports a trial makes, evenly spread; a rung is one of them.
        eta: at every rung one in `eta` goes on.
        min_steps: before the first comparison; 0 where the steps are not those of an optimizer.

    Returns:
        Rising fractions i / num_reports, the last is 1.0; (1.0,) where the schedule is too short to judge early.

    Raises:
        InvalidInput: eta <= 1, or less than one step or report.

    >>> choose_rungs(2700, 27)
    (0.1111111111111111, 0.3333333333333333, 1.0)
    """
    if not eta > 1:
        raise InvalidInput(f"eta={eta}", must="eta > 1", where="scheduler")
    if num_steps < 1 or num_reports < 1:
        raise InvalidInput(f"num_steps={num_steps}, num_reports={num_reports}", must="both >= 1", where="scheduler")
    first = max(MIN_REPORTS, math.ceil(num_reports * max(min_steps / num_steps, MIN_FRACTION) - 1e-9))
    reports = [num_reports]
    fraction = 1.0 / eta
    while (report := round(num_reports * fraction)) >= first and report < reports[-1]:
        reports.append(report)
        fraction /= eta
    return tuple(report / num_reports for report in reversed(reports))


def is_ours(trial: Trial) -> bool:
    """Is the trial the scheduler's business? Repeats for noise, confirmation and the final model are not."""
    return trial.phase == "search" and trial.id != 0


def num_reached(history: History, trial: Trial) -> int:
    """How many rungs the trial has a report at, from the lowest without a gap."""
    reached = 0
    while reached < len(history.rungs) and trial.at(history.rungs[reached]) is not None:
        reached += 1
    return reached


def next_segment(history: History, trial: Trial) -> float:
    """The fraction of its own schedule until which the trial trains next."""
    if not is_ours(trial):
        return 1.0
    return history.rungs[min(num_reached(history, trial), len(history.rungs) - 1)]


def decide(history: History, trial: Trial) -> Decision:
    """What a trial does after its latest report.

    STOP where it is done: all steps taken, diverged, failed, given up. PAUSE where that report is at a rung.
    The baseline and what is not of the search never pause.
    """
    last = trial.last
    if trial.status in DONE or (last is not None and last.step >= trial.num_steps):
        return Decision.STOP
    if last is None or not is_ours(trial):
        return Decision.CONTINUE
    at_rung = any(abs(last.fraction - rung) <= 0.5 / trial.num_steps for rung in history.rungs)
    return Decision.PAUSE if at_rung else Decision.CONTINUE


def fill(
    history: History,
    capacity: int,
    *,
    eta: float = ETA,
    table: Table | None = None,
    upper_bounds: Mapping[int, float] | None = None,
) -> list[Resume | Start]:
    """What `capacity` free slots do: promotions, the highest rung first and the best of a rung first (ties: the
    lower id), then new trials.

    Args:
        table: a cache that a caller with thousands of decisions keeps; it changes the time only.
        upper_bounds: of all trials of the search by id, an upper confidence bound of the utility at the last rung:
            the best of a rung are the best by this. Empty or None: by what they scored at the rung.
    """
    ladder = Ladder(history, table, upper_bounds)
    levels = range(len(history.rungs) - 2, -1, -1)
    promoted: list[Resume | Start] = [Resume(i) for level in levels for i in ladder.promotable(level, eta)]
    out = promoted[:capacity]
    return out + [Start()] * (capacity - len(out))


def stop_paused(history: History) -> list[int]:
    """At the end of a search: the paused trials, which are stopped now; by id."""
    return sorted(t.id for t in history.trials if is_ours(t) and t.status == "paused")


def finish_top(
    history: History, k: int, *, table: Table | None = None, upper_bounds: Mapping[int, float] | None = None
) -> list[int]:
    """Which paused trials to train to the end so that `k` trials besides the baseline are complete.

    Trials at work count as complete if they are on their last segment. The paused ones come from the highest
    rung down, the best of a rung first: each is compared with its own rung only.
    """
    ladder = Ladder(history, table, upper_bounds)
    levels = range(len(history.rungs) - 2, -1, -1)
    paused = [i for level in levels for i in ladder.paused(level)]
    return paused[: max(0, k - ladder.num_complete())]


class Ladder:
    """The trials of a history, rung by rung; a rung is counted from 0 here.

    A trial stands at a rung if it has a report there, and at all rungs below. A diverged one stands, with the
    worst utility, at the rung it was on its way to as well.
    """

    def __init__(
        self, history: History, table: Table | None = None, upper_bounds: Mapping[int, float] | None = None
    ) -> None:
        table = Table() if table is None else table
        table.update(Space(), history)
        self._utility_NK, num = table.utility_NK, len(table.trials)
        self._id_N = np.array([trial.id for trial in table.trials], np.int64)
        status_N, ours_N = table.status_N, self._id_N != 0
        known_NK = ~np.isnan(self._utility_NK)
        passed_NK = known_NK & ~((status_N == "diverged")[:, None] & np.isneginf(self._utility_NK))
        below_NK = np.hstack([np.ones((num, 1), bool), passed_NK[:, :-1]])
        self._stands_NK = known_NK & np.logical_and.accumulate(below_NK, axis=1)
        highest_NK = self._stands_NK & (np.cumsum(self._stands_NK, axis=1) == self._stands_NK.sum(axis=1)[:, None])
        self._paused_NK = highest_NK & ((status_N == "paused") & ours_N)[:, None]
        rests_N = (status_N == "paused") | (status_N == "stopped")
        self._went_on_NK = self._stands_NK & passed_NK & ours_N[:, None] & ~(highest_NK & rests_N[:, None])
        last_segment_N = (status_N == "running") & below_NK.all(axis=1) & ours_N
        bound_N = np.array([upper_bounds.get(int(i), np.nan) for i in self._id_N]) if upper_bounds else None
        self._merit_NK = (
            self._utility_NK
            if bound_N is None
            else np.where(np.isneginf(self._utility_NK), -np.inf, bound_N[:, None])
        )
        self._num_complete = int((last_segment_N | ((status_N == "finished") & ours_N)).sum())

    def num_complete(self) -> int:
        """Trials besides the baseline that are at the end, or at work on their last segment."""
        return self._num_complete

    def _ranked(self, level: int) -> Array:
        """Rows of the trials at a rung, best first; ties by the lower id."""
        rows = np.flatnonzero(self._stands_NK[:, level])
        return rows[np.argsort(-self._merit_NK[rows, level], kind="stable")]

    def paused(self, level: int) -> list[int]:
        """Ids of the trials that are paused at a rung, best first."""
        ranked = self._ranked(level)
        return [int(i) for i in self._id_N[ranked[self._paused_NK[ranked, level]]]]

    def promotable(self, level: int, eta: float) -> list[int]:
        """Ids of the paused trials that may go on from a rung, best first.

        Those in its top floor(n / eta), as many as its quota still allows; a score that is not a number never. The
        best of all that were seen there goes on whatever the quota.
        """
        ranked = self._ranked(level)
        quota = math.floor(len(ranked) / eta + 1e-9)
        top = ranked[:quota]
        may = self._paused_NK[top, level] & np.isfinite(self._utility_NK[top, level])
        found = [int(i) for i in self._id_N[top[may]]][: max(0, quota - int(self._went_on_NK[:, level].sum()))]
        best = ranked[:1]
        is_new_best = self._paused_NK[best, level] & np.isfinite(self._utility_NK[best, level])
        return found or [int(i) for i in self._id_N[best[is_new_best]]]
