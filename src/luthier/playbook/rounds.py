"""A round of search: which trial starts, which goes on, until the round's share of the budget is used.

The decisions are those of the sampler and the scheduler; what is added here is the budget: when nothing new
is begun, when the best paused trials are brought to their end, when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from luthier.evidence.paired import Bench, Entry
from luthier.records import History, Metric, RunPlan, Trial, derive_seed
from luthier.search import scheduler
from luthier.search.spec import Resume, Sampler
from luthier.search.table import Table
from luthier.space import Config, Space
from luthier.training.ledger import Job


class Limits(NamedTuple):
    """What a round may use: so many new trials, or the time until `deadline_s` of the run's clock.

    Both are None where the other one counts. `num_complete`: so many trials should reach their full length.
    """

    num_trials: int | None
    deadline_s: Callable[[], float] | None
    num_complete: int


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
    """The source of a round's jobs. `first` is the id of its first new trial; the table is a cache."""

    def __init__(
        self, bench: Bench, phase: str, first: int, *, space: Space, sampler: Sampler, limits: Limits
    ) -> None:
        self.bench, self.phase, self.first, self.limits = bench, phase, first, limits
        self.space, self.sampler, self.table = space, sampler, Table()

    def __call__(self, trials: list[Trial], number: int) -> Job | None:
        """The next job, or None: the round ends."""
        history = history_of(self.bench.metric, self.bench.plan, trials)
        if self._may_start(history, sum(t.id >= self.first for t in trials)):
            return self._next(history, number)
        return self._finish(history, number)

    def _may_start(self, history: History, num_mine: int) -> bool:
        """Is there budget left for more than bringing the best to their end?"""
        if self.limits.num_trials is not None:
            return num_mine < self.limits.num_trials
        assert self.limits.deadline_s is not None
        searched = history.search()
        complete = sum(t.status == "finished" for t in searched) - 1
        running = sum(t.status == "running" for t in searched)
        lacking = max(self.limits.num_complete - complete, 0)
        plan, full_s = self.bench.plan, history.trials[0].cost.seconds
        beside_s = (plan.slots - 1) * plan.rungs[0] * full_s / plan.speedup  # of the trials that a worker holds too
        needed_s = (lacking / plan.num_workers + 1) * full_s + beside_s if lacking or running else full_s
        return self.bench.driver.elapsed_s() + needed_s < self.limits.deadline_s()

    def _next(self, history: History, job: int) -> Job:
        """What the scheduler says: promote a paused trial, or start a new one where the sampler says."""
        plan = self.bench.plan
        action = scheduler.fill(history, 1, eta=plan.eta, table=self.table)[0]
        if isinstance(action, Resume):
            until = scheduler.next_segment(history, history.trials[action.trial])
            return Job(phase=self.phase, number=job, action="resume", trial=action.trial, until=until)
        key = derive_seed(plan.seed, "suggest", self.phase, job)
        suggestion = self.sampler.suggest(self.space, history, key, 1)[0]
        number = len(history.trials)
        split = self._split(suggestion.config, number)
        entry = Entry(suggestion.config, suggestion.origin, ("search", number), split)
        new = self.bench.trial(number, "search", entry)
        return Job(phase=self.phase, number=job, action="start", trial=new.id, until=plan.rungs[0], new=new)

    def _split(self, config: Config, number: int) -> tuple[str | int, ...]:
        """Trials side by side share their data. Data that were prepared by the training rows are those of one split:
        it is shared by as many trials as a cohort has."""
        plan = self.bench.plan
        if plan.slots == 1 or not self.bench.baseline.with_config(config).preparation:
            return ()
        return ("search", "block", number // max(plan.cohort, 2 * plan.slots * plan.num_workers))

    def _finish(self, history: History, job: int) -> Job | None:
        """No new trials: bring the best paused ones to their end, wait for those that run, then end the round."""
        lacking = self.limits.num_complete - self._num_on_their_way(history)
        best = scheduler.finish_top(history, lacking, table=self.table)
        if best:
            return Job(phase=self.phase, number=job, action="resume", trial=best[0])
        if any(t.status == "running" for t in history.search()):
            return Job(phase=self.phase, number=job, action="wait")
        return None

    def _num_on_their_way(self, history: History) -> int:
        """Trials that were sent to their end from a lower rung: the scheduler counts those on their last segment."""
        jobs = self.bench.driver.ledger.jobs[self.phase]
        sent = {job.trial for job in jobs if job.action == "resume" and job.until >= 1.0}
        last = len(history.rungs) - 1
        return sum(
            t.id in sent and t.status == "running" and scheduler.num_reached(history, t) < last
            for t in history.search()
        )
