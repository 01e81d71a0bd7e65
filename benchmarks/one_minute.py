"""What a one-minute run on the digits spends its time on, and how much of it is not training.

    python benchmarks/one_minute.py [--runs 3] [--model cnn] [--budget 1min] [--json]

Training is what the workers report of each trial (steps and reports); the rest of `workers x wall` is opening,
building, snapshots, waiting for the last trial of a phase, the test rows, the report.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time

import luthier


def one(model: str, budget: str, seed: int) -> dict[str, float]:
    """One run: seconds by phase, and the share of worker time that is not training."""
    with tempfile.TemporaryDirectory() as root:
        began = time.perf_counter()
        run = luthier.tune("digits", options={"model": model}, budget=budget, root=root, seed=seed)
        wall_s = time.perf_counter() - began
        record = run.record
        assert record.history is not None
        assert record.plan is not None
        trained_s = sum(t.cost.seconds for t in record.history.trials)
        opened_s = record.spent["open"]
        busy_s = record.plan.num_workers * wall_s
        return {
            "wall_s": wall_s,
            **{f"{phase}_s": seconds for phase, seconds in record.spent.items()},
            "trials": len(record.history.trials),
            "not_training": 1 - trained_s / busy_s,
            "not_training_after_opening": 1 - trained_s / (busy_s - record.plan.num_workers * opened_s),
            "adopted": float(run.adopted),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--budget", default="1min")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = [one(asked.model, asked.budget, seed) for seed in range(asked.runs)]
    rows = {
        name: [statistics.median(r[name] for r in found), min(r[name] for r in found), max(r[name] for r in found)]
        for name in found[0]
    }
    if asked.json:
        print(json.dumps({"n": len(found), **rows}))
        return
    print(f"n = {len(found)} runs, digits {asked.model}, budget {asked.budget}")
    print("| figure | median | min | max |\n|---|---|---|---|")
    for name, (median, low, high) in rows.items():
        print(f"| {name} | {median:.3g} | {low:.3g} | {high:.3g} |")


if __name__ == "__main__":
    main()
