"""How good is the search? Samplers and schedulers on recorded and modelled learning curves, at equal budgets.

    python benchmarks/search_quality.py [--data taskset lcbench] [--budgets 5 10 20] [--seeds 10] [--json out.json]

A budget is counted in full trainings; one worker. Every arm starts with the same baseline. Normalised regret of the
chosen configuration: 0 = the best of the pool (TaskSet: 1,000 recorded; LCBench: 400 random), 1 = its median. With
--noise a search sees losses with noise, and the regret is that of the loss without.
Tasks: TaskSet, and the first 24 LCBench tasks in numeric order, on which defaults may be chosen; the other ten
only with --held-out. The curves are found by LUTHIER_DATA, else at ../shared/data beside the checkout.
LCBench needs onnxruntime. --data fashion: one task with noise, modelled on curves recorded here (`fashion_curves`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from fashion_curves import BASELINE, NAME, SPACE, modelled  # beside this script
from luthier.recipe import Recipe
from luthier.records import History, Metric, Point, Trial, derive_seed
from luthier.search import Cohorts, Resume, Table, choose_rungs, fill, finish_top, next_segment, sampler
from luthier.space import Config, Float, Int, Space
from spaces import suggest  # beside this script

METRIC = Metric(name="loss", greater_is_better=False)
NUM_STEPS = 10_000  # of TaskSet; the rungs depend on the reports here


class Task(NamedTuple):
    """One tuning problem: `curve` gives the losses at reports 1..R and the configuration really tried; it notes in
    a set what a search has seen."""

    name: str
    space: Space
    baseline: Config
    optimizer: str
    curve: Callable[[Config, set[int]], tuple[Config, Any]]
    best: float
    median: float
    num_reports: int
    structural: tuple[str, ...] = ()  # what trials in one program would have to share
    noise: float = 0.0  # standard deviation of a loss, as a part of the distance from the best to the median

    def regret(self, loss: float) -> float:
        """0 at the best of the pool, 1 at its median; capped at 2."""
        return min(2.0, (loss - self.best) / (self.median - self.best)) if math.isfinite(loss) else 2.0

    def noisy(self, loss_R: Any, key: int) -> Any:
        """A curve as one training shows it: a quarter of the noise's variance is each report's own, the rest the
        run's."""
        if not self.noise:
            return loss_R
        rng = np.random.default_rng(key)
        error_R = 0.5 * rng.standard_normal(len(loss_R)) + math.sqrt(0.75) * rng.standard_normal()
        return loss_R + self.noise * (self.median - self.best) * error_R


# ------------------------------------------------------------------------------------------------- the tasks


