"""Deliberately wrong samplers and schedulers, each with the promise it breaks: proof that the suites can fail."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from luthier.records import History, Trial
from luthier.search import scheduler
from luthier.search.cohorts import MEMBER, Cohorts
from luthier.search.halton import HaltonSampler
from luthier.search.spec import Decision, Resume, Start, Suggestion
from luthier.space import Space

# ------------------------------------------------------------------------------------------------ samplers


class Right(HaltonSampler):
    """The model that the twins deviate from."""


class OutOfDomain(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        made = super().suggest(space, history, key, n)
        return [
            s._replace(config={k: v * 1e6 if isinstance(v, float) else v for k, v in s.config.items()}) for s in made
        ]


class IgnoresConditions(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        made = super().suggest(space, history, key, n)
        return [
            s._replace(config={n: s.config.get(n, d.decode(0.5)) for n, d in space.domains.items()}) for s in made
        ]


class TooFew(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        return super().suggest(space, history, key, 1)


class Remembers(Right):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        self.calls += 1
        return super().suggest(space, history, key, n + self.calls)[self.calls :]


class StaleCache(Right):
    """Notes the values of a trial when it sees it first, and never again."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, int] = {}

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        for trial in history.trials:
            self.known.setdefault(trial.id, len(trial.curve))
        skip = sum(self.known[trial.id] for trial in history.trials)
        return super().suggest(space, history, key, n + skip)[skip:]


