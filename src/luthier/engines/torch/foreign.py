"""Optimizers of a library: any with the interface `params -> torch.optim.Optimizer`, as it is.

Its state lies in the snapshot: "foreign/<weight>/<key>" what it keeps of a weight, "foreign/#<group>/<key>" what it
moves within a parameter group; plain numbers have "=" before their key. "foreign/@<name>" [G] are the numbers of the
recipe that it is made with: a resumed one is made like the first.
"""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from luthier.engines.grouping import ONE, Grouping
from luthier.engines.outside import Maker
from luthier.engines.spec import Array, Snapshot, optimizer_numbers
from luthier.engines.torch.optimizers import group_of
from luthier.errors import Unsupported, listed
from luthier.recipe import Recipe

FOREIGN = "of a library"
ROOM = "foreign/"
MADE_WITH = ("lr", "weight_decay")
WHERE = "torch engine"


def begun(recipe: Recipe) -> dict[str, Array]:
    """What a snapshot holds of such an optimizer before the first step."""
    numbers = optimizer_numbers(recipe)
    return {f"{ROOM}@{name}": numbers[name].astype(np.float64) for name in MADE_WITH}


def kept_in(snapshot: Snapshot) -> Snapshot:
    """What a snapshot holds of such an optimizer."""
    return {key: array for key, array in snapshot.items() if key.startswith(ROOM)}


