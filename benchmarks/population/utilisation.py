"""How much of a population's room does useful work in a real run, and what a refill costs.

    python -m benchmarks.population.utilisation [--P 4 16] [--mode grouped] [--budget 60s] [--runs 1] [--model mlp]
    python -m benchmarks.population.utilisation --refills      only the second table

A *slot-step* is room for one optimizer step of one model: P of them for every step of a program. Useful are those
in which a trial took a step; the rest are slots that were empty or waited. Counted by the workers in `luthier tune
digits` (rungs, pauses, refills and all); only the search trains side by side, so its mode and width are what is
told.

A refill puts a trial into a slot: building its model anew (`fresh`) or taking a paused one from the disk, then
`put`. The second table times its parts in one program of one thread, against one optimizer step of one model in
that mode.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.population.store import spread, told

NUM_TIMES = 31


def of_run(model: str, mode: str, P: int, *, budget: str, seed: int) -> list[dict[str, Any]]:
    """What the programs of a run on the digits did, by mode and width."""
    import msgspec

    import luthier

    with tempfile.TemporaryDirectory() as root:
        run = luthier.tune(
            "digits", options={"model": model}, budget=budget, seed=seed, root=root, mode=mode, slots=P
        )
        assert run.record.history is not None
        trials = sum(t.phase == "search" for t in run.record.history.trials)
        return [{"seed": seed, "trials": trials, **msgspec.to_builtins(used)} for used in run.record.used]


def refills(case_name: str, mode: str, P: int) -> dict[str, Any]:
    """Microseconds of the parts of a refill, and of a model-step."""
    import numpy as np
    from benchmarks.population.contestants import LR, PIECE_STEPS, by_engine
    from benchmarks.population.models import CASES

    from luthier.engines.spec import Loss
    from luthier.engines.torch import TorchEngine
    from luthier.recipe import Recipe

    case = CASES[case_name]
    recipe = Recipe("adamw", lr=LR, batch_size=case.batch_size)
    population = TorchEngine(inputs=0, outputs=10).open(case.build, recipe, Loss("cross_entropy"), mode, P)
    ready = population.fresh(recipe, 0)
    held = [population.stack([ready] * P)]

    def put(slot: int) -> None:
        held[0] = population.put(held[0], slot, ready)

    train = by_engine(case, mode, P)
    parts: dict[str, Callable[[int], Any]] = {
        "fresh": lambda i: population.fresh(recipe, i),
        "put": lambda i: put(i % P),
        "take": lambda i: population.take(held[0], i % P),
    }
    found = {name: spread(_times_us(part)) for name, part in parts.items()}
    found["step"] = spread([t / (P * PIECE_STEPS) for t in _times_us(lambda _: train(), num=7)])
    kept = sum(np.asarray(array).nbytes for array in ready.values())
    return {"case": case_name, "mode": mode, "P": P, "us": found, "snapshot_bytes": kept}


def _times_us(part: Callable[[int], Any], num: int = NUM_TIMES) -> list[float]:
    """CPU time of each call, after one that warms up."""
    part(0)
    times = []
    for i in range(num):
        began = time.process_time()
        part(i)
        times.append((time.process_time() - began) * 1e6)
    return times


def run_table(rows: list[dict[str, Any]]) -> str:
    """Useful share of slot-steps, by run."""
    lines = [
        "| run | seed | search trials | mode | P | model-steps | useful share | refills | ms a refill |",
        "|" + "---|" * 9,
    ]
    for r in rows:
        share = r["steps"] / r["slot_steps"] if r["slot_steps"] else float("nan")
        each = 1e3 * r["refill_s"] / r["refills"] if r["refills"] else float("nan")
        lines.append(
            f"| {r['asked']} | {r['seed']} | {r['trials']} | {r['mode']} | {r['P']} | {r['steps']:,} | {share:.3f} | "
            f"{r['refills']} | {each:.2f} |"
        )
    return "\n".join(lines)


def refill_table(rows: list[dict[str, Any]]) -> str:
    """Parts of a refill in microseconds, and all of it in model-steps."""
    lines = [
        "| model | mode | P | fresh us | put us | take us | model-step us | refill / step | n |",
        "|" + "---|" * 9,
    ]
    for r in rows:
        us = r["us"]
        whole = us["fresh"]["median"] + us["put"]["median"]
        lines.append(
            f"| {r['case']} | {r['mode']} | {r['P']} | {told(us['fresh'], 0)} | {told(us['put'], 0)} | "
            f"{told(us['take'], 0)} | {told(us['step'], 0)} | {whole / us['step']['median']:.2f} | {us['put']['n']} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--P", nargs="+", type=int, default=[4, 16])
    parser.add_argument("--mode", default="grouped")
    parser.add_argument("--model", default="mlp", choices=["mlp", "cnn"])
    parser.add_argument("--cases", nargs="+", default=["mlp", "cnn8"], help="of the second table")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--runs", type=int, default=1, help="seeds of each run")
    parser.add_argument("--refills", action="store_true", help="only the second table")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    runs = [
        {"asked": f"{asked.model}, {asked.mode} P={P}", **row}
        for P in ([] if asked.refills else asked.P)
        for seed in range(asked.runs)
        for row in of_run(asked.model, asked.mode, P, budget=asked.budget, seed=seed)
    ]
    parts = [refills(case, mode, P) for case in asked.cases for mode in ("loop", asked.mode) for P in asked.P]
    if asked.json:
        print(json.dumps({"runs": runs, "refills": parts}))
        return
    print("\n\n".join([*([run_table(runs)] if runs else []), refill_table(parts)]))


if __name__ == "__main__":
    main()
