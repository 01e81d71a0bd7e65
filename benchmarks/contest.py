"""Six update rules at their documented defaults, and after tuning each with the same budget, on six real sets.

python -m benchmarks.contest [--trials 40] [--only digits ...] [--rules adamw ...] [--table]

A cell is one `luthier.tune`: the baseline is the rule at its defaults, the space its learning rate within a factor of
30 (of Prodigy the factor of its distance within 10) and its weight decay, and nothing else. Both sides are trained on
fresh seeds and splits, the same for both. Schedule: cosine to 0 after 5 % of warm-up for all; schedule-free keeps its
rate. The table gives the mean of the baseline's 6 fresh runs and the paired gain with its 95 % interval. Rows are
kept in runs/benchmarks/contest.jsonl; what is there is left out.
"""

from __future__ import annotations

import argparse
import shutil
from typing import Any

import msgspec
from benchmarks.population.store import Store
from benchmarks.real_sets import CASES, ROOT

import luthier
from luthier import Float

OUT = ROOT / "runs" / "benchmarks" / "contest.jsonl"
SETS = {"digits": 8, "breast cancer": 12, "diabetes": 20, "adult": 1, "ETTh1": 2, "BANKING77": 3}
"""Set -> epochs."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "adamw": {"lr": 1e-3, "weight_decay": 0.01},
    "sgd": {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0},
    "schedule_free": {"lr": 2.5e-3, "weight_decay": 0.0, "schedule": "constant"},
    "muon": {"lr": 1e-3, "momentum": 0.95, "weight_decay": 0.1},
    "lion": {"lr": 1e-4, "beta2": 0.99, "weight_decay": 0.0},
    "prodigy": {"lr": 1.0, "weight_decay": 0.0},
}
"""Rule -> what its authors' or torch's documentation starts with; of SGD Keras' rate, torch's being 0.001."""


def space(rule: str) -> dict[str, Float]:
    """What is tuned."""
    lr = DEFAULTS[rule]["lr"]
    step = {"d_coef": Float(0.1, 10.0, log=True)} if rule == "prodigy" else {"lr": Float(lr / 30, lr * 30, log=True)}
    return {**step, "weight_decay": Float(1e-4, 0.3, log=True)}


def measure(name: str, rule: str, trials: int) -> dict[str, Any]:
    """One cell."""
    case = CASES[name]()
    start = msgspec.structs.replace(case.baseline, epochs=SETS[name], optimizer=rule, **DEFAULTS[rule])
    root = ROOT / "runs" / "benchmarks" / "contest"
    shutil.rmtree(root, ignore_errors=True)
    run = luthier.tune(
        case.build,
        case.data,
        metric=case.metric,
        baseline=start,
        space=space(rule),
        space_only=True,
        budget=f"{trials}trials",
        root=root,
    )
    evidence = run.record.evidence[0] if run.record.evidence else None
    shutil.rmtree(root)
    return {
        "set": name,
        "rule": rule,
        "trials": trials,
        "metric": case.metric,
        "default": run.baseline.score.score,
        "default_n": run.baseline.score.n,
        "gain": evidence.difference.score if evidence else None,
        "interval": evidence.difference.interval if evidence else None,
        "n": evidence.n if evidence else 0,
        "verdict": evidence.verdict if evidence else "",
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown: a line a set, a column a rule."""
    lines = ["| set (metric) | " + " | ".join(DEFAULTS) + " |", "|" + "---|" * (1 + len(DEFAULTS))]
    for name in SETS:
        own = {row["rule"]: row for row in rows if row["set"] == name}
        if own:
            metric = next(iter(own.values()))["metric"]
            cells = [_cell(own[rule]) if rule in own else "" for rule in DEFAULTS]
            lines.append(f"| {name} ({metric}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    if row["gain"] is None:
        return f"{row['default']:.4g}; no gain found"
    digits = 2 if row["metric"] == "rmse" else 3
    gain, low, high = (f"{value + 0.0:+.{digits}f}" for value in (row["gain"], *row["interval"]))
    return f"{row['default']:.{digits}f}; {gain} [{low}, {high}]{'' if row['n'] == 6 else ', n=' + str(row['n'])}"


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--rules", nargs="*", choices=DEFAULTS, default=list(DEFAULTS))
    parser.add_argument("--table", action="store_true", help="print what was measured, run nothing")
    asked = parser.parse_args()
    store = Store(OUT, ("set", "rule", "trials"))
    for name in () if asked.table else asked.only:
        for rule in asked.rules:
            if store.get(name, rule, asked.trials) is None:
                row = measure(name, rule, asked.trials)
                store.add(row)
                print(name, rule, _cell(row), flush=True)
    print(table(list(store.rows.values())))


if __name__ == "__main__":
    main()
