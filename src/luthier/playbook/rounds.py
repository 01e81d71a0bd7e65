"""A round of search: which trial starts, which goes on, until the round's share of the budget is used.

The decisions are those of the sampler and the scheduler; what is added here is the budget: when nothing new
is begun, when the best paused trials are brought to their end, when to stop. Where configurations are judged on K
folds, those that are complete on the first are trained on the others before anything new is begun (`luthier.folds`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple

from luthier import folds
from luthier.evidence.paired import Bench, Entry
from luthier.folds import Standing
from luthier.records import History, Metric, RunPlan, Trial, derive_seed
from luthier.search import scheduler
from luthier.search.spec import Foreseer, Resume, Sampler
from luthier.search.table import Table
from luthier.space import Config, Space
from luthier.training.ledger import Job
from luthier.training.placement import most_held


class Limits(NamedTuple):
    """What a round may use: so many new trials, or the time until `deadline_s` of the run's clock.

    Both are None where the other one counts. `num_complete`: so many trials should reach their full length.
    """

    num_trials: int | None
    deadline_s: Callable[[], float] | None
    num_complete: int


class Folds(NamedTuple):
    """What the folds ask for.

    Args:
        num: of the folds.
        alive: configurations that are to be trained on further ones, best first.
        lacking: so many more should come to all folds.
    """

    num: int
    alive: list[Standing]
    lacking: int

    def lacked(self, rank: int) -> int:
        """Runs that have yet to begin of those that are better than the one of this rank and needed."""
        return sum(self.num - len(one.scores) - one.at_work for one in self.alive[: min(rank, self.lacking)])

    def reserved(self) -> int:
        """Runs that must be left beside the first one of a new configuration: of the best, and of its own."""
        return self.lacked(len(self.alive)) + max(self.lacking - len(self.alive), 1) * (self.num - 1)


def history_of(metric: Metric, plan: RunPlan, trials: Sequence[Trial]) -> History:
    """The trials as the search looks at them."""
    structural = plan.structural if plan.cohort > 1 else ()
    return History(metric=metric, rungs=plan.rungs, trials=tuple(trials), structural=structural)


def run_round(bench: Bench, number: int, space: Space, sampler: Sampler, *, limits: Limits) -> None:
    """Run one round as a phase of the driver; what is paused at its end stays paused."""
    driver, phase = bench.driver, f"search {number}"

    def time_is_up() -> bool:
        late = limits.deadline_s is not None and driver.elapsed_s() >= limits.deadline_s()
        return driver.interrupted or late

    recorded = driver.ledger.jobs.get(phase, [])
    first = min((job.trial for job in recorded if job.new is not None), default=len(driver.ledger.trials))
    driver.run_phase(
        phase,
        _Round(bench, phase, first, space=space, sampler=sampler, limits=limits),
        bench.plan,
        time_is_up=time_is_up,
    )


class _Round:
    """The source of a round's jobs. `first` is the id of its first new trial; table and merged trials are caches."""

    def __init__(
        self, bench: Bench, phase: str, first: int, *, space: Space, sampler: Sampler, limits: Limits
    ) -> None:
        self.bench, self.phase, self.first, self.limits = bench, phase, first, limits
        self.space, self.sampler, self.table = space, sampler, Table()
        self.foreseer = sampler if isinstance(sampler, Foreseer) else None
        self.merged = folds.Merged(bench.facts.constant_score)

    def __call__(self, trials: list[Trial], number: int) -> Job | None:
        """The next job, or None: the round ends."""
        standing = self._folds(trials)
        history = history_of(self.bench.metric, self.bench.plan, self.merged(trials) if standing else trials)
        used = sum(t.id >= self.first for t in trials)
        if (due := self._due(history, used, standing)) is not None:
            return self._fold(due, number, len(trials))
        if self._may_start(history, used, standing):
            return self._next(history, number)
        return self._finish(history, number, used, standing)

    # ------------------------------------------------------------------------------------------------ folds

    def _folds(self, trials: Sequence[Trial]) -> Folds | None:
        """Which configurations are to be trained on further folds; None where there is one split."""
        if self.bench.facts.num_folds == 1:
            return None
        num, metric = self.bench.facts.num_folds, self.bench.metric
        found = folds.standings(trials, self.bench.facts.constant_score)
        num_whole = sum(one.leader.id != 0 for one in folds.complete(found, num))
        return Folds(num, folds.alive(found, metric, num), max(self.limits.num_complete - num_whole, 0))

    def _due(self, history: History, used: int, standing: Folds | None) -> Standing | None:
        """The best configuration whose next fold can be paid for beside those that better ones lack."""
        for rank, one in enumerate(standing.alive if standing else ()):
            assert standing is not None
            if not one.at_work and self._pays(history, used, standing.lacked(rank) + 1):
                return one
        return None

    def _fold(self, due: Standing, job: int, number: int) -> Job:
        """The next fold of a configuration: the same settings and seed, other rows."""
        leader, fold = due.leader, due.next_fold(self.bench.facts.num_folds)
        entry = Entry(leader.config, leader.origin, ("search", leader.id), ("fold", fold), leader.id)
        new = self.bench.trial(number, "fold", entry)
        return Job(phase=self.phase, number=job, action="start", trial=new.id, new=new)

    def _pays(self, history: History, used: int, runs: int) -> bool:
        """Is there budget left for so many runs to their end?"""
        if self.limits.num_trials is not None:
            return used + runs <= self.limits.num_trials
        assert self.limits.deadline_s is not None
        needed_s = max(runs / self.bench.plan.num_workers, 1.0) * history.trials[0].cost.seconds
        return self.bench.driver.elapsed_s() + needed_s < self.limits.deadline_s()

    # ------------------------------------------------------------------------------------------ new trials

    def _may_start(self, history: History, used: int, standing: Folds | None) -> bool:
        """Is there budget left for more than bringing the best to their end?"""
        if self.limits.num_trials is not None:
            reserved = standing.reserved() if standing and self.limits.num_complete else 0
            return used + reserved < self.limits.num_trials
        assert self.limits.deadline_s is not None
        searched = history.search()
        complete = sum(t.status == "finished" and t.id != 0 for t in searched)
        running = sum(t.status == "running" for t in searched)
        lacking = max(self.limits.num_complete - complete, 0)
        plan, full_s = self.bench.plan, history.trials[0].cost.seconds
        beside_s = (most_held(plan.slots) - 1) * plan.rungs[0] * full_s / plan.speedup  # of what a worker holds too
        needed_s = (lacking / plan.num_workers + 1) * full_s + beside_s if lacking or running else full_s
        if standing and self.limits.num_complete:  # a configuration takes its folds one after the other
            needed_s = max(standing.reserved() / plan.num_workers + 1, standing.num) * full_s + beside_s
        return self.bench.driver.elapsed_s() + needed_s < self.limits.deadline_s()

    def _next(self, history: History, job: int) -> Job:
        """What the scheduler says: promote a paused trial, or start a new one where the sampler says."""
        plan = self.bench.plan
        bounds = self._upper_bounds(history)
        action = scheduler.fill(history, 1, eta=plan.eta, table=self.table, upper_bounds=bounds)[0]
        if isinstance(action, Resume):
            until = scheduler.next_segment(history, history.trials[action.trial])
            return Job(phase=self.phase, number=job, action="resume", trial=action.trial, until=until)
        key = derive_seed(plan.seed, "suggest", self.phase, job)
        suggestion = self.sampler.suggest(self.space, history, key, 1)[0]
        number = len(history.trials)
        split = ("fold", 0) if self.bench.facts.num_folds > 1 else self._split(suggestion.config, number)
        entry = Entry(suggestion.config, suggestion.origin, ("search", number), split)
        new = self.bench.trial(number, "search", entry)
        return Job(phase=self.phase, number=job, action="start", trial=new.id, until=plan.rungs[0], new=new)

    def _upper_bounds(self, history: History) -> dict[int, float]:
        """What a sampler with a model holds possible of the trials, where some are paused."""
        if self.foreseer is None or not any(trial.status == "paused" for trial in history.trials):
            return {}
        return self.foreseer.upper_bounds(self.space, history)

    def _split(self, config: Config, number: int) -> tuple[str | int, ...]:
        """Trials side by side share their data. Data that were prepared by the training rows are those of one split:
        it is shared by as many trials as a cohort has."""
        plan = self.bench.plan
        if plan.slots == 1 or not self.bench.baseline.with_config(config).preparation:
            return ()
        return ("search", "block", number // max(plan.cohort, 2 * plan.slots * plan.num_workers))

    def _finish(self, history: History, job: int, used: int, standing: Folds | None) -> Job | None:
        """No new trials: bring the best paused ones to their end, wait for those that run, then end the round."""
        best = self._best_paused(history, used, standing)
        if best:
            return Job(phase=self.phase, number=job, action="resume", trial=best[0])
        if any(t.status == "running" for t in history.trials):
            return Job(phase=self.phase, number=job, action="wait")
        return None

    def _best_paused(self, history: History, used: int, standing: Folds | None) -> list[int]:
        """The paused trials that are brought to their end, best first.

        With folds, in the place of configurations that were given up others are tried, as many again at most, as long
        as their folds can be paid for.
        """
        most = self.limits.num_complete - self._num_on_their_way(history)
        if standing is not None:
            running = sum(t.status == "running" for t in history.search())
            lacking = min(
                standing.lacking - len(standing.alive) - running, self.limits.num_complete - self._num_tries()
            )
            runs = standing.lacked(len(standing.alive)) + (running + 1) * (standing.num - 1)
            if lacking <= 0 or not self._pays(history, used, runs):
                return []
            most = len(history.trials)
        return scheduler.finish_top(history, most, table=self.table, upper_bounds=self._upper_bounds(history))

    def _num_on_their_way(self, history: History) -> int:
        """Trials that were sent to their end from a lower rung: the scheduler counts those on their last segment."""
        jobs = self.bench.driver.ledger.jobs[self.phase]
        sent = {job.trial for job in jobs if job.action == "resume" and job.until >= 1.0}
        last = len(history.rungs) - 1
        return sum(
            t.id in sent and t.status == "running" and scheduler.num_reached(history, t) < last
            for t in history.search()
        )

    def _num_tries(self) -> int:
        """Trials that were sent to their end since the last new one began."""
        newest_first = reversed(self.bench.driver.ledger.jobs[self.phase])
        since = takewhile(lambda job: job.new is None or job.new.phase != "search", newest_first)
        return sum(job.action == "resume" and job.until >= 1.0 for job in since)
