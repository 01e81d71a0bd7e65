"""Programs of one's own in `tune`: recognised by what they are, checked, written down as a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from luthier.codec import convert
from luthier.errors import InvalidInput
from luthier.findings import Finding
from luthier.playbook.budget import parse_budget
from luthier.programs.command import Command, reading_of, words_of
from luthier.programs.executor import ProgramExecutor
from luthier.programs.frameworks.keras import KerasTraining, builds_compiled
from luthier.programs.frameworks.lightning import LightningTraining, is_module
from luthier.programs.program import Program
from luthier.recipe import Recipe
from luthier.records import Facts, Metric, derive_seed
from luthier.runs.best import source_of
from luthier.runs.folder import RunFolder
from luthier.search import sampler as find_sampler
from luthier.space import Choice, Domain, Space
from luthier.training.directions import metric_of, parted
from luthier.training.executor import Executor
from luthier.verbs.request import Request

MODE = "program"
NO_BASELINE = "PR02"


class Given(NamedTuple):
    """What a person said about a program; see `luthier.tune`."""

    command: str = ""
    data: Any = None
    metric: str = ""
    space: Any = None
    fixed: Mapping[str, Any] = {}
    baseline: Any = None
    reports: int | None = None
    time_limit: str | float | None = None
    parked: int | None = None
    trainer: Mapping[str, Any] | None = None


def program_of(model: Any, given: Given) -> Program | None:
    """The program that a person has in hand, the most specific kind first; None: it is none.

    Raises:
        InvalidInput: something is missing or does not fit.
    """
    if given.command:
        if model is not None:
            raise InvalidInput("a model and a command", must="one of the two", where="tune")
        return _of_command(given)
    if is_module(model):
        _needs_data(given, "a LightningModule", "data=datamodule, or data=(train_loader, val_loader)")
        training = LightningTraining(model, given.data, dict(given.trainer or {}))
        return _of_callable(training, given, kind="lightning", code=model)
    if _takes_trial(model):
        return _of_callable(model, given, kind="function", code=model)
    space = Space.of(given.space)
    settings = {
        **_centre(space),
        **dict(given.baseline if isinstance(given.baseline, Mapping) else {}),
        **given.fixed,
    }
    if builds_compiled(model, settings):
        _needs_data(given, "a function that returns a compiled Keras model", "data=(x, y)")
        return _of_callable(KerasTraining(model, given.data), given, kind="keras", code=model)
    told = {n: getattr(given, n) for n in ("reports", "time_limit", "parked", "trainer")}
    for name, value in told.items():
        if value is not None:
            raise InvalidInput(
                f"{name}={value!r}", must="something that trains by itself: train(trial), a command", where="tune"
            )
    return None


def refuse(**told: Any) -> None:
    """Say that a program has no place for these.

    Raises:
        InvalidInput: names the first that was given.
    """
    for name, value in told.items():
        if value:
            remedy = "Leave it out: a program of one's own trains by itself"
            raise InvalidInput(f"{name}={value!r}", must="something that luthier trains", where="tune", remedy=remedy)


def _needs_data(given: Given, what: str, remedy: str) -> None:
    if given.data is None:
        raise InvalidInput("data=None", must=f"data for {what}", where="tune", remedy=f"Pass {remedy}")


def _takes_trial(model: Any) -> bool:
    """Is it a callable whose first parameter is `trial`?"""
    if not callable(model) or inspect.isclass(model):
        return False
    try:
        return next(iter(inspect.signature(model).parameters), "") == "trial"
    except (TypeError, ValueError):
        return False


def _of_callable(training: Callable[..., Any], given: Given, *, kind: str, code: Any) -> Program:
    if kind == "function" and given.data is not None:
        remedy = "Leave it out, and read the data in the function"
        raise InvalidInput("data for a function of trial", must="it brings its data", where="tune", remedy=remedy)
    way, name = parted(given.metric or ("" if kind == "function" else "val_loss"))
    space = _space_of(given)
    settings, said = _baseline(given, space, _defaults(code, space))
    if isinstance(training, LightningTraining):
        training.check([*settings])
    return _program(
        given,
        getattr(code, "__name__", "train"),
        training,
        metric_of(name, way),
        space=space,
        settings=settings,
        said=said,
        kind=kind,
        source=source_of(code),
    )


def _of_command(given: Given) -> Program:
    metric_name = parted(given.metric)[1]
    if not metric_name:
        raise InvalidInput(
            "metric=''",
            must="where the command writes what is compared",
            where="metric",
            remedy='Write "{dir}/log.jsonl:val_loss", or "stdout:val_loss"',
        )
    reading, space = reading_of(given.metric), _space_of(given)
    settings, said = _baseline(given, space, {})
    words = words_of(given.command, settings, [*space, *given.fixed])
    stem = next((Path(w).stem for w in words if w.endswith((".py", ".sh"))), Path(words[0]).name)
    return _program(
        given,
        stem,
        Command(words, reading),
        reading.metric,
        space=space,
        settings=settings,
        said=said,
        kind="command",
    )


def _program(given: Given, name: str, what: Any, metric: Metric, **more: Any) -> Program:
    limit = given.time_limit
    if isinstance(limit, str):
        budget = parse_budget(limit)
        if budget.unit != "seconds":
            raise InvalidInput(
                f"time_limit={limit!r}", must="a time", where="tune", remedy='Write for example "20min"'
            )
        limit = budget.amount
    for number, least, field in (
        (given.reports, 1, "reports"),
        (given.parked, 0, "parked"),
        (limit, 1e-9, "time_limit"),
    ):
        if number is not None and number < least:
            raise InvalidInput(f"{field}={number}", must=f"{field} >= {least:g}", where="tune")
    return Program(name, what, metric, reports=given.reports, parked=given.parked, time_limit_s=limit, **more)


def _space_of(given: Given) -> Space:
    space = Space.of(given.space)
    if not len(space):
        raise InvalidInput(
            "space=None",
            must="a space: of a program only you know what may vary",
            where="space",
            remedy='Pass space={"lr": Float(1e-4, 1e-1, log=True)}, on the command line --space FILE.toml',
        )
    for name in space:
        if name in ("seed", "dir", "checkpoint_dir", "device"):
            raise InvalidInput(
                f"{name} in the search space",
                where=f"space, parameter {name!r}",
                remedy="luthier gives it; take it out",
            )
    return space.without(given.fixed)


def _defaults(code: Any, space: Space) -> dict[str, Any]:
    """Defaults of the arguments of a function or class that are settings of the space."""
    try:
        parameters = inspect.signature(code).parameters
    except (TypeError, ValueError):
        return {}
    known = {n: parameters[n].default for n in space if n in parameters}
    return {n: value for n, value in known.items() if value is not inspect.Parameter.empty}


def _centre(space: Space) -> dict[str, Any]:
    """The middle of each domain, on its scale; of a choice the first option."""
    return {n: _middle(domain) for n, domain in space.domains.items()}


def _middle(domain: Domain) -> Any:
    return domain.options[0] if isinstance(domain, Choice) else domain.decode(0.5)


def _baseline(given: Given, space: Space, defaults: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """What must be beaten, and what is to be said about it."""
    if isinstance(given.baseline, Recipe) or not isinstance(given.baseline, Mapping | None):
        raise InvalidInput(
            "baseline=Recipe(...) for a program"
            if isinstance(given.baseline, Recipe)
            else f"baseline={given.baseline!r}",
            must="a dict of the settings that you use today",
            where="tune",
            remedy='Write for example baseline={"lr": 1e-3}',
        )
    own = {**(given.baseline or {}), **given.fixed}
    settings = {**_centre(space), **defaults, **own}
    for name, value in settings.items():
        if not isinstance(value, float | int | str | bool | None):
            raise InvalidInput(
                f"{name}={value!r}", must="a setting is a number, a text, a truth value or None", where="baseline"
            )
    guessed = {n: settings[n] for n in space if n not in own and n not in defaults}
    if not guessed:
        return settings, ()
    words = ", ".join(f"{n}={v:.3g}" if isinstance(v, float) else f"{n}={v}" for n, v in guessed.items())
    finding = Finding(
        code=NO_BASELINE,
        title="a baseline that nobody named",
        n=len(guessed),
        text=f"Nobody said what is used today: the middle of the space is what has to be beaten ({words}).",
        remedy="Pass baseline={...} with the settings that you use",
        severity="warning",
    )
    return settings, (finding,)


def request_of(program: Program, **asked: Any) -> Request:
    """The request of a program's run; `asked`: budget, sampler, seed, price, num_workers, and the metric as it was
    given.

    Raises:
        InvalidInput: budget or sampler.
    """
    parse_budget(asked["budget"])
    find_sampler(asked["sampler"])
    what = program.what
    options: dict[str, Any] = {"kind": program.kind, "reports": program.reports}
    if isinstance(what, Command):
        options["command"] = list(what.words)
    return Request(
        task=program.name,
        options=options,
        space=program.space,
        baseline=Recipe(program=True, model=program.settings),
        mode=MODE,
        **asked,
    )


def executor_of(program: Program, folder: RunFolder, asked: Request, decisions: Mapping[str, Any]) -> Executor:
    """Places for the trials of a run; facts that the journal knows are not looked for again."""
    budget = parse_budget(asked.budget)
    known = decisions.get("facts")
    return ProgramExecutor(
        program,
        folder,
        asked.num_workers,
        first_seed=derive_seed(asked.seed, "seed", "noise", 0),
        known=None if known is None else convert(known, Facts),
        budget_s=budget.amount if budget.unit == "seconds" else None,
    )


def a_recipe(baseline: Any) -> Recipe | None:
    """The baseline of a task, where a program's would be a dict.

    Raises:
        InvalidInput: it is no recipe.
    """
    if baseline is None or isinstance(baseline, Recipe):
        return baseline
    raise InvalidInput(
        f"baseline={baseline!r}",
        must="a Recipe, for what luthier trains",
        where="tune",
        remedy="Write for example baseline=Recipe(lr=1e-3)",
    )
