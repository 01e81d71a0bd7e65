"""What does a decision cost? Processor milliseconds to record a trial and suggest the next, by length of history.

    python benchmarks/search_overhead.py [--sizes 100 1000 10000] [--json out.json]

A space of 10 settings (7 real numbers, 3 of them on a log scale, 2 whole numbers, 1 choice), two rungs and the end. A
round replaces the last trial by its finished self, adds a new one to the history and asks for another; "cold" is
the first call, which reads the whole history. The scheduler's `fill` is measured on the same histories.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from luthier.recipe import Recipe
from luthier.records import History, Metric, Point, Trial
from luthier.search import Table, fill, sampler
from luthier.space import Choice, Float, Int, Space

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True),
        "weight_decay": Float(1e-5, 1.0, log=True),
        "one_minus_beta1": Float(0.02, 0.5, log=True),
        "dropout": Float(0.0, 0.5),
        "label_smoothing": Float(0.0, 0.2),
        "warmup": Float(0.0, 0.2),
        "augmentation": Float(0.0, 1.0),
        "width": Int(16, 512, log=True),
        "depth": Int(1, 8),
        "activation": Choice(("relu", "gelu", "tanh")),
    }
)
RUNGS = (1 / 9, 1 / 3, 1.0)
SAMPLERS = ("halton", "prior", "auto", "cmaes", "tpe")


def make_trial(number: int, config: dict[str, Any], scores: tuple[float, ...], origin: str) -> Trial:
    """A trial with scores at its first rungs; none: it is running."""
    points = tuple(
        Point(step=round(f * 900), fraction=f, train_loss=s, val_loss=s, score=s)
        for f, s in zip(RUNGS, scores, strict=False)
    )
    status = "running" if not points else "finished" if len(points) == len(RUNGS) else "paused"
    return Trial(id=number, phase="search", config=config if number else {}, recipe=Recipe(), seed=number,
                 split_seed=0, num_steps=900, origin=origin, status=status, curve=points)  # fmt: skip


def make_history(num: int, origin: str) -> History:
    """`num` random trials; one in three has gone a rung further."""
    rng = np.random.default_rng(0)
    trials = []
    for i in range(num):
        scores = rng.random(1 + (i % 3 == 0) + (i % 9 == 0))
        trials.append(make_trial(i, SPACE.decode(rng.random(len(SPACE))), tuple(map(float, scores)), origin))
    return History(metric=Metric(name="loss", greater_is_better=False), rungs=RUNGS, trials=tuple(trials))


def rounds(name: str, size: int, num_rounds: int) -> tuple[float, list[float]]:
    """(ms of the first call, ms of each following round of recording and suggesting)."""
    made, history = sampler(name), make_history(size, "cmaes" if name == "cmaes" else "prior")
    start = time.process_time()
    suggestion = made.suggest(SPACE, history, 0, 1)[0]
    cold_ms = 1e3 * (time.process_time() - start)
    times_ms = []
    for key in range(1, num_rounds + 1):
        new = make_trial(len(history.trials), suggestion.config, (), suggestion.origin)
        last = history.trials[-1]
        done = make_trial(last.id, last.config, (0.5,), last.origin) if not last.curve else last
        start = time.process_time()
        history = msgspec.structs.replace(history, trials=(*history.trials[:-1], done, new))
        suggestion = made.suggest(SPACE, history, key, 1)[0]
        times_ms.append(1e3 * (time.process_time() - start))
    return cold_ms, times_ms


def scheduling(size: int, num_rounds: int) -> tuple[float, list[float]]:
    """The same for `fill`."""
    history, table, times_ms = make_history(size, "prior"), Table(), []
    for _ in range(num_rounds + 1):
        last = history.trials[-1]
        history = msgspec.structs.replace(
            history, trials=(*history.trials, make_trial(last.id + 1, last.config, (0.5,), last.origin))
        )
        start = time.process_time()
        fill(history, 1, table=table)
        times_ms.append(1e3 * (time.process_time() - start))
    return times_ms[0], times_ms[1:]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print(f"ms of processor time for record + suggest, median (min) of {args.rounds} rounds; cold: the first call")
    print(f"{'':10s}" + "".join(f"{f'n={size:,}':>32s}" for size in args.sizes))
    rows = []
    for name in (*SAMPLERS, "fill"):
        cells = []
        for size in args.sizes:
            cold_ms, times_ms = scheduling(size, args.rounds) if name == "fill" else rounds(name, size, args.rounds)
            median_ms = statistics.median(times_ms)
            rows.append(
                {
                    "name": name,
                    "n": size,
                    "median_ms": median_ms,
                    "min_ms": min(times_ms),
                    "max_ms": max(times_ms),
                    "cold_ms": cold_ms,
                }
            )
            cells.append(f"{median_ms:.2f} ({min(times_ms):.2f}) cold {cold_ms:.0f}")
        print(f"{name:10s}" + "".join(f"{cell:>32s}" for cell in cells), flush=True)
    if args.json:
        args.json.write_text(json.dumps({"python": platform.python_version(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
