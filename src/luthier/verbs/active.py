"""`luthier check model.py:net --data ...`: a builder and its data put to the test, on copies."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from luthier.checks.active.examination import Subject
from luthier.checks.active.examination import examine as examine_subject
from luthier.data import Data
from luthier.draws import draws_kept
from luthier.engines import is_model
from luthier.findings import Diagnosis, Tier
from luthier.recipe import Recipe
from luthier.training.session import versions
from luthier.training.task import Task
from luthier.verbs.finding import function_at, names_a_file
from luthier.verbs.opening import opened
from luthier.verbs.request import resolve


def examine(
    model: Any,
    *,
    data: Any = None,
    target: str | Sequence[str] = "",
    options: Mapping[str, Any] | None = None,
    loss: Callable[..., Any] | None = None,
    baseline: Recipe | None = None,
    seed: int = 0,
    tier: Tier = "full",
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    seconds: float = math.inf,
) -> Diagnosis:
    """Put a model and its data to the test; nothing of the person's is changed, not even the random generators.

    Args:
        model: name of a ready task, a `Task`, "model.py:net", a function that returns a fresh model, or a model.
        data: for all but a task: `Data`, `(X, y)`, or whatever else `Data` reads. target: its column, of a table.
        options: of a ready task.
        loss: of the person's own, `loss(outputs [B, C], targets [B]) -> number`, examined beside the tests that
            train with the usual loss of the task.
        baseline: how the person trains; default: the task's recipe.
        tier: quick takes a second or two, full some more.
        select, ignore: codes, or letters for whole families.
        seconds: of measuring, about; what comes too late is unknown.

    Raises:
        InvalidInput: data or model that cannot be read; Unsupported, MissingExtra.

    Example:
        >>> diagnosis = examine(net, data=(x, y))              # doctest: +SKIP
        >>> [finding.code for finding in diagnosis.findings]   # doctest: +SKIP
        ['T16', 'D02']
    """
    began = time.monotonic()
    with draws_kept():
        task = _task(model, options or {}, data, target)
        subject = subject_of(task, baseline or task.baseline, seed=seed, own=loss)
        judged, exam = examine_subject(subject, tier=tier, select=select, ignore=ignore, seconds=seconds)
    found = versions()
    return Diagnosis(
        program=model if isinstance(model, str) else task.name,
        frameworks={name: text for name, text in found.items() if name == subject.engine.framework},
        tier=tier,
        num_steps=exam.num_steps,
        wall_s=time.monotonic() - began,
        watch_s=time.monotonic() - began,
        findings=judged.findings,
        unknown=judged.unknown,
        faults=judged.faults,
        checked=judged.checked,
    )


def subject_of(task: Task, recipe: Recipe, *, seed: int, own: Callable[..., Any] | None = None) -> Subject:
    """A task opened for examination: rows split as a tuning run with this seed would, the engine found."""
    build, recipe, data, test, engine, loss = opened(task, recipe, seed=seed)
    train, val = data.split(test, 0)
    return Subject(engine, build, recipe, loss, data, train, val, test, own)


def _task(model: Any, options: Mapping[str, Any], data: Any, target: str | Sequence[str]) -> Task:
    """What is examined as a task; a model in hand becomes a function that returns copies of it."""
    if isinstance(model, str) and names_a_file(model):
        model = function_at(model)
    if isinstance(model, str | Task) or not callable(model) or data is None:
        return resolve(model, options, data, target)[0]
    rows = data if isinstance(data, Data) else Data(data, target=target)
    if is_model(model):
        return Task(name=type(model).__name__, build=_copies(model), data=rows)
    return Task(name=getattr(model, "__name__", "model"), build=model, data=rows)


def _copies(model: Any) -> Callable[[], Any]:
    def copied() -> Any:
        return copy.deepcopy(model)

    return copied
