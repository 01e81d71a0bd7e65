"""Before the start: does the model build, fit the data, and learn from it? And how fast is one step?"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.data import Data
from luthier.engines.spec import Placed, Population, State
from luthier.errors import InvalidInput, LuthierError, TrainingFailed
from luthier.findings import Finding
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan
from luthier.training.faults import out_of_memory, raised_at
from luthier.training.metrics import check_measured
from luthier.training.pace import Pace
from luthier.training.rows import Rows

Array = npt.NDArray[Any]
PROBE_STEPS = 24
SPEED_S = 0.3
"""Seconds of training at each batch size whose speed is measured."""


class Look(NamedTuple):
    """What the pre-flight saw. Times are NaN where they were not asked for; `untrained` is the score of the fresh
    model where a function of one's own measures it."""

    num_parameters: int
    step_s: float
    eval_s: float
    untrained: float = float("nan")


class Subject(NamedTuple):
    """What is looked at. `place` gives the rows on the device; `source` are the rows that they come from."""

    population: Population
    place: Callable[[], Placed]
    recipe: Recipe
    source: Data


def choose_whole(subject: Subject, rows: Rows) -> None:
    """Hand inputs over as whole numbers where the model takes them as such and not as real ones: tokens."""
    if not rows.look_whole():
        return
    population, one = subject.population, np.arange(1, dtype=np.int32)
    state = population.stack([population.fresh(subject.recipe, 0)])
    for whole in (False, True):
        rows.as_whole(whole)
        try:
            population.predict(state, subject.place(), one)
        except Exception:  # whatever the model's own code says of real numbers
            continue
        return
    rows.as_whole(False)


def look(subject: Subject, *, train_rows: Array, val_rows: Array, timed: bool, measured: str = "") -> Look:
    """Build one model with seed 0, take a few steps, predict; refuse what cannot work.

    Args:
        measured: name of a metric that a function of one's own returns; "": outputs are scored.

    Raises:
        InvalidInput: the output does not have one column a class (or target value), too few rows for a batch, or the
            function returns no such metric.
        TrainingFailed: the loss is not finite at the first step, or no gradient reaches the weights.
    """
    population, recipe, data = subject.population, subject.recipe, subject.place()
    if recipe.batch_size > len(train_rows):
        raise InvalidInput(
            f"batch_size={recipe.batch_size}",
            must=f"batch_size <= {len(train_rows)} training rows",
            where="recipe",
        )
    fresh = population.fresh(recipe, 0)
    num_parameters = sum(a.size for name, a in fresh.items() if name.startswith("weights/"))
    state = population.stack([fresh])
    untrained = float("nan")
    if measured:
        found = population.measure(state, data, val_rows)
        check_measured(measured, tuple(found))
        untrained = float(found[measured].mean())
    else:
        _check_outputs(_first_outputs(population, state, data, val_rows), subject.source)
    num = PROBE_STEPS if timed else 1
    state, out = population.advance(state, data, _plan(recipe, train_rows, 0, num))
    _check_first_step(float(out["loss"][0, 0]), float(out["grad_norm"][0, 0]))
    if not timed:
        return Look(num_parameters, float("nan"), float("nan"), untrained)
    began = time.perf_counter()
    state, _ = population.advance(state, data, _plan(recipe, train_rows, num, num))
    step_s = (time.perf_counter() - began) / num
    began = time.perf_counter()
    (population.measure if measured else population.predict)(state, data, val_rows)
    return Look(num_parameters, step_s, time.perf_counter() - began, untrained)


def _plan(recipe: Recipe, rows: Array, step: int, num: int) -> Any:
    return make_plan([Course(recipe, 0, rows, max(100, 2 * num), step, num)], num)


def rows_per_s(population: Population, data: Placed, recipe: Recipe, train_rows: Array) -> float:
    """Training rows a second after warm-up: the fastest of three chunks, each at least SPEED_S / 3 long."""
    return Pace(population, data, [recipe], rows=train_rows, chunk_s=SPEED_S / 3).run(SPEED_S)


def _first_outputs(population: Population, state: State, data: Placed, val_rows: Array) -> Array:
    try:
        outputs: Array = population.predict(state, data, val_rows[:2])[0]
        return outputs
    except Exception as error:  # whatever the model says of rows that it was not made for
        if isinstance(error, LuthierError) or out_of_memory(error):
            raise
        raise TrainingFailed(
            f"the model does not take the rows: {type(error).__name__}: {error}",
            where=raised_at(error),
            remedy="A builder that asks for `inputs` is told their width, one that asks for `spec` their shape",
        ) from error


def _check_outputs(outputs: Array, source: Data) -> None:
    if outputs.ndim != 2 or outputs.shape[1] != source.num_outputs:
        column = {"regression": "value", "multilabel": "label"}.get(source.kind, "class")
        raise InvalidInput(
            f"the model's output for 2 rows has shape {tuple(outputs.shape)}",
            must=f"shape (2, {source.num_outputs}): one column a {column}",
            where="builder",
            remedy="Let the last layer have `outputs` units; luthier passes the number to a builder that asks for it",
        )


def _check_first_step(loss: float, grad_norm: float) -> None:
    if not np.isfinite(loss):
        raise TrainingFailed(
            f"loss={loss} at step 0",
            must="a finite loss before any training",
            where="pre-flight",
            remedy="Look for a log or division of zero, or inputs that are not scaled",
        )
    if grad_norm == 0:
        raise TrainingFailed(
            "the gradient of all weights is 0 at step 0",
            must="the loss depends on the weights",
            where="pre-flight",
            remedy="Look for detach(), no_grad() or frozen parameters in the model",
        )


def examined(function: str, *given: Any, **told: Any) -> tuple[Finding, ...]:
    """What a function of a higher floor finds in the task; a look that fails is told to the worker's log.

    Args:
        function: its name as "module:function". given, told: its arguments.
    """
    module, _, name = function.partition(":")
    try:
        return tuple(getattr(importlib.import_module(module), name)(*given, **told))
    except Exception:  # a run does not end because a look at it failed
        sys.stderr.write(f"the pre-flight examination failed:\n{traceback.format_exc()}")
        return ()
