"""An engine that trains nothing and returns scores of which the truth is known.

It fulfils the contract, so studies run through `luthier.tune` itself: the whole flow, with the journal, thousands
of times. The score of a trained model is

    truth(settings) + split_effect(validation rows) + own_effect(seed, settings)

both effects normal, together of standard deviation 1; `shared` is the part of the variance that pairs share.

Mode "side_by_side" trains P slots in the time of one: what waits, steps, refills and falls back is real, and every
curve is the loop's to the bit.
"""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import sleep
from typing import Any

import numpy as np

from luthier import Data, Float, Recipe, Task
from luthier.algorithms import updates
from luthier.engines.spec import GroupKey, Mode, Placed, Plan, Snapshot, Source
from luthier.errors import Unsupported

BEST_POSSIBLE = 100.0
MODES = {"loop": Mode("loop", True), "side_by_side": Mode("side_by_side", False)}
NUM_STEPS = 180  # enough for rungs
DIVERGES_AT = 5


@dataclass(frozen=True)
class Truth:
    """What the builder returns in place of a model."""

    mean: float
    shared: float = 0.5
    diverges: str = "never"  # always | with odd seeds | with its worker
    lucky: float = 0.0  # more by so much on the rows whose checksum is `on`
    on: int = 0


class FakeEngine:
    """See the module."""

    name, framework, device = "fake", "fake", "no device"  # so that sleeping counts as work

    def __init__(self, inputs: int, outputs: int) -> None:
        self.outputs = outputs

    def modes(self) -> tuple[str, ...]:
        return tuple(MODES)

    def inspect(self, builder: Callable[..., Any], recipe: Recipe) -> GroupKey:
        return GroupKey(f"fake {recipe.model.get('kind')}", "float32", recipe.batch_size)

    def open(self, builder: Any, recipe: Recipe, loss: Any, mode: str, P: int = 1) -> FakePopulation:
        if mode not in MODES:
            raise Unsupported(f"mode={mode!r}", must=f"mode is one of {', '.join(MODES)}")
        if mode != "loop" and recipe.model.get("kind") == "odd":
            raise Unsupported("layer odd (Odd) has no rule", remedy="Take an even one")
        return FakePopulation(builder, MODES[mode], P)

    def place(self, source: Source) -> Placed:
        return source


