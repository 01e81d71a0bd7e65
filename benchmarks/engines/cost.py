"""What an engine costs beside its framework's own loop, and what P models in one program cost.

    OMP_NUM_THREADS=1 python -m benchmarks.engines.cost jax [--only mlp cnn8] [--P 1 4 16 64] [--rounds 7] [--json]
    OMP_NUM_THREADS=1 python -m benchmarks.engines.cost keras     on the backend of KERAS_BACKEND

The same model on the same rows in memory with AdamW, a schedule and dropout 0.1. Peers of JAX: `nnx.jit` with
`nnx.Optimizer` as its documentation has it, and a jitted pure step on split arrays, rows gathered on the device.
Peers of Keras: `model.fit` on arrays, as it comes, and with the best of several `steps_per_execution`.

P models: process CPU time of a step of one model in a population of P, over that of the engine's peer, which trains
them one after another. Contestants take turns within a round, in an order that rotates; compiling is not in it, and
stands in a column of its own. A ratio is the median over rounds, each round's own pair, with quartiles.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

from benchmarks.population.store import environment, spread, told

from luthier.engines import engine_for
from luthier.engines.spec import Loss, Plan, Source
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

CHUNK, BATCH = 20, 64
RECIPE = Recipe("adamw", lr=1e-3, batch_size=BATCH)
Contestant = Callable[[], None]


def digits() -> Source:
    """1,797 rows of 64 grey values."""
    import numpy as np
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Source(np.asarray(bunch.data, np.float32) / 16.0, bunch.target)


def plans_of(num_rows: int, num_steps: int, P: int) -> list[Plan]:
    """The chunks of one training of P trials, planned ahead: planning is not the engine's work."""
    import numpy as np

    courses = [Course(RECIPE, seed, np.arange(num_rows), num_steps, 0, CHUNK) for seed in range(P)]
    return [make_plan([c._replace(step=step) for c in courses], CHUNK) for step in range(0, num_steps, CHUNK)]


def by_engine(build: Callable[..., Any], source: Source, mode: str, P: int, num_steps: int) -> Contestant:
    """Trains P models over all plans through `advance`."""
    engine = engine_for(build, inputs=64, outputs=10)
    population = engine.open(build, RECIPE, Loss("cross_entropy"), mode, P)
    data, plans = engine.place(source), plans_of(len(source.inputs), num_steps, P)
    held = [population.stack([population.fresh(RECIPE, seed) for seed in range(P)])]

    def train() -> None:
        for plan in plans:
            held[0], _ = population.advance(held[0], data, plan)

    return train


def measure(contestants: dict[str, tuple[Contestant, int]], rounds: int) -> dict[str, Any]:
    """{name: us a model-step in each round}, and the seconds of each first call; (function, its model-steps)."""
    first_s, step_us = {}, {name: [] for name in contestants}
    names = list(contestants)
    for name, (train, _) in contestants.items():
        began = time.perf_counter()
        train()
        first_s[name] = time.perf_counter() - began
    for turn in range(rounds):
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            train, num = contestants[name]
            began = time.process_time()
            train()
            step_us[name].append((time.process_time() - began) / num * 1e6)
    return {"first_s": first_s, "step_us": step_us}


def table(case: str, peers: list[str], found: dict[str, Any]) -> str:
    """One line a contestant: microseconds, ratios to the peers, seconds of the first call (compiling)."""
    lines = []
    for name, values in found["step_us"].items():
        ratios = [spread([e / o for e, o in zip(values, found["step_us"][peer], strict=True)]) for peer in peers]
        told_ratios = " | ".join(told(ratio, 3) for ratio in ratios)
        middle = spread(values)["median"]
        lines.append(f"| {case} | {name} | {middle:.0f} | {told_ratios} | {found['first_s'][name]:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", choices=("jax", "keras"))
    parser.add_argument("--only", nargs="*", default=["mlp", "cnn8"], choices=("mlp", "cnn8"))
    parser.add_argument("--P", nargs="*", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--modes", nargs="*", help="of the engine; all, if not given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=100, help="a round and model, a multiple of 20")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.framework == "jax":
        from benchmarks.engines import of_jax as own
    else:
        from benchmarks.engines import of_keras as own
    source = digits()
    print(f"| model | contestant | us a model-step | over {' | over '.join(own.PEERS)} | first call s |")
    print("|" + "---|" * (4 + len(own.PEERS)))
    for case in asked.only:
        build = own.MODELS[case]
        contestants = {name: (make(build, source, asked.steps), asked.steps) for name, make in own.PEERS.items()}
        for mode in asked.modes or own.modes():
            for P in asked.P:
                steps = max(CHUNK, asked.steps // P // CHUNK * CHUNK)
                contestants[f"{mode}, P = {P}"] = (by_engine(build, source, mode, P, steps), P * steps)
        found = measure(contestants, asked.rounds)
        print(json.dumps({case: found}) if asked.json else table(case, list(own.PEERS), found), flush=True)
    print(environment("numpy", *own.PACKAGES))


if __name__ == "__main__":
    main()
