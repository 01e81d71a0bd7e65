"""Numbers inside layers that each trial may have for itself: dropout rates, slopes, epsilons.

Trials that differ in nothing else share a program. Their values are part of the snapshot, "constants/<path>.<name>",
float64 [].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from luthier.engines.spec import Array
from luthier.engines.torch.attention import AttentionTwin
from luthier.engines.torch.randomness import DropoutTwin
from luthier.engines.torch.recurrent import GRUTwin, LSTMTwin, RNNTwin

LIFTED: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Dropout: ("p",),
    nn.Dropout1d: ("p",),
    nn.Dropout2d: ("p",),
    nn.Dropout3d: ("p",),
    DropoutTwin: ("p",),
    nn.MultiheadAttention: ("dropout",),
    AttentionTwin: ("dropout",),
    nn.LSTM: ("dropout",),
    LSTMTwin: ("dropout",),
    nn.GRU: ("dropout",),
    GRUTwin: ("dropout",),
    nn.RNN: ("dropout",),
    RNNTwin: ("dropout",),
    nn.LeakyReLU: ("negative_slope",),
    nn.ELU: ("alpha",),
    nn.LayerNorm: ("eps",),
    nn.GroupNorm: ("eps",),
    nn.BatchNorm1d: ("eps", "momentum"),
    nn.BatchNorm2d: ("eps", "momentum"),
}
"""By exact type: names of the attributes."""


def names_of(module: nn.Module) -> tuple[str, ...]:
    """The lifted attributes of a layer that hold a number (the momentum of BatchNorm may be None)."""
    return tuple(n for n in LIFTED.get(type(module), ()) if isinstance(getattr(module, n), int | float))


def constants_of(model: nn.Module) -> dict[str, float]:
    """{"<path>.<name>": value} of all layers."""
    return {
        f"{path}.{name}" if path else name: float(getattr(module, name))
        for path, module in model.named_modules()
        for name in names_of(module)
    }


def load_(model: nn.Module, constants: Mapping[str, float]) -> None:
    """Set the numbers of the layers; names that the model lacks are an error of the caller's."""
    for key, value in constants.items():
        path, _, name = key.rpartition(".")
        setattr(model.get_submodule(path), name, float(value))


def in_snapshot(snapshot: Mapping[str, Array]) -> dict[str, float]:
    """What a snapshot says of them; none where it was written without."""
    room = "constants/"
    return {key.removeprefix(room): float(value) for key, value in snapshot.items() if key.startswith(room)}


def to_arrays(model: nn.Module) -> dict[str, Array]:
    """As a snapshot holds them."""
    return {f"constants/{name}": np.array(value, np.float64) for name, value in constants_of(model).items()}


class Split:
    """The numbers of several slots as their program wants them; remembers the last answer.

    Args:
        free: names of the numbers that go into formulas as tensors, also where all slots happen to agree: what a
            slot computes may not depend on its neighbours. Of the others but rates all slots have the same.
    """

    def __init__(self, free: Sequence[str]) -> None:
        self._free = frozenset(free)
        self._slots: list[dict[str, float]] = []
        self._found: tuple[dict[str, float], dict[str, torch.Tensor]] = ({}, {})

    def __call__(
        self, slots: Sequence[dict[str, float]], like: torch.Tensor
    ) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """({name: number in which all slots agree}, {name: [A], of the type and device of `like`})."""
        if len(slots) != len(self._slots) or any(a is not b for a, b in zip(slots, self._slots, strict=True)):
            uniform, own = {}, {}
            for name in slots[0]:
                values = [slot[name] for slot in slots]
                if name in self._free or len(set(values)) > 1:
                    own[name] = torch.tensor(values, dtype=like.dtype, device=like.device)
                else:
                    uniform[name] = values[0]
            self._slots, self._found = list(slots), (uniform, own)
        return self._found


def without_rates(numbers: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those that go into formulas: rates have their effect in the masks."""
    return {name: value for name, value in numbers.items() if not is_rate(name)}


def is_rate(name: str) -> bool:
    """Is the number a dropout rate? It has its effect in the masks only."""
    return name.rpartition(".")[2] in {"p", "dropout"}


def rates_of(model: nn.Module) -> dict[int, str]:
    """{number of a layer that draws: name of its rate}, of a model whose dropout layers have their twins."""
    return {
        module.number: f"{path}.{names_of(module)[0]}"
        for path, module in model.named_modules()
        if hasattr(module, "number")
    }
