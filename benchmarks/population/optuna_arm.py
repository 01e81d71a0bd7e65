"""Optuna 5 as well as it can be run on this machine: TPE and its Hyperband pruner over programs of one thread each.

    python -m benchmarks.population.optuna_arm TASK SEED WORKER STUDY LOG        one program of a study

The programs share a study through Optuna's journal storage. Rows in memory gathered by index, AdamW with its fused
kernel, the schedule and the rates of weight decay that luthier's recipe says; the C library keeps freed memory, as in
luthier's workers. The first trial is the recipe's own configuration, as it is luthier's. The clock starts when all
programs have imported what they need and loaded their rows. Each report is a line of the log: clock, trial,
validation log loss.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.population.store import usable_cores
from benchmarks.population.tasks import NUM_REPORTS, task_of
from benchmarks.spaces import suggest

from luthier.heap import KEPT_MEMORY
from luthier.recipe import Recipe
from luthier.space import Space
from luthier.training.task import Task

STUDY = "study.log"


class Seen(NamedTuple):
    """A validation loss of a run."""

    t: float
    trial: int
    loss: float


def run(name: str, seed: int, seconds: float, folder: Path) -> list[Seen]:
    """A study of so many seconds, one program a core; what it saw, in order of time."""
    num = usable_cores()
    environment = {**os.environ, **KEPT_MEMORY, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    logs = [folder / f"seen-{worker}.jsonl" for worker in range(num)]
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.population.optuna_arm", name, str(seed), str(worker),
             str(folder / STUDY), str(log)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for worker, log in enumerate(logs)
    ]  # fmt: skip
    for program in programs:
        assert program.stdout is not None
        program.stdout.readline()  # "ready", or nothing where it has ended
    began = time.time()
    for program in programs:
        assert program.stdin is not None
        program.stdin.write(f"{began + seconds}\n")
        program.stdin.close()
    codes = [program.wait() for program in programs]
    if any(codes):
        raise RuntimeError(f"Optuna's programs ended with {codes}")
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return sorted(Seen(clock - began, trial, loss) for clock, trial, loss in lines)


def work(name: str, seed: int, worker: int, *, study_file: str, log: Path) -> None:
    """Say that everything is imported and loaded; then trials until the clock is what stdin says."""
    import optuna
    import torch
    from optuna.storages.journal import JournalFileBackend

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    task = task_of(name)
    start = task.baseline
    study = optuna.create_study(
        study_name=name, storage=optuna.storages.JournalStorage(JournalFileBackend(study_file)), load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=1000 * seed + worker),
        pruner=optuna.pruners.HyperbandPruner(min_resource=2, max_resource=NUM_REPORTS, reduction_factor=3),
    )  # fmt: skip
    if worker == 0:
        study.enqueue_trial(_values(start, Space.of(task.space)))
    rows = Rows(task)
    warm = optuna.create_study()  # what TPE imports at its first real proposal is not its search
    warm.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=12)
    print("ready", flush=True)
    until = float(input())
    with log.open("a", buffering=1) as file:

        def objective(trial: Any) -> float:
            recipe, loss = start.with_config(suggest(trial, Space.of(task.space))), math.inf
            for report, loss in enumerate(train(task, recipe, rows, seed=1000 * seed + trial.number), 1):
                now = time.time()
                if now > until:
                    raise optuna.TrialPruned
                file.write(json.dumps([now, trial.number, loss]) + "\n")
                if not math.isfinite(loss):
                    raise optuna.TrialPruned
                trial.report(loss, report)
                if report < NUM_REPORTS and trial.should_prune():
                    raise optuna.TrialPruned
            return loss

        study.optimize(objective, timeout=until - time.time())


def chosen(name: str, folder: Path) -> Recipe:
    """The setting that the study of a finished `run` ranks first."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / STUDY)))
    return task_of(name).baseline.with_config(optuna.load_study(study_name=name, storage=storage).best_params)


class Rows:
    """Training, validation and test rows in memory."""

    def __init__(self, task: Task) -> None:
        import torch

        data = task.load()
        self.sizes = {"inputs": data.num_inputs, "outputs": data.num_outputs}
        test = data.test_rows(0)
        train, val = data.split(test, 0)
        x, y = torch.from_numpy(data.inputs), torch.from_numpy(data.targets)
        self.train, self.val, self.test = (x[train], y[train]), (x[val], y[val]), (x[test], y[test])


def train(task: Task, recipe: Recipe, rows: Rows, *, seed: int, on: str = "val") -> Iterator[float]:
    """Log loss at each report of a training, on the validation rows or those that it names."""
    import torch
    from torch.nn import functional

    from luthier.training.batches import numbers_of, report_steps

    torch.manual_seed(seed)
    (inputs, targets), scored = rows.train, getattr(rows, on)
    num_steps = recipe.num_steps(len(inputs))
    model = task.build(**recipe.model, **rows.sizes)
    lr_S = numbers_of(recipe, num_steps, 0, num_steps)["lr"][:, 0].tolist()
    flat = [p for p in model.parameters() if p.ndim < 2]
    wide = [p for p in model.parameters() if p.ndim >= 2]
    groups = [{"params": wide, "weight_decay": recipe.weight_decay}, {"params": flat, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps, fused=True
    )
    reports = {step for step, _ in report_steps(num_steps, NUM_REPORTS)}
    order: Iterator[torch.Tensor] = iter(())
    for step in range(1, num_steps + 1):
        batch = next(order, None)
        if batch is None:
            num = len(inputs) // recipe.batch_size
            order = iter(torch.randperm(len(inputs))[: num * recipe.batch_size].view(num, -1))
            batch = next(order)
        for group in optimizer.param_groups:
            group["lr"] = lr_S[step - 1]
        loss = functional.cross_entropy(model(inputs[batch]), targets[batch], label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in reports:
            model.eval()
            with torch.no_grad():
                yield functional.cross_entropy(model(scored[0]), scored[1]).item()
            model.train()


def _values(recipe: Recipe, space: Space) -> dict[str, Any]:
    """The recipe's own value of each setting, the builder's default where the recipe names none."""
    own: dict[str, Any] = {"channels": 16, "width": 128, "dropout": 0.1, "one_minus_beta1": 1 - recipe.beta1}
    return {name: own[name] if name in own else getattr(recipe, name) for name in space}


if __name__ == "__main__":
    _name, _seed, _worker, _study, _log = sys.argv[1:]
    work(_name, int(_seed), int(_worker), study_file=_study, log=Path(_log))
