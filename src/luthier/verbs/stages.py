"""The stages of a tuning run, in their order; each can be resumed, none runs twice.

task -> pre-flight and speed -> plan -> noise of the baseline -> rounds of search -> confirmation -> final
comparison -> test rows, once -> best model and report
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from luthier.codec import convert
from luthier.errors import TrainingFailed
from luthier.evidence import decision, held_out, out_of_fold, paired
from luthier.evidence.out_of_fold import Gathered
from luthier.evidence.paired import Bench, Contender
from luthier.findings import DecisionReport, Finding
from luthier.folds import Merged
from luthier.playbook import boundaries, durations, failures, rounds, stability, steps, throughput
from luthier.playbook.budget import Budget, parse_budget, split
from luthier.playbook.spaces import combine, default_space
from luthier.records import Evidence, Facts, HeldOutResult, History, Noise, RunPlan, Trial, derive_seed
from luthier.runs.folder import RunFolder
from luthier.runs.snapshots import read_snapshot
from luthier.search import Cohorts, scheduler
from luthier.search import sampler as find_sampler
from luthier.space import Space
from luthier.training.driver import Driver
from luthier.training.placement import most_held
from luthier.verbs import fusing
from luthier.verbs.fusing import Decided, Question
from luthier.verbs.request import Request

NUM_REPORTS = 18
PROGRAM_REPORTS = 54
"""Of a program's own reports so many are kept at most: twice 27, so that the first rung can stand at 1/27."""
BATCH_SIZES = (16, 32, 64, 128, 256, 512, 1024)
ROUND_TRIALS = 40
"""A further round of search is worth while from so many trials on: fewer say little about edges."""


