"""How often a change is adopted when nothing helps, when something does, and how true the intervals are.

    python benchmarks/adoption.py                  simulated studies through `luthier.tune`, truth known (minutes)
    python benchmarks/adoption.py --digits 40      the digits for real: the baseline against itself (minutes)

The simulated studies run the whole flow with its journal on an engine that returns numbers of known truth
(tests/fakes.py). On the digits the only setting is a number that the builder mixes into its initial weights: it
changes the model and helps nothing, so every adoption is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import luthier
from luthier import Int, Recipe, Task, stats

SIMULATED = {
    "nothing helps (pairs share half the variance)": ("flat", 1000, {}),
    "nothing helps (pairs share nothing)": ("flat", 300, {"shared": 0.0}),
    "2 sigma on two fifths of a range": ("plateau", 300, {}),
    "2 sigma, pairs share nothing": ("plateau", 300, {"shared": 0.0}),
    "a smooth hill of 2 sigma in two settings": ("hill", 300, {}),
}


def salted(salt: int = 0, *, inputs: int, outputs: int) -> Any:
    """An MLP whose initial weights are drawn anew for each salt: as good with one as with another."""
    import torch
    from torch import nn

    torch.manual_seed(torch.initial_seed() % 2**31 + 7919 * salt)
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, outputs))


def null_task() -> Task:
    """The digits, and one setting that means nothing."""
    from luthier_tasks.digits import rows

    return Task(
        "null", salted, rows, metric="accuracy", baseline=Recipe(lr=3e-3, epochs=8), space={"salt": Int(1, 10**6)}
    )


def simulated() -> list[dict[str, Any]]:
    """One row a case."""
    from evidence.studies import many

    found = []
    for name, (truth, num, more) in SIMULATED.items():
        studies = many(truth, num, first=20_000, processes=os.cpu_count() or 1, **more)
        found.append({"case": name, **summary(studies)})
    return found


def summary(studies: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares with their 95 % Clopper-Pearson intervals."""
    n = len(studies)
    adopted = sum(s["adopted"] for s in studies)
    covered = sum(s["interval"][0] <= s["truth"] <= s["interval"][1] for s in studies)
    return {
        "n": n,
        "adopted": adopted / n,
        "adopted_interval": [stats.binomial_lower(adopted, n, 0.975), stats.binomial_upper(adopted, n, 0.975)],
        "covered": covered / n,
        "covered_interval": [stats.binomial_lower(covered, n, 0.975), stats.binomial_upper(covered, n, 0.975)],
        "optimism": statistics.mean(s["optimism"] for s in studies),
    }


def digits(num: int) -> dict[str, Any]:
    """The baseline against itself on real data, `num` whole runs."""
    found = []
    with tempfile.TemporaryDirectory() as root:
        for seed in range(num):
            run = luthier.tune(null_task(), budget="40trials", root=root, seed=seed, workers=os.cpu_count())
            deciding = run.record.evidence[0]
            found.append(
                {
                    "adopted": run.adopted,
                    "interval": list(deciding.difference.interval),
                    "truth": 0.0,
                    "optimism": deciding.optimism,
                }
            )
    return {"case": f"digits for real, the baseline against itself, {num} runs", **summary(found)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=0, help="number of real runs on the digits")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = [digits(asked.digits)] if asked.digits else simulated()
    if asked.json:
        print(json.dumps(rows))
        return
    print("| case | n | adopted (95 % interval) | interval covers the truth | mean optimism, utility |")
    print("|---|---|---|---|---|")
    for r in rows:
        low, high = r["adopted_interval"]
        print(
            f"| {r['case']} | {r['n']} | {r['adopted']:.3f} ({low:.3f} to {high:.3f}) | {r['covered']:.3f} "
            f"({r['covered_interval'][0]:.3f} to {r['covered_interval'][1]:.3f}) | {r['optimism']:.3g} |"
        )


if __name__ == "__main__":
    main()