def curves_module() -> Any:
    """`curves.py` of the data folder."""
    root = Path(os.environ.get("LUTHIER_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    spec = importlib.util.spec_from_file_location("curves", root / "curves.py")
    if spec is None or spec.loader is None or not (root / "curves.py").exists():
        raise SystemExit(f"no curves.py in {root}: set LUTHIER_DATA")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def taskset(module: Any) -> list[Task]:
    """The recorded RNN tasks. A proposal is answered by the nearest recorded configuration not yet asked for."""
    return [_taskset_task(module, name) for name in module.TaskSetNLP.tasks()]


def _taskset_task(module: Any, name: str) -> Task:
    data = module.TaskSetNLP(name)
    names = ["lr", "beta1", "beta2", "eps", "l1", "l2", "linear_decay", "exponential_decay"]
    low, high = data.X.min(axis=0), data.X.max(axis=0)
    space = Space(
        {n: Float(float(a), float(b), log=g) for n, a, b, g in zip(names, low, high, data.log, strict=True)}
    )
    configs = [dict(zip(names, map(float, row), strict=True)) for row in data.X]
    unit_ND = np.stack([space.encode(c) for c in configs])
    loss_NR = np.where(np.isfinite(data.curves["valid"]), data.curves["valid"], np.nan)

    def curve(config: Config, seen: set[int]) -> tuple[Config, Any]:
        for near in np.argsort(((unit_ND - space.encode(config)) ** 2).sum(axis=1)):
            if near not in seen:
                break
        seen.add(int(near))
        return configs[near], loss_NR[near]

    baseline = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8} | {n: space.domains[n].low for n in names[4:]}
    last = loss_NR[:, -1]
    return Task("taskset/" + name[27:], space, baseline, "adamw", curve,
                float(np.nanmin(last)), float(np.nanmedian(last)), loss_NR.shape[1])  # fmt: skip


def lcbench(module: Any, held_out: bool) -> list[Task]:
    """The surrogate's tasks: the first 24 by number, or the other ten."""
    names = sorted(module.YahpoLCBench.tasks(), key=int)
    return [_lcbench_task(module, name) for name in (names[24:] if held_out else names[:24])]


def _lcbench_task(module: Any, name: str) -> Task:
    data = module.YahpoLCBench(name)
    space = Space(
        {
            "batch_size": Int(16, 512, log=True),
            "lr": Float(1e-4, 1e-1, log=True),
            "momentum": Float(0.1, 0.99),
            "weight_decay": Float(1e-5, 1e-1),
            "num_layers": Int(1, 5),
            "max_units": Int(64, 1024, log=True),
            "dropout": Float(0.0, 1.0),
        }
    )

    def curve(config: Config, _seen: set[int]) -> tuple[Config, Any]:
        c = {"learning_rate" if k == "lr" else "max_dropout" if k == "dropout" else k: v for k, v in config.items()}
        return config, data.curve(c)[:, 2].astype(float)  # validation cross-entropy

    rng = np.random.default_rng(int(name))
    last = np.array([curve(space.decode(rng.random(len(space))), set())[1][-1] for _ in range(400)])
    baseline = {"batch_size": 64, "lr": 1e-2, "momentum": 0.9, "weight_decay": 1e-4, "num_layers": 3,
                "max_units": 256, "dropout": 0.2}  # fmt: skip
    return Task(
        "lcbench/" + name,
        space,
        baseline,
        "sgd",
        curve,
        float(last.min()),
        float(np.median(last)),
        52,
        structural=("batch_size", "num_layers", "max_units"),
    )


def fashion() -> list[Task]:
    """The model of curves recorded here, with their noise: one task."""
    found = modelled()

    def curve(config: Config, _seen: set[int]) -> tuple[Config, Any]:
        return config, found.losses(config)

    rng = np.random.default_rng(0)
    last = np.array([found.losses(SPACE.decode(rng.random(len(SPACE))))[-1] for _ in range(1000)])
    best, median = float(last.min()), float(np.median(last))
    noise = found.noise / (median - best)
    return [Task(NAME, SPACE, BASELINE, "adamw", curve, best, median, found.num_reports, noise=noise)]


# -------------------------------------------------------------------------------------------------- the arms


def ours(name: str, halving: bool, *, cohort: int = 1, by_score: bool = False) -> Callable[[Task, float, int], float]:
    """A sampler of luthier, with or without its scheduler; returns the final loss of the chosen configuration.

    `by_score`: trials go on by their scores at the rung, whatever the sampler's model holds possible of them.
    """

    def run(task: Task, budget: float, seed: int) -> float:
        study = Study(task, Cohorts(sampler(name), task.structural, cohort), halving, seed)
        study.by_score = by_score
        left = budget * task.num_reports
        while left > 0:
            left -= study.step(left)
        return study.chosen()

    return run


class Study:
    """A search on recorded curves, one job after another.

    With the scheduler, the last part of the budget trains the best paused trials to the end (`finish_top`), so
    that some are complete besides the baseline.
    """

    num_finish = 2
    by_score = False

    def __init__(self, task: Task, made: Cohorts, halving: bool, seed: int) -> None:
        self.task, self.seed, self.table = task, seed, Table()
        self.sampler = made
        rungs = choose_rungs(NUM_STEPS, task.num_reports) if halving else (1.0,)
        self.history = History(metric=METRIC, rungs=rungs)
        self.curves: dict[int, Any] = {}
        self.true: dict[int, float] = {}  # final loss without noise
        self.seen: set[int] = set()
        self._start(task.baseline, "baseline")

    def _start(self, config: Config, origin: str) -> Trial:
        tried, loss_R = self.task.curve(config, self.seen)
        number = len(self.history.trials)
        trial = Trial(
            id=number, phase="search", config={} if number == 0 else tried, origin=origin,
            recipe=Recipe(self.task.optimizer).with_config(_recipe_part(tried)),
            seed=derive_seed(self.seed, "trial", number), split_seed=0, num_steps=self.task.num_reports,
        )  # fmt: skip
        self.curves[number] = self.task.noisy(loss_R, derive_seed(self.seed, "noise", number))
        self.true[number] = float(loss_R[-1])
        self._set(trial)
        return trial

    def _set(self, trial: Trial) -> None:
        old = self.history.trials
        trials = (*old[: trial.id], trial, *old[trial.id + 1 :])
        self.history = msgspec.structs.replace(self.history, trials=trials)

    def step(self, left: float) -> float:
        """One job; returns what it cost, in reports. All that is left, where the job costs more."""
        if self.history.trials[0].status == "waiting":
            return self._advance(self.history.trials[0], left)
        bounds = {} if self.by_score else self.sampler.upper_bounds(self.task.space, self.history)
        last = self._last_jobs(left, bounds)
        if last:
            return self._advance(self.history.trials[last[0]], left, until=1.0)
        return self._advance(self._next(bounds), left)

    def _next(self, bounds: dict[int, float]) -> Trial:
        """The paused trial that goes on, or a new one."""
        action = fill(self.history, 1, table=self.table, upper_bounds=bounds)[0]
        if isinstance(action, Resume):
            return self.history.trials[action.trial]
        key = derive_seed(self.seed, "suggest", len(self.history.trials))
        return self._start(*self.sampler.suggest(self.task.space, self.history, key, 1)[0])

    def _last_jobs(self, left: float, bounds: dict[int, float]) -> list[int]:
        """The paused trials to train to the end, once the budget is just enough for that."""
        if len(self.history.rungs) == 1:
            return []
        num = self.task.num_reports
        due = finish_top(self.history, self.num_finish, table=self.table, upper_bounds=bounds)
        cost = self._time_of([num - self.history.trials[i].step for i in due])
        first = round(self.history.rungs[0] * num)
        return due if due and cost + first > left else []

    def _time_of(self, jobs: list[int]) -> int:
        """Of jobs of so many reports, one after another."""
        return sum(jobs)

    def _advance(self, trial: Trial, left: float, until: float | None = None) -> float:
        until = next_segment(self.history, trial) if until is None else until
        num = self.task.num_reports
        report, loss_R = round(until * num), self.curves[trial.id]
        if report - trial.step > left:
            return left
        fractions = [f for f in self.history.rungs if trial.step < round(f * num) <= report]
        new = tuple(
            Point(step=round(f * num), fraction=f, train_loss=math.nan, val_loss=loss, score=loss)
            for f in fractions
            if math.isfinite(loss := float(loss_R[round(f * num) - 1]))
        )
        diverged = len(new) < len(fractions)
        status = "diverged" if diverged else "finished" if report == num else "paused"
        self._set(msgspec.structs.replace(trial, curve=trial.curve + new, step=report, status=status))
        return report - trial.step

    def chosen(self) -> float:
        """The final loss of the best trial of the highest rung that any has reached."""
        for rung in range(len(self.history.rungs), 0, -1):
            known = [(u, -t.id) for t in self.history.trials if (u := self.history.utility(t, rung)) is not None]
            known = [entry for entry in known if math.isfinite(entry[0])]
            if known:
                return self.true[-max(known)[1]]
        return math.inf


def _recipe_part(config: Config) -> Config:
    """What a Recipe can hold; the rest are arguments of the builder."""
    return {name: value for name, value in config.items() if name not in ("l1", "l2")}


def theirs(pruner: str) -> Callable[[Task, float, int], float]:
    """Optuna's own loop: TPE with one of its pruners, the first rung where ours is."""

    def run(task: Task, budget: float, seed: int) -> float:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                sampler=optuna.samplers.TPESampler(seed=seed), pruner=_pruner(pruner, task.num_reports)
            )
            study.enqueue_trial({n: v for n, v in task.baseline.items() if task.space.domains[n].contains(v)})
            best, left, seen = (math.inf, math.inf), budget * task.num_reports, set[int]()
            while left > 0:
                spent, outcome = _optuna_trial(study, task, left, seen, seed)
                best, left = min(best, outcome), left - spent
        return best[1]

    return run


