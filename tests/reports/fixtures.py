"""Records of runs that were never trained: drawn from a small model of how scores move, the same each time.

`RECORDS` holds them by name; `renew.py` writes the snapshots of the terminal texts from three of them.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from typing import Any

import msgspec

from luthier import stats
from luthier.codec import digest
from luthier.recipe import Recipe
from luthier.records import (
    Change,
    Cost,
    Estimate,
    Evidence,
    Facts,
    Finding,
    HeldOutResult,
    History,
    Metric,
    Noise,
    Point,
    RunPlan,
    RunRecord,
    Trial,
    derive_seed,
)
from luthier.space import Choice, Float, Int, Space

RUNGS = (1 / 9, 1 / 3, 1.0)
ACCURACY = Metric(name="accuracy", greater_is_better=True)
ERROR = Metric(name="mse", greater_is_better=False)
BASELINE = Recipe(lr=1e-3, weight_decay=0.01, model={"width": 64, "dropout": 0.1})
SPACE = Space(
    {
        "optimizer": Choice(("adamw", "sgd")),
        "adamw.lr": Float(1e-4, 3e-2, log=True, when={"optimizer": ["adamw"]}),
        "sgd.lr": Float(1e-3, 1.0, log=True, when={"optimizer": ["sgd"]}),
        "weight_decay": Float(1e-5, 0.3, log=True),
        "label_smoothing": Float(0.0, 0.2),
        "width": Int(16, 256, log=True),
        "dropout": Float(0.0, 0.5),
    }
)
SEED_SD = 0.004
OVER = "seeds (initialisation, order, dropout) and splits into training and validation rows"
TEST = "one-sided paired t-test, alpha 0.05: lower bound of the mean difference above 0, on 6 fresh seeds"


def quality(recipe: Recipe) -> float:
    """True accuracy of a recipe: a hill in log lr, weight decay and width."""
    peak = -2.3 if recipe.optimizer == "adamw" else -0.9
    miss = (math.log10(recipe.lr) - peak) ** 2
    size: float = math.log2(recipe.model.get("width", 64) / 160)
    drop = float(recipe.model.get("dropout", 0.1)) - 0.2
    decay = math.log10(max(recipe.weight_decay, 1e-6)) + 2
    return 0.978 - 0.022 * miss - 0.002 * size**2 - 0.04 * drop**2 - 0.001 * decay**2


def diverges(recipe: Recipe) -> bool:
    """Learning rates near the upper edge blow up."""
    return recipe.lr > (0.022 if recipe.optimizer == "adamw" else 0.85)


def score(metric: Metric, accuracy: float) -> float:
    """The same run under either metric."""
    return accuracy if metric.greater_is_better else 140.0 * (1.02 - accuracy)


class Trainer:
    """Makes trials with curves; `seed` fixes everything."""

    def __init__(self, metric: Metric = ACCURACY, baseline: Recipe = BASELINE, seed: int = 7, num_points: int = 18):
        self.metric, self.baseline, self.rng, self.num_points = (
            metric,
            baseline,
            random.Random(seed),
            num_points,
        )
        self.trials: list[Trial] = []

    def train(
        self, config: dict[str, Any], phase: Any, until: float = 1.0, *, seed: int = 0, status: str = ""
    ) -> Trial:
        """One trial up to a fraction of its schedule."""
        recipe, rng = self.baseline.with_config(config), self.rng
        number, num_steps = len(self.trials), 720
        top, own = quality(recipe), rng.gauss(0, SEED_SD)
        blown = rng.uniform(0.05, 0.3) if diverges(recipe) else 2.0
        last = min(until + 1e-9, blown)
        fractions = [f for i in range(1, self.num_points + 1) if (f := i / self.num_points) <= last]
        points = [self.point(f, top + own, num_steps) for f in fractions]
        done = "diverged" if blown <= until else "finished" if until >= 1 else "stopped"
        width = recipe.model.get("width", 64)
        trial = Trial(
            id=number,
            phase=phase,
            config=config,
            recipe=recipe,
            seed=derive_seed(seed, phase, number),
            split_seed=seed,
            num_steps=num_steps,
            origin="prior" if number else "baseline",
            status=status or done,  # type: ignore[arg-type]
            rung=sum(1 for r in RUNGS if points and points[-1].fraction >= r - 1e-9),
            step=points[-1].step if points else 0,
            curve=tuple(points),
            cost=Cost(
                seconds=1.7 * min(until, blown) * (1 + width / 600),
                peak_bytes=310_000_000 + 4000 * width,
                num_parameters=width * (64 + width + 10),
                latency_s=0.00011 + 4e-7 * width,
            ),
        )
        self.trials.append(trial)
        return trial

    def point(self, fraction: float, accuracy: float, num_steps: int) -> Point:
        """One report: the score rises towards the trial's own accuracy."""
        accuracy += self.rng.gauss(0, 0.0015) - 0.3 * math.exp(-fraction * 9) - 0.02 * (1 - fraction)
        return Point(
            step=round(num_steps * fraction),
            fraction=fraction,
            train_loss=0.02 + math.exp(-4 * fraction),
            val_loss=0.1 + math.exp(-4 * fraction),
            score=round(score(self.metric, accuracy), 5),
            train_score=score(self.metric, min(accuracy + 0.012, 1.0)),
            grad_norm=1.0,
            seconds=1.7 * fraction,
        )

    def config(self, space: Space = SPACE) -> dict[str, Any]:
        """A random configuration of a space."""
        return space.decode([self.rng.random() for _ in space])  # type: ignore[arg-type]

    def search(self, num: int, space: Space = SPACE) -> None:
        """Successive halving in spirit: one in three goes on."""
        for _ in range(num):
            config = self.config(space)
            good = quality(self.baseline.with_config(config))
            self.train(config, "search", 1.0 if good > 0.966 else 1 / 3 if good > 0.945 else 1 / 9)