class Outside(ABC):
    """An optimizer that luthier did not write, on the weights of a trial."""

    @abstractmethod
    def step_(self, groups: Sequence[Mapping[str, float]]) -> None:
        """One step with the numbers of each group of the plan."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """All that it keeps, by its names in the snapshot."""


class Foreign(Outside):
    """An optimizer of torch's interface.

    It gets the weights as one list. Where the numbers of the recipe differ between its groups, each parameter group
    of the optimizer is parted by them afterwards; groups that a function makes keep the ratios of their rates.

    Args:
        arrays: its state, as in a snapshot.
        grouping: parameter groups of the recipe.

    Raises:
        Unsupported: what is made is no optimizer, or one that can not be stepped or scheduled.
    """

    def __init__(
        self, maker: Maker, params: Mapping[str, torch.Tensor], *, arrays: Snapshot, grouping: Grouping = ONE
    ) -> None:
        self._params, self._maker = dict(params), maker
        self._made_with = {key: array for key, array in arrays.items() if key.startswith(f"{ROOM}@")}
        lr_G, decay_G = (self._made_with[f"{ROOM}@{name}"].tolist() for name in MADE_WITH)
        optimizer = maker(list(self._params.values()), lr=lr_G[0], weight_decay=decay_G[0])
        _check(maker, optimizer)
        self._optimizer: torch.optim.Optimizer = optimizer
        self._names = {id(param): name for name, param in self._params.items()}
        self._check_weights()
        index = group_of(self._params, grouping)
        self._places = {id(param): index[name] for name, param in self._params.items()}
        if len(set(lr_G)) > 1 or (maker.weight_decay and len(set(decay_G)) > 1):
            self._part(decay_G)
        own = lr_G[0] if maker.lr else 1.0  # else the recipe's rate is a factor of the optimizer's own
        self._rates = [float(group["lr"]) / own for group in optimizer.param_groups]
        firsts = [group["params"][:1] for group in optimizer.param_groups]
        self._of_plan = [self._places[id(first[0])] if first else 0 for first in firsts]
        self._restore(arrays)

    @property
    def left_out(self) -> list[str]:
        """Names of weights that it does not move."""
        moved = {id(param) for group in self._optimizer.param_groups for param in group["params"]}
        return [name for name, param in self._params.items() if id(param) not in moved]

    def step_(self, groups: Sequence[Mapping[str, float]]) -> None:
        """One step with the learning rate of each group of the plan."""
        for group, rate, g in zip(self._optimizer.param_groups, self._rates, self._of_plan, strict=True):
            _set(group, "lr", rate * groups[g]["lr"])
        self._optimizer.step()

    def arrays(self) -> dict[str, Array]:
        """All that it keeps.

        Raises:
            Unsupported: something that is neither a tensor nor a number.
        """
        kept = dict(self._made_with)
        for param, state in self._optimizer.state.items():
            name = self._names.get(id(param))
            if name is None:
                raise _can_not_pause(repr(param), state)
            for key, value in state.items():
                kept |= _array(f"{ROOM}{name}/", key, value)
        for g, group in enumerate(self._optimizer.param_groups):
            for key, value in group.items():
                if key not in ("params", *MADE_WITH) and _moves(value):
                    kept |= _array(f"{ROOM}#{g}/", key, value)
        return kept

    def _part(self, decay_G: Sequence[float]) -> None:
        for group in list(self._optimizer.param_groups):
            parts = {g: [p for p in group["params"] if self._places[id(p)] == g] for g in range(len(decay_G))}
            passed_on = bool(self._maker.weight_decay) and group.get("weight_decay") == decay_G[0]
            here = [g for g, params in parts.items() if params]
            others = [dict(group) for _ in here[1:]]
            for g, part in zip(here, (group, *others), strict=True):
                part["params"] = parts[g]
                if passed_on:
                    part["weight_decay"] = decay_G[g]
            self._optimizer.param_groups.extend(others)

    def _check_weights(self) -> None:
        for group in self._optimizer.param_groups:
            if any(id(param) not in self._names for param in group["params"]):
                raise Unsupported(
                    f"optimizer={self._maker.name!r} moves weights that it was not given",
                    must="weights of the model that it gets",
                    where=WHERE,
                    remedy="Each trial has a model of its own: take them from the argument",
                )

    def _restore(self, arrays: Snapshot) -> None:
        for path, array in arrays.items():
            if path in self._made_with:
                continue
            place, _, key = path.removeprefix(ROOM).rpartition("/")
            value: Any = array.item() if key.startswith("=") else torch.from_numpy(np.array(array))
            if place.startswith("#"):
                self._optimizer.param_groups[int(place[1:])][key.removeprefix("=")] = value
                continue
            param = self._params[place]
            if isinstance(value, torch.Tensor) and value.ndim:
                value = value.to(param.device)
            self._optimizer.state[param][key.removeprefix("=")] = value


def tried(optimizer: Outside, params: Mapping[str, torch.Tensor], maker: Maker, *, num_groups: int) -> None:
    """Take a step with gradients of 0, and ask for what it keeps: what can not be trained or paused shows now.

    Raises:
        Unsupported: it fails at either. The weights it does not move are told to the worker's log.
    """
    for param in params.values():
        param.grad = torch.zeros_like(param)
    try:
        optimizer.step_([{"lr": 0.0, "weight_decay": 0.0}] * num_groups)
    except Exception as error:  # whatever the code of the library says
        raise Unsupported(
            f"optimizer={maker.name!r} fails at its first step: {error}",
            must="a step that needs nothing but gradients",
            where=WHERE,
            remedy="Take another optimizer",
        ) from error
    optimizer.arrays()
    if isinstance(optimizer, Foreign) and (idle := optimizer.left_out):
        sys.stderr.write(f"the optimizer {maker.name} does not train {len(idle)} of the weights: {listed(idle, 8)}\n")


def _check(maker: Maker, optimizer: Any) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise maker.wrong(optimizer, "a torch.optim.Optimizer", WHERE)
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    refused = (
        (
            closure is not None and closure.default is inspect.Parameter.empty,
            "needs a closure: it evaluates the loss several times a step",
        ),
        (
            callable(getattr(optimizer, "train", None)) and callable(getattr(optimizer, "eval", None)),
            "evaluates with other weights than it trains: Recipe(optimizer='schedule_free') does that",
        ),
        (any("lr" not in group for group in optimizer.param_groups), "has parameter groups without a learning rate"),
    )
    for holds, reason in refused:
        if holds:
            raise Unsupported(
                f"optimizer={maker.name!r} {reason}",
                must="a step that needs nothing but gradients and a learning rate",
                where=WHERE,
                remedy="Take another optimizer",
            )


def _moves(value: Any) -> bool:
    return isinstance(value, torch.Tensor) or (isinstance(value, int | float) and not isinstance(value, bool))


def _set(group: dict[str, Any], key: str, value: float) -> None:
    if isinstance(group[key], torch.Tensor):
        group[key].fill_(value)
    else:
        group[key] = value


def _array(place: str, key: str, value: Any) -> dict[str, Array]:
    if value is None:
        return {}
    if isinstance(value, torch.Tensor):
        return {f"{place}{key}": np.array(value.detach().cpu().numpy())}
    if isinstance(value, int | float):
        return {f"{place}={key}": np.array(value)}
    raise _can_not_pause(key, value)


def _can_not_pause(key: str, value: Any) -> Unsupported:
    return Unsupported(
        f"the optimizer keeps {key!r}, a {type(value).__name__}",
        must="tensors and numbers of its weights and groups",
        where=WHERE,
        remedy="Take another optimizer: a trial could not be paused",
    )
