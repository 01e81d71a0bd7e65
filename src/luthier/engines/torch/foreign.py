"""Optimizers of a library: any with the interface `params -> torch.optim.Optimizer`, as it is.

Its state lies in the snapshot, "foreign/<weight>/<key>" for what it keeps of a weight and "foreign/#<group>/<key>"
for numbers that it moves within a parameter group; plain numbers have "=" before their key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch

from luthier.engines.grouping import Grouping
from luthier.engines.spec import Array, Snapshot
from luthier.engines.torch.optimizers import param_groups
from luthier.errors import InvalidInput, Unsupported

FOREIGN = "of a library"
ROOM = "foreign/"
SET = ("params", "lr", "weight_decay")
"""Entries of a parameter group that the plan sets, or that hold the weights."""


def imported(name: str) -> Any:
    """What a dotted name means.

    Raises:
        InvalidInput: it can not be imported, or is no function.
    """
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(
            f"optimizer={name!r}", must="it can be imported", where="recipe", remedy=str(error)
        ) from None
    if not callable(found):
        raise InvalidInput(f"optimizer={name!r}", must="a function of the weights", where="recipe")
    return found


def kept_in(snapshot: Snapshot) -> Snapshot:
    """What a snapshot holds of such an optimizer."""
    return {key: array for key, array in snapshot.items() if key.startswith(ROOM)}


class Foreign:
    """An optimizer of a library on the weights of a trial.

    Args:
        name: where it is imported from. options: its own arguments.
        arrays: its state, as in a snapshot; empty before the first step. lr: of the first step.
        grouping: parameter groups.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        params: Mapping[str, torch.Tensor],
        *,
        arrays: Snapshot,
        lr: float,
        grouping: Grouping,
    ) -> None:
        self._params = dict(params)
        groups = param_groups(self._params, grouping)
        self._optimizer: torch.optim.Optimizer = imported(name)(groups, **({"lr": lr} | dict(options)))
        self._restore(arrays)

    def step_(self, groups: Sequence[Mapping[str, float]]) -> None:
        """One step with the learning rate, and where it has one the weight decay, of each group."""
        for group, numbers in zip(self._optimizer.param_groups, groups, strict=True):
            group["lr"] = numbers["lr"]
            if "weight_decay" in group:
                group["weight_decay"] = numbers["weight_decay"]
        self._optimizer.step()

    def arrays(self) -> dict[str, Array]:
        """All that it keeps.

        Raises:
            Unsupported: something that is neither a tensor nor a number.
        """
        found: dict[str, Array] = {}
        for name, param in self._params.items():
            for key, value in self._optimizer.state.get(param, {}).items():
                found |= _array(f"{ROOM}{name}/", key, value)
        for g, group in enumerate(self._optimizer.param_groups):
            for key, value in group.items():
                if key not in SET and isinstance(value, int | float) and not isinstance(value, bool):
                    found |= _array(f"{ROOM}#{g}/", key, value)
        return found

    def _restore(self, arrays: Snapshot) -> None:
        for path, array in arrays.items():
            place, _, key = path.removeprefix(ROOM).rpartition("/")
            value: Any = array.item() if key.startswith("=") else torch.from_numpy(np.array(array))
            if place.startswith("#"):
                self._optimizer.param_groups[int(place[1:])][key.removeprefix("=")] = value
                continue
            param = self._params[place]
            if isinstance(value, torch.Tensor) and value.ndim:
                value = value.to(param.device)
            self._optimizer.state[param][key.removeprefix("=")] = value


def _array(place: str, key: str, value: Any) -> dict[str, Array]:
    if value is None:
        return {}
    if isinstance(value, torch.Tensor):
        return {f"{place}{key}": np.array(value.detach().cpu().numpy())}
    if isinstance(value, int | float):
        return {f"{place}={key}": np.array(value)}
    raise Unsupported(
        f"the optimizer keeps {key!r}, a {type(value).__name__}",
        must="tensors and numbers",
        where="torch engine",
        remedy="Take another optimizer: a trial could not be paused",
    )