def _pruner(name: str, num_reports: int) -> Any:
    from optuna import pruners

    if name == "sha":
        return pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=3)
    if name == "hyperband":
        return pruners.HyperbandPruner(min_resource=2, max_resource=num_reports, reduction_factor=3)
    return pruners.NopPruner()


def _optuna_trial(
    study: Any, task: Task, left: float, seen: set[int], seed: int
) -> tuple[float, tuple[float, float]]:
    """One trial: (reports used, (loss that counts for the choice, final loss of this configuration))."""
    import optuna

    trial = study.ask()
    config = suggest(trial, task.space)
    true_R = task.curve(config, seen)[1]
    loss_R = task.noisy(true_R, derive_seed(seed, "noise", trial.number))
    for report, loss in enumerate(loss_R, 1):
        if report > left or not math.isfinite(loss):
            study.tell(trial, state=optuna.trial.TrialState.FAIL if report > left else optuna.trial.TrialState.PRUNED)
            return report, (math.inf, math.inf)
        trial.report(float(loss), report)
        if trial.should_prune() and report < len(loss_R):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return report, (math.inf, math.inf)
    study.tell(trial, float(loss_R[-1]))
    return len(loss_R), (float(loss_R[-1]), float(true_R[-1]))


ARMS: dict[str, Callable[[Task, float, int], float]] = {
    "halton": ours("halton", halving=False),
    "auto": ours("auto", halving=False),
    "halton + ASHA": ours("halton", halving=True),
    "auto + ASHA": ours("auto", halving=True),
    "auto + ASHA by score": ours("auto", halving=True, by_score=True),
    "tpe + ASHA": ours("tpe", halving=True),
    "prior + ASHA": ours("prior", halving=True),
    "auto + ASHA, cohorts of 4": ours("auto", halving=True, cohort=4),
    "auto + ASHA, cohorts of 8": ours("auto", halving=True, cohort=8),
    "auto + ASHA, cohorts of 16": ours("auto", halving=True, cohort=16),
    "Optuna TPE": theirs("none"),
    "Optuna TPE + SHA": theirs("sha"),
    "Optuna TPE + Hyperband": theirs("hyperband"),
}


