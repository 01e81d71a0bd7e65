"""One trial on the device, and as a snapshot."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from luthier.engines.jax.model import Structure, Tree
from luthier.engines.jax.program import Arrays
from luthier.engines.spec import Snapshot


class Slot(NamedTuple):
    """One trial on the device. Where it stands is known on the host: no need to wait for the device."""

    arrays: Arrays
    seed: int
    step: int


def to_snapshot(slot: Slot) -> Snapshot:
    """A copy: NumPy's view of an array on the CPU would change when the array is donated."""
    named = {f"weights/{name}": array for name, array in slot.arrays.weights.items()}
    named |= {f"optimizer/{s}/{name}": a for s, tree in slot.arrays.optimizer.items() for name, a in tree.items()}
    named |= {f"buffers/{name}": array for name, array in slot.arrays.buffers.items()}
    copies = {name: np.array(array) for name, array in named.items()}
    return copies | {"seed": np.array(slot.seed, np.int64), "step": np.array(slot.step, np.int64)}


def from_snapshot(snapshot: Snapshot, structure: Structure) -> Slot:
    """Copies on the device: the live arrays are donated, and the snapshot must outlive them."""
    trees: dict[str, Tree] = {"weights": {}, "buffers": {}}
    optimizer: dict[str, Tree] = {}
    for key, array in snapshot.items():
        room, _, name = key.partition("/")
        if room == "optimizer":
            state, _, name = name.partition("/")
            optimizer.setdefault(state, {})[name] = jnp.array(array, copy=True)
        elif room in trees:
            trees[room][name] = jnp.array(array, copy=True)
    structure.check(**trees)
    return Slot(Arrays(trees["weights"], optimizer, trees["buffers"]), int(snapshot["seed"]), int(snapshot["step"]))
