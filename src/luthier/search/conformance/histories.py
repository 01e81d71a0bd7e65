"""Made-up histories for the suites and for tests: trials with any scores and statuses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from luthier.recipe import Recipe
from luthier.records import History, Metric, Phase, Point, Status, Trial
from luthier.space import Choice, Config, Float, Int, Space

LOSS, NUM_STEPS = Metric(name="loss", greater_is_better=False), 90
RUNGS = (1 / 9, 1 / 3, 1.0)
SPACES: dict[str, Space] = {
    "mixed": Space(
        {
            "lr": Float(1e-5, 1e-1, log=True),
            "width": Int(8, 256, log=True),
            "depth": Int(1, 4),
            "activation": Choice(("relu", "gelu", "tanh")),
        }
    ),
    "conditional": Space(
        {
            "optimizer": Choice(("adamw", "sgd")),
            "adamw.lr": Float(1e-4, 1e-2, log=True, when={"optimizer": ["adamw"]}),
            "sgd.lr": Float(1e-2, 1.0, log=True, when={"optimizer": ["sgd"]}),
            "sgd.one_minus_momentum": Float(0.01, 0.3, log=True, when={"optimizer": ["sgd"]}),
        }
    ),
    "one number": Space({"lr": Float(1e-5, 1e-1, log=True)}),
    "choices": Space({"a": Choice((True, False)), "b": Choice(("x", "y", "z")), "c": Choice((None, 1, 2.5))}),
}


def make_trial(number: int, config: Config | None = None, scores: Sequence[float] = (), *, status: Status = "paused",
               phase: Phase = "search", origin: str = "halton", rungs: Sequence[float] = RUNGS) -> Trial:  # fmt: skip
    """A trial with its scores at the first rungs."""
    curve = tuple(
        Point(step=round(f * NUM_STEPS), fraction=f, train_loss=s, val_loss=s, score=s)
        for f, s in zip(rungs, map(float, scores), strict=False)
    )
    return Trial(
        id=number,
        phase=phase,
        config=config or {},
        recipe=Recipe(),
        seed=7 + number,
        split_seed=0,
        num_steps=NUM_STEPS,
        origin="baseline" if number == 0 else origin,
        status=status,
        rung=len(curve),
        step=curve[-1].step if curve else 0,
        curve=curve,
    )


def make_history(space: Space, num: int, seed: int = 0, *, status: Status | None = None) -> History:
    """A baseline and `num` random trials, some finished, paused, diverged, running; or all of one status."""
    rng = np.random.default_rng(seed)
    trials = [make_trial(0, {}, (1.0, 0.9, 0.8), status="finished")]
    kinds: tuple[Status, ...] = ("finished", "paused", "paused", "diverged", "running")
    for number in range(1, num + 1):
        kind = status or kinds[number % len(kinds)]
        length = {"finished": 3, "paused": 1 + number % 2}.get(kind, 0)
        config = space.decode(rng.random(len(space)))
        trials.append(make_trial(number, config, tuple(rng.random(length)), status=kind))
    return History(metric=LOSS, rungs=RUNGS, trials=tuple(trials))
