"""`luthier predict`: what the model of a run says of new rows, as a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput, RunFolderError
from luthier.training.metrics import probabilities
from luthier.verbs.load import Model, load

if TYPE_CHECKING:
    import polars as pl

Array = npt.NDArray[Any]


def predict(run: str | Path, rows: Any, *, builder: Callable[..., Any] | None = None) -> pl.DataFrame:
    """Predictions of the model in `best/` for new rows, in their order.

    Args:
        rows: as `luthier.load(run).predict` takes them.
        builder: of the model, where its source is not what it was.

    Returns:
        Classes: the column "prediction" with their names, and a column "p NAME" with the probability of each; of two
        classes the second is said from the threshold on that was chosen on validation rows, where the run's metric
        depends on it, else from 0.5 on. Labels: a column with 0 or 1 for each, and "p NAME".
        Real values: a column for each target, under its name.

    Raises:
        RunFolderError, SourceChanged, InvalidInput: see `luthier.load`.
    """
    model = load(run, builder=builder)
    if model.table is None and isinstance(rows, str | Path):
        raise InvalidInput(
            f"rows={str(rows)!r}",
            must="a run that was trained on a table",
            where="predict",
            remedy="Load the model in Python and pass an array: luthier.load(run).predict(X)",
        )
    return as_table(model, model.predict(rows))


def as_table(model: Model, outputs: Array) -> pl.DataFrame:
    """Outputs [n, C] of a model in words."""
    import polars as pl

    if not model.labels:
        names = model.table.target if model.table else ()
        names = names if len(names) == outputs.shape[1] else tuple(f"output {i}" for i in range(outputs.shape[1]))
        return pl.DataFrame({name: outputs[:, i] for i, name in enumerate(names)})
    if model.kind == "multilabel":
        return _of_labels(model, outputs)
    share = probabilities(outputs) if len(outputs) else outputs
    if len(model.labels) == 2:
        best = (share[:, 1] >= model.threshold).astype(int)
    else:
        best = share.argmax(1) if len(share) else np.zeros(0, int)
    chosen = [model.labels[i] for i in best]
    columns: dict[str, Any] = {"prediction": pl.Series(chosen, dtype=pl.String)}
    return pl.DataFrame(columns | {f"p {label}": share[:, i] for i, label in enumerate(model.labels)})


def _of_labels(model: Model, logits: Array) -> pl.DataFrame:
    """A column for each label: 1 where it is there; and its probability."""
    import polars as pl

    share = probabilities(logits, several=True)
    there = {label: (share[:, i] >= 0.5).astype(np.int64) for i, label in enumerate(model.labels)}
    return pl.DataFrame(there | {f"p {label}": share[:, i] for i, label in enumerate(model.labels)})


def write(table: pl.DataFrame, path: Path) -> None:
    """Write a table as CSV, or as Parquet where the suffix says so.

    Raises:
        RunFolderError: the disk refuses.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table.write_parquet(path)
        else:
            table.write_csv(path)
    except OSError as error:
        raise RunFolderError(
            f"the predictions cannot be written ({error.strerror or error})",
            where=str(path),
            remedy="Choose another file",
        ) from None