def measure(tasks: list[Task], arms: list[str], budgets: list[float], num_seeds: int) -> list[dict[str, Any]]:
    """One row an (arm, budget): mean regret over tasks and seeds; the standard error is over tasks' means."""
    rows = []
    for budget in budgets:
        for arm in arms:
            start = time.perf_counter()
            regret_TS = np.array(
                [[task.regret(ARMS[arm](task, budget, seed)) for seed in range(num_seeds)] for task in tasks]
            )
            within = regret_TS.std(axis=1, ddof=1) / math.sqrt(num_seeds) if num_seeds > 1 else np.array([math.nan])
            rows.append(
                {
                    "budget": budget, "arm": arm, "regret": float(regret_TS.mean()),
                    "se": float(np.sqrt((within**2).sum()) / len(tasks)), "n": regret_TS.size,
                    "tasks": len(tasks), "seconds": time.perf_counter() - start,
                    "by_task": {t.name: float(r) for t, r in zip(tasks, regret_TS.mean(axis=1), strict=True)},
                }
            )  # fmt: skip
            print(f"{budget:6g}  {arm:24s} {rows[-1]['regret']:7.3f} ± {rows[-1]['se']:.3f}   n={regret_TS.size}"
                  f"  {rows[-1]['seconds']:.0f} s", flush=True)  # fmt: skip
    return rows


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", nargs="+", choices=["taskset", "lcbench", "fashion"], default=["taskset", "lcbench"]
    )
    parser.add_argument("--held-out", action="store_true", help="the ten LCBench tasks kept for the last word")
    parser.add_argument("--budgets", nargs="+", type=float, default=[5, 15])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=None, help="only the first so many of each set")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument(
        "--noise", type=float, default=0.0, help="of a loss, from one training to the next; fashion has its own"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    out = {}
    for data in args.data:
        if data == "fashion":
            tasks = fashion()
        else:
            tasks = taskset(curves_module()) if data == "taskset" else lcbench(curves_module(), args.held_out)
            tasks = [task._replace(noise=args.noise) for task in tasks]
        print(f"{data}: mean normalised regret ± s.e. over seeds, {len(tasks[: args.tasks])} tasks")
        print("budget  arm                       regret")
        out[data] = measure(tasks[: args.tasks], args.arms, args.budgets, args.seeds)
    if args.json:
        args.json.write_text(json.dumps({"seeds": args.seeds, "held_out": args.held_out, "rows": out}, indent=1))


if __name__ == "__main__":
    main()
