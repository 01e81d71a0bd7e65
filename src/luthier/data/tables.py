"""Rows in memory: inputs, targets, names of the classes, and which rows may be looked at when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.records import derive_seed

Array = npt.NDArray[Any]
KINDS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Data:
    """Labelled rows held in memory.

    Args:
        inputs: [n, ...], turned into float32.
        targets: [n] class indices 0..C-1 (binary, multiclass) or real values (regression).
        kind: binary, multiclass or regression; guessed from the targets where not given.
        labels: names of the classes in the order of their index.
        test: rows never used for training or choice, as (inputs, targets); else a share of the rows.
        test_frac, val_frac: shares held out (val_frac is of the rows that are not test rows).

    Raises:
        InvalidInput: shapes that do not match, values that are not finite, fewer than two classes,
            too few rows to hold some out.
    """

    inputs: Array
    targets: Array
    kind: str = ""
    labels: tuple[str, ...] = ()
    test: tuple[Array, Array] | None = None
    test_frac: float = 0.2
    val_frac: float = 0.2
    num_given_test: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        inputs, targets = np.asarray(self.inputs), np.asarray(self.targets)
        if self.test is not None:
            test_x, test_y = np.asarray(self.test[0]), np.asarray(self.test[1])
            _check_rows(test_x, test_y, "test rows")
            object.__setattr__(self, "num_given_test", len(test_x))
            inputs, targets = np.concatenate([inputs, test_x]), np.concatenate([targets, test_y])
            object.__setattr__(self, "test", None)
        _check_rows(inputs, targets, "data")
        kind = self.kind or guess_kind(targets)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "inputs", np.ascontiguousarray(inputs, np.float32))
        object.__setattr__(self, "targets", _check_targets(targets, kind))
        if kind != "regression" and not self.labels:
            object.__setattr__(self, "labels", tuple(str(c) for c in range(self.num_outputs)))

    @property
    def num_inputs(self) -> int:
        """Numbers per row."""
        return int(np.prod(self.inputs.shape[1:]))

    @property
    def num_outputs(self) -> int:
        """Classes, or target values a row."""
        if self.kind == "regression":
            return 1 if self.targets.ndim == 1 else int(self.targets.shape[1])
        return max(int(self.targets.max()) + 1, len(self.labels))

    def test_rows(self, seed: int) -> Array:
        """int32 indices of the test rows: the given ones, else a share drawn once a run (by class)."""
        n = len(self.inputs)
        if self.num_given_test:
            return np.arange(n - self.num_given_test, n, dtype=np.int32)
        return self._draw(np.arange(n), self.test_frac, derive_seed(seed, "test rows"))[1]

    def split(self, test_rows: Array, split_seed: int) -> tuple[Array, Array]:
        """(training rows, validation rows), int32, of the rows that are not test rows."""
        test = np.zeros(len(self.inputs), bool)
        test[test_rows] = True
        return self._draw(np.flatnonzero(~test), self.val_frac, split_seed)

    def hash_of(self, rows: Array) -> str:
        """A name for these rows' content: 16 hex digits of SHA-256, whatever their order."""
        each = sorted(hashlib.sha256(self.inputs[i].tobytes() + self.targets[i].tobytes()).digest() for i in rows)
        return hashlib.sha256(b"".join(each)).hexdigest()[:16]

    def _draw(self, pool: Array, share: float, seed: int) -> tuple[Array, Array]:
        from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

        by_class = self.kind != "regression" and np.bincount(self.targets[pool]).min(initial=2) >= 2
        splitter = (StratifiedShuffleSplit if by_class else ShuffleSplit)(1, test_size=share, random_state=seed)
        try:
            kept, held = next(iter(splitter.split(pool, self.targets[pool])))
        except ValueError as error:
            raise InvalidInput(f"{len(pool)} rows: {error}", where="split", remedy="Give more rows") from None
        return np.sort(pool[kept]).astype(np.int32), np.sort(pool[held]).astype(np.int32)


def guess_kind(targets: Array) -> str:
    """Real numbers are regression, whole ones are classes."""
    if targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer):
        return "binary" if len(np.unique(targets)) == 2 else "multiclass"
    return "regression"


def _check_rows(inputs: Array, targets: Array, where: str) -> None:
    if len(inputs) != len(targets):
        raise InvalidInput(f"{len(inputs)} inputs, {len(targets)} targets", must="as many of each", where=where)
    if len(inputs) == 0:
        raise InvalidInput("0 rows", must="at least one row", where=where)
    for name, values in (("inputs", inputs), ("targets", targets)):
        bad = ~np.isfinite(values.astype(np.float64)).reshape(len(values), -1).all(1)
        if bad.any():
            raise InvalidInput(
                f"{name}[{int(np.flatnonzero(bad)[0])}] is not finite ({int(bad.sum())} such rows)",
                must="every number is finite",
                where=where,
                remedy="Fill or drop these rows first",
            )


def _check_targets(targets: Array, kind: str) -> Array:
    if kind not in KINDS:
        raise InvalidInput(f"kind={kind!r}", must=f"one of {', '.join(KINDS)}", where="data")
    if kind == "regression":
        return np.ascontiguousarray(targets, np.float32)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer) or targets.min() < 0:
        raise InvalidInput(
            f"targets of type {targets.dtype}, shape {targets.shape}",
            must="class indices from 0, one a row",
            where="data",
        )
    if len(np.unique(targets)) < 2:
        raise InvalidInput("targets hold one class", must="at least two classes", where="data")
    return np.ascontiguousarray(targets, np.int64)
