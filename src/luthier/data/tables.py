"""Labelled rows: inputs, targets, names of the classes, and which rows may be looked at when."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.codec import Record
from luthier.data import layout, mapped, preparation, splits, streams
from luthier.data.checking import CLASSES, OWN, check_rows, check_targets, guess_kind
from luthier.data.layout import Layout
from luthier.data.reading import read
from luthier.data.schema import Schema
from luthier.data.streams import Stream
from luthier.data.tabular import Options, Rows
from luthier.data.targets import Target
from luthier.data.trees import Tree
from luthier.draws import draws_kept
from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
NATURAL_FRAC = 0.1
"""Where more than this share of the training rows equal a held-out row, rows repeat by nature: none is left out."""


class DataSpec(Record, frozen=True, kw_only=True):
    """What a model is built for.

    Args:
        shape: of one row of inputs; of a tree, of its packed row.
        outputs: classes, or target values a row.
        tree: of inputs that are a dict or a tuple: names, shapes and types of its arrays.
        kind: binary, multiclass, multilabel, regression or own. labels: names of the classes.
    """

    shape: tuple[int, ...]
    outputs: int
    tree: Tree | None = None
    kind: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """Labelled rows, read and checked.

    Args:
        inputs: a table (path of a CSV, TSV or Parquet file, a data frame, rows as dicts) with `target`; arrays
            [n, ...] with `targets`; `(inputs, targets)`; the path of an `.npz` or `.npy` file; a folder of images, a
            folder a class; a data set with `__len__` and `__getitem__`; a loader. Arrays become float32. A dict or a
            tuple of arrays is handed to the model as keywords or arguments; one without targets to a loss of one's
            own.
        targets: of arrays: [n] class indices 0..C-1 or names (binary, multiclass); 0 and 1 [n, C], of which several
            may be 1 in a row (multilabel); or real values [n], [n, k] (regression).
        kind: binary, multiclass, multilabel or regression; guessed from the targets where not given.
        labels: names of the classes in the order of their index.
        test: rows never used for training or choice, in the same form; else a share of the rows.
        test_frac, val_frac: shares held out (val_frac is of the rows that are not test rows).
        val: validation rows, in the same form; else drawn anew for every seed.
        target: of a table: the column that is predicted, or several with real values.
        group: rows of one group are never parted: a column of the table, or an array [n].
        time: later rows are held out: a column with dates or numbers, or an array [n].
        folds: the rows that are not test rows are divided into so many parts, and a configuration is judged by its
            mean over them: each part is once the validation rows.
        categories: columns of numbers that are names, not amounts.
        loaders: instead of inputs, a function (batch_size, seed) that returns a loader of training batches, or a dict
            with loaders "train", "val" and "test": training rows are streamed, with their own transforms, and
            validation and test rows are read once.
        encoding: of a CSV file. image_size: (height, width) to which images are brought.

    Raises:
        InvalidInput: what cannot be read, shapes that do not match, values that are not finite, fewer than two
            classes, too few rows to hold some out.
    """

    inputs: Any = None
    targets: Any = None
    kind: str = ""
    labels: tuple[str, ...] = ()
    test: Any = None
    test_frac: float = 0.2
    val_frac: float = 0.2
    val: Any = field(default=None, kw_only=True)
    target: str | Sequence[str] = field(default=(), kw_only=True)
    group: Any = field(default=None, kw_only=True)
    time: Any = field(default=None, kw_only=True)
    folds: int = field(default=0, kw_only=True)
    categories: tuple[str, ...] = field(default=(), kw_only=True)
    loaders: Any = field(default=None, kw_only=True)
    encoding: str = field(default="utf-8", kw_only=True)
    image_size: tuple[int, int] | None = field(default=None, kw_only=True)
    num_given_test: int = field(init=False, default=0)
    num_given_val: int = field(init=False, default=0)
    schema: Schema | None = field(init=False, default=None)
    read_target: Target | None = field(init=False, default=None)
    layout: Layout | None = field(init=False, default=None)
    tree: Tree | None = field(init=False, default=None)
    stream: Stream | None = field(init=False, default=None)
    notes: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        names = _names(self.target)
        options = Options(
            target=names,
            kind=self.kind,
            group=self.group if isinstance(self.group, str) else "",
            time=self.time if isinstance(self.time, str) else "",
            categories=tuple(self.categories),
            encoding=self.encoding,
            image_size=self.image_size,
        )
        if self.loaders is not None:
            rows = self._looked_at(options)
        else:
            rows = read(self.inputs, self.targets, self.val, self.test, options=options)
        self._hold(rows)
        splits.check(self.roles)

    def _looked_at(self, options: Options) -> Rows:
        """The held-out rows of loaders; the training rows stay where they are.

        Raises:
            InvalidInput: rows in two ways, or no validation rows.
        """
        if self.inputs is not None:
            raise InvalidInput("rows and loaders", must="one of them", where="data", remedy="Leave one out")
        opened = streams.look(self.loaders)
        val = opened.val if self.val is None else self.val
        if val is None:
            raise InvalidInput(
                "loaders without validation rows",
                must="a loader of validation rows",
                where="data",
                remedy='Return {"train": ..., "val": ...}, or pass val=',
            )
        object.__setattr__(self, "stream", opened.stream)
        test = opened.test if self.test is None else self.test
        with draws_kept():
            rows = read(val, None, None, test, options=options)
        return rows._replace(num_val=len(rows.inputs) - rows.num_test)

    def _hold(self, rows: Rows) -> None:
        """Keep what was read in the place of what was handed over."""
        is_table = rows.schema is not None
        check_rows(rows.inputs, rows.targets, "data", gaps=is_table)
        kind = (self.kind or rows.kind or guess_kind(rows.targets)) if rows.labelled else OWN
        kept = rows.inputs if isinstance(rows.inputs, np.memmap) else np.ascontiguousarray(rows.inputs, np.float32)
        labels = self.labels or rows.labels
        values: dict[str, Any] = {
            "inputs": kept,
            "targets": check_targets(rows.targets, kind) if rows.labelled else rows.targets,
            "kind": kind,
            "labels": labels,
            "val": None,
            "test": None,
            "group": rows.groups if rows.groups is not None else self._each(self.group, "group", len(kept)),
            "time": rows.times if rows.times is not None else self._each(self.time, "time", len(kept)),
            "num_given_val": rows.num_val,
            "num_given_test": rows.num_test,
            "schema": rows.schema,
            "read_target": rows.target,
            "tree": rows.tree,
            "notes": rows.notes,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if kind not in ("regression", OWN) and not labels:
            object.__setattr__(self, "labels", tuple(str(c) for c in range(self.num_outputs)))

    @staticmethod
    def _each(values: Any, name: str, num: int) -> Array | None:
        """A value a row, for arrays."""
        if values is None:
            return None
        found = np.asarray(values)
        if found.shape != (num,):
            raise InvalidInput(f"{name} of shape {found.shape}", must=f"a value for each of {num} rows", where="data")
        return np.unique(found, return_inverse=True)[1] if name == "group" else found.astype(np.float64)

    # ------------------------------------------------------------------------------------------------ sizes

    @property
    def is_table(self) -> bool:
        """Were columns read, that are prepared?"""
        return self.schema is not None

    @property
    def num_inputs(self) -> int:
        """Numbers per row that a model gets; of a table, once it is laid out."""
        if self.layout is not None:
            return len(self.layout)
        return int(np.prod(self.inputs.shape[1:]))

    @property
    def spec(self) -> DataSpec:
        """What a builder may ask for instead of `inputs` and `outputs`."""
        return DataSpec(
            shape=self.inputs.shape[1:] if self.layout is None else (len(self.layout),),
            outputs=self.num_outputs,
            tree=self.tree,
            kind=self.kind,
            labels=self.labels,
        )

    @property
    def num_outputs(self) -> int:
        """Classes, or target values a row; 0 without targets."""
        if self.kind == OWN:
            return 0
        if self.kind not in CLASSES:
            return 1 if self.targets.ndim == 1 else int(self.targets.shape[1])
        return max(int(self.targets.max()) + 1, len(self.labels))

    # ----------------------------------------------------------------------------------------------- splits

    @property
    def roles(self) -> splits.Roles:
        """What a split depends on."""
        return splits.Roles(
            num_rows=len(self.inputs),
            classes=self.targets if self.kind in CLASSES else None,
            groups=self.group,
            times=self.time,
            num_val=self.num_given_val,
            num_test=self.num_given_test,
            folds=self.folds,
            test_frac=self.test_frac,
            val_frac=self.val_frac,
        )

    @property
    def num_splits(self) -> int:
        """What a split seed stands for (`luthier.data.splits`): 0: a fresh split; 1: the one that there is; more: the
        number of a fold."""
        return self.folds or int(self.roles.fixed)

    def in_folds(self, num: int) -> Data:
        """The same rows in so many folds.

        Raises:
            InvalidInput: fewer than 2, validation rows of one's own, fewer groups, or the data says another number.
        """
        if num < 2 or self.folds not in (0, num):
            must = f"folds={self.folds}, as the data says" if self.folds else "2 folds or more"
            raise InvalidInput(f"folds={num}", must=must, where="tune")
        other = copy.copy(self)
        object.__setattr__(other, "folds", num)
        splits.check(other.roles)
        return other

    def test_rows(self, seed: int) -> Array:
        """int32 indices of the test rows: the given ones, else a share drawn once a run (by class)."""
        return splits.test_rows(self.roles, seed)

    def split(self, test_rows: Array, split_seed: int) -> tuple[Array, Array]:
        """(training rows, validation rows), int32, of the rows that are not test rows.

        Of a table, training rows that equal a held-out row are left out: the model would be asked what it was told.
        """
        train, val = splits.split(self.roles, test_rows, split_seed)
        if self.stream is not None:
            return np.arange(self.stream.num_rows, dtype=np.int32), val
        if not self.is_table:
            return train, val
        twins = self.twins(train, np.concatenate([val, test_rows]))
        if not twins.any() or twins.mean() > NATURAL_FRAC:
            return train, val
        return train[~twins], val

    def twins(self, rows: Array, others: Array) -> Array:
        """bool: which of the rows equal one of the others, inputs and target."""
        keys = self._keys
        found: Array = np.isin(keys[rows], keys[others])
        return found

    @property
    def _keys(self) -> Array:
        """uint64 [n]: equal where inputs and targets are, computed once."""
        if "_row_keys" not in self.__dict__:
            targets = np.asarray(self.targets, np.float64).reshape(len(self.targets), -1)
            parts = preparation.blocks(self.inputs)
            keys = np.concatenate([_row_keys(self.inputs[part], targets[part]) for part in parts])
            object.__setattr__(self, "_row_keys", keys)
        found: Array = self.__dict__["_row_keys"]
        return found

    def hash_of(self, rows: Array) -> str:
        """A name for these rows' content: 16 hex digits of SHA-256, whatever their order."""
        each = sorted(hashlib.sha256(self.inputs[i].tobytes() + self.targets[i].tobytes()).digest() for i in rows)
        return hashlib.sha256(b"".join(each)).hexdigest()[:16]

    def digest(self) -> str:
        """A name for everything that was read: 16 hex digits."""
        whole = hashlib.sha256(repr((self.kind, self.labels, self.roles[4:], self.schema)).encode())
        for part in (self.targets, self.group, self.time):
            if part is not None:
                whole.update(np.ascontiguousarray(part).data)
        for rows in preparation.blocks(self.inputs):
            whole.update(np.ascontiguousarray(self.inputs[rows]).data)
        return whole.hexdigest()[:16]

    # ------------------------------------------------------------------------------------------ preparation

    def laid_out(self, test_rows: Array) -> Data:
        """This table with the inputs of the model decided (`luthier.data.layout`); arrays as they are.

        Raises:
            InvalidInput: no column says anything.
        """
        if self.schema is None:
            return self
        free = np.ones(len(self.inputs), bool)
        free[test_rows] = False
        found = layout.lay_out(self.schema, self.inputs, preparation.sampled(self.inputs, np.flatnonzero(free)))
        if not len(found):
            raise InvalidInput(
                "no column is left as an input",
                must="a column that is not the same in all rows",
                where="data",
                remedy="Give a table with more columns",
            )
        other = copy.copy(self)
        object.__setattr__(other, "layout", found)
        return other

    def touches(self, settings: dict[str, Any]) -> bool:
        """Does a preparation change anything? That of a table always does; arrays are left alone unasked."""
        preparation.check(settings, is_table=self.is_table, kind=self.kind)
        named = [name for name, value in settings.items() if value not in ("none", 0)]
        if self.tree is not None and named:
            raise InvalidInput(
                f"prepare_{named[0]}={settings[named[0]]!r}",
                must="data of one array",
                where="recipe",
                remedy="Scale the arrays of a dict or tuple before, or inside the model",
            )
        return self.is_table or any(value not in ("none", 0) for value in settings.values())

    def fit(self, train_rows: Array, settings: dict[str, Any]) -> preparation.Fitted:
        """What the training rows say about a preparation."""
        targets = self.targets if self.kind == "regression" else None
        if self.tree is not None:
            return {}
        return preparation.fit(self.inputs, train_rows, settings, layout=self.layout, targets=targets)

    def prepared(self, fitted: preparation.Fitted, train_rows: Array) -> tuple[Array, Array]:
        """(inputs float32 [n, ...], targets) of all rows as they are trained on; in a file where they are large."""
        targets = preparation.to_training(self.targets, fitted)
        if not fitted:
            return self.inputs, targets
        clipped = np.zeros(len(self.inputs), bool)
        clipped[train_rows] = True
        parts = preparation.in_blocks(self.inputs, fitted, layout=self.layout, clipped=clipped)
        return mapped.scratch(parts) if isinstance(self.inputs, np.memmap) else np.concatenate(list(parts)), targets

    def __getstate__(self) -> dict[str, Any]:
        """Numbers that lie in a file go to a worker as the file's name."""
        state = dict(self.__dict__)
        if isinstance(self.inputs, np.memmap):
            state["inputs"] = ("mapped", str(self.inputs.filename), self.inputs.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["inputs"], tuple):
            state = {**state, "inputs": mapped.mapped(*state["inputs"][1:])}
        for name, value in state.items():
            object.__setattr__(self, name, value)


def _names(target: Any) -> tuple[str, ...]:
    """The columns that are predicted."""
    found = tuple(filter(None, [target])) if isinstance(target, str) else target
    if not (isinstance(found, list | tuple) and all(isinstance(name, str) for name in found)):
        raise InvalidInput(f"target={target!r}", must="the name of a column, or several", where="data")
    return tuple(found)


def _row_keys(inputs: Array, targets: Array) -> Array:
    """uint64 a row: a sum of its bits, each place times an odd number of its own; gaps are equal to gaps."""
    flat = np.ascontiguousarray(inputs.reshape(len(inputs), -1), np.float32)
    flat = np.where(np.isnan(flat), np.float32(np.nan), flat)
    bits = np.concatenate([flat.view(np.uint32).astype(np.uint64), targets.view(np.uint64)], axis=1)
    odd = np.random.default_rng(0).integers(0, 1 << 63, bits.shape[1], np.uint64) * np.uint64(2) + np.uint64(1)
    mixed = (bits + np.uint64(1)) * odd
    mixed ^= mixed >> np.uint64(29)
    return np.asarray((mixed * odd).sum(1, dtype=np.uint64))