class FakePopulation:
    """Slots are snapshots; a step only counts. `step_s` of a recipe's model makes it take time."""

    def __init__(self, builder: Callable[..., Truth], mode: Mode, P: int) -> None:
        self.builder, self.mode, self.P = builder, mode, P

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        arguments = dict(recipe.model)
        most_P = 3 if arguments.get("kind") == "huge" else 1 << 30  # more do not fit into memory
        step_s = float(arguments.pop("step_s", 0.0))
        truth = self.builder(**arguments)
        kills = truth.diverges == "with its worker"
        diverges = truth.diverges == "always" or (truth.diverges == "with odd seeds" and seed % 2 == 1)
        return {
            "weights/mean": np.array([truth.mean, truth.shared, diverges, step_s]),
            "weights/own": np.array([zlib.crc32(repr(sorted(arguments.items())).encode())]),
            "weights/lucky": np.array([truth.lucky, truth.on]),
            "weights/most_P": np.array([most_P, kills]),
            **{f"optimizer/{state}/mean": np.ones(1) for state in updates.RULES[recipe.optimizer].states},
            "seed": np.array(seed),
            "step": np.array(0),
        }

    def stack(self, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        return [{k: v.copy() for k, v in s.items()} for s in snapshots]

    def take(self, state: list[Snapshot], slot: int) -> Snapshot:
        return {k: v.copy() for k, v in state[slot].items()}

    def put(self, state: list[Snapshot], slot: int, snapshot: Snapshot) -> list[Snapshot]:
        state[slot] = {k: v.copy() for k, v in snapshot.items()}
        return state

    def advance(self, state: list[Snapshot], data: Placed, plan: Plan) -> tuple[Any, dict[str, Any]]:
        S = plan.rows.shape[0]
        if min(int(slot["weights/most_P"][0]) for slot in state) < self.P:
            raise MemoryError(f"no room for {self.P} slots")
        loss = np.full((S, self.P), np.nan, np.float32)
        for p, taken in enumerate(plan.steps):
            loss[:taken, p] = 1.0
            if state[p]["weights/mean"][2] and state[p]["step"] + taken > DIVERGES_AT:
                loss[max(DIVERGES_AT - int(state[p]["step"]), 0) : taken, p] = np.inf
            if state[p]["weights/most_P"][1] and state[p]["step"] > DIVERGES_AT:
                os.kill(os.getpid(), signal.SIGSEGV)
            state[p]["step"] += taken
        each_s = [float(n * slot["weights/mean"][3]) for n, slot in zip(plan.steps, state, strict=True)]
        if any(each_s):
            sleep(sum(each_s) if self.mode.name == "loop" else max(each_s))
        return state, {"loss": loss, "grad_norm": np.ones_like(loss)}

    def predict(self, state: list[Snapshot], data: Source, rows: Any, slots: Any = None) -> Any:
        wanted = range(self.P) if slots is None else slots
        miss = [BEST_POSSIBLE - score(state[p], rows) for p in wanted]
        targets = data.targets[rows].astype(np.float64)
        return np.stack([targets[:, None] + m for m in miss])

    def evaluate(self, state: list[Snapshot], data: Source, rows: Any, slots: Any = None) -> Any:
        return (self.predict(state, data, rows, slots)[..., 0] - data.targets[rows]) ** 2

    def probe(self, state: list[Snapshot], data: Source, rows: Any) -> dict[str, Any]:
        return {name: np.ones(self.P, np.float32) for name in ("loss", "grad_norm", "weight_norm")}


def score(slot: Snapshot, rows: Any) -> float:
    """The score of a slot on these rows, rising with training: known truth plus known noise."""
    mean, shared = slot["weights/mean"][:2]
    split = np.random.default_rng(zlib.crc32(rows.tobytes())).standard_normal()
    own = np.random.default_rng([int(slot["seed"]), int(slot["weights/own"][0])]).standard_normal()
    done = min(1.0, float(slot["step"]) / NUM_STEPS)
    lucky, on = slot["weights/lucky"]
    mean += lucky if on == zlib.crc32(rows.tobytes()) else 0.0
    return float(mean * done + np.sqrt(shared) * split + np.sqrt(1 - shared) * own)


def flat(x: float = 0.5, shared: float = 0.5, kind: str = "even") -> Truth:
    """No setting matters; `kind` is another structure: the fast mode does not take "odd", and memory three "huge"."""
    return Truth(0.0, shared)


def plateau(x: float = 0.5, gain: float = 2.0, shared: float = 0.5) -> Truth:
    """Two fifths of the range are better by `gain` standard deviations; the baseline is not there."""
    return Truth(gain if 0.55 <= x <= 0.95 else 0.0, shared)


def hill(x: float = 0.1, y: float = 0.1, gain: float = 2.0, shared: float = 0.5) -> Truth:
    """A smooth hill of height `gain` in two settings; the baseline stands at its foot."""
    away = np.hypot(x - 0.7, y - 0.6)
    return Truth(float(gain * np.exp(-((away / 0.25) ** 2))), shared)


def broken(x: float = 0.5, shared: float = 0.5) -> Truth:
    """Diverges everywhere."""
    return Truth(0.0, shared, "always")


def half_broken(x: float = 0.2, shared: float = 0.5) -> Truth:
    """Diverges where x > 0.5."""
    return Truth(x, shared, "always" if x > 0.5 else "never")


def shaky(x: float = 0.2, shared: float = 0.5) -> Truth:
    """Diverges with every second seed, whatever the settings."""
    return Truth(x, shared, "with odd seeds")


def raises(x: float = 0.5, shared: float = 0.5) -> Truth:
    """A builder with a fault."""
    raise RuntimeError("no model today")


def hungry(x: float = 0.2, shared: float = 0.5) -> Truth:
    """Wants more memory than there is where x > 0.6."""
    if x > 0.6:
        np.ones(1 << 50)
    return Truth(x, shared)


def deadly(x: float = 0.2, shared: float = 0.5) -> Truth:
    """Takes its worker with it in training where x > 0.8."""
    return Truth(x, shared, "with its worker" if x > 0.8 else "never")


def of_one_fold(x: float = 0.2, on: int = 0, shared: float = 0.5) -> Truth:
    """Better by 4 standard deviations for 0.3 < x < 0.8; beyond, by 7 on the rows of one fold and worse on others."""
    if x <= 0.8:
        return Truth(4.0 if x > 0.3 else 0.0, shared)
    return Truth(-1.0, shared, lucky=8.0, on=on)


def checksum_of_fold(num: int, *, fold: int = 0, seed: int = 0) -> int:
    """Of the validation rows of a fold, in a run with this seed."""
    data = rows().in_folds(num)
    return zlib.crc32(data.split(data.test_rows(seed), fold)[1].tobytes())


def rows() -> Data:
    """Forty rows: enough to be split."""
    rng = np.random.default_rng(0)
    return Data(rng.normal(size=(40, 2)), rng.normal(size=40), kind="regression")


def task(truth: str = "flat", **fixed: Any) -> Task:
    """A task on the fake engine, by the name of its truth."""
    build = globals()[truth]
    space = {"x": Float(0.0, 1.0)} | ({"y": Float(0.0, 1.0)} if truth == "hill" else {})
    start = {"x": 0.2} if truth in ("plateau", "half_broken", "hungry", "deadly", "of_one_fold") else {}
    baseline = Recipe(batch_size=1, steps=NUM_STEPS, model=start | fixed)
    return Task(truth, build, rows(), metric="mae", baseline=baseline, space=space, engine="fakes:FakeEngine")


def slow(base: Task, step_s: float) -> Task:
    """The same task, every step taking `step_s` seconds."""
    model = {**base.baseline.model, "step_s": step_s}
    return replace(base, baseline=Recipe(batch_size=1, steps=NUM_STEPS, model=model))