def estimate(values: list[float]) -> Estimate:
    """Mean with its t-interval."""
    found = stats.mean_interval(values)
    return Estimate(score=found.mean, interval=(found.low, found.high), n=found.n, sd=found.sd)


def evidence(trainer: Trainer, winner: Trial, num: int, required: int = 6, *, deciding: bool = True) -> Evidence:
    """The paired experiment, with its own trials."""
    phase = "final" if deciding else "confirm"
    pairs = [(trainer.train({}, phase, seed=i), trainer.train(winner.config, phase, seed=i)) for i in range(num)]
    base, best = [p[0].curve[-1].score for p in pairs], [p[1].curve[-1].score for p in pairs]
    utility = trainer.metric.utility
    differences = [utility(b) - utility(a) for a, b in zip(base, best, strict=True)]
    found, lower = estimate(differences), stats.paired_lower(differences)
    enough = deciding and num >= required
    worse = num >= 2 and found.interval[1] < 0
    settings = trainer.baseline.differs(winner.recipe)
    return Evidence(
        change=Change(
            name=", ".join(settings),
            kind="settings",
            base=digest(trainer.baseline),
            settings=settings,
            trial=winner.id,
        ),
        test=TEST if deciding else "selection: mean of search and fresh scores; not a test",
        verdict="adopted" if enough and lower > 0 else "rejected" if worse else "not shown",
        n=num,
        required=required,
        difference=found,
        lower=lower,
        p_better=stats.prob_better(differences),
        over=OVER,
        seeds=tuple(p[0].seed for p in pairs),
        candidate=tuple(best),
        baseline=tuple(base),
        optimism=utility(winner.curve[-1].score) - statistics.fmean(map(utility, best)) if best else math.nan,
        detectable=stats.detectable(found.sd, num),
        missing="" if enough or not deciding else f"about {required - num} more pairs of runs (3 more minutes)",
    )


def facts(metric: Metric, **changes: Any) -> Facts:
    """What a worker says of the digits."""
    made = Facts(
        task="digits",
        kind="multiclass",
        metric=metric,
        framework="torch",
        engine="torch",
        mode="loop",
        num_train=1149,
        num_val=288,
        num_test=360,
        num_inputs=64,
        num_outputs=10,
        num_parameters=8842,
        labels=tuple(str(d) for d in range(10)),
        test_hash="3f9a6c01d2aa",
        step_s=0.0011,
        eval_s=0.004,
        constant_score=score(metric, 0.104),
        versions={"python": "3.12.4", "torch": "2.13.0", "numpy": "2.3.1"},
        device="cpu",
    )
    return msgspec.structs.replace(made, **changes)


def plan(unit: Any = "seconds", total: float = 300.0, **changes: Any) -> RunPlan:
    """A plan for five minutes."""
    split = {"open": 2.0, "noise": 10.0, "search": 160.0, "confirm": 70.0, "final": 50.0, "report": 8.0}
    made = RunPlan(
        unit=unit,
        total=total,
        split=split,
        num_noise=5,
        num_top=5,
        num_fresh=4,
        num_final=6,
        rungs=RUNGS,
        seed=0,
        sampler="own",
        num_workers=2,
    )
    return msgspec.structs.replace(made, **changes)


