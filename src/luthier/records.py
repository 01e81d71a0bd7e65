"""What luthier knows, as plain frozen data: every record goes to JSON and back without loss.

A record never holds an array, a model or a function. A number that can be better or worse is a *score* in the
units of its metric; `Metric.utility` turns it into "larger is better" for those who compare.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any, Literal

from luthier.codec import Record
from luthier.findings import DecisionReport, Finding, FoldsReport, PreparationReport
from luthier.recipe import Recipe
from luthier.space import Config, Space


class Metric(Record, frozen=True, kw_only=True):
    """What is compared: a name and a direction."""

    name: str
    greater_is_better: bool

    def utility(self, score: float) -> float:
        """The score as "larger is better"; a score that is not a number is the worst possible."""
        if math.isnan(score):
            return -math.inf
        return score if self.greater_is_better else -score


# ------------------------------------------------------------------------------------------ what was trained

Status = Literal["waiting", "running", "paused", "stopped", "finished", "diverged", "failed"]
"""waiting: known, no step taken. paused: at a rung, may go on. stopped: given up by a decision. finished: all
steps taken. diverged: a loss was not finite; a result, the worst one. failed: a fault of the code or machine."""
Phase = Literal["noise", "search", "fold", "confirm", "final"]  # fold: the search's, on another fold
DONE: frozenset[str] = frozenset({"stopped", "finished", "diverged", "failed"})


class Point(Record, frozen=True, kw_only=True):
    """One report of a trial: the state after `step` optimizer steps.

    `fraction` is step / all steps of the trial's own schedule; losses are means over examples (`train_loss`
    since the report before); `score` is the metric on the validation rows; `seconds` is training time so far.
    """

    step: int
    fraction: float
    train_loss: float
    val_loss: float
    score: float
    train_score: float = math.nan
    grad_norm: float = math.nan  # median since the report before
    seconds: float = 0.0


class Cost(Record, frozen=True, kw_only=True):
    """What a trial used; `latency_s` is that of a prediction of one row (NaN: not measured)."""

    seconds: float = 0.0
    peak_bytes: int = 0
    num_parameters: int = 0
    latency_s: float = math.nan


class Trial(Record, frozen=True, kw_only=True):
    """One configuration being trained.

    Args:
        id: position in the run; trial 0 is the baseline.
        config: what differs from the baseline; empty for the baseline itself.
        seed: initialisation, order and dropout. `split_seed`: which rows are validation rows.
        fold_of: the trial of which this is the same configuration and seed, on another fold (`luthier.folds`).
        origin: where the configuration came from: baseline, known, halton, model, optuna-tpe ...
        mode, P: execution mode and width in which it trains; a resumed trial goes on in the same.
        rung: how many rungs it has reached (0: none yet). `num_steps`: of its whole schedule.
        step: steps taken so far.
    """

    id: int
    phase: Phase
    config: Config
    recipe: Recipe
    seed: int
    split_seed: int
    num_steps: int
    fold_of: int | None = None
    origin: str = "baseline"
    mode: str = "loop"
    P: int = 1
    status: Status = "waiting"
    rung: int = 0
    step: int = 0
    curve: tuple[Point, ...] = ()
    cost: Cost = Cost()
    error: str = ""

    @property
    def last(self) -> Point | None:
        """The latest report."""
        return self.curve[-1] if self.curve else None

    def at(self, fraction: float) -> Point | None:
        """The report at this fraction of the trial's own schedule (within half a step), if reached."""
        return next((p for p in reversed(self.curve) if abs(p.fraction - fraction) <= 0.5 / self.num_steps), None)


class History(Record, frozen=True, kw_only=True):
    """All trials of a run in the order of their ids, with what is needed to compare them."""

    metric: Metric
    rungs: tuple[float, ...] = (1.0,)  # fractions of a trial's own schedule, rising, the last is 1
    trials: tuple[Trial, ...] = ()
    structural: tuple[str, ...] = ()  # settings whose values trials share: their n counts variants, not trials

    def search(self) -> list[Trial]:
        """The trials that the search may learn from: its own, and the first baseline run."""
        return [t for t in self.trials if t.phase == "search" or t.id == 0]

    def utility(self, trial: Trial, rung: int | None = None) -> float | None:
        """Score, larger is better, at a rung (1-based) or at the end; None where it is not known yet.

        A diverged trial has the utility -inf at every rung that it did not reach.
        """
        fraction = self.rungs[rung - 1] if rung else 1.0
        point = trial.at(fraction)
        if point is not None:
            return self.metric.utility(point.score)
        return -math.inf if trial.status == "diverged" else None

    def capped(self, trials: Iterable[Trial], rung: int | None = None) -> list[tuple[Trial, float]]:
        """(trial, utility) of those known at the rung; diverged ones at the worst feasible utility.

        Removing them, or leaving them at -inf, misleads models of the response (`playbook.boundaries`).
        """
        known = [(t, u) for t in trials if (u := self.utility(t, rung)) is not None]
        worst = min((u for _, u in known if math.isfinite(u)), default=0.0)
        return [(t, u if math.isfinite(u) else worst) for t, u in known]