class Tuning:
    """One tuning run on an open driver; every method is one stage and may be called once."""

    def __init__(self, driver: Driver, request: Request, facts: Facts, *, explain: bool = False) -> None:
        self.driver, self.request, self.facts = driver, request, facts
        self.explain = explain and not facts.num_reports  # a program has one mode: its own
        self.space = request.space
        self.baseline = request.baseline
        if facts.num_reports:
            self.baseline = msgspec.structs.replace(self.baseline, steps=facts.num_reports)
        self.step_s = facts.step_s
        self.said: list[Finding] = list(facts.findings)
        self._deadline_at, self._deadline = -math.inf, math.inf

    # ------------------------------------------------------------------------------------------------ plan

    def make_plan(self) -> RunPlan:
        """Decide what the budget is spent on, and how the search trains."""
        budget = parse_budget(self.request.budget)
        if self.request.measure_batch_size and budget.unit == "seconds":
            told = self.driver.once("batch size", self._batch_size)
            self.baseline = self.baseline.with_config({"batch_size": told["batch_size"]})
            self.step_s = told["step_s"]
            self.said.append(convert(told["finding"], Finding))
        self.decided = convert(self.driver.once("mode", lambda: self._mode(budget)), Decided)
        self.plan = convert(self.driver.once("plan", lambda: self._with_mode(self._plan(budget))), RunPlan)
        self.driver.ladder = throughput.ladder(self.decided.told, self.plan.slots)
        if self.decided.reason:
            self.said.append(self._of_mode())
        if self.request.add_default_space:
            self.space = convert(self.driver.once("space", self._default_space), Space)
        self.bench = Bench(self.driver, self.plan, self.facts, self.baseline)
        return self.plan

    def _default_space(self) -> Space:
        """The usual training settings, as many as so many trials can tell apart, with what the person named."""
        usual = default_space(self.facts.kind, self._expected_trials(self.plan), self.baseline)
        return combine(usual, self.request.space, self.request.fixed)

    def _mode(self, budget: Budget) -> Decided:
        """How the search trains: the fastest mode, or the one that was named."""
        plan = self._plan(budget)
        question = Question(
            request=self.request,
            facts=self.facts,
            baseline=self.baseline,
            plan=plan,
            expected=self._expected_trials(plan),
            trainings=self._expected_trainings(plan),
            explain=self.explain,
        )
        return fusing.decide(self.driver, question)

    def _with_mode(self, plan: RunPlan) -> RunPlan:
        """The plan with the mode's width: more trials at once, drawn in cohorts, and a view as far back as there are
        trials at work."""
        decided = self.decided
        size = fusing.cohort_size(decided, plan.num_workers, self._expected_trials(plan))
        plan = msgspec.structs.replace(plan, mode=decided.mode, slots=decided.slots, speedup=decided.speedup)
        lag = max(plan.lag, most_held(plan.slots) * plan.num_workers)
        return msgspec.structs.replace(plan, structural=decided.structural, cohort=size, lag=lag)

    def _of_mode(self) -> Finding:
        decided = self.decided
        return Finding(
            code="P07",
            title="execution mode",
            number=decided.speedup,
            threshold=throughput.FUSED_GAIN,
            n=len(decided.told),
            text=decided.reason,
        )

    def _expected_trials(self, plan: RunPlan) -> float:
        """Configurations that the search will begin, by the plan."""
        return durations.num_begun(plan, self._expected_trainings(plan), self.facts.num_folds)

    def _expected_trainings(self, plan: RunPlan) -> float:
        """Full trainings on one fold that the search has time for; trials, where it counts those."""
        if plan.unit == "trials":
            return float(plan.split["search"])
        full_s = self._full_s() or plan.split["noise"] * plan.num_workers / plan.num_noise
        return float(plan.split["search"] * plan.num_workers * plan.speedup / full_s)

    def _batch_size(self) -> dict[str, Any]:
        """Measure, choose by throughput, say so. Never chosen for quality (Playbook, "Choosing the batch size")."""
        most = max(self.facts.num_train // throughput.MIN_STEPS, BATCH_SIZES[0])
        told = self.driver.measure_speed([b for b in BATCH_SIZES if b <= most])
        speeds = [throughput.Speed(t["batch_size"], t["rows_per_s"], t["peak_bytes"]) for t in told]
        choice = throughput.choose_batch_size(speeds, self.facts.num_train)
        rows_per_s = next(s.rows_per_s for s in speeds if s.batch_size == choice.batch_size)
        finding = Finding(
            code="P05",
            title="batch size",
            number=choice.batch_size,
            threshold=throughput.PLATEAU,
            n=len(speeds),
            text=choice.reason,
        )
        return {"batch_size": choice.batch_size, "step_s": choice.batch_size / rows_per_s, "finding": finding}

    def _plan(self, budget: Budget) -> RunPlan:
        num_steps = self.baseline.num_steps(self.facts.num_train)
        is_program = self.facts.num_reports > 0
        num_reports = min(PROGRAM_REPORTS if is_program else NUM_REPORTS, num_steps)
        min_steps = 0 if is_program else scheduler.MIN_STEPS
        full_s = num_steps * self.step_s + num_reports * self.facts.eval_s
        num_workers = self.driver.executor.num_workers
        parts = split(
            budget,
            full_cost_s=full_s,
            num_workers=num_workers,
            startup_s=self.driver.elapsed_s(),
            folds=self.facts.num_folds,
        )
        return RunPlan(
            **parts,
            rungs=scheduler.choose_rungs(num_steps, num_reports, eta=3, min_steps=min_steps),
            lag=3 * max(num_workers, 2),
            num_reports=num_reports,
            num_workers=num_workers,
            seed=self.request.seed,
            price=self.request.price,
            sampler=self.request.sampler,
            mode=self.facts.mode,
        )

    @property
    def timed(self) -> bool:
        """Does the budget count seconds?"""
        return self.plan.unit == "seconds"

    def _left_s(self) -> float:
        """Seconds of budget left for training, the report's share taken off; inf for a budget of trials."""
        if not self.timed:
            return math.inf
        return float(self.plan.total - self.plan.split["report"] - self.driver.elapsed_s())

    def _full_s(self, trials: Sequence[Trial] = ()) -> float:
        """Seconds of a worker that a full run takes: the mean of these trials, of the baseline or of the runs of
        the confirmation, whichever is more (the machine may have become slower), and what a job costs beside
        its training."""
        done = [t for t in self.driver.ledger.trials.values() if t.status == "finished"]
        kinds = [
            [t for t in done if t.phase == "noise"],
            [t for t in done if t.phase == "confirm"],
            [t for t in trials if durations.is_timed(t)],
        ]
        how: Any = {"reference": self.facts.mode, "anew": self.facts.num_reports > 0}
        means = [float(np.mean([durations.alone_s(t, **how) for t in runs])) for runs in kinds if runs]
        return max(means) + self.driver.beside_s() if means else 0.0

    # ----------------------------------------------------------------------------------------------- noise

    def noise(self) -> Noise:
        """How much does the baseline move with the seed?

        Raises:
            TrainingFailed: not one run of the baseline came to its end.
        """
        found = paired.measure_noise(self.bench, lambda number: number == 0 or self._left_s() > 2 * self._full_s())
        runs = [t for t in self.driver.ledger.trials.values() if t.phase == "noise"]
        if not any(t.status == "finished" for t in runs):
            raise TrainingFailed(
                f"the baseline did not train: {_why(runs[0])}",
                must="the baseline reaches its end on one seed at least",
                where="noise of the baseline",
                remedy="Lower its learning rate, or pass another baseline",
            )
        return found

    # ---------------------------------------------------------------------------------------------- search

    def search(self) -> None:
        """Rounds of search, the space widened between them where the optimum lies at an edge."""
        sampler = Cohorts(find_sampler(self.plan.sampler), self.plan.structural, self.plan.cohort)
        shares = self.driver.once("rounds", self._round_shares)
        for number, share in enumerate(shares, 1):
            limits = self._limits(shares, number, share)
            rounds.run_round(self.bench, number, self.space, sampler, limits=limits)
            if number < len(shares) and not self.driver.interrupted:
                self.space = convert(self.driver.once(f"space {number + 1}", self._widened), Space)
        self._stop_paused()

    def _round_shares(self) -> list[float]:
        """What part of the search each round gets: one round, or two where enough trials are to be expected."""
        return [0.5, 0.5] if self._expected_trials(self.plan) >= 2 * ROUND_TRIALS else [1.0]

    def _limits(self, shares: list[float], number: int, share: float) -> rounds.Limits:
        last = number == len(shares)
        complete = self._num_complete() if last else 0
        if not self.timed:
            total = int(self.plan.split["search"])
            before = sum(int(total * s) for s in shares[: number - 1])
            return rounds.Limits(total - before if last else int(total * share), None, complete)
        began = self.driver.once(f"round {number} began", self.driver.elapsed_s)
        if last:
            return rounds.Limits(None, self._search_deadline, complete)
        return rounds.Limits(None, lambda: began + share * (self._search_deadline() - began), complete)

    def _num_complete(self) -> int:
        """How many configurations should come to their end: as many as are confirmed; on several folds no more than
        half of the search pays for."""
        most = max(self.plan.num_top, 1)
        if self.facts.num_folds == 1:
            return most
        runs = self.plan.split["search"]
        if self.timed:
            runs *= self.plan.num_workers / max(self._full_s(), 1e-9)
        return min(most, max(int(runs / (2 * self.facts.num_folds)), 1))

    def _search_deadline(self) -> float:
        """When the search must end, so that the evidence can be paid for: on the run's clock.

        Looked at all the time, computed twice a second.
        """
        now = self.driver.elapsed_s()
        if now - self._deadline_at > 0.5:
            self._deadline_at, self._deadline = now, self._compute_deadline()
        return self._deadline

    def _compute_deadline(self) -> float:
        ahead = durations.ahead(self.driver.ledger.trials.values(), self.bench.metric)
        reserved_s = durations.evidence_s(
            self.plan,
            baseline_s=self._full_s(),
            candidate_s=self._full_s(ahead),
            num_folds=self.facts.num_folds,
        )
        return float(self.plan.total - self.plan.split["report"] - reserved_s)

    def _widened(self) -> Space:
        wider = dict(self.space.domains)
        for edge in self._edges().boundaries:
            if edge.expansion is not None:
                wider[edge.name] = edge.expansion
        return Space(wider)

    def _edges(self) -> boundaries.Edges:
        """The boundary test at the highest rung that enough trials have reached."""
        history = self._history()
        rng = np.random.default_rng(derive_seed(self.plan.seed, "boundaries"))
        known = [len(history.capped(history.search(), rung + 1)) for rung in range(len(history.rungs))]
        rung = max((r for r, n in enumerate(known) if n >= boundaries.SURE_TRIALS), default=len(known) - 1)
        return boundaries.find(history, self.space, rng, rung=rung + 1)

    def _history(self, *, averaged: bool = True) -> History:
        """What was trained; with folds and `averaged`, final scores are means over them."""
        trials = [trial for _, trial in sorted(self.driver.ledger.trials.items())]
        if averaged and self.facts.num_folds > 1:
            trials = Merged(self.facts.constant_score)(trials)
        return rounds.history_of(self.facts.metric, self.plan, trials)

    def _stop_paused(self) -> None:
        history = self._history()
        self.driver.stop(scheduler.stop_paused(history))

    def judge_search(self) -> list[Finding]:
        """What the playbook says of the trials: edges, number of steps, stability."""
        history = self._history()
        return [
            *self.said,
            *failures.judge(history.trials),
            *self._edges().findings,
            *stability.judge(history, self.space),
            *steps.judge(self._history(averaged=False), self.facts),
        ]

    # -------------------------------------------------------------------------------------------- evidence

    def confirm(self) -> tuple[list[Contender], list[Evidence]]:
        """The best few on fresh seeds beside the baseline: contenders, best first, and their evidence."""
        trials = list(self.driver.ledger.trials.values())
        candidates = paired.shortlist(self.bench, trials)
        width = len(candidates) + 1

        def may_start(number: int) -> bool:
            runs = width + 2 * self.plan.num_final  # one more seed, and the final comparison
            needed_s = durations.SAFETY * runs * self._full_s(candidates) / self.plan.num_workers
            return number % width != 0 or self._left_s() > needed_s

        contenders = paired.confirm(self.bench, candidates, may_start)
        ledger = [
            paired.judge(self.bench, c.trial, candidate=c.fresh, baseline=c.baseline, seeds=c.seeds, deciding=False)
            for c in contenders[1:]
        ]
        return contenders, ledger

    def decide(self, contender: Contender) -> tuple[Evidence, list[Trial]]:
        """Winner against baseline on seeds used for nothing else."""
        pair_s = 2 * self._full_s([contender.trial]) / self.plan.num_workers
        num = int(self.driver.once("pairs", lambda: {"pairs": self._num_pairs(contender, pair_s)})["pairs"])
        return paired.decide(
            self.bench, contender.trial, num, lambda number: number % 2 == 1 or self._left_s() > 0.5 * pair_s
        )

    def _num_pairs(self, contender: Contender, pair_s: float) -> int:
        """Pairs of the final comparison: those of the plan, or more where a gain as the confirmation saw it needs
        more and time is left. Settled before the first of them, by numbers that the comparison does not use."""
        if not (self.timed and self.plan.num_final and pair_s and self.facts.num_folds == 1):
            return self.plan.num_final
        affordable = int(self._left_s() / (durations.SAFETY * pair_s))
        return max(self.plan.num_final, min(paired.pairs_wanted(self.bench, contender), affordable))

    def out_of_fold(self, pairs: Sequence[Trial], winner: Trial | None, evaluations: Path) -> Gathered | None:
        """Predictions of the shipped recipe (the winner's, else the baseline's) for rows that its models did not see.

        None where configurations are not judged on folds.
        """
        if self.facts.num_folds == 1:
            return None
        runs = out_of_fold.sides(self.bench, pairs, winner)
        runs = out_of_fold.completed(
            self.bench, runs, winner, may_start=lambda _: self._left_s() > self._full_s(runs)
        )
        return out_of_fold.gather(self.bench, runs, evaluations)

    def test(self, pairs: Sequence[Trial], folder: RunFolder, run: str) -> tuple[HeldOutResult | None, list[Trial]]:
        """The test rows, once: by the pairs that are whole, else by the first baseline run alone, if it came to
        its end."""
        first = self.driver.ledger.trials[0]
        shown = _whole_pairs(pairs) or [first] * (first.status == "finished")
        if not shown or not self.facts.num_test:
            return None, []
        self.driver.begin("test")
        return held_out.look_once(self.bench, shown, folder.evaluations, root=folder.path.parent, run=run), shown

    def decision(
        self, shipped: Trial, evaluations: Path, *, is_tested: bool, folds: dict[str, Any]
    ) -> DecisionReport:
        """How the shipped model of two classes decides: its threshold by the validation rows, its calibration.

        Args:
            folds: what its recipe says of the rows of all folds; empty where there is one split.
        """
        tested = read_snapshot(held_out.file_of(shipped, "test", evaluations)) if is_tested else None
        if not folds:
            self.driver.ask_all([held_out.question(self.driver.ledger, shipped, "val", evaluations)])
            folds = read_snapshot(held_out.file_of(shipped, "val", evaluations))
        return decision.judge(self.facts.metric.name, folds, tested)


def _whole_pairs(pairs: Sequence[Trial]) -> list[Trial]:
    """Only the pairs of which both sides came to their end."""
    both = zip(pairs[0::2], pairs[1::2], strict=False)
    return [t for pair in both if all(x.status == "finished" for x in pair) for t in pair]


def _why(trial: Trial) -> str:
    if trial.status == "diverged":
        return f"its loss was not finite at step {trial.step} of {trial.num_steps}"
    return trial.error or trial.status
