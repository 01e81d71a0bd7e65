"""`luthier.load`: the model that a run ships, ready to predict."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.codec import convert
from luthier.data import DataSpec, preparation
from luthier.data.checking import OWN
from luthier.data.record import Table
from luthier.engines import engine_for
from luthier.engines.building import with_spec
from luthier.engines.spec import OWN_LOSS, Loss, Source
from luthier.errors import InvalidInput, SourceChanged, listed
from luthier.recipe import Recipe
from luthier.runs.best import About, OutOfFold, check_source, read_best, read_out_of_fold
from luthier.runs.folder import RunFolder
from luthier.verbs.finding import function_at, same_text

Array = npt.NDArray[Any]
CHUNK = 4096


class Model:
    """A trained model: `predict` takes raw rows and prepares them as its training rows were.

    `recipe` is how it was trained, `labels` are the names of the classes in the order of the outputs, `table` the
    columns of the table that it was trained on (None: arrays). `out_of_fold`: of a run with folds, what models of
    this recipe say of rows that they did not see (`OutOfFold`), else None.
    """

    out_of_fold: OutOfFold | None = None

    def __init__(self, builder: Callable[..., Any], snapshot: dict[str, Array], recipe: Recipe, about: About) -> None:
        self.recipe, self.labels, self.about = recipe, about.labels, about
        self.table = Table.of(about.table) if about.table else None
        self._fitted = {n.removeprefix("prepare/"): a for n, a in snapshot.items() if n.startswith("prepare/")}
        self.spec = convert(about.spec, DataSpec) if about.spec else None
        if self.spec is not None:
            builder = with_spec(builder, self.spec)
        self._engine = engine_for(builder, recipe, inputs=about.inputs, outputs=about.outputs)
        loss = Loss(about.loss or ("cross_entropy" if about.labels else "mse"))
        if loss.name == OWN_LOSS:
            loss = loss._replace(function=_not_kept)
        trained = Recipe(model=recipe.model)  # how it was trained is past: no optimizer, no average of the weights
        self._population = self._engine.open(builder, trained, loss, self._engine.modes()[0], 1)
        fresh = self._population.fresh(trained, 0)
        weights = {n: a for n, a in snapshot.items() if not n.startswith("prepare/")}
        self._state = self._population.stack([{**fresh, **weights}])

    def __repr__(self) -> str:
        named = f": {listed(self.labels, 5)}" if self.labels else ""
        return f"<Model of a {self.kind} task, {self.about.inputs} inputs, {self.about.outputs} outputs{named}>"

    def predict(self, inputs: Any) -> Array:
        """Outputs float32 [n, C] for raw rows: logits of classes, or values in the units of the target.

        Args:
            inputs: of a model for tables: the path of a CSV or Parquet file, a data frame, rows as dicts, with the
                columns that it was trained on, in any order; else an array [n, ...], or the dict or tuple of arrays
                that the model takes.

        Raises:
            InvalidInput: rows of another width, a table that lacks a column or holds something else in it; a model
                whose calling only its own loss knows.
        """
        tree = self.spec.tree if self.spec else None
        if self.spec is not None and self.spec.kind == OWN:
            raise InvalidInput(
                "a model that was trained on rows without targets",
                must="a model whose outputs are [n, C]",
                where="predict",
                remedy="Call the model itself: luthier.load(run).module",
            )
        rows = tree.pack(inputs, where="predict") if tree else self._numbers(inputs)
        layout = self.table.layout if self.table else None
        parts = []
        for start in range(0, len(rows), CHUNK):
            chunk = preparation.apply(rows[start : start + CHUNK], self._fitted, layout=layout)
            data = self._engine.place(Source(chunk, np.zeros(len(chunk), np.int64), tree, True, self.about.whole))
            found = self._population.predict(self._state, data, np.arange(len(chunk), dtype=np.int32))[0]
            parts.append(preparation.from_training(found, self._fitted))
        return np.concatenate(parts) if parts else np.zeros((0, self.about.outputs), np.float32)

    @property
    def kind(self) -> str:
        """Of the task: binary, multiclass, multilabel, regression or own."""
        if self.spec is not None:
            return self.spec.kind
        return "multiclass" if self.labels else "regression"

    @property
    def threshold(self) -> float:
        """Of two classes: the probability from which on the second is said."""
        return self.about.threshold

    @property
    def module(self) -> Any:
        """The framework's own model (a torch.nn.Module, a flax.nnx.Module), trained, in evaluation mode."""
        return self._population.module(self._state, 0)

    def _numbers(self, inputs: Any) -> Array:
        if self.table is not None:
            return self.table.numbers(inputs)
        rows = np.asarray(inputs, np.float32)
        width = int(np.prod(rows.shape[1:]))
        if width != self.about.inputs:
            raise InvalidInput(f"{width} numbers a row", must=f"{self.about.inputs}, as in training", where="predict")
        return rows


def load(run: str | Path, *, builder: Callable[..., Any] | None = None) -> Model:
    """The model in `best/` of a run.

    The folder holds weights and a recipe, no code. The builder is imported from where it stood, and only if
    its source is what it was; else pass it.

    Args:
        run: folder of the run.
        builder: the function that builds the model; says that it is the right one, whatever its source.

    Raises:
        RunFolderError: no run, or no best model yet.
        SourceChanged: the source is not what it was, or not to be found; pass `builder=`.
    """
    folder = RunFolder(Path(run)).require()
    snapshot, recipe, about = read_best(folder)
    model = Model(builder or _stored_builder(about), snapshot, recipe, about)
    model.out_of_fold = read_out_of_fold(folder)
    return model


def _not_kept(*_: Any) -> Any:
    """In the place of a loss of one's own: it is not stored."""
    raise InvalidInput("the loss was a function of your own", must="a loss that is stored", where="load")


def _stored_builder(about: About) -> Callable[..., Any]:
    module, name = about.source.get("module", ""), about.source.get("name", "")
    try:
        if module in ("", "__main__") or "<" in name:
            raise ImportError(f"{name} was defined in a script or notebook")
        found = reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        if same_text(about.source):  # a file that is no module of this program: run only if it is what it was
            at_home: Callable[..., Any] = function_at(f"{about.source['file']}:{name}")
            return at_home
        raise SourceChanged(
            f"the builder {module}:{name} is not to be found ({error})",
            remedy="Pass it: luthier.load(run, builder=...)",
        ) from None
    check_source(about.source, found)
    return found  # type: ignore[return-value]  # getattr on a module knows no type