class ByArrival(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        skip = history.trials[-1].id if history.trials else 0
        return super().suggest(space, history, key, n + skip)[skip:]


class IgnoresKey(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        return super().suggest(space, history, 0, n)


class RepeatsRunning(Right):
    """Knows only what has a value."""

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        valued = tuple(t for t in history.trials if t.curve or t.status == "diverged")
        return super().suggest(space, msgspec.structs.replace(history, trials=valued), key, n)


class RepeatsInOneCall(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        return super().suggest(space, history, key, 1) * n


class NeedsAValue(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        max(t.curve[-1].score for t in history.trials if t.curve and t.id)
        return super().suggest(space, history, key, n)


class WritesToHistory(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        made = super().suggest(space, history, key, n)
        for trial in history.trials:
            trial.config.setdefault("seen", True)
        return made


class HandsOutItsOwn(Right):
    """Gives the configuration of a trial itself, not a copy, so that the caller can harm the history."""

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        made = super().suggest(space, history, key, n)
        return [Suggestion(history.trials[1].config, "halton"), *made[1:]] if len(history.trials) == 21 else made


class NoEmptySpace(Right):
    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        np.ones(len(space))[0]
        return super().suggest(space, history, key, n)


class BoundsByArrival(Right):
    """Has a model by which the trial that came last is the best."""

    def upper_bounds(self, space: Space, history: History) -> dict[int, float]:
        return {trial.id: float(place) for place, trial in enumerate(history.trials)}


class NoName(Right):
    name: Any = None


SAMPLERS: dict[type[Right], str] = {
    OutOfDomain: "test_suggestions_lie_in_the_space_and_respect_its_conditions",
    IgnoresConditions: "test_suggestions_lie_in_the_space_and_respect_its_conditions",
    TooFew: "test_suggestions_lie_in_the_space_and_respect_its_conditions",
    NeedsAValue: "test_suggestions_lie_in_the_space_and_respect_its_conditions",
    Remembers: "test_the_answer_is_a_function_of_space_history_and_key",
    ByArrival: "test_the_answer_is_a_function_of_space_history_and_key",
    StaleCache: "test_growing_a_history_is_the_same_as_reading_it_at_once",
    BoundsByArrival: "test_upper_bounds_are_a_function_of_the_history",
    IgnoresKey: "test_other_keys_give_other_suggestions",
    RepeatsRunning: "test_nothing_is_tried_twice_while_something_is_left",
    RepeatsInOneCall: "test_nothing_is_tried_twice_while_something_is_left",
    NoEmptySpace: "test_an_empty_space_has_one_configuration",
    WritesToHistory: "test_the_history_is_left_alone",
    HandsOutItsOwn: "test_the_history_is_left_alone",
    NoName: "test_it_has_the_form_of_a_sampler",
}


# ----------------------------------------------------------------------------------------------- schedulers


class RightScheduler:
    """The real one, as an object."""

    def decide(self, history: History, trial: Trial) -> Decision:
        return scheduler.decide(history, trial)

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        return scheduler.fill(history, capacity, eta=eta)

    def next_segment(self, history: History, trial: Trial) -> float:
        return scheduler.next_segment(history, trial)


class TrainsToTheEnd(RightScheduler):
    def decide(self, history: History, trial: Trial) -> Decision:
        last = trial.last
        return Decision.STOP if last and last.step >= trial.num_steps else Decision.CONTINUE

    def next_segment(self, history: History, trial: Trial) -> float:
        return 1.0


class RoundsUp(RightScheduler):
    """Lets ceil(n / eta) through."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        ladder = scheduler.Ladder(history)
        made: list[Resume | Start] = []
        for level in range(len(history.rungs) - 2, -1, -1):
            quota = math.ceil(len(ladder._ranked(level)) / eta)
            made += [Resume(i) for i in ladder.paused(level)][:quota]
        return (made + [Start()] * capacity)[:capacity]


class LeaderWaits(RightScheduler):
    """Who leads a rung of fewer than eta waits until there are more."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        came = [sum(len(t.curve) > level for t in history.trials) for level in range(len(history.rungs))]
        rung = {t.id: len(t.curve) - 1 for t in history.trials}
        made = scheduler.fill(history, capacity, eta=eta)
        kept = [a for a in made if isinstance(a, Start) or came[rung[a.trial]] >= eta]
        return (kept + [Start()] * capacity)[:capacity]


class WithoutQuota(RightScheduler):
    """The paper's rule alone: in the top 1 / eta now, whoever went on before."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        ladder = scheduler.Ladder(history)
        ladder._went_on_NK = np.zeros_like(ladder._went_on_NK)
        made: list[Resume | Start] = []
        for level in range(len(history.rungs) - 2, -1, -1):
            made += [Resume(i) for i in ladder.promotable(level, eta)]
        return (made + [Start()] * capacity)[:capacity]


class AnyoneWithinTheQuota(RightScheduler):
    """Keeps the count and takes the worst."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        ladder = scheduler.Ladder(history)
        made: list[Resume | Start] = []
        for level in range(len(history.rungs) - 2, -1, -1):
            made += [Resume(i) for i in ladder.paused(level)[::-1][: len(ladder.promotable(level, eta))]]
        return (made + [Start()] * capacity)[:capacity]


class OnlyStarts(RightScheduler):
    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        return [Start()] * capacity


class FirstCome(RightScheduler):
    """Promotes in the order of arrival."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        order = {trial.id: place for place, trial in enumerate(history.trials)}
        made = [a for a in scheduler.fill(history, len(order), eta=eta) if isinstance(a, Resume)]
        return (sorted(made, key=lambda a: order[a.trial]) + [Start()] * capacity)[:capacity]


class LowestRungFirst(RightScheduler):
    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        ladder = scheduler.Ladder(history)
        made = [Resume(i) for level in range(len(history.rungs) - 1) for i in ladder.promotable(level, eta)]
        return (made + [Start()] * capacity)[:capacity]


class LatestScore(RightScheduler):
    """Compares the newest scores, whatever the fraction."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        flat = [
            msgspec.structs.replace(
                t, curve=tuple(msgspec.structs.replace(p, score=t.curve[-1].score) for p in t.curve)
            )
            for t in history.trials
        ]
        return scheduler.fill(msgspec.structs.replace(history, trials=tuple(flat)), capacity, eta=eta)


class HoldsTheBaseline(RightScheduler):
    def decide(self, history: History, trial: Trial) -> Decision:
        return scheduler.decide(history, msgspec.structs.replace(trial, id=1) if trial.id == 0 else trial)


class ForgetsTheBaseline(RightScheduler):
    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        others = tuple(trial for trial in history.trials if trial.id)
        return scheduler.fill(msgspec.structs.replace(history, trials=others), capacity, eta=eta)


class MixesPhases(RightScheduler):
    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        all_search = tuple(msgspec.structs.replace(trial, phase="search") for trial in history.trials)
        return scheduler.fill(msgspec.structs.replace(history, trials=all_search), capacity, eta=eta)


class PausesAtEveryReport(RightScheduler):
    def decide(self, history: History, trial: Trial) -> Decision:
        made = scheduler.decide(history, trial)
        return Decision.PAUSE if made is Decision.CONTINUE and trial.id and trial.phase == "search" else made


class DivergedEverywhere(RightScheduler):
    """Counts a diverged trial at all rungs, as `History.utility` gives it a value at each."""

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        ladder = scheduler.Ladder(history)
        made: list[Resume | Start] = []
        for level in range(len(history.rungs) - 2, -1, -1):
            num = sum(history.utility(trial, level + 1) is not None for trial in history.search())
            made += [Resume(i) for i in ladder.paused(level)][: math.floor(num / eta)]
        return (made + [Start()] * capacity)[:capacity]


class ResumesWithoutRungs(RightScheduler):
    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        if len(history.rungs) == 1 and len(history.trials) > 5:
            return [Resume(1)] * capacity
        return scheduler.fill(history, capacity, eta=eta)


class WritesToTrials(RightScheduler):
    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        for trial in history.trials:
            trial.config["seen"] = True
        return scheduler.fill(history, capacity, eta=eta)


SCHEDULERS: dict[type[RightScheduler], str] = {
    TrainsToTheEnd: "test_every_job_raises_its_trial_by_one_rung",
    RoundsUp: "test_no_rung_lets_more_than_one_in_eta_through",
    WithoutQuota: "test_no_rung_lets_more_than_one_in_eta_through",
    LeaderWaits: "test_what_leads_its_rung_goes_on",
    AnyoneWithinTheQuota: "test_only_the_top_of_a_rung_goes_on",
    OnlyStarts: "test_trials_are_promoted_at_all",
    FirstCome: "test_the_order_of_arrival_does_not_matter",
    LowestRungFirst: "test_the_highest_rung_comes_first_then_the_best_then_the_lower_id",
    LatestScore: "test_trials_compare_at_equal_fractions",
    HoldsTheBaseline: "test_the_baseline_is_never_held",
    ForgetsTheBaseline: "test_the_baseline_counts_at_its_rungs",
    MixesPhases: "test_other_phases_are_none_of_its_business",
    PausesAtEveryReport: "test_it_pauses_at_rungs_and_only_there",
    DivergedEverywhere: "test_diverged_trials_are_a_result_and_stay_where_they_are",
    ResumesWithoutRungs: "test_without_inner_rungs_every_trial_trains_to_the_end",
    WritesToTrials: "test_the_history_is_left_alone",
}


# ------------------------------------------------------------------------------------------------- cohorts


class OneSequence(Cohorts):
    """Structures and settings within a cohort share one count: the structures are every n-th of a sequence."""

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        made = super().suggest(space, history, key, n)
        return [s._replace(origin=s.origin.removesuffix(MEMBER)) for s in made]


class NeverFull(Cohorts):
    """Goes on with a structure as long as there is one."""

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        self._size = 10**6
        return super().suggest(space, history, key, n)


class FreshStructure(Cohorts):
    """Draws structure anew in every trial."""

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        return self._whole.suggest(space, history, key, n)
