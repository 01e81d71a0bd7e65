"""What a person keeps: the setting that each tool chose in two minutes, trained again on fresh seeds.

    python -m benchmarks.population.kept [--seconds 120] [--seeds 2] [--again 8] [--only mlp-digits ...]
    python -m benchmarks.population.kept --table        only print what is stored

The models, rows, spaces and Optuna's side are those of `time_to_loss`. Optuna's setting is the one that its study
ranks first; luthier's is the one that its run ships, which is the baseline where its evidence is too weak. luthier's
two minutes hold its noise runs, its confirmation and its final comparison; Optuna's are all search. Both settings and
the baseline are then trained to their end by one loop by hand, on seeds that neither tool has seen, and scored by
their log loss on test rows that neither chose by. The same seeds for all, so differences are paired.

Both tools run in turn. A row of runs/benchmarks/kept.jsonl is a tool's search; what is there is not run again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.population import optuna_arm
from benchmarks.population.store import FOLDER, Store, environment, usable_cores
from benchmarks.population.tasks import SEARCHES, task_of

import luthier
from luthier.recipe import Recipe

ARMS = ("baseline", "Optuna", "luthier")
KEYS = ("case", "arm", "seed", "seconds")
FIRST_SEED = 900_000
"""Of the trainings again: far from those of the searches."""


def by_optuna(name: str, seed: int, seconds: float) -> tuple[Recipe, dict[str, Any]]:
    """(what it chose, what it did)."""
    with tempfile.TemporaryDirectory() as folder:
        seen = optuna_arm.run(name, seed, seconds, Path(folder))
        return optuna_arm.chosen(name, Path(folder)), {"trials": len({s.trial for s in seen})}


def by_luthier(name: str, seed: int, seconds: float) -> tuple[Recipe, dict[str, Any]]:
    """(what it ships, what it did)."""
    with tempfile.TemporaryDirectory() as root:
        run = luthier.tune(task_of(name), budget=f"{seconds:g}s", seed=seed, root=root)
        assert run.record.history is not None
        trials = sum(t.phase == "search" for t in run.record.history.trials)
        return run.best.recipe, {"trials": trials, "verdict": run.verdict}


SEARCHING = {"baseline": lambda name, *_: (task_of(name).baseline, {}), "Optuna": by_optuna, "luthier": by_luthier}


def loss_again(name: str, recipe: Recipe, seed: int) -> float:
    """Log loss on the test rows at the end of one training, on one thread."""
    import torch

    torch.set_num_threads(1)
    task = task_of(name)
    *_, last = optuna_arm.train(task, recipe, optuna_arm.Rows(task), seed=seed, on="test")
    return last


def fill(store: Store, asked: argparse.Namespace) -> None:
    """Run what is not stored yet, seed by seed, so that an interruption leaves whole comparisons."""
    said, seeds = environment("torch", "numpy", "optuna", "luthier"), range(FIRST_SEED, FIRST_SEED + asked.again)
    for seed in range(asked.seeds):
        for name in asked.only:
            for arm in ARMS:
                if store.get(name, arm, seed, asked.seconds) is not None:
                    continue
                recipe, did = SEARCHING[arm](name, seed, asked.seconds)
                with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:
                    losses = list(pool.map(partial(loss_again, name, recipe), seeds))
                row = {"case": name, "arm": arm, "seed": seed, "seconds": asked.seconds, "losses": losses, **did}
                store.add({**row, "recipe": repr(recipe), "environment": said})
                print(f"{name:12} seed {seed} {arm:9} {statistics.mean(losses):.4f} {did}", flush=True)


def table(store: Store, seconds: float) -> str:
    """Mean test log loss by case and tool, and how luthier's setting compares with Optuna's, search by search."""
    lines = [
        "| case | baseline | Optuna | luthier | luthier - Optuna, by search | searches x trainings |",
        "|" + "---|" * 6,
    ]
    for name in SEARCHES:
        found = [[store.get(name, arm, seed, seconds) for arm in ARMS] for seed in _seeds(store, name, seconds)]
        whole = [[row["losses"] for row in rows if row] for rows in found if all(rows)]
        if whole:
            means = [statistics.mean(x for losses in whole for x in losses[i]) for i in range(len(ARMS))]
            apart = ", ".join(_difference(theirs, ours) for _, theirs, ours in whole)
            told = " | ".join(f"{mean:.4f}" for mean in means)
            lines.append(f"| {name} | {told} | {apart} | {len(whole)} x {len(whole[0][0])} |")
    return "\n".join(lines)


def _seeds(store: Store, name: str, seconds: float) -> list[int]:
    return sorted({r["seed"] for r in store.rows.values() if (r["case"], r["seconds"]) == (name, seconds)})


def _difference(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """Mean paired difference with its standard error."""
    apart = [b - a for a, b in zip(theirs, ours, strict=True)]
    return f"{statistics.mean(apart):+.4f} ± {statistics.stdev(apart) / len(apart) ** 0.5:.4f}"


def main() -> None:
    """Run, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="what each tool gets")
    parser.add_argument("--seeds", type=int, default=2, help="searches of each tool")
    parser.add_argument("--again", type=int, default=8, help="trainings of each chosen setting")
    parser.add_argument("--only", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    parser.add_argument("--store", type=Path, default=FOLDER / "kept.jsonl")
    parser.add_argument("--table", action="store_true", help="print what is stored, run nothing")
    asked = parser.parse_args()
    store = Store(asked.store, KEYS)
    if not asked.table:
        fill(store, asked)
    print(table(store, asked.seconds))


if __name__ == "__main__":
    main()
