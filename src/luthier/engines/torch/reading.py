"""Evaluation, the same in every mode: slot by slot through the model itself, so that no value depends on P."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from luthier.engines import checks
from luthier.engines.checks import check_rows
from luthier.engines.spec import Array, Loss
from luthier.engines.torch.batch import Placed
from luthier.engines.torch.randomness import own_draws
from luthier.engines.torch.slot import Slot


class Reading(NamedTuple):
    """How a population reads its slots.

    Args:
        slot: number of a slot -> its model, until the next one is asked for.
    """

    slot: Callable[[int], Slot]
    P: int
    device: torch.device

    def predict(self, data: Placed, rows: Array, slots: Sequence[int] | None) -> Array:
        """Model outputs in evaluation mode: float32 [slots, n, C]."""
        return self._each(Slot.predict, data, rows, slots)

    def evaluate(self, data: Placed, rows: Array, slots: Sequence[int] | None) -> Array:
        """Loss of each example in evaluation mode: float32 [slots, n]."""
        return self._each(Slot.evaluate, data, rows, slots)

    def measure(self, data: Placed, rows: Array, slots: Sequence[int] | None) -> dict[str, Array]:
        """What functions of one's own say of rows: {name: float32 [slots, n]}."""
        check_rows(np.asarray(rows), len(data.inputs))
        chosen = range(self.P) if slots is None else slots
        rows_Pn = np.broadcast_to(rows, (len(chosen), np.shape(rows)[-1]))
        with own_draws(self.device) as seed_draws:
            found = []
            for p, rows_n in zip(chosen, rows_Pn, strict=True):
                seed_draws(0)  # a function that draws says the same when it is asked again
                found.append(self.slot(p).measure(data, self._on_device(rows_n)))
        return {name: np.stack([f[name].cpu().numpy() for f in found]) for name in found[0]}

    def probe(self, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        check_rows(rows, len(data.inputs))
        with own_draws(self.device):
            found = [self.slot(p).probe(data, self._on_device(rows)) for p in range(self.P)]
        return {name: np.array([float(f[name]) for f in found], np.float32) for name in found[0]}

    def _each(
        self,
        function: Callable[[Slot, Placed, torch.Tensor], torch.Tensor],
        data: Placed,
        rows: Array,
        slots: Sequence[int] | None,
    ) -> Array:
        check_rows(np.asarray(rows), len(data.inputs))
        chosen = range(self.P) if slots is None else slots
        rows_Pn = np.broadcast_to(rows, (len(chosen), np.shape(rows)[-1]))
        with own_draws(self.device):  # a model that draws in evaluation mode moves no one else's numbers
            found = [
                function(self.slot(p), data, self._on_device(rows_n))
                for p, rows_n in zip(chosen, rows_Pn, strict=True)
            ]
        return np.stack([values.float().cpu().numpy() for values in found])

    def _on_device(self, rows: Array) -> torch.Tensor:
        return torch.from_numpy(np.asarray(rows).astype(np.int64)).to(self.device)


def check_targets(data: Placed, loss: Loss) -> None:
    """Class numbers for a loss of classes.

    Raises:
        InvalidInput: the targets are real values.
    """
    checks.check_targets(not data.targets.is_floating_point(), data.targets.dtype, loss)
