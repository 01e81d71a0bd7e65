"""What rows must be like, whatever they were read from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import preparation
from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
OWN = "own"
"""The kind of rows without targets: what is learned is said by a loss of one's own."""
KINDS = ("binary", "multiclass", "multilabel", "regression", OWN)
CLASSES = ("binary", "multiclass")


def guess_kind(targets: Array) -> str:
    """Real numbers are regression, whole ones are classes; 0 and 1 in several columns are labels."""
    if targets.ndim == 2 and targets.dtype.kind in "biu" and targets.min() >= 0 and targets.max() <= 1:
        return "multilabel"
    if targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer):
        return "binary" if len(np.unique(targets)) == 2 else "multiclass"
    return "regression"


def check_rows(inputs: Array, targets: Array, where: str, *, gaps: bool) -> None:
    """As many of each, of numbers, all finite (with `gaps`: inputs may miss).

    Raises:
        InvalidInput: they are not.
    """
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets):
        seen = " and ".join(str(a.shape) if a.ndim == 0 else str(len(a)) for a in (inputs, targets))
        told = f"{len(inputs)} inputs, {len(targets)} targets" if inputs.ndim and targets.ndim else f"shapes {seen}"
        raise InvalidInput(told, must="as many of each", where=where)
    if len(inputs) == 0:
        raise InvalidInput("0 rows", must="at least one row", where=where)
    for name, values in (("inputs", inputs), ("targets", targets)):
        if gaps and name == "inputs":
            continue
        if values.dtype.kind not in "biuf":
            raise InvalidInput(
                f"{name} of type {values.dtype}",
                must="numbers",
                where=where,
                remedy="Pass a data frame or a CSV file where columns hold texts",
            )
        num, first = _not_finite(values)
        if num:
            raise InvalidInput(
                f"{name}[{first}] is not finite ({num} such rows)",
                must="every number is finite",
                where=where,
                remedy="Fill or drop these rows first",
            )


def _not_finite(values: Array) -> tuple[int, int]:
    """(rows that hold a NaN or an infinity, the first of them)."""
    num, first = 0, -1
    for part in preparation.blocks(values):
        block = values[part]
        bad = np.flatnonzero(~np.isfinite(block).reshape(len(block), -1).all(1))
        if len(bad) and first < 0:
            first = part.start + int(bad[0])
        num += len(bad)
    return num, first


def check_targets(targets: Array, kind: str) -> Array:
    """Targets as they are kept: int64 [n] of classes, float32 [n] or [n, k] of all else.

    Raises:
        InvalidInput: they do not fit the kind.
    """
    if kind not in KINDS:
        raise InvalidInput(f"kind={kind!r}", must=f"one of {', '.join(KINDS)}", where="data")
    if kind == "regression":
        return np.ascontiguousarray(targets, np.float32)
    if kind == "multilabel":
        return _check_labels(targets)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer) or targets.min() < 0:
        raise InvalidInput(
            f"targets of type {targets.dtype}, shape {targets.shape}",
            must="class indices from 0, one a row",
            where="data",
        )
    if len(np.unique(targets)) < 2:
        raise InvalidInput("targets hold one class", must="at least two classes", where="data")
    return np.ascontiguousarray(targets, np.int64)


def _check_labels(targets: Array) -> Array:
    """0 and 1 in several columns, float32 [n, C]."""
    if targets.ndim != 2 or not np.isin(targets, (0, 1)).all():
        raise InvalidInput(
            f"targets of type {targets.dtype}, shape {targets.shape}",
            must="0 or 1 in a column for each class, [n, C]",
            where="data",
        )
    share = targets.mean(0)
    constant = np.flatnonzero((share == 0) | (share == 1))
    if len(constant):
        raise InvalidInput(
            f"class {int(constant[0])} is {'in all' if share[constant[0]] else 'in none'} of the rows",
            must="every class in some rows and not in others",
            where="data",
            remedy="Leave its column out",
        )
    return np.ascontiguousarray(targets, np.float32)
