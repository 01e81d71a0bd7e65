"""What every scheduler must keep, in random studies of several workers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np

from luthier.codec import to_json
from luthier.records import History, Phase, Point, Status, Trial
from luthier.search.conformance.histories import LOSS, NUM_STEPS, RUNGS, SPACES, make_history, make_trial
from luthier.search.spec import Decision, Resume, Start


class Scheduler(Protocol):
    """The functions of a scheduler, as methods of anything (a module will do)."""

    def decide(self, history: History, trial: Trial) -> Decision:
        """See `luthier.search.scheduler.decide`."""
        ...

    def fill(self, history: History, capacity: int, *, eta: float) -> list[Resume | Start]:
        """See `luthier.search.scheduler.fill`."""
        ...

    def next_segment(self, history: History, trial: Trial) -> float:
        """See `luthier.search.scheduler.next_segment`."""
        ...


class Simulation:
    """A random study with several workers: jobs end in any order, some trials diverge or fail.

    `jobs` lists (trial, rung before, rung after, status); `histories` every history that `fill` has seen.
    """

    def __init__(self, scheduler: Scheduler, seed: int, *, eta: float, num_jobs: int = 60,
                 rungs: tuple[float, ...] = RUNGS) -> None:  # fmt: skip
        self.scheduler, self.eta = scheduler, eta
        self.rng = np.random.default_rng(seed)
        self.history = History(metric=LOSS, rungs=rungs, trials=(make_trial(0, status="waiting"),))
        self.at_work: list[int] = []
        self.jobs: list[tuple[int, int, int, Status]] = []
        self.histories: list[History] = []
        self.actions: list[list[Resume | Start]] = []
        self._begin(0)
        while len(self.jobs) < num_jobs:
            free = 3 - len(self.at_work)
            if free:
                self._fill(free)
            self._finish(self.at_work.pop(int(self.rng.integers(len(self.at_work)))))

    def _set(self, trial: Trial) -> None:
        kept = [t for t in self.history.trials if t.id != trial.id]
        self.history = msgspec.structs.replace(self.history, trials=(*kept, trial))  # in the order of arrival

    def trial(self, number: int) -> Trial:
        """The trial with this id."""
        return next(t for t in self.history.trials if t.id == number)

    def _begin(self, number: int) -> None:
        self._set(msgspec.structs.replace(self.trial(number), status="running"))
        self.at_work.append(number)

    def _fill(self, free: int) -> None:
        self.histories.append(self.history)
        self.actions.append(self.scheduler.fill(self.history, free, eta=self.eta))
        assert len(self.actions[-1]) == free, "every free slot gets something to do"
        for action in self.actions[-1]:
            if isinstance(action, Resume):
                assert self.trial(action.trial).status == "paused", "only a paused trial can be resumed"
                self._begin(action.trial)
            else:
                number = max(t.id for t in self.history.trials) + 1
                self._set(make_trial(number, status="waiting"))
                self._begin(number)

    def _finish(self, number: int) -> None:
        """Train to the next pause, decide at every report."""
        trial = self.trial(number)
        until = self.scheduler.next_segment(self.history, trial)
        before = trial.rung
        for fraction in [f for f in self.history.rungs if trial.step / NUM_STEPS < f - 1e-9 and f <= until + 1e-9]:
            chance = self.rng.random()
            if chance < 0.1 and number:
                trial = msgspec.structs.replace(trial, status="diverged" if chance < 0.07 else "failed")
                break
            score = float(np.round(self.rng.random(), 1))  # ties happen
            step = round(fraction * NUM_STEPS)
            point = Point(step=step, fraction=fraction, train_loss=score, val_loss=score, score=score)
            trial = msgspec.structs.replace(trial, curve=(*trial.curve, point), rung=trial.rung + 1, step=step)
            decision = self.scheduler.decide(self.history, trial)
            if decision is not Decision.CONTINUE:
                status: Status = "finished" if step == NUM_STEPS else "paused"
                trial = msgspec.structs.replace(trial, status=status)
                break
        self.jobs.append((number, before, trial.rung, trial.status))
        self._set(trial)


class SchedulerConformance:
    """The promises of a scheduler. `make` returns something with `decide`, `fill` and `next_segment`."""

    eta = 3.0

    def make(self) -> Scheduler:
        """The scheduler under test."""
        raise NotImplementedError

    def studies(self) -> list[Simulation]:
        """Random studies to look at."""
        return [Simulation(self.make(), seed, eta=self.eta) for seed in range(12)]

    def test_every_job_raises_its_trial_by_one_rung(self) -> None:
        """Budgets grow rung by rung; the baseline goes through at once."""
        for study in self.studies():
            for number, before, after, status in study.jobs:
                if status not in ("diverged", "failed"):
                    assert after == (len(RUNGS) if number == 0 else before + 1), (number, before, after)

    def test_no_rung_lets_more_than_one_in_eta_through(self) -> None:
        """At any time: trials resumed from a rung <= floor(trials that came to it / eta), those that led it when
        they went on not counted."""
        for study in self.studies():
            leaders: set[tuple[int, int]] = set()  # (trial, rung)
            for history, actions in zip(study.histories, study.actions, strict=True):
                resumed = [t for t in history.trials if Resume(t.id) in actions]
                leaders |= {(t.id, len(t.curve) - 1) for t in resumed if _rank(history, t) == 0}
                for level in range(len(RUNGS) - 1):
                    came, left = _traffic(history, level)
                    left += sum(len(t.curve) == level + 1 for t in resumed)
                    led = sum(rung == level for _, rung in leaders)
                    assert left <= math.floor(came / self.eta) + led, (level, left, came)

    def test_what_leads_its_rung_goes_on(self) -> None:
        """The best of all that were seen at a rung waits for nobody."""
        trials = (make_trial(0, {}, (0.5,) * 3, status="finished"), make_trial(1, {}, (0.4,)))
        history = History(metric=LOSS, rungs=RUNGS, trials=trials)
        assert self.make().fill(history, 2, eta=self.eta) == [Resume(1), Start()]

    def test_only_the_top_of_a_rung_goes_on(self) -> None:
        """A resumed trial is among the best max(1, floor(n / eta)) of its rung, at the scores of that rung."""
        for study in self.studies():
            for history, actions in zip(study.histories, study.actions, strict=True):
                for action in actions:
                    if isinstance(action, Resume):
                        trial = next(t for t in history.trials if t.id == action.trial)
                        came, _ = _traffic(history, len(trial.curve) - 1)
                        assert _rank(history, trial) < max(1, math.floor(came / self.eta)), action

    def test_trials_are_promoted_at_all(self) -> None:
        """A scheduler that only starts new trials never finishes one."""
        for study in self.studies():
            assert any(isinstance(action, Resume) for actions in study.actions for action in actions)

    def test_the_order_of_arrival_does_not_matter(self) -> None:
        """The same trials in another order give the same answer."""
        rng = np.random.default_rng(0)
        paused = tuple(make_trial(i, {}, (rng.random(),)) for i in range(1, 31))
        for history in [
            History(metric=LOSS, rungs=RUNGS, trials=paused),
            *(history for study in self.studies()[:4] for history in study.histories),
        ]:
            for capacity in (1, 3):
                want = self.make().fill(history, capacity, eta=self.eta)
                for order in (history.trials[::-1], tuple(sorted(history.trials, key=lambda t: t.id))):
                    other = msgspec.structs.replace(history, trials=order)
                    assert self.make().fill(other, capacity, eta=self.eta) == want

    def test_the_highest_rung_comes_first_then_the_best_then_the_lower_id(self) -> None:
        """Ten trials at the first rung, four at the second, two promotable at each; equal scores."""
        second = [
            make_trial(i, {}, (0.1, score))
            for i, score in ((9, 0.5), (8, 0.3), (7, 0.9), (6, 0.3), (5, 0.9), (4, 0.9))
        ]  # a table
        first = [
            make_trial(i, {}, (score,))
            for i, score in ((30, 0.2), (20, 0.2), (21, 0.05), *((i, 0.9) for i in range(31, 48)))
        ]  # a table
        history = History(metric=LOSS, rungs=RUNGS, trials=(*first, *second))
        got = self.make().fill(history, 5, eta=self.eta)
        assert got == [Resume(6), Resume(8), Resume(21), Resume(20), Start()], got

    def test_trials_compare_at_equal_fractions(self) -> None:
        """A good late score does not push an early comparison: the trial is judged where the others stand."""
        baseline = make_trial(0, {}, (0.9, 0.5, 0.01), status="finished")
        others = [make_trial(1, {}, (0.4,)), make_trial(2, {}, (0.5,))]
        history = History(metric=LOSS, rungs=RUNGS, trials=(baseline, *others))
        assert self.make().fill(history, 1, eta=self.eta) == [Resume(1)]

    def test_the_baseline_is_never_held(self) -> None:
        """It continues at every rung, trains to the end in one go and is never resumed as if it were paused."""
        for scores in ((0.9,), (0.9, 0.9)):
            baseline = make_trial(0, {}, scores, status="running")
            others = [make_trial(i, {}, (0.1, 0.1)) for i in range(1, 9)]
            history = History(metric=LOSS, rungs=RUNGS, trials=(baseline, *others))
            assert self.make().decide(history, baseline) is Decision.CONTINUE
            assert self.make().next_segment(history, baseline) == 1.0

    def test_the_baseline_counts_at_its_rungs(self) -> None:
        """With two others it makes a rung of three, and where it leads nobody goes on."""
        for score, want in ((0.9, [Resume(1)]), (0.1, [Start()])):
            baseline = make_trial(0, {}, (score, score, score), status="finished")
            others = [make_trial(1, {}, (0.4,)), make_trial(2, {}, (0.5,))]
            history = History(metric=LOSS, rungs=RUNGS, trials=(baseline, *others))
            assert self.make().fill(history, 1, eta=self.eta) == want

    def test_other_phases_are_none_of_its_business(self) -> None:
        """Repeats for noise and confirmation train to the end and count nowhere."""
        others = [make_trial(i, {}, (0.1 * i,)) for i in range(1, 7)]
        phases: tuple[Phase, ...] = ("noise", "confirm", "final")
        repeats = [make_trial(50 + i, {}, (0.01,), phase=phase) for i, phase in enumerate(phases)]
        alone = History(metric=LOSS, rungs=RUNGS, trials=tuple(others))
        mixed = History(metric=LOSS, rungs=RUNGS, trials=(*others, *repeats))
        assert self.make().fill(mixed, 3, eta=self.eta) == self.make().fill(alone, 3, eta=self.eta)
        for repeat in repeats:
            running = msgspec.structs.replace(repeat, status="running")
            assert self.make().decide(mixed, running) is Decision.CONTINUE
            assert self.make().next_segment(mixed, running) == 1.0

    def test_it_pauses_at_rungs_and_only_there(self) -> None:
        """Between rungs a trial trains on, at an inner rung it pauses, at the end it stops."""
        history = History(metric=LOSS, rungs=RUNGS)
        for step in range(1, NUM_STEPS + 1):
            point = Point(step=step, fraction=step / NUM_STEPS, train_loss=0.5, val_loss=0.5, score=0.5)
            trial = msgspec.structs.replace(make_trial(3, status="running"), curve=(point,), step=step)
            want = {10: Decision.PAUSE, 30: Decision.PAUSE, 90: Decision.STOP}.get(step, Decision.CONTINUE)
            assert self.make().decide(history, trial) is want, step

    def test_diverged_trials_are_a_result_and_stay_where_they_are(self) -> None:
        """They count at the rung they were on their way to, not beyond, and are never resumed."""
        lost = [make_trial(i, status="diverged") for i in range(4, 13)]
        seconds = [make_trial(1, {}, (0.1, 0.4)), make_trial(2, {}, (0.2, 0.5))]
        history = History(metric=LOSS, rungs=RUNGS, trials=(*seconds, *lost, make_trial(3, {}, (0.3,))))
        assert self.make().fill(history, 3, eta=self.eta) == [Resume(1), Resume(3), Start()]
        only = History(metric=LOSS, rungs=RUNGS, trials=tuple(lost))
        assert self.make().fill(only, 2, eta=self.eta) == [Start(), Start()]

    def test_without_inner_rungs_every_trial_trains_to_the_end(self) -> None:
        """rungs = (1.0,): no scheduler."""
        study = Simulation(self.make(), 0, eta=self.eta, num_jobs=20, rungs=(1.0,))
        assert all(isinstance(action, Start) for actions in study.actions for action in actions)
        assert all(after == 1 or status in ("diverged", "failed") for _, _, after, status in study.jobs)

    def test_the_history_is_left_alone(self) -> None:
        """Nothing in it is changed by any of the functions."""
        history = make_history(SPACES["mixed"], 20)
        before = to_json(history)
        self.make().fill(history, 4, eta=self.eta)
        for trial in history.trials:
            self.make().decide(history, trial)
            self.make().next_segment(history, trial)
        assert to_json(history) == before


def _here(trial: Trial, level: int) -> bool:
    """Did the trial come to the rung (from 0), or diverge on its way to it?"""
    return len(trial.curve) > level or (trial.status == "diverged" and len(trial.curve) == level)


def _traffic(history: History, level: int) -> tuple[int, int]:
    """(trials that came to a rung, trials other than the baseline that went on from it): counted by hand."""
    came = [t for t in history.trials if _here(t, level)]
    on = [
        t for t in came if t.id and len(t.curve) > level and not (len(t.curve) == level + 1 and t.status == "paused")
    ]
    return len(came), len(on)


def _rank(history: History, trial: Trial) -> int:
    """Place of a trial at the rung where it stands, from 0; ties by id."""
    level = len(trial.curve) - 1
    place: Callable[[Trial], tuple[float, int]] = lambda t: (t.curve[level].score, t.id)  # noqa: E731  # short
    return sum(place(t) < place(trial) for t in history.trials if len(t.curve) > level)