# --------------------------------------------------------------------------------------- what is shown by it

Verdict = Literal["adopted", "rejected", "not shown"]


class Change(Record, frozen=True, kw_only=True):
    """What differs from which recipe: the unit of the ledger.

    `settings` maps each setting to (value in the base, value now).
    """

    name: str
    kind: str  # "settings" for a tuned configuration; later also mends and moves
    base: str  # digest of the recipe that it starts from
    settings: dict[str, tuple[Any, Any]] = {}
    trial: int | None = None


class Estimate(Record, frozen=True, kw_only=True):
    """A mean with its two-sided 95 % Student-t interval over n seeds; NaN ends where n < 2."""

    score: float
    interval: tuple[float, float] = (math.nan, math.nan)
    n: int = 0
    sd: float = math.nan


class Evidence(Record, frozen=True, kw_only=True):
    """A paired experiment: candidate against baseline on the same seeds and splits, larger is better.

    Args:
        test: the test, named before the runs.
        n: number of pairs; `required` is the number that the rule asks for.
        difference: mean utility difference candidate - baseline with its two-sided 95 % interval.
        lower: one-sided 95 % lower bound of the difference; adoption needs `lower > price`.
        p_better: estimated probability that the candidate beats the baseline on one more seed.
        price: declared price of complexity, in units of the metric.
        over: what the interval is an interval of.
        seeds, candidate, baseline: the seeds and the scores, pair by pair.
        optimism: score that selection saw less the fresh score, in utility.
        detectable: the smallest true difference that n pairs show with 80 % power; NaN if not known.
        missing: what is lacking for a conclusion ("about 3 more minutes"), empty where nothing is.
    """

    change: Change
    test: str
    verdict: Verdict
    n: int
    required: int
    difference: Estimate
    lower: float
    p_better: float = math.nan
    price: float = 0.0
    over: str = ""
    seeds: tuple[int, ...] = ()
    candidate: tuple[float, ...] = ()
    baseline: tuple[float, ...] = ()
    optimism: float = math.nan
    detectable: float = math.nan
    missing: str = ""


class Noise(Record, frozen=True, kw_only=True):
    """How much the baseline's score moves with the seed alone, and what that lets the run show."""

    estimate: Estimate
    scores: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()
    detectable: float = math.nan  # smallest difference that the final comparison shows with 80 % power


class HeldOutResult(Record, frozen=True, kw_only=True):
    """The untouched test rows, looked at once: both models on the same rows.

    `difference` is candidate - baseline in utility with a paired bootstrap interval over rows (n = rows).
    `looks` counts how often these rows have been looked at, this time included; `rows_hash` names them.
    """

    baseline: Estimate
    candidate: Estimate
    difference: Estimate
    looks: int
    rows_hash: str
    method: str = ""


class RunPlan(Record, frozen=True, kw_only=True):
    """What the budget is spent on, decided before the start.

    Args:
        unit: "seconds" or "trials"; `total` of it in all.
        split: what each phase gets, in the same unit: open, noise, search, confirm, final, report.
        num_noise: baseline runs before the search. `num_top` x `num_fresh`: confirmation of the best few.
        num_final: pairs of the final comparison; `required_final` is what adoption asks for.
        rungs: fractions of a schedule at which trials are compared; `eta`: one in eta goes on.
        lag: a decision sees the results of all jobs but the last `lag` ones before it.
        seed: of the run; every other seed follows from it.
        structural: settings that change shapes or modules, drawn in cohorts; `cohort`: trials that share a draw
            of them, so that they can train in one program (1: every trial has its own).
        mode, slots: how the search trains, and how many trials side by side in one program; all else trains in the
            reference mode, one by one. `speedup`: rows a second of a full program over those of the reference, as
            measured.
    """

    unit: Literal["seconds", "trials"]
    total: float
    split: dict[str, float]
    num_noise: int
    num_top: int
    num_fresh: int
    num_final: int
    required_final: int = 6
    rungs: tuple[float, ...] = (1.0,)
    eta: int = 3
    lag: int = 4
    num_reports: int = 18
    num_workers: int = 2
    seed: int = 0
    alpha: float = 0.05
    price: float = 0.0
    sampler: str = "auto"
    note: str = ""
    structural: tuple[str, ...] = ()
    cohort: int = 1
    mode: str = "loop"
    slots: int = 1
    speedup: float = 1.0


