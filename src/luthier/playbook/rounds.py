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
from luthier.space import Space
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
    return History(metric=metric, rungs=plan.rungs, trials=tuple(trials))


def run_round(bench: Bench, number: int, space: Space, sampler: Sampler, limits: Limits) -> None:
    """Run one round as a phase of the driver; what is paused at its end stays paused."""
    driver, phase = bench.driver, f"search {number}"
    first = len(driver.ledger.trials)

    def time_is_up() -> bool:
        return driver.interrupted or (limits.deadline_s is not None and driver.elapsed_s() >= limits.deadline_s())

    def source(trials: list[Trial], job: int) -> Job | None:
        history = history_of(bench.metric, bench.plan, trials)
        mine = [t for t in trials if t.id >= first]
        if _may_start(bench, history, mine, limits):
            return _next(bench, history, (phase, job), (space, sampler))
        return _finish(history, phase, job, limits)

    recorded = driver.ledger.jobs.get(phase, [])
    first = min((j.trial for j in recorded if j.new is not None), default=first)
    driver.run_phase(phase, source, bench.plan, time_is_up=time_is_up)


def _may_start(bench: Bench, history: History, mine: Sequence[Trial], limits: Limits) -> bool:
    """Is there budget left for more than bringing the best to their end?"""
    if limits.num_trials is not None:
        return len(mine) < limits.num_trials
    assert limits.deadline_s is not None
    complete = sum(t.status == "finished" for t in history.search()) - 1
    running = sum(t.status == "running" for t in history.search())
    lacking = max(limits.num_complete - complete, 0)
    full_s = history.trials[0].cost.seconds
    needed_s = (lacking / bench.plan.num_workers + 1) * full_s if lacking or running else full_s
    return bench.driver.elapsed_s() + needed_s < limits.deadline_s()


def _next(bench: Bench, history: History, place: tuple[str, int], draw: tuple[Space, Sampler]) -> Job:
    """What the scheduler says: promote a paused trial, or start a new one where the sampler says."""
    (phase, job), (space, sampler) = place, draw
    action = scheduler.fill(history, 1, eta=bench.plan.eta)[0]
    if isinstance(action, Resume):
        trial = history.trials[action.trial]
        return Job(
            phase=phase,
            number=job,
            action="resume",
            trial=trial.id,
            until=scheduler.next_segment(history, trial),
        )
    key = derive_seed(bench.plan.seed, "suggest", phase, job)
    suggestion = sampler.suggest(space, history, key, 1)[0]
    number = len(history.trials)
    new = bench.trial(number, "search", Entry(suggestion.config, suggestion.origin, ("search", number)))
    return Job(phase=phase, number=job, action="start", trial=new.id, until=bench.plan.rungs[0], new=new)


def _finish(history: History, phase: str, job: int, limits: Limits) -> Job | None:
    """No new trials: bring the best paused ones to their end, wait for those that run, then end the round."""
    best = scheduler.finish_top(history, limits.num_complete)
    if best:
        return Job(phase=phase, number=job, action="resume", trial=best[0])
    if any(t.status == "running" for t in history.search()):
        return Job(phase=phase, number=job, action="wait")
    return None
