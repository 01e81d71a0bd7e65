"""A schedule that waits for progress: each slot for itself, and over a pause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from luthier.engines.spec import Loss, Source
from luthier.engines.torch import TorchEngine
from luthier.recipe import Recipe
from luthier.runs.snapshots import read_snapshot
from luthier.training.group import Group, Live, Setting

ROWS = np.arange(40)
NUM_STEPS = 24


def line(inputs: int, outputs: int):
    return torch.nn.Linear(inputs, outputs)


def live(trial: int, recipe: Recipe) -> Live:
    return Live(trial, recipe, seed=trial, num_steps=NUM_STEPS, train_rows=ROWS, val_rows=ROWS, num_reports=12)


def group(folder: Path, P: int) -> Group:
    engine = TorchEngine(inputs=3, outputs=2)
    rng = np.random.default_rng(0)
    source = Source(rng.normal(size=(40, 3)).astype(np.float32), rng.integers(0, 2, 40))
    population = engine.open(line, Recipe(batch_size=8), Loss("cross_entropy"), "loop", P)
    return Group(population, engine.place(source), Setting("accuracy", Loss("cross_entropy"), source.targets, folder))


def run(here: Group, until: int) -> list[dict]:
    for slot in here.slots:
        if slot is not None:
            slot.until = until
    events = []
    while here.busy():
        events += list(here.advance())
    return events


def test_rate_falls_by_the_reports_of_its_own_slot_and_goes_on_after_a_pause(tmp_path: Path) -> None:
    """Trial 0 makes no progress at rate 1e-12 and is reduced; trial 1 learns and is not; a pause changes nothing."""
    still = Recipe(schedule="plateau", warmup=0.0, lr=1e-12, batch_size=8, weight_decay=0.0, plateau_patience=1)
    learns = Recipe(schedule="plateau", warmup=0.0, lr=0.01, batch_size=8, plateau_patience=1)
    both = group(tmp_path, 2)
    lives = [live(0, still), live(1, learns)]
    for p, each in enumerate(lives):
        both.put(p, each, None)
    run(both, NUM_STEPS)
    assert [each.plateau.reductions for each in lives] == [5, 0]

    paused = group(tmp_path, 1)
    paused.put(0, live(0, still), None)
    (reached,) = [event for event in run(paused, 10) if event["event"] == "reached"]
    resumed, after = group(tmp_path, 1), live(0, still)
    resumed.put(0, after, read_snapshot(tmp_path / reached["file"], reached["checksum"]))
    assert after.plateau.reductions > 0
    run(resumed, NUM_STEPS)
    assert after.plateau == lives[0].plateau
