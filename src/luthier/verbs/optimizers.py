"""An optimizer of the person's own, on its way into a recipe."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from luthier.engines.outside import DECAY, OWN, fingerprint, parameters_of, rate_of
from luthier.errors import InvalidInput
from luthier.recipe import OPTION, Recipe
from luthier.training.task import Task

_NUMBERS = (int, float)


def own_optimizer(
    task: Task, start: Recipe, *, space: Iterable[str] = (), fixed: Iterable[str] = (), said: bool = True
) -> Recipe:
    """A baseline that trains with the task's optimizer, unless the space or a fixed setting names one.

    A function that takes no learning rate has one of its own: the recipe's becomes a factor of it, 1 where the recipe
    does not say. Numbers that nobody said are those that the function has by default.

    Args:
        space, fixed: names of what is searched, and of what is held. said: was the baseline given by a person?

    Raises:
        InvalidInput: it is no optimizer, or the space names an argument that it does not take.
    """
    name = task.known_optimizer()
    if not name:
        return start
    parameters = {} if isinstance(task.optimizer, str) else parameters_of(task.optimizer)
    searched = [n for n in space if n.startswith(OPTION)]
    if parameters:
        _check(task.optimizer, searched, parameters)
    if "optimizer" in {*space, *fixed}:
        return start
    defaults = {n.removeprefix(OPTION): parameters[n.removeprefix(OPTION)].default for n in searched if parameters}
    options = {n: value for n, value in defaults.items() if value is not inspect.Parameter.empty}
    start = replace(start, optimizer=name, optimizer_options=options | start.optimizer_options)
    return start if isinstance(task.optimizer, str) else replace(start, **_numbers(start, parameters, said=said))


def own_digest(task: Task) -> str:
    """What tells whether a function of one's own is the one that a run was begun with; "" where there is none."""
    return fingerprint(task.optimizer) if task.known_optimizer().startswith(OWN) else ""


def _numbers(start: Recipe, parameters: Mapping[str, inspect.Parameter], *, said: bool) -> dict[str, Any]:
    usual, found = Recipe(), {}
    rate = rate_of(parameters, given=1)
    lr = parameters[rate].default if rate else None
    if not rate and start.lr == usual.lr:
        found["lr"] = 1.0
    elif isinstance(lr, _NUMBERS) and lr > 0 and not said and start.lr == usual.lr:
        found["lr"] = float(lr)
    if start.weight_decay == usual.weight_decay and not (DECAY in parameters and said):
        decay = parameters[DECAY].default if DECAY in parameters else None
        if decay is not inspect.Parameter.empty:
            found[DECAY] = float(decay) if isinstance(decay, _NUMBERS) else 0.0
    return found


def _check(make: Any, searched: list[str], parameters: Mapping[str, inspect.Parameter]) -> None:
    any_name = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    for name in searched:
        if not any_name and name.removeprefix(OPTION) not in parameters:
            raise InvalidInput(
                f"space names {name!r}",
                must="an argument of the optimizer",
                where="space",
                remedy=f"{getattr(make, '__name__', 'It')} takes {', '.join(parameters)}",
            )
