"""A task opened in this process, as a worker of a run opens it: rows laid out, the engine found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy.typing as npt

from luthier.data import Data
from luthier.engines import engine_for
from luthier.engines.building import with_spec
from luthier.engines.spec import Engine, Loss
from luthier.recipe import Recipe
from luthier.training.goals import loss_of
from luthier.training.task import Task
from luthier.verbs.optimizers import own_optimizer
from luthier.verbs.request import prepared


class Opened(NamedTuple):
    """What training, or a look at it, needs of a task."""

    build: Callable[..., Any]
    recipe: Recipe
    data: Data
    test_rows: npt.NDArray[Any]
    engine: Engine
    loss: Loss


def opened(task: Task, recipe: Recipe, *, seed: int) -> Opened:
    """Rows split off as a tuning run with this seed would, and what they are trained by.

    Raises:
        InvalidInput: a preparation that there is not, or rows without targets and no loss.
    """
    data = task.load()
    recipe = prepared(task, own_optimizer(task, recipe))
    test_rows = data.test_rows(seed)
    data = data.laid_out(test_rows)
    build = with_spec(task.build, data.spec)
    engine = engine_for(build, recipe, inputs=data.num_inputs, outputs=data.num_outputs)
    return Opened(build, recipe, data, test_rows, engine, loss_of(task, data.kind))