def best_of(trainer: Trainer) -> Trial:
    """The best finished trial of the search."""
    done = [t for t in trainer.trials if t.phase == "search" and t.status == "finished"]
    return max(done, key=lambda t: trainer.metric.utility(t.curve[-1].score))


def on_test(metric: Metric, base: float, best: float, n: int = 360) -> HeldOutResult:
    """Two scores on the test rows."""
    half = 0.012 * (1 if metric.greater_is_better else 140)
    gain = metric.utility(best) - metric.utility(base)
    return HeldOutResult(
        baseline=Estimate(score=base, interval=(base - half, base + half), n=n),
        candidate=Estimate(score=best, interval=(best - 0.8 * half, best + 0.8 * half), n=n),
        difference=Estimate(score=gain, interval=(gain - 0.6 * half, gain + 0.6 * half), n=n),
        looks=1,
        rows_hash="3f9a6c01d2aa",
        method="paired bootstrap over 360 test rows, mean over 6 trained models a side",
    )


FINDINGS = (
    Finding(
        code="P18",
        title="Optimum near an edge of the space",
        number=0.93,
        threshold=0.9,
        n=12,
        text="The best values of width lie in the upper tenth of 16..256.",
        remedy="Widen width to 16..512.",
        severity="warning",
    ),
    Finding(
        code="D03",
        title="Rows that appear twice",
        number=math.nan,
        threshold=math.nan,
        n=0,
        text="Unknown: 0 rows were compared, the rule needs 100.",
    ),
)


def record(trainer: Trainer, deciding: Evidence | None, **changes: Any) -> RunRecord:
    """A run's record around what was trained."""
    made = RunRecord(
        name="digits",
        created="2026-03-14T09:26:53Z",
        command="luthier tune digits --budget 5min --seed 0",
        task={"name": "digits"},
        space=SPACE,
        baseline=trainer.baseline,
        facts=facts(trainer.metric),
        plan=plan(),
        evidence=(deciding,) if deciding else (),
        findings=FINDINGS,
        spent={
            "open": 2.1,
            "noise": 9.4,
            "search": 163.0,
            "confirm": 61.2,
            "final": 44.9,
            "test": 0.6,
            "report": 0.9,
        },
        environment={"processor": "2 cores, x86_64", "memory": "8 GiB", "system": "Linux 6.8"},
        status="finished",
        history=History(metric=trainer.metric, rungs=RUNGS, trials=tuple(trainer.trials)),
    )
    return msgspec.structs.replace(made, **changes)


def noise(trainer: Trainer, num: int = 5) -> Noise:
    """The baseline on several seeds; its first run is trial 0."""
    runs = [trainer.train({}, "noise", seed=i) for i in range(num)]
    scores = [t.curve[-1].score for t in runs]
    found = estimate(scores)
    return Noise(
        estimate=found,
        scores=tuple(scores),
        seeds=tuple(t.seed for t in runs),
        detectable=stats.detectable(math.sqrt(2) * found.sd, 6),
    )


def full(trainer: Trainer, num_trials: int, pairs: int = 6, **changes: Any) -> RunRecord:
    """Noise, search, confirmation, final comparison, test rows."""
    measured = noise(trainer)
    trainer.search(num_trials)
    winner = best_of(trainer)
    ranked = sorted(
        (t for t in trainer.trials if t.phase == "search" and t.status == "finished" and t is not winner),
        key=lambda t: -trainer.metric.utility(t.curve[-1].score),
    )
    others = [evidence(trainer, t, 4, 4, deciding=False) for t in ranked[:3]]
    deciding = evidence(trainer, winner, pairs)
    base, best = estimate(list(deciding.baseline)), estimate(list(deciding.candidate))
    adopted = deciding.verdict == "adopted"
    made = record(
        trainer,
        None,
        noise=measured,
        evidence=(deciding, *others),
        best=winner.recipe if adopted else trainer.baseline,
        best_config=winner.config if adopted else {},
        adopted=adopted,
        baseline_score=base,
        best_score=best if adopted else base,
        search_score=winner.curve[-1].score,
        test=on_test(trainer.metric, base.score - 0.004, best.score - 0.005),
    )
    return msgspec.structs.replace(made, **changes)


def confusion(num: int, seed: int = 3) -> tuple[tuple[int, ...], ...]:
    """Counts with a few confusions."""
    rng = random.Random(seed)
    rows = [[36 if i == j else int(rng.random() < 0.08) * rng.randint(1, 4) for j in range(num)] for i in range(num)]
    return tuple(map(tuple, rows))


