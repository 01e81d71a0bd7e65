"""An optimizer of Keras on torch: on the live variables of a trial's model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from luthier.engines.grouping import Grouping
from luthier.engines.keras.foreign import made, numpy_of
from luthier.engines.outside import Maker
from luthier.engines.serial.outside import Told, decays_of, part_way
from luthier.engines.spec import Array, Snapshot
from luthier.engines.torch.foreign import MADE_WITH, ROOM, Outside


class KerasOnTorch(Outside):
    """See `luthier.engines.torch.foreign.Outside`.

    Args:
        weights: {name: variable of Keras, whose value is the parameter}. arrays: its state, as in a snapshot.
    """

    def __init__(self, maker: Maker, weights: dict[str, Any], arrays: Snapshot, *, grouping: Grouping) -> None:
        self._made_with = {key: array for key, array in arrays.items() if key.startswith(f"{ROOM}@")}
        decay_G = self._made_with[f"{ROOM}@{MADE_WITH[1]}"]
        self._decay, by_group = float(decay_G.max()), decays_of(decay_G)
        self._groups = grouping.places({name: variable.value.ndim for name, variable in weights.items()})
        self._decays = {name: by_group[g] for name, g in self._groups.items()}
        self._made = made(maker, weights, self._decays, "Keras engine on torch")
        for i, variable in enumerate(self._made.variables):
            if f"{ROOM}{i}" in arrays:
                variable.assign(arrays[f"{ROOM}{i}"])

    @torch.no_grad()
    def step_(self, groups: Sequence[Mapping[str, float]]) -> None:
        """One step with the numbers of each group of the plan."""
        weights = self._made.weights
        told = self._told([numbers["lr"] for numbers in groups])
        now = self._made.told([v.value for v in self._made.variables], told)
        for at in (self._made.lr, self._made.decay):
            if at is not None:
                self._made.variables[at].assign(now[at])
        reach = self._made.reach(told)
        before = {} if reach is None else {name: v.value.detach().clone() for name, v in weights.items()}
        self._made.optimizer.apply([v.value.grad for v in weights.values()], list(weights.values()))
        if reach is not None:
            after = {name: v.value for name, v in weights.items()}
            for name, value in part_way(before, after, reach).items():
                weights[name].value.copy_(value)

    def arrays(self) -> dict[str, Array]:
        """All that it keeps, by its names in the snapshot."""
        return self._made_with | {f"{ROOM}{i}": numpy_of(v) for i, v in enumerate(self._made.variables)}

    def _told(self, lr_G: Sequence[float]) -> Told:
        factors = None
        if len(set(lr_G)) > 1:
            factors = {name: lr_G[g] / (lr_G[0] or 1.0) for name, g in self._groups.items()}
        return Told(lr_G[0], self._decay, self._decays, factors)