class ModeSpeed(Record, frozen=True, kw_only=True):
    """An execution mode on this model: training rows a second of P slots together, or why it does not take it.

    `rows_per_s` is NaN where it was refused or only checked.
    """

    mode: str
    P: int = 1
    rows_per_s: float = math.nan
    peak_bytes: int = 0
    refused: str = ""


class Used(Record, frozen=True, kw_only=True):
    """What the programs of one mode and width did, all workers together.

    Args:
        steps: optimizer steps of single models; `slot_steps`: those that there was room for, P a step of a program.
        refills, refill_s: how often a trial was put into a slot, and the seconds that this took in all.
    """

    mode: str
    P: int = 1
    steps: int = 0
    slot_steps: int = 0
    refills: int = 0
    refill_s: float = 0.0


class Facts(Record, frozen=True, kw_only=True):
    """What a worker found when it opened the task: sizes, names, speed."""

    task: str
    kind: str  # binary | multiclass | multilabel | regression | own: no targets
    metric: Metric
    framework: str
    engine: str
    mode: str
    num_train: int
    num_val: int
    num_test: int
    num_inputs: int
    num_outputs: int
    num_parameters: int
    labels: tuple[str, ...] = ()
    test_hash: str = ""
    step_s: float = math.nan
    eval_s: float = math.nan
    constant_score: float = math.nan  # of the best constant prediction, or the untrained model, on validation rows
    versions: dict[str, str] = {}
    device: str = ""
    source: dict[str, str] = {}  # file, module, name, digest of the builder
    findings: tuple[Finding, ...] = ()
    splits: int = 0  # into training and validation rows: 0: a fresh one for each seed; 1: one; more: folds
    preparation: PreparationReport | None = None  # of a table
    spec: dict[str, Any] = {}  # what models are built for (luthier.DataSpec); `loss` is what is minimised
    whole: bool = False  # do models take whole numbers as such?
    loss: str = ""
    measured: bool = False  # is the metric what a function of one's own returns?
    num_reports: int = 0  # of a program of one's own: what a whole run of its baseline reports; 0: a task

    @property
    def num_folds(self) -> int:
        """On how many folds a configuration is judged; 1: on one split."""
        return max(self.splits, 1)


class Progress(Record, frozen=True, kw_only=True):
    """Where a run stands, for those who watch: counts of trials by status, best so far, speed, time left."""

    phase: str  # open | noise | search | confirm | final | test | report
    running: int = 0
    paused: int = 0
    stopped: int = 0
    finished: int = 0
    diverged: int = 0
    failed: int = 0
    baseline: float = math.nan  # score of trial 0
    best: float = math.nan  # best complete score of the search
    steps_per_s: float = 0.0
    elapsed_s: float = 0.0
    left_s: float = math.nan  # NaN where the budget counts trials
    trials_left: int | None = None


class RunRecord(Record, frozen=True, kw_only=True):
    """`run.json`: everything that a report or a later reader needs, rewritten as the run goes on."""

    name: str
    created: str  # ISO 8601, UTC
    command: str
    task: dict[str, Any]
    space: Space
    baseline: Recipe
    facts: Facts | None = None
    plan: RunPlan | None = None
    noise: Noise | None = None
    evidence: tuple[Evidence, ...] = ()  # the first is the one that decides
    best: Recipe | None = None
    best_config: Config = {}
    adopted: bool = False
    baseline_score: Estimate | None = None
    best_score: Estimate | None = None
    search_score: float = math.nan
    test: HeldOutResult | None = None
    folds: FoldsReport | None = None  # of the shipped recipe, where each configuration was trained on K folds
    decision: DecisionReport | None = None  # of a shipped model of two classes
    script: str = ""  # "train.py" where it was written, else why not
    findings: tuple[Finding, ...] = ()
    modes: tuple[ModeSpeed, ...] = ()  # as measured before the search
    used: tuple[Used, ...] = ()
    spent: dict[str, float] = {}  # seconds by phase
    environment: dict[str, str] = {}
    status: Literal["running", "interrupted", "finished", "failed"] = "running"
    verdict: str = ""
    history: History | None = None
    confusion: tuple[tuple[int, ...], ...] = ()  # for the pictures: [true class][predicted class] on the test rows
    residuals: tuple[tuple[float, float], ...] = ()  # (true, predicted), at most 1,000 rows


def derive_seed(seed: int, *path: str | int) -> int:
    """An independent seed for each place in a run: SHA-256 of the run's seed and the path, 31 bits.

    >>> derive_seed(0, "confirm", 1) == derive_seed(0, "confirm", 1)
    True
    """
    text = "/".join(str(part) for part in (seed, *path))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
