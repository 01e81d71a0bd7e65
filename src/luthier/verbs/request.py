"""What was asked for: checked once, kept in the journal, compared when a run is resumed."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from luthier.codec import Record
from luthier.data import Data
from luthier.engines.building import asks, called
from luthier.errors import InvalidInput, RunFolderError
from luthier.playbook.budget import parse_budget
from luthier.playbook.spaces import combine, forbidden
from luthier.records import TRAINING_SETTINGS, Recipe
from luthier.search import sampler as find_sampler
from luthier.space import Space
from luthier.training.task import Task, TaskRef, named_task, pickled

AUTO = "auto"
"""The mode that is measured where the budget is one of time, and else the reference."""


class Request(Record, frozen=True, kw_only=True):
    """A tuning run as asked for. Two requests that are equal give, with a budget of trials, equal runs."""

    task: str
    options: dict[str, Any] = {}
    metric: str = ""
    budget: str = "5min"
    space: Space = Space()
    fixed: dict[str, Any] = {}
    baseline: Recipe = Recipe()
    sampler: str = "auto"
    seed: int = 0
    price: float = 0.0
    num_workers: int = 2
    mode: str = AUTO
    slots: int | None = None
    add_default_space: bool = False  # the playbook adds the usual training settings, as many as the budget allows
    measure_batch_size: bool = False  # nobody has said one: take it by throughput (not for a budget of trials)

    def same_as(self, other: Request) -> None:
        """Refuse to go on with a run that was asked for differently.

        Raises:
            RunFolderError: names the first setting that differs.
        """
        told = [(f"baseline {name}", *pair) for name, pair in self.baseline.differs(other.baseline).items()]
        told += [
            (name, getattr(self, name), getattr(other, name))
            for name in self.__struct_fields__
            if name not in ("baseline", "num_workers")
        ]
        for name, mine, theirs in told:
            if mine != theirs:
                raise RunFolderError(
                    f"{name}={mine!r}",
                    must=f"{name} == {theirs!r}, as the run was begun",
                    where="resume",
                    remedy="Repeat the same command, or start another run with --name",
                )


def resolve(target: Any, options: Mapping[str, Any], data: Any) -> tuple[Task, TaskRef]:
    """The task of a target: its name, a Task, or a builder with its data.

    Raises:
        InvalidInput: none of these.
    """
    if isinstance(target, str):
        return named_task(target, **options), {"name": target, "options": dict(options)}
    if isinstance(target, Task):
        return target, pickled(target)
    if callable(target):
        rows = _rows(data)
        task = Task(name=getattr(target, "__name__", "model"), build=target, data=rows)
        return task, pickled(task)
    raise InvalidInput(
        f"target={target!r}",
        must="the name of a task, a Task, or a function that returns a model",
        where="tune",
    )


def _rows(data: Any) -> Data | Callable[[], Data]:
    if isinstance(data, Data):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return Data(*data)
    raise InvalidInput(
        f"data={type(data).__name__}", must="Data(inputs, targets) or (inputs, targets)", where="tune",
        remedy="Pass data=(X, y)",
    )  # fmt: skip


def request(
    task: Task,
    *,
    options: Mapping[str, Any],
    metric: str,
    budget: str,
    space: Any,
    fixed: Mapping[str, Any],
    space_only: bool,
    baseline: Recipe | None,
    sampler: str,
    seed: int,
    price: float,
    num_workers: int,
    mode: str = AUTO,
    slots: int | None = None,
    measure_batch_size: bool = False,
) -> Request:
    """Check everything that can be checked before the start, and write it down.

    Raises:
        InvalidInput: budget, sampler, space, fixed settings.
    """
    parse_budget(budget)
    find_sampler(sampler)
    if slots is not None and slots < 1:
        raise InvalidInput(f"slots={slots}", must="slots >= 1", where="tune")
    start = (baseline or task.baseline).with_config(fixed)
    named = Space.of(space)
    if space_only and not len(named):
        raise InvalidInput("space_only=True without space", must="a space to search", where="tune")
    named = named.without(fixed) if space_only else combine(Space.of(task.space), named, fixed)
    forbidden(named)
    start = _spelled_out(task.build, start, named)
    _known_names(task.build, named, start)
    return Request(
        task=task.name,
        options=dict(options),
        metric=metric,
        budget=budget,
        space=named,
        fixed=dict(fixed),
        baseline=start,
        sampler=sampler,
        seed=seed,
        price=price,
        num_workers=num_workers,
        mode=mode,
        slots=slots,
        add_default_space=task.space is None and not space_only,
        measure_batch_size=measure_batch_size and "batch_size" not in fixed,
    )


def _spelled_out(build: Callable[..., Any], baseline: Recipe, space: Space) -> Recipe:
    """The baseline with the builder's own defaults written down for the settings that vary: what a change is
    a change from."""
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError):
        return baseline
    defaults = {
        name: parameters[name].default
        for name in space
        if name in parameters and name not in TRAINING_SETTINGS and name not in baseline.model
    }
    known = {name: value for name, value in defaults.items() if value is not inspect.Parameter.empty}
    return baseline.with_config(known)


def _known_names(build: Callable[..., Any], space: Space, baseline: Recipe) -> None:
    """Every name of the space is a training setting or an argument of the builder; else every trial would fail."""
    try:
        arguments, takes_any = asks(build)
    except (TypeError, ValueError):
        return
    for name in space:
        bare = name.removeprefix("one_minus_")
        argument = name.removeprefix("model.")
        if bare in TRAINING_SETTINGS or argument in baseline.model or "." in argument or name.startswith("prepare_"):
            continue
        near = difflib.get_close_matches(name, sorted(TRAINING_SETTINGS), 1, 0.85)
        if near or not (takes_any or argument in arguments):
            raise InvalidInput(
                f"space names {name!r}", must="a training setting or an argument of the builder", where="space",
                remedy=f"Did you mean {near[0]!r}" if near else f"{called(build)} takes {', '.join(arguments)}",
            )  # fmt: skip
