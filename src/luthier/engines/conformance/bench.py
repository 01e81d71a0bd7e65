"""What a subclass supplies, and the bench on which the promises are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from luthier.engines.grouping import ONE
from luthier.engines.spec import (
    RULES,
    Array,
    Builder,
    Engine,
    Loss,
    Plan,
    Population,
    Snapshot,
    Source,
    State,
    optimizer_numbers,
)
from luthier.errors import Unsupported
from luthier.recipe import OPTIMIZERS, Recipe

S, B = 10, 16
"""Every plan has these, so that an engine that compiles does so once."""


class Trial(NamedTuple):
    """A recipe with its seed; rows and start of training follow from the seed."""

    recipe: Recipe
    seed: int = 0

    def rows(self, step: int, num_rows: int) -> Array:
        """int32 [B] rows of a step."""
        drawn: Array = np.random.default_rng([self.seed, step]).permutation(num_rows)[:B].astype(np.int32)
        return drawn


class Bench(NamedTuple):
    """A population with data, and short ways to do things with it."""

    population: Population
    data: Any
    num_rows: int

    def fresh(self, *trials: Trial) -> State:
        """Newly initialised trials in all slots."""
        return self.population.stack([self.population.fresh(t.recipe, t.seed) for t in trials])

    def plan(
        self, trials: Sequence[Trial], steps: Sequence[int] | None = None, start: int | Sequence[int] = 0
    ) -> Plan:
        """S steps of each trial from its step `start` on, of which `steps` are taken (all, if not given)."""
        P = len(trials)
        starts = [start] * P if isinstance(start, int) else start
        numbers = [optimizer_numbers(trial.recipe) for trial in trials]
        return Plan(
            rows=np.array([[t.rows(a + s, self.num_rows) for t, a in zip(trials, starts, strict=True)]
                           for s in range(S)]),
            hparams={name: np.stack([np.stack([n[name] for n in numbers])] * S) for name in numbers[0]},
            steps=np.array([S] * P if steps is None else steps, np.int32),
            kinds=np.array([RULES.index(trial.recipe.optimizer) for trial in trials], np.int32),
        )  # fmt: skip

    def go(self, state: State, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Advance."""
        return self.population.advance(state, self.data, plan)

    def run(
        self, trials: Sequence[Trial], steps: Sequence[int] | None = None
    ) -> tuple[list[Snapshot], dict[str, Array]]:
        """Fresh trials trained for a chunk: (a snapshot of each, the curves)."""
        state, out = self.go(self.fresh(*trials), self.plan(trials, steps))
        return [self.population.take(state, p) for p in range(len(trials))], out

    def step_from(self, snapshot: Snapshot, plan: Plan) -> tuple[Snapshot, dict[str, Array]]:
        """One trial on from a snapshot, alone in its population."""
        state, out = self.go(self.population.stack([snapshot]), plan)
        return self.population.take(state, 0), out


@cache
def _digits() -> Source:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Source(np.asarray(digits.data[:400], np.float32) / 16.0, digits.target[:400].astype(np.int64))