def adopted() -> RunRecord:
    """40 trials with rungs, two diverged at least, a clear gain."""
    trainer = Trainer()
    made = full(trainer, 38, confusion=confusion(10))
    for lr in (0.027, 0.029):
        trainer.train(
            {
                "optimizer": "adamw",
                "adamw.lr": lr,
                "weight_decay": 0.01,
                "label_smoothing": 0.05,
                "width": 64,
                "dropout": 0.1,
            },
            "search",
        )
    history = History(metric=ACCURACY, rungs=RUNGS, trials=tuple(trainer.trials))
    return msgspec.structs.replace(made, history=history)


def kept() -> RunRecord:
    """The baseline is as good as it gets: the candidate is worse."""
    good = Recipe(lr=5e-3, weight_decay=0.01, model={"width": 160, "dropout": 0.2})
    trainer = Trainer(baseline=good, seed=11)
    made = full(trainer, 24, confusion=confusion(10))
    worse = trainer.train({"optimizer": "adamw", "adamw.lr": 4e-4, "dropout": 0.45}, "search")
    lost = evidence(trainer, worse, 6)
    base, best = estimate(list(lost.baseline)), estimate(list(lost.candidate))
    history = History(metric=ACCURACY, rungs=RUNGS, trials=tuple(trainer.trials))
    return msgspec.structs.replace(
        made,
        evidence=(lost, *made.evidence[1:]),
        adopted=False,
        baseline_score=base,
        best_score=base,
        best=good,
        best_config={},
        search_score=worse.curve[-1].score,
        history=history,
        test=on_test(ACCURACY, base.score, best.score),
    )


def not_shown() -> RunRecord:
    """A budget of 12 trials: two pairs, one noise run."""
    trainer = Trainer(seed=5)
    trainer.train({}, "noise")
    trainer.search(7)
    winner = best_of(trainer)
    deciding = evidence(trainer, winner, 2)
    base, best = estimate(list(deciding.baseline)), estimate(list(deciding.candidate))
    note = "The budget pays for 2 of the 6 pairs that adoption asks for: that needs about 26 trials more."
    small = plan(
        "trials",
        12.0,
        split={"open": 0.0, "noise": 1.0, "search": 7.0, "confirm": 0.0, "final": 4.0, "report": 0.0},
        num_noise=1,
        num_top=0,
        num_fresh=0,
        num_final=2,
        note=note,
    )
    first = trainer.trials[0].curve[-1].score
    return record(
        trainer,
        deciding,
        plan=small,
        noise=Noise(estimate=Estimate(score=first, n=1), scores=(first,), seeds=(0,)),
        best=trainer.baseline,
        baseline_score=base,
        best_score=base,
        spent={"noise": 1.9, "search": 9.0, "final": 7.0},
        search_score=winner.curve[-1].score,
        test=on_test(ACCURACY, base.score, best.score),
    )


def interrupted() -> RunRecord:
    """Stopped in the middle of the search."""
    trainer = Trainer(seed=2)
    measured = noise(trainer)
    trainer.search(9)
    trainer.train(trainer.config(), "search", 1 / 3, status="paused")
    return record(
        trainer,
        None,
        noise=measured,
        status="interrupted",
        spent={"open": 2.0, "noise": 9.0, "search": 21.0},
        findings=(),
    )


def regression() -> RunRecord:
    """Smaller is better, residuals instead of a confusion."""
    rng = random.Random(4)
    trainer = Trainer(metric=ERROR, seed=13)
    true = [rng.gauss(150, 60) for _ in range(420)]
    made = full(trainer, 30, residuals=tuple((t, t * 0.9 + 15 + rng.gauss(0, 4 + 0.08 * abs(t))) for t in true))
    return msgspec.structs.replace(
        made,
        name="house prices",
        facts=facts(ERROR, task="prices", kind="regression", labels=(), num_outputs=1),
    )


def empty() -> RunRecord:
    """Failed before anything was known."""
    return RunRecord(
        name="broken",
        created="2026-03-14T09:26:53Z",
        command="luthier tune model.py:net --data x.csv --target y",
        task={},
        space=Space({}),
        baseline=Recipe(),
        status="failed",
        verdict="the baseline did not train: its loss was not finite at step 3 of 720",
    )


def huge() -> RunRecord:
    """10,000 trials."""
    trainer = Trainer(seed=17, num_points=9)
    made = full(trainer, 10_000)
    return msgspec.structs.replace(made, name="huge", confusion=confusion(300))


RECORDS: dict[str, Callable[[], RunRecord]] = {
    "adopted": adopted,
    "kept": kept,
    "not_shown": not_shown,
    "interrupted": interrupted,
    "regression": regression,
    "empty": empty,
    "huge": huge,
}
