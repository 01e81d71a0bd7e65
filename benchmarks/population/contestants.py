"""Who is timed: loops written by hand, what people run with Optuna, and populations of the engine.

A contestant is a function that does a piece of work and returns how many optimizer steps of one model that was (for
the matrix product: how many floating-point operations). Batches are drawn within it, by everyone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from benchmarks.population.models import Case
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from luthier.engines.spec import Loss
from luthier.engines.torch import TorchEngine
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

Contestant = Callable[[], int]
LR, DECAY = 1e-3, 0.01
PIECE_STEPS = 16
"""Optimizer steps of a piece of work by hand."""
ENDLESS = 1_000_000_000
"""Steps of a training that never ends here; its learning rate is constant."""


def batches(num_rows: int, batch_size: int) -> Iterator[torch.Tensor]:
    """Row numbers of one full batch after another, a new order each epoch."""
    while True:
        order = torch.randperm(num_rows)
        yield from order[: num_rows // batch_size * batch_size].view(-1, batch_size)


def by_hand(case: Case, *, fused: bool, device: str = "cpu") -> Contestant:
    """One model in the loop that one writes: rows in memory gathered by index, AdamW as it comes or with its fused
    kernel."""
    torch.manual_seed(0)
    inputs, targets = (torch.from_numpy(part).to(device) for part in case.rows()[:2])
    model = case.build().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=DECAY, fused=fused or None)
    rows = batches(len(inputs), case.batch_size)

    def train() -> int:
        losses = []
        for index in _piece(rows, device):
            loss = functional.cross_entropy(model(inputs[index]), targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).tolist()
        return PIECE_STEPS

    return train


def by_graphs(case: Case, num_models: int, *, device: str) -> Contestant:
    """Models whose whole step is a CUDA graph, each on a stream of its own; fused AdamW, rows in memory."""
    torch.manual_seed(0)
    inputs, targets = (torch.from_numpy(part).to(device) for part in case.rows()[:2])
    graphs = [_graph(case, inputs, targets) for _ in range(num_models)]
    rows = batches(len(inputs), case.batch_size)

    def train() -> int:
        pieces = [_piece(rows, device) for _ in graphs]
        torch.cuda.synchronize()
        for s in range(PIECE_STEPS):
            for (graph, index, stream), piece in zip(graphs, pieces, strict=True):
                with torch.cuda.stream(stream):
                    index.copy_(piece[s])
                    graph.replay()
        torch.cuda.synchronize()
        return PIECE_STEPS * num_models

    return train


def _graph(case: Case, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[Any, torch.Tensor, Any]:
    """(graph of a step, the row numbers that it reads, its stream)."""
    model, stream = case.build().to(inputs.device), torch.cuda.Stream()
    index = torch.arange(case.batch_size, device=inputs.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=DECAY, fused=True, capturable=True)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs[index]), targets[index]).backward()
        optimizer.step()

    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # kernels are chosen and memory is taken before the capture
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        step()
    return graph, index, stream


def _piece(rows: Iterator[torch.Tensor], device: str) -> torch.Tensor:
    """Row numbers [S, B] of a piece of work."""
    return torch.stack(list(itertools.islice(rows, PIECE_STEPS))).to(device)


def by_optuna_threads(case: Case, num_jobs: int = 2) -> Contestant:
    """What most people run: `study.optimize(n_jobs=2)`, torch's own number of threads, a DataLoader, AdamW as it
    comes. A piece of work is one trial for each job."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    dataset = TensorDataset(*(torch.from_numpy(part) for part in case.rows()[:2]))

    def objective(trial: Any) -> float:
        torch.manual_seed(trial.number)
        loader = DataLoader(dataset, batch_size=case.batch_size, shuffle=True, drop_last=True)
        model = case.build()
        lr = trial.suggest_float("lr", LR / 2, LR * 2, log=True)
        optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=DECAY)
        epochs = itertools.chain.from_iterable(itertools.repeat(loader))
        for x, y in itertools.islice(epochs, 4 * PIECE_STEPS):
            loss = functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.item())

    def train() -> int:
        study.optimize(objective, n_trials=num_jobs, n_jobs=num_jobs)
        return num_jobs * 4 * PIECE_STEPS

    return train


def by_engine(case: Case, mode: str, P: int, *, num_steps: int = PIECE_STEPS, device: str = "cpu") -> Contestant:
    """P models, each with numbers of its own, in a population of the engine. A piece of work is a plan of `num_steps`
    steps of each, and the making of it."""
    engine = TorchEngine(inputs=0, outputs=10, device=device)
    recipes = [Recipe("adamw", lr=LR * (1 + p / P), schedule="constant", warmup=0.0, batch_size=case.batch_size)
               for p in range(P)]  # fmt: skip
    population = engine.open(case.build, recipes[0], Loss("cross_entropy"), mode, P)
    source = case.rows()
    data, rows = engine.place(source), np.arange(len(source.inputs), dtype=np.int32)
    held = [population.stack([population.fresh(recipe, p) for p, recipe in enumerate(recipes)])]
    steps = itertools.count(0, num_steps)

    def train() -> int:
        step = next(steps)
        plan = make_plan([Course(r, p, rows, ENDLESS, step, num_steps) for p, r in enumerate(recipes)], num_steps)
        held[0], _ = population.advance(held[0], data, plan)
        return P * num_steps

    return train


def matrix_product(size: int = 512, *, device: str = "cpu") -> Contestant:
    """What the machine can do: float32 [size, size] times its like."""
    left, right = (torch.randn(size, size, device=device) for _ in range(2))
    out = torch.empty_like(left)

    def multiply() -> int:
        for _ in range(8):
            torch.mm(left, right, out=out)
        return 8 * 2 * size**3

    return multiply