class Supplied:
    """What the author of an engine gives; override all but the last five as needed.

    Attributes:
        has_batch_norm: the builder's model has BatchNorm; its statistics are the buffers.
        outputs_axis: the axis of a weight that counts its outputs: 0 in torch, -1 where they come last.
    """

    has_batch_norm = False
    outputs_axis = 0

    def engine(self) -> Engine:
        """For 64 inputs and 10 outputs, or those of an own `source`. Return the same one every time if it is
        dear to make."""
        raise NotImplementedError

    def builder(self) -> Builder:
        """A small classifier with dropout. The same function every time."""
        raise NotImplementedError

    def dropout_builder(self) -> Builder:
        """Dropout of rate 0.5, once more the same, and one linear layer with bias from `inputs` to
        `outputs`. It takes no settings."""
        raise NotImplementedError

    def recipe(self, **changes: Any) -> Recipe:
        """A recipe for the builder with which the loss falls within S steps; no dropout unless it is set."""
        settings: dict[str, Any] = {"optimizer": "adamw", "lr": 0.01, "batch_size": B}
        return Recipe(**(settings | changes))

    def source(self) -> Source:
        """Rows to learn from, at least 100: the digits of scikit-learn."""
        return _digits()

    def loss(self) -> Loss:
        """That fits the source's targets."""
        return Loss("cross_entropy")

    def modes(self) -> tuple[str, ...]:
        """The modes to try."""
        return self.engine().modes()

    def dropout_modes(self) -> tuple[str, ...]:
        """Those of them that take the model of `dropout_builder`."""
        return self.modes()

    # ------------------------------------------------------------------------------- for the tests themselves

    def benches(self, P: int = 1) -> Iterator[Bench]:
        """The builder's model in each mode."""
        source = self.source()
        for mode in self.modes():
            population = self.engine().open(self.builder(), self.recipe(), self.loss(), mode, P)
            yield Bench(population, self.engine().place(source), len(source.inputs))

    def takes(self, bench: Bench, recipe: Recipe) -> bool:
        """Does the bench's mode train such a trial? The reference must."""
        mode = bench.population.mode.name
        try:
            self.engine().open(self.builder(), recipe, self.loss(), mode, 1)
        except Unsupported:
            assert mode != self.engine().modes()[0], f"the reference mode refuses {recipe}"
            return False
        return True

    def rules(self, bench: Bench) -> list[str]:
        """Update rules that the bench's mode takes."""
        return [rule for rule in OPTIMIZERS if self.takes(bench, self.recipe(optimizer=rule))]

    def benches_for(self, recipe: Recipe, P: int = 1) -> Iterator[Bench]:
        """The builder's model in each mode that trains such a trial, opened for it."""
        source = self.source()
        for mode in self.modes():
            with suppress(Unsupported):
                population = self.engine().open(self.builder(), recipe, self.loss(), mode, P)
                yield Bench(population, self.engine().place(source), len(source.inputs))
                continue
            assert mode != self.engine().modes()[0], f"the reference mode refuses {recipe}"

    def alone(self, bench: Bench) -> Bench:
        """The same with one slot."""
        mode = bench.population.mode.name
        population = self.engine().open(self.builder(), self.recipe(), self.loss(), mode, 1)
        return bench._replace(population=population)

    def dropout_benches(self, loss: str, targets: Array) -> Iterator[Bench]:
        """The model of `dropout_builder` on rows of ones, one slot."""
        width = int(np.prod(self.source().inputs.shape[1:]))
        source = Source(np.ones((len(targets), width), np.float32), targets)
        for mode in self.dropout_modes():
            population = self.engine().open(self.dropout_builder(), self.still(), Loss(loss), mode, 1)
            yield Bench(population, self.engine().place(source), len(targets))

    def still(self, **changes: Any) -> Recipe:
        """A recipe without builder settings that moves no weight."""
        plain: dict[str, Any] = {"optimizer": "sgd", "weight_decay": 0.0, "momentum": 0.0, "batch_size": B}
        return Recipe(**(plain | {"lr": 1e-30} | changes))


def weights(snapshot: Snapshot) -> dict[str, Array]:
    """{name: array} of the weights."""
    return {k.removeprefix("weights/"): v for k, v in snapshot.items() if k.startswith("weights/")}


def buffers(snapshot: Snapshot) -> dict[str, Array]:
    """{name: array} of the buffers."""
    return {k.removeprefix("buffers/"): v for k, v in snapshot.items() if k.startswith("buffers/")}


def copied(snapshot: Snapshot) -> Snapshot:
    """A deep copy."""
    return {name: np.array(value) for name, value in snapshot.items()}


def with_weights(snapshot: Snapshot, matrix: float, vector: Array) -> Snapshot:
    """The snapshot of a linear layer with all weights equal and a given bias."""
    changed = copied(snapshot)
    for name, value in weights(changed).items():
        changed[f"weights/{name}"] = np.full_like(value, matrix) if value.ndim > 1 else vector.astype(value.dtype)
    return changed


def group_of(array: Array) -> int:
    """Index into GROUPS."""
    return ONE.place("", array.ndim)


def refusal(kind: type[Exception], call: Callable[[], Any]) -> str:
    """What the error of this kind says that the call must raise."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__} was raised")


def assert_bit_equal(one: Snapshot, other: Snapshot, what: str) -> None:
    """Same names, types and bits; NaN equals NaN."""
    assert one.keys() == other.keys(), f"{what}: names differ: {sorted(one.keys() ^ other.keys())}"
    for name, value in one.items():
        assert value.dtype == other[name].dtype, f"{what}: {name} has another type"
        assert np.array_equal(value, other[name], equal_nan=value.dtype.kind == "f"), f"{what}: {name} differs"
