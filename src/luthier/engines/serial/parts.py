"""One slot as arrays on the device, as a snapshot, and its share of a plan.

Axes: S steps of a chunk, P slots, B rows of a batch, G parameter groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from luthier.algorithms.rule import AVERAGE
from luthier.engines.spec import WHOLE_STEP, Array, Plan, Snapshot, Source
from luthier.errors import InvalidInput, Unsupported

Tree = dict[str, Any]
"""{name: array}"""
Shapes = dict[str, tuple[int, ...]]
OUTPUTS = -1
"""The axis of a weight that counts its outputs."""
TABLES = ("embedding", "embeddings")
"""How Flax and Keras name the weight of an embedding, which is no layer's matrix."""


class Arrays(NamedTuple):
    """What training changes in one slot."""

    weights: Tree
    optimizer: dict[str, Tree]  # {state: {name: array}}
    buffers: Tree
    foreign: Tree = {}  # what the optimizer of a library keeps

    def evaluated(self) -> Arrays:
        """What the model is evaluated with: averaged weights where they are kept, and no optimizer."""
        return Arrays(self.optimizer.get(AVERAGE, self.weights), {}, self.buffers)

    def trained(self) -> Arrays:
        """The weights that are trained, and no optimizer."""
        return self._replace(optimizer={}, foreign={})


class Slot(NamedTuple):
    """One trial on the device. Where it stands is known on the host: no need to wait for the device."""

    arrays: Arrays
    seed: int
    step: int
    rates: Mapping[str, float]  # dropout rates by "<layer>.rate"


class Start(NamedTuple):
    """A new model's arrays, and its lifted rates."""

    weights: Tree
    buffers: Tree
    rates: Mapping[str, float]


class Placed(NamedTuple):
    """Data on the device: inputs [n, ...] and targets [n] or [n, k]."""

    inputs: Any
    targets: Any


class Chunk(NamedTuple):
    """One slot's share of a plan, and where it goes on."""

    rows: Array  # int32 [S, B]
    hparams: dict[str, Array]  # [S, G]; those of WHOLE_STEP [S]
    num_steps: np.int32  # data, so that another number compiles nothing
    first_step: np.int32  # steps taken before this chunk
    seed: Array  # uint32 [2], its high and its low word
    rates: dict[str, Array]  # float32 []
    weights: Array | None = None  # float32 [S, B]


def chunk_of(slot: Slot, plan: Plan, p: int, *, num_groups: int) -> Chunk:
    """What slot p has to do."""
    return Chunk(
        rows=plan.rows[:, p],
        hparams={name: _numbers(name, value[:, p], num_groups) for name, value in plan.hparams.items()},
        num_steps=np.int32(plan.steps[p]),
        first_step=np.int32(slot.step),
        seed=seed_words(slot.seed),
        rates=rates_of(slot),
        weights=None if plan.weights is None else plan.weights[:, p],
    )


def rates_of(slot: Slot) -> dict[str, Array]:
    """The slot's rates as numbers for the device."""
    return {name: np.array(rate, np.float32) for name, rate in slot.rates.items()}


def _numbers(name: str, values: Array, num_groups: int) -> Array:
    """[S] or [S, G] in one shape whatever the plan says: [S, G], or [S] where a number has no groups."""
    values_SG = values if values.ndim == 2 else np.repeat(values[:, None], num_groups, axis=1)
    return values_SG[:, 0] if name in WHOLE_STEP else values_SG


def seed_words(seed: int) -> Array:
    """All 64 bits of a seed, uint32 [2]. JAX itself drops the high word where 64-bit numbers are off."""
    return np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32)


def to_snapshot(slot: Slot) -> Snapshot:
    """A copy: NumPy's view of an array on the CPU would change when the array is donated."""
    named = {f"weights/{name}": array for name, array in slot.arrays.weights.items()}
    named |= {f"optimizer/{s}/{name}": a for s, tree in slot.arrays.optimizer.items() for name, a in tree.items()}
    named |= {f"buffers/{name}": array for name, array in slot.arrays.buffers.items()}
    named |= {f"foreign/{name}": array for name, array in slot.arrays.foreign.items()}
    copies = {name: np.array(array) for name, array in named.items()}
    copies |= {f"constants/{name}": np.array(rate, np.float64) for name, rate in slot.rates.items()}
    return copies | {"seed": np.array(slot.seed, np.int64), "step": np.array(slot.step, np.int64)}


def from_snapshot(snapshot: Snapshot, array: Callable[[Array], Any]) -> Slot:
    """The slot of a snapshot; `array` copies to the device: live arrays may be donated, and the snapshot must
    outlive them."""
    trees: dict[str, Tree] = {"weights": {}, "buffers": {}, "foreign": {}}
    optimizer: dict[str, Tree] = {}
    rates = {}
    for key, value in snapshot.items():
        room, _, name = key.partition("/")
        if room == "optimizer":
            state, _, name = name.partition("/")
            optimizer.setdefault(state, {})[name] = array(value)
        elif room == "constants":
            rates[name] = float(value)
        elif room in trees:
            trees[room][name] = array(value)
    arrays = Arrays(trees["weights"], optimizer, trees["buffers"], trees["foreign"])
    return Slot(arrays, int(snapshot["seed"]), int(snapshot["step"]), rates)


def check_slot(slot: Slot, weights: Shapes, buffers: Shapes) -> None:
    """Arrays of another model are answered before they reach a compiled program.

    Raises:
        InvalidInput: a name is missing or too many, or a shape differs.
    """
    for room, own, given in (("weights", weights, slot.arrays.weights), ("buffers", buffers, slot.arrays.buffers)):
        for name in own.keys() | given.keys():
            must, have = own.get(name), tuple(given[name].shape) if name in given else None
            if must != have:
                raise InvalidInput(
                    f"{room}/{name} has the shape {have}",
                    must=f"its shape is {must}",
                    where="snapshot",
                    remedy="Stack only trials whose GroupKey equals that of the population",
                )


def narrow(source: Source, where: str) -> tuple[Array, Array]:
    """(inputs, targets) with real numbers as float32, whole ones and truth values as int32.

    Raises:
        Unsupported: inputs that are a dict or a tuple, or training batches from loaders.
    """
    if source.stream is not None:
        raise Unsupported("loaders", must="rows in memory", where=where, remedy="Pass data=(X, y)")
    if source.tree is not None:
        raise Unsupported(
            "inputs that are a dict or a tuple",
            must="one array",
            where=where,
            remedy="Join them into one array, and part it inside the model",
        )
    inputs, targets = np.asarray(source.inputs), np.asarray(source.targets)
    return inputs.astype(np.int32) if source.whole else _in_32_bits(inputs), _in_32_bits(targets)


def _in_32_bits(array: Array) -> Array:
    narrowed: Array = array.astype(np.float32 if np.issubdtype(array.dtype, np.floating) else np.int32)
    return narrowed
