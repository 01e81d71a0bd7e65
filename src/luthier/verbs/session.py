"""From an open run folder to the verdict, the best model and the report."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from luthier.engines.spec import evaluated
from luthier.errors import Interrupted, LuthierError, RunFolderError
from luthier.evidence import held_out
from luthier.evidence.paired import Contender, estimate
from luthier.playbook.budget import parse_budget
from luthier.playbook.rounds import history_of
from luthier.records import Evidence, Facts, HeldOutResult, ModeSpeed, Progress, RunPlan, RunRecord, Trial
from luthier.reports.html import render
from luthier.reports.reading import read
from luthier.reports.verdict import verdict
from luthier.runs.best import About, write_best, write_best_program
from luthier.runs.folder import RunFolder, write_text_atomic
from luthier.runs.snapshots import read_snapshot
from luthier.sinks.stream import Stream
from luthier.training.driver import Driver
from luthier.training.task import TaskRef, find_task
from luthier.verbs import standalone
from luthier.verbs.request import Request
from luthier.verbs.result import Run
from luthier.verbs.stages import Tuning

EXAMINER = "luthier.checks.active.examination:preflight"
EXAMINED_S, EXAMINED_SHARE = 2.0, 0.03
"""The pre-flight examination takes no more seconds than this, and no larger share of a budget of time."""
NOT_SHIPPED = ("loop/", "optimizer/", "foreign/")
"""Rooms of a snapshot that only training needs."""
IMPATIENT_S = 2.0
"""What sinks get at the end of a run that a person stopped at once."""


class Watcher:
    """Who is told how a run goes: the terminal and the notebook. This one is silent."""

    explains_modes: bool = False
    """Does it show the speed of every execution mode? Then they are measured, also where they decide nothing."""

    def modes(self, told: Sequence[ModeSpeed], chosen: str) -> None:
        """The execution modes were measured."""

    def planned(self, plan: RunPlan, facts: Facts) -> None:
        """The plan is made."""

    def progress(self, progress: Progress) -> None:
        """A few times a second."""

    def interrupted(self) -> None:
        """A person asked to end the search."""

    def remark(self, text: str) -> None:
        """Something beside the run went wrong; the run goes on."""

    def finished(self, record: RunRecord, report: Path) -> None:
        """The verdict is there."""


class Session:
    """One run, from what was asked for to what is shipped. `record` grows into run.json, and `stream` hears of it."""

    def __init__(
        self, folder: RunFolder, driver: Driver, asked: Request, watcher: Watcher, *, stream: Stream | None = None
    ) -> None:
        self.folder, self.driver, self.asked, self.watcher = folder, driver, asked, watcher
        self.stream = stream or Stream()
        self.out_of_fold: dict[str, Any] = {}  # arrays by name, with best/
        self.of_single_models: dict[str, Any] = {}  # the same by one model a fold
        header = driver.ledger.header
        self.record = RunRecord(
            name=folder.name,
            created=header["created"],
            command=header["command"],
            task={"name": asked.task, "options": asked.options, "budget": asked.budget, "seed": asked.seed},
            space=asked.space,
            baseline=asked.baseline,
            environment=header["environment"],
        )

    def run(self, ref: TaskRef) -> Run:
        """All stages. However it ends, run.json and the report say how far it came.

        Raises:
            LuthierError: what ended it.
        """
        try:
            self._stages(ref)
        except LuthierError as error:
            self._keep(status="interrupted" if isinstance(error, Interrupted) else "failed", verdict=str(error))
            if isinstance(error, Interrupted):
                self.stream.last_s = IMPATIENT_S
            if not isinstance(error, RunFolderError):
                self._write()
            raise
        finally:
            self._end_stream()
        self.watcher.finished(self.record, self.folder.report)
        return Run(self.folder.path, self.record)

    def _stages(self, ref: TaskRef) -> None:
        asked = self.asked
        facts = self.driver.open(
            {
                "task": ref,
                "seed": asked.seed,
                "baseline": asked.baseline,
                "metric": asked.metric,
                "folder": str(self.folder.snapshots),
                "share": 1 / self.driver.executor.num_workers,
                "examiner": {"function": EXAMINER, "seconds": _examined_s(asked.budget)},
            }
        )
        tuning = Tuning(self.driver, asked, facts, explain=self.watcher.explains_modes)
        plan = tuning.make_plan()
        self._keep(facts=facts, plan=plan, baseline=tuning.baseline, space=tuning.space, modes=tuning.decided.told)
        self.watcher.modes(tuning.decided.told, tuning.decided.reason)
        self.watcher.planned(plan, facts)
        self.stream.begin(self.record)
        self._keep(noise=tuning.noise())
        self._write()
        tuning.search()
        self._keep(findings=tuple(tuning.judge_search()), space=tuning.space)
        self._write()
        contenders, evidence, pairs = self._compared(tuning)
        tested, shown = tuning.test(pairs, self.folder, f"{self.folder.name} {self.record.created}")
        self.driver.begin("report")
        self._decided(evidence, contenders, tested)
        side = pairs[1::2] if self.record.adopted else [*pairs[0::2], self.driver.ledger.trials[0]]
        shipped = next((t for t in side if t.status == "finished"), None)
        if shipped is not None:
            self._shipped(tuning, ref, shipped, is_tested=shipped in shown)
        self._keep(status="finished")
        self._keep(verdict=verdict(read(self.record)).sentence)  # the sentence depends on the status
        self._write()
        self.driver.write("end", {"adopted": self.record.adopted})
        self.driver.journal.sync()

    def _compared(self, tuning: Tuning) -> tuple[list[Contender], list[Evidence], list[Trial]]:
        """Confirmation, the final comparison with its pairs, and what is shipped out of fold."""
        contenders, evidence = tuning.confirm()
        pairs: list[Trial] = []
        if contenders:
            deciding, pairs = tuning.decide(contenders[0])
            evidence = [deciding, *evidence]
        winner = contenders[0].trial if evidence and evidence[0].verdict == "adopted" else None
        gathered = tuning.out_of_fold(pairs, winner, self.folder.evaluations)
        if gathered is not None:
            self._keep(folds=gathered.report)
            self.out_of_fold, self.of_single_models = gathered.arrays, gathered.single
        return contenders, evidence, pairs

    def _shipped(self, tuning: Tuning, ref: TaskRef, shipped: Trial, *, is_tested: bool) -> None:
        """best/, train.py, and what is to be told of the shipped model."""
        facts, evaluations = tuning.facts, self.folder.evaluations
        if facts.kind == "binary" and not facts.measured:
            told = tuning.decision(shipped, evaluations, is_tested=is_tested, folds=self.of_single_models)
            self._keep(decision=told)
        self._ship(shipped, facts)
        if not facts.num_reports:
            self._keep(script=self._script(ref, shipped, facts))
        if is_tested:
            self._keep(**held_out.pictures(evaluations, shipped, facts.num_outputs))

    # ---------------------------------------------------------------------------------------------- pieces

    def _keep(self, **changes: Any) -> None:
        self.record = msgspec.structs.replace(self.record, **changes)

    def _write(self) -> None:
        """run.json and report.html as things stand."""
        ledger = self.driver.ledger
        facts, plan = self.record.facts, self.record.plan
        if facts is not None and plan is not None:
            trials = [ledger.trials[i] for i in sorted(ledger.trials)]
            self._keep(history=history_of(facts.metric, plan, trials))
        self._keep(used=tuple(ledger.used[key] for key in sorted(ledger.used)))
        self._keep(spent={**ledger.spent, ledger.phase: self._spent_now()})
        self.folder.write_run(self.record)
        write_text_atomic(self.folder.report, render(self.record))

    def _end_stream(self) -> None:
        """The sinks get the end of the run; what went wrong with them is said in its documents."""
        if faults := self.stream.close(self.record):
            self._keep(findings=(*self.record.findings, *faults))
            with contextlib.suppress(RunFolderError):  # the documents without it stay whole
                self.folder.write_run(self.record)
                write_text_atomic(self.folder.report, render(self.record))

    def _spent_now(self) -> float:
        ledger = self.driver.ledger
        return ledger.spent.get(ledger.phase, 0.0) + self.driver.elapsed_s() - ledger.t

    def _decided(
        self, evidence: Sequence[Evidence], contenders: Sequence[Contender], tested: HeldOutResult | None
    ) -> None:
        """What the evidence says."""
        noise = self.record.noise
        assert noise is not None
        deciding = evidence[0] if evidence else None
        adopted = deciding is not None and deciding.verdict == "adopted"
        winner = contenders[0].trial if contenders else None
        fresh = deciding.baseline if deciding else ()
        base_score = estimate(fresh) if fresh else noise.estimate
        best_score = estimate(deciding.candidate) if adopted and deciding else base_score
        self._keep(
            evidence=tuple(evidence),
            adopted=adopted,
            best=winner.recipe if adopted and winner else self.record.baseline,
            best_config=winner.config if adopted and winner else {},
            baseline_score=base_score,
            best_score=best_score,
            search_score=winner.last.score if winner and winner.last else math.nan,
            test=tested,
        )

    def _script(self, ref: TaskRef, shipped: Trial, facts: Facts) -> str:
        """Write train.py; its name, or why there is none. Nothing that the script needs may end a run."""
        task, score = find_task(ref), self.record.best_score
        assert score is not None
        try:
            reason = standalone.write(
                self.folder.path, task, trial=shipped, facts=facts, score=score, seed=self.asked.seed
            )
        except (LuthierError, OSError, MemoryError) as error:
            reason = str(error) or "too little memory"
        return reason or standalone.SCRIPT

    def _ship(self, trial: Trial, facts: Facts) -> None:
        """best/: the model of the first fresh seed that came to its end, not the best of several."""
        score = self.record.best_score
        if facts.num_reports:
            left = self.folder.trials / f"{trial.id:05d}" / "checkpoint"
            write_best_program(self.folder, left, trial.recipe, _about(facts, score.score if score else math.nan))
            return
        stored = self.driver.ledger.stored[trial.id]
        snapshot = read_snapshot(self.folder.snapshots / stored.file, stored.checksum)
        weights = {name: a for name, a in evaluated(snapshot).items() if not name.startswith(NOT_SHIPPED)}
        about = _about(facts, score.score if score else math.nan)
        decision = self.record.decision
        if decision is not None and decision.applied:
            about = msgspec.structs.replace(about, threshold=decision.threshold)
        write_best(self.folder, weights, trial.recipe, about, out_of_fold=self.out_of_fold)


def _about(facts: Facts, score: float) -> About:
    return About(
        metric=facts.metric,
        score=score,
        inputs=facts.num_inputs,
        outputs=facts.num_outputs,
        framework=facts.framework,
        engine=facts.engine,
        labels=facts.labels,
        versions=facts.versions,
        source=facts.source,
        table=facts.preparation.table if facts.preparation else {},
        spec=facts.spec,
        whole=facts.whole,
        loss=facts.loss,
    )


def _examined_s(budget: str) -> float:
    asked = parse_budget(budget)
    return min(EXAMINED_S, EXAMINED_SHARE * asked.amount) if asked.unit == "seconds" else EXAMINED_S
