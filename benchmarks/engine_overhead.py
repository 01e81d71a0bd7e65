"""What the torch engine costs against the loop that one would write by hand.

    OMP_NUM_THREADS=1 python benchmarks/engine_overhead.py [--json] [--rounds 11] [--steps 60] [--only mlp]

Both train the same model on the same rows in memory with AdamW and a schedule. By hand: rows gathered by
index, `zero_grad(set_to_none=True)`, the loss kept as a tensor, LambdaLR; once with AdamW as it comes, once with
fused=True, which few write but the engine uses. The engine also computes the norm of the gradient, keeps two
parameter groups and seeds its random numbers.

Process CPU time on one thread; the contestants take turns within a round, in an order that rotates. A ratio is
the median over rounds of engine / loop, each round's own pair; its spread is from the lower to the upper
quartile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.spec import Loss, Plan, Source
from luthier.engines.torch import TorchEngine
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan
from population.models import Transformer, mlp  # beside this script

NUM_ROWS = 1797
CHUNK = 20
"""Steps in one call of `advance`."""


def cnn() -> nn.Module:
    """Two convolutions with BatchNorm on 8 x 8 pixels."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "mlp": (mlp, (64,), 64),
    "cnn": (cnn, (64,), 64),
    "transformer": (Transformer, (32, 8), 16),
}
"""Builder, shape of a row, batch size."""


def data_of(shape: tuple[int, ...]) -> Source:
    """Random rows with classes that can be learned."""
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(NUM_ROWS, *shape)).astype(np.float32)
    return Source(inputs, inputs.reshape(NUM_ROWS, -1)[:, :10].argmax(1))


def plans_of(batch_size: int, num_steps: int, *, num_rows: int = NUM_ROWS, chunk: int = CHUNK) -> list[Plan]:
    """The chunks of one training, planned ahead: planning is not the engine's work."""
    recipe = Recipe("adamw", lr=1e-3, batch_size=batch_size)
    course = Course(recipe, 0, np.arange(num_rows), num_steps, 0, chunk)
    return [make_plan([course._replace(step=step)], chunk) for step in range(0, num_steps, chunk)]


def by_hand(build: Callable[[], nn.Module], source: Source, plans: list[Plan], fused: bool) -> Callable[[], None]:
    """A function that trains over all plans, as one would write it."""
    torch.manual_seed(0)
    model = build()
    inputs, targets = torch.from_numpy(source.inputs), torch.from_numpy(source.targets)
    rows = torch.from_numpy(np.concatenate([plan.rows[:, 0] for plan in plans]).astype(np.int64))
    factors = np.concatenate([plan.hparams["lr"][:, 0, 0] for plan in plans]).tolist()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=0.01, fused=fused or None)

    def train() -> None:
        model.train()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factors[min(step, len(factors) - 1)])
        losses = []
        for step in range(len(rows)):
            batch = rows[step]
            loss = functional.cross_entropy(model(inputs[batch]), targets[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        torch.stack(losses).numpy()

    return train


def by_engine(
    build: Callable[[], nn.Module], source: Source, plans: list[Plan], mode: str = "loop"
) -> Callable[[], None]:
    """A function that trains over all plans through `advance`."""
    recipe = Recipe("adamw", lr=1e-3)
    engine = TorchEngine(inputs=64, outputs=10)
    population = engine.open(build, recipe, Loss("cross_entropy"), mode, 1)
    data = engine.place(source)
    held = [population.stack([population.fresh(recipe, 0)])]

    def train() -> None:
        for plan in plans:
            held[0], _ = population.advance(held[0], data, plan)

    return train


def measure(case: str, rounds: int, num_steps: int) -> dict[str, Any]:
    """Microseconds a step of each contestant in each round."""
    build, shape, batch_size = CASES[case]
    source, plans = data_of(shape), plans_of(batch_size, num_steps)
    contestants = {
        "engine": by_engine(build, source, plans),
        "loop": by_hand(build, source, plans, fused=False),
        "fused loop": by_hand(build, source, plans, fused=True),
    }
    step_us: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for train in contestants.values():
        train()  # warm
    for turn in range(rounds):
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            began = time.process_time()
            contestants[name]()
            step_us[name].append((time.process_time() - began) / num_steps * 1e6)
    return {
        "case": case,
        "rounds": rounds,
        "steps": num_steps,
        "step_us": {name: spread(values) for name, values in step_us.items()},
        "ratio": {
            name: spread([e / o for e, o in zip(step_us["engine"], step_us[name], strict=True)])
            for name in ("loop", "fused loop")
        },
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median with the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": middle, "low": low, "high": high}


def table(results: list[dict[str, Any]]) -> str:
    """One line a case."""
    lines = [f"{'':12}{'engine':>10}{'loop':>10}{'fused':>10}   engine / loop      engine / fused loop   n"]
    for found in results:
        times = "".join(f"{found['step_us'][name]['median']:10.0f}" for name in ("engine", "loop", "fused loop"))
        ratios = "   ".join(
            f"{ratio['median']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]" for ratio in found["ratio"].values()
        )
        lines.append(f"{found['case']:12}{times}   {ratios}   {found['rounds']}")
    return "\n".join([*lines, "CPU us a step, medians; ratios with quartiles"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=60, help="a round and contestant, a multiple of 20")
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = [arguments.only] if arguments.only else list(CASES)
    results = [measure(case, arguments.rounds, arguments.steps) for case in cases]
    machine = {"torch": torch.__version__, "python": platform.python_version(), "cpu": platform.processor()}
    print(json.dumps({"results": results, "machine": machine}) if arguments.json else table(results))


if __name__ == "__main__":
    main()
