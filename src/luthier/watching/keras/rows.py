"""How the rows of arrays lie that `fit` was given: order of the labels, rows in two parts, digests."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.watching.fits import Rows
from luthier.watching.values import MAX_DISTINCT, only_alike, sample_rows, windows_of

MAX_HASHED_ROWS = 20_000
MAX_HASHED_BYTES = 64 << 20
_MAX_LABELS = 2_000_000
MIN_LIKE = 48
MAX_WINDOWS = 2048

Array = npt.NDArray[Any]


def arrays(data: Any) -> list[Array] | None:
    """The arrays of x or y as NumPy; None where they are not arrays (datasets, generators, objects)."""
    import keras

    if data is None:
        return []
    if (
        hasattr(data, "element_spec")
        or hasattr(data, "__next__")
        or callable(getattr(data, "__getitem__", 0)) is False
    ):
        return None
    leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    if not leaves or not all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in leaves):
        return None
    if any(len(leaf.shape) == 0 for leaf in leaves):
        return None
    return [leaf if isinstance(leaf, np.ndarray) else np.asarray(keras.ops.convert_to_numpy(leaf)) for leaf in leaves]


def digest(parts: list[Array] | None) -> str:
    """Equal for equal arrays: of shapes, types and a spread sample of rows. Empty for no arrays."""
    if not parts:
        return ""
    out = hashlib.blake2b(digest_size=12)
    for part in parts:
        out.update(repr((part.shape, str(part.dtype))).encode())
        out.update(np.ascontiguousarray(sample_rows(part)[:256]).tobytes())
    return out.hexdigest()


def labels(target: Array | None) -> npt.NDArray[np.int64] | None:
    """Class of each row of a target: whole numbers, or one-hot rows; None where it is neither."""
    if target is None or not target.size or target.size > _MAX_LABELS * 10 or target.dtype.kind not in "biuf":
        return None
    if target.ndim == 2 and target.shape[1] > 1:
        one_hot = ((target == 0) | (target == 1)).all() and (target.sum(axis=1) == 1).all()
        return target.argmax(axis=1) if one_hot else None
    if target.size != len(target) or len(target) > _MAX_LABELS:
        return None
    flat = target.reshape(-1)
    if target.dtype.kind == "f" and not (np.isfinite(flat).all() and (flat == np.floor(flat)).all()):
        return None
    classes = np.unique(flat)
    return flat.astype(np.int64) if len(classes) <= min(MAX_DISTINCT, max(len(flat) // 4, 2)) else None


def rows_of(x: list[Array], y: list[Array], val_x: list[Array], val_y: list[Array]) -> Rows:
    """Facts about the training part and the validation part (both lists may be empty)."""
    found = Rows(num_rows=len(x[0]) if x else 0, num_validation=len(val_x[0]) if val_x else 0)
    train, val = labels(y[0] if len(y) == 1 else None), labels(val_y[0] if len(val_y) == 1 else None)
    if train is not None:
        classes, counts = np.unique(train, return_counts=True)
        found.num_classes, found.class_counts = len(classes), tuple(int(c) for c in counts)
        changes = int((np.diff(train) != 0).sum())
        found.sorted_labels = len(classes) > 1 and changes == len(classes) - 1 and len(train) >= 4 * len(classes)
        if val is not None:
            found.num_validation_classes = len(np.unique(val))
            found.only_in_validation = tuple(int(c) for c in np.setdiff1d(val, classes)[:20])
    if x and val_x and len(x) == len(val_x) == 1 and x[0].shape[1:] == val_x[0].shape[1:]:
        ours, theirs = _hashes(x[0]), _hashes(val_x[0])
        found.num_hashed = len(theirs)
        found.num_shared = sum(h in set_ for h in theirs) if (set_ := set(ours)) else 0
        found.num_repeated = len(ours) - len(set_)
    if len(x) == len(y) == 1:
        found.windows = windows_of(x[0][:MAX_WINDOWS], y[0][:MAX_WINDOWS])
        found.column, found.column_equal = _like(x[0][:MAX_HASHED_ROWS], y[0][:MAX_HASHED_ROWS])
    return found


def _like(x: Array, y: Array) -> tuple[int, bool]:
    """(the one column that the target is, is it so as it is?); (-1, False) where none is, or several are."""
    numbers = x.dtype.kind in "biuf" and y.dtype.kind in "biuf"
    if not numbers or x.ndim != 2 or x.shape[1] < 3 or len(x) < MIN_LIKE or y.size != len(x):
        return -1, False
    wide, target = x.astype(np.float64), y.reshape(-1).astype(np.float64)
    if not (np.isfinite(wide).all() and np.isfinite(target).all()) or target.std() == 0:
        return -1, False
    found = only_alike(wide, target)
    return found, found >= 0 and bool((wide[:, found] == target).all())


def _hashes(array: Array) -> list[int]:
    """Of each row, of at most 20000 rows and 64 MB, from the start."""
    per_row = max(array.nbytes // max(len(array), 1), 1)
    part = np.ascontiguousarray(array[: min(MAX_HASHED_ROWS, max(MAX_HASHED_BYTES // per_row, 1))])
    return [hash(row.tobytes()) for row in part]


def split(parts: list[Array], share: float) -> tuple[list[Array], list[Array]]:
    """Training and validation part as Keras splits: the last share of the rows, before any shuffling."""
    if not parts:
        return [], []
    at = int(np.floor(len(parts[0]) * (1.0 - share)))
    return [p[:at] for p in parts], [p[at:] for p in parts]
