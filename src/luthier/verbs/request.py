"""What was asked for: checked once, kept in the journal, compared when a run is resumed."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from luthier.codec import Record
from luthier.data import Data
from luthier.data.preparation import DEFAULTS
from luthier.data.preparation import check as check_preparation
from luthier.engines.building import asks, called
from luthier.errors import InvalidInput, RunFolderError
from luthier.groups import NUMBERS, RATES, group_in, number_of
from luthier.playbook.budget import parse_budget
from luthier.playbook.spaces import combine, forbidden
from luthier.recipe import OPTIMIZERS, OPTION, TRAINING_SETTINGS, Recipe
from luthier.search import sampler as find_sampler
from luthier.space import Choice, Space
from luthier.training.task import Task, TaskRef, named_task, pickled
from luthier.verbs.optimizers import own_digest, own_optimizer

AUTO = "auto"
"""The mode that is measured where the budget is one of time, and else the reference."""


class Request(Record, frozen=True, kw_only=True):
    """A tuning run as asked for. Two requests that are equal give, with a budget of trials, equal runs."""

    task: str
    data: str = ""  # digest of rows that were handed over; of a ready task the test rows tell
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
    optimizer: str = ""  # digest of a function of the person's own
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


def resolve(
    model: Any,
    options: Mapping[str, Any],
    data: Any,
    column: str | Sequence[str] = "",
    *,
    goal: Mapping[str, Any] | None = None,
    folds: int | None = None,
) -> tuple[Task, TaskRef]:
    """The task of what is to be tuned: its name, a Task, or a builder with its data.

    Args:
        data, column: of a builder: the rows, and the target's column where they are a table.
        goal: what of a task's `loss`, `evaluate`, `metric` and `optimizer` was named beside it.
        folds: how many the rows are divided into; None: as the data says.

    Raises:
        InvalidInput: none of these, or data that cannot be read.
    """
    named = {name: value for name, value in (goal or {}).items() if value is not None and value != ""}
    if isinstance(model, str | Task):
        if data is not None or column:
            raise InvalidInput(
                "data for a ready task", where="tune", remedy="Leave it out: a task brings its own data"
            )
        if isinstance(model, Task) or named or folds is not None:
            task = dataclasses.replace(model if isinstance(model, Task) else named_task(model, **options), **named)
            if folds is not None:
                task = dataclasses.replace(task, data=task.load().in_folds(folds))
            return task, pickled(task)
        return named_task(model, **options), {"name": model, "options": dict(options)}
    if callable(model):
        rows = _rows(data, column)
        rows = rows if folds is None else rows.in_folds(folds)
        task = Task(name=getattr(model, "__name__", "model"), build=model, data=rows, **named)
        return task, pickled(task)
    raise InvalidInput(
        f"model={model!r}",
        must="the name of a task, a Task, or a function that returns a model",
        where="tune",
    )


def _rows(data: Any, column: str | Sequence[str]) -> Data:
    if data is None:
        remedy = "Pass data=(X, y), or data='table.csv' with target='column'"
        raise InvalidInput("data=None", must="data for a function that returns a model", where="tune", remedy=remedy)
    if not isinstance(data, Data):
        return Data(data, target=column)
    if column:
        remedy = "Write Data('table.csv', target='column')"
        raise InvalidInput(f"target={column!r}", must="Data names its target itself", where="tune", remedy=remedy)
    return data


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
    is_own = measure_batch_size and "batch_size" not in fixed
    start = (baseline or task.baseline).with_config(fixed)
    names = (*(task.space or ()), *Space.of(space))
    start = prepared(task, own_optimizer(task, start, space=names, fixed=fixed, said=baseline is not None))
    if is_own:
        start = _small_enough(task, start, seed)
    named = Space.of(space)
    if space_only and not len(named):
        raise InvalidInput("space_only=True without space", must="a space to search", where="tune")
    named = named.without(fixed) if space_only else combine(Space.of(task.space), named, fixed)
    forbidden(named)
    _preparations(task, named)
    start = _spelled_out(task.build, start, named)
    _known_names(task.build, named, start)
    return Request(
        task=task.name,
        data=task.data.digest() if isinstance(task.data, Data) else "",
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
        optimizer=own_digest(task),
        add_default_space=task.space is None and not space_only,
        measure_batch_size=is_own,
    )


def prepared(task: Task, start: Recipe) -> Recipe:
    """The recipe with the preparation of a table written down, as far as it does not say otherwise.

    Raises:
        InvalidInput: a setting of the preparation that there is not.
    """
    if not isinstance(task.data, Data):
        return start
    if task.data.is_table:
        usual = {
            name: value for name, value in DEFAULTS.items() if name != "target" or task.data.kind == "regression"
        }
        start = msgspec.structs.replace(start, preparation={**usual, **start.preparation})
    check_preparation(start.preparation, is_table=task.data.is_table, kind=task.data.kind)
    return start


def _small_enough(task: Task, start: Recipe, seed: int) -> Recipe:
    """A batch size that nobody has said is halved until the training rows fill one."""
    if not isinstance(task.data, Data) or len(task.data.inputs) >= 4 * start.batch_size:
        return start
    size, num = start.batch_size, len(task.data.split(task.data.test_rows(seed), 0)[0])
    while size > max(num, 1):
        size //= 2
    return msgspec.structs.replace(start, batch_size=size)


def _preparations(task: Task, space: Space) -> None:
    """Every value of a searched preparation is one that there is; else every trial would fail.

    Raises:
        InvalidInput: names the first that is not.
    """
    for name, domain in space.domains.items():
        if name.startswith("prepare_") and isinstance(task.data, Data):
            for value in domain.options if isinstance(domain, Choice) else (domain.low, domain.high):
                setting = {name.removeprefix("prepare_"): value}
                check_preparation(setting, is_table=task.data.is_table, kind=task.data.kind)


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
    return _groups_spelled_out(baseline.with_config(known), space)


def _groups_spelled_out(baseline: Recipe, space: Space) -> Recipe:
    """The baseline with the parameter groups that vary, and what their numbers are now: all trials then have the same
    groups, and may share a program."""
    if baseline.program:
        return baseline
    groups: dict[str, dict[str, float]] = {}
    for name in space:
        owner, _, rest = name.partition(".")
        bare = rest if owner in OPTIMIZERS else name
        if group := group_in(bare, baseline.groups):
            said = groups.setdefault(group, dict(baseline.groups.get(group, {})))
            number = bare.removeprefix(f"{group}.").removeprefix("one_minus_")
            value = number_of(baseline, group, number)
            rate_is_said = number in RATES and said.keys() & RATES
            if value is not None and number not in said and not rate_is_said:
                said[number] = value
    return msgspec.structs.replace(baseline, groups=baseline.groups | groups)


def _known_names(build: Callable[..., Any], space: Space, baseline: Recipe) -> None:
    """Every name of the space is a training setting or an argument of the builder; else every trial would fail."""
    try:
        arguments, takes_any = asks(build)
    except (TypeError, ValueError):
        return
    for name in space:
        bare = name.removeprefix("one_minus_")
        argument = name.removeprefix("model.")
        if bare in TRAINING_SETTINGS or argument in baseline.model or name.startswith("prepare_"):
            continue
        if "." in argument:
            _known_number(argument, baseline)
            continue
        near = difflib.get_close_matches(name, sorted(TRAINING_SETTINGS), 1, 0.85)
        taken = takes_any or argument in arguments
        if near or not taken:
            near = near or difflib.get_close_matches(argument, arguments, 1, 0.75)
            raise InvalidInput(
                f"space names {name!r}",
                must="a training setting or an argument of the builder",
                where="space",
                remedy=f"Did you mean {near[0]!r}?" if near else f"{called(build)} takes {', '.join(arguments)}",
            )


def _known_number(name: str, baseline: Recipe) -> None:
    """A dotted name is a setting of an optimizer, an argument of one of a library, or a number of a parameter group.

    Raises:
        InvalidInput: it is neither.
    """
    owner, _, rest = name.partition(".")
    group = group_in(name, baseline.groups)
    of_group = bool(group) and name.removeprefix(f"{group}.").removeprefix("one_minus_") in NUMBERS
    if of_group or owner in OPTIMIZERS or name.startswith(OPTION):
        return
    raise InvalidInput(
        f"space names {name!r}",
        must=f"the last part is a number of a parameter group: {', '.join(NUMBERS)}",
        where="space",
        remedy=f"Write for example {owner + '.lr_factor'!r}" if rest else "",
    )
