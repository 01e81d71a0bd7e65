"""A task: a builder, its data, what is compared, where to start, what may vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from luthier.data import Data
from luthier.engines import outside
from luthier.errors import InvalidInput
from luthier.recipe import Recipe
from luthier.space import Domain
from luthier.training.metrics import OwnMetric
from luthier.training.packing import packed, unpacked

TaskRef = dict[str, Any]
"""What a worker needs to find a task: {"name": ..., "options": ...}, or {"pickle": base64} over the pipe only."""


@dataclass(frozen=True)
class Task:
    """Everything that a run is about.

    Args:
        name: for people.
        build: returns a fresh model; its keyword arguments are its hyperparameters.
        data: the rows, or a function that returns them (called in the workers).
        metric: name of a metric, or one of one's own; "" takes accuracy for classes, mean squared error for real
            values. Of what `evaluate` or `loss` return: its name; "max:" or "min:" before it says what is better.
        baseline: what must be beaten.
        space: settings that may vary; None takes the default space of the playbook.
        engine: "module:function" of an engine factory (inputs, outputs) -> Engine; None recognises it from
            the built model.
        loss: (model, batch) -> what is minimised, a scalar or a dict of scalars with "loss"; None: the usual loss of
            the kind of data.
        evaluate: (model, batch) -> what is measured on held-out rows: a scalar, a value a row, or a dict of them.
        optimizer: what makes an optimizer of torch, optax or Keras, or of their interface; or a name, as in a recipe.
            Every trial trains with it, unless the space says of which optimizers one is chosen.
    """

    name: str
    build: Callable[..., Any]
    data: Data | Callable[[], Data]
    metric: str | OwnMetric = ""
    baseline: Recipe = field(default_factory=Recipe)
    space: Mapping[str, Domain] | None = None
    engine: str | None = None
    loss: Callable[..., Any] | None = None
    evaluate: Callable[..., Any] | None = None
    optimizer: Any = None

    @property
    def measures(self) -> bool:
        """Is the metric what a function of one's own returns?"""
        return self.loss is not None or self.evaluate is not None

    def known_optimizer(self) -> str:
        """Make its own optimizer known in this process; the name of it in recipes, "" where there is none."""
        if self.optimizer is None or isinstance(self.optimizer, str):
            return self.optimizer or ""
        return outside.register(self.optimizer)

    def load(self) -> Data:
        """The rows."""
        return self.data if isinstance(self.data, Data) else self.data()


def find_task(ref: TaskRef) -> Task:
    """The task that a reference names.

    Raises:
        InvalidInput: no such task; names those that exist.
    """
    if "pickle" in ref:
        loaded = unpacked(ref["pickle"])
        assert isinstance(loaded, Task)
        return loaded
    return named_task(ref["name"], **ref.get("options", {}))


def named_task(name: str, **options: Any) -> Task:
    """A ready task by name (entry point group "luthier.tasks"), with its options."""
    import difflib
    from importlib.metadata import entry_points

    known = {point.name: point for point in entry_points(group="luthier.tasks")}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise InvalidInput(
            f"task={name!r}",
            must=f"a known task: {', '.join(sorted(known)) or 'none is installed'}",
            where="tune",
            remedy=f"Did you mean {near[0]!r}?" if near else "",
        )
    task = known[name].load()(**options)
    assert isinstance(task, Task)
    return task


def pickled(task: Task) -> TaskRef:
    """A reference that carries the task itself, for functions of a script or notebook."""
    return {"name": task.name, "pickle": packed(task)}
