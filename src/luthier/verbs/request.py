"""What was asked for: checked once, kept in the journal, compared when a run is resumed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from luthier.data import Data
from luthier.errors import InvalidInput, RunFolderError
from luthier.playbook.budget import Budget, parse_budget
from luthier.playbook.spaces import combine, default_space, forbidden
from luthier.records import TRAINING_SETTINGS, Recipe, Record
from luthier.search import sampler as find_sampler
from luthier.space import Space
from luthier.training.task import Task, TaskRef, named_task, pickled


class Request(Record, frozen=True, kw_only=True):
    """A tuning run as asked for. Two requests that are equal give, with a budget of trials, equal runs."""

    task: str
    options: dict[str, Any] = {}
    metric: str = ""
    budget: str = "5min"
    space: Space = Space()
    baseline: Recipe = Recipe()
    sampler: str = "auto"
    seed: int = 0
    price: float = 0.0
    num_workers: int = 2

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


def resolve(target: Any, options: Mapping[str, Any], data: Any, baseline: Recipe | None) -> tuple[Task, TaskRef]:
    """The task of a target: its name, a Task, or a builder with its data.

    Raises:
        InvalidInput: none of these.
    """
    if isinstance(target, str):
        task, ref = named_task(target, **options), {"name": target, "options": dict(options)}
        if baseline is not None:
            ref["baseline"] = True
        return task, ref
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


def request(task: Task, *, options: Mapping[str, Any], metric: str, budget: str, space: Any, fixed: Mapping[str, Any],
            space_only: bool, baseline: Recipe | None, sampler: str, seed: int, price: float, num_workers: int,
            kind: str = "multiclass") -> Request:  # fmt: skip
    """Check everything that can be checked before the start, and write it down.

    Raises:
        InvalidInput: budget, sampler, space, fixed settings.
    """
    amount = parse_budget(budget)
    find_sampler(sampler)
    start = (baseline or task.baseline).with_config(fixed)
    whole = _space(task, space, space_only, amount, start, kind, fixed)
    forbidden(whole)
    _known_names(whole, start)
    return Request(task=task.name, options=dict(options), metric=metric, budget=budget, space=whole, baseline=start,
                   sampler=sampler, seed=seed, price=price, num_workers=num_workers)  # fmt: skip


def _space(task: Task, space: Any, space_only: bool, budget: Budget, baseline: Recipe, kind: str,
           fixed: Mapping[str, Any]) -> Space:  # fmt: skip
    own = Space.of(space)
    if space_only:
        if not len(own):
            raise InvalidInput("space_only=True without space", must="a space to search", where="tune")
        return own.without(fixed)
    if task.space is not None:
        return combine(Space.of(task.space), own, fixed)
    return combine(default_space(kind, budget.expected_trials, baseline), own, fixed)


def _known_names(space: Space, baseline: Recipe) -> None:
    """A near miss of a training setting is a typing error, not an argument of the builder."""
    for name in space:
        bare = name.removeprefix("one_minus_")
        if bare in TRAINING_SETTINGS or name in baseline.model or "." in name or name.startswith("prepare_"):
            continue
        near = difflib.get_close_matches(name, sorted(TRAINING_SETTINGS), 1, 0.85)
        if near:
            raise InvalidInput(f"space names {name!r}", must="a training setting or an argument of the builder",
                               where="space", remedy=f"Did you mean {near[0]!r}")  # fmt: skip
