"""Arrays of any library, `.npy` and `.npz` files: inputs and targets as numpy."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
PAIRS = (("x", "y"), ("inputs", "targets"), ("data", "target"), ("features", "labels"), ("images", "labels"))
"""Names of inputs and targets in an archive, whatever their case; with "train", "test" and so on beside them."""
MARKS = (("train",), ("val", "valid", "validation"), ("test",))


class Pair(NamedTuple):
    """Inputs [n, ...] and targets [n]; names of the classes where they are known.

    `tree`: how packed inputs hang together (`luthier.data.trees.Tree`). `labelled`: are there targets? Else zeros.
    """

    inputs: Array
    targets: Array
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tree: Any = None
    labelled: bool = True


def is_array(value: Any) -> bool:
    """Is it an array of numpy, or of a library that speaks numpy's or DLPack's protocol?"""
    return isinstance(value, np.ndarray) or hasattr(value, "__array__") or hasattr(value, "__dlpack__")


def as_numpy(value: Any, name: str) -> Array:
    """Any array as numpy, without a copy where that is possible.

    Raises:
        InvalidInput: it refuses, as a tensor on a GPU or one with a gradient does.
    """
    try:
        if hasattr(value, "detach"):  # a tensor that carries a gradient refuses to become numbers
            value = value.detach()
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise InvalidInput(
            f"{name} of type {type(value).__name__} do not become an array ({str(error).partition(chr(10))[0]})",
            must="numbers in memory of this machine, rows of one shape",
            where="data",
            remedy="Pass a numpy array",
        ) from None


def pair(inputs: Any, targets: Any, name: str) -> Pair:
    """Inputs and targets of one part; targets that are texts become class numbers."""
    x, y = as_numpy(inputs, f"inputs of the {name}"), as_numpy(targets, f"targets of the {name}")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind in "USO":
        labels, codes = np.unique(y.astype(str), return_inverse=True)
        return Pair(x, codes.astype(np.int64), tuple(str(label) for label in labels))
    if y.dtype.kind == "b":
        return Pair(x, y.astype(np.int64), ("False", "True"))
    return Pair(x, y)


def parts(path: Path, target: tuple[str, ...]) -> tuple[Pair, Pair | None, Pair | None]:
    """Training rows, and validation and test rows where the file holds them.

    Args:
        path: `.npz` with arrays named x and y (or inputs and targets ...), or `.npy` whose column `target` is the
            target.

    Raises:
        InvalidInput: it cannot be read, or its names say nothing.
    """
    loaded = _load(path)
    if isinstance(loaded, np.ndarray):
        return _by_column(loaded, target, path), None, None
    found = [_named(loaded, marks) for marks in MARKS]
    first = found[0] or _named(loaded, ("",))
    if first is None:
        raise InvalidInput(
            f"{path} holds {', '.join(sorted(loaded)) or 'nothing'}",
            must="arrays named x and y",
            where="data",
            remedy='Write np.savez("data.npz", x=X, y=y), with x_test and y_test where you have them',
        )
    return first, found[1], found[2]


def _load(path: Path) -> Any:
    if not path.exists():
        raise InvalidInput(f"{path} does not exist", where="data", remedy="Check the path")
    if path.suffix.lower() not in (".npz", ".npy"):
        raise InvalidInput(
            f"{path.name} is of no kind that is read",
            must=".csv, .tsv, .parquet, .npz, .npy or a folder of images",
            where="data",
        )
    try:
        loaded = np.load(path, allow_pickle=False, mmap_mode="r" if path.suffix.lower() == ".npy" else None)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"{path} cannot be read ({error})", remedy="Write it with np.savez or np.save") from None


def _named(arrays: dict[str, Array], marks: tuple[str, ...]) -> Pair | None:
    lower = {name.lower(): name for name in arrays}
    for mark in marks:
        for x, y in PAIRS:
            for shape in ("{0}_{1}", "{1}_{0}", "{0}{1}") if mark else ("{0}",):
                names = [lower.get(shape.format(name, mark)) for name in (x, y)]
                if names[0] is not None and names[1] is not None:
                    return pair(arrays[names[0]], arrays[names[1]], mark or "training rows")
    return None


def _by_column(table: Array, target: tuple[str, ...], path: Path) -> Pair:
    """A matrix, of which one column is the target."""
    where = str(path)
    if table.ndim != 2 or table.shape[1] < 2:
        raise InvalidInput(
            f"an array of shape {table.shape}", must="[rows, columns], one column the target", where=where
        )
    if len(target) != 1 or not target[0].lstrip("-").isdigit():
        raise InvalidInput(
            f"target={', '.join(target)!r}",
            must="the number of the target's column",
            where=where,
            remedy='The last one is target="-1"',
        )
    column = int(target[0])
    if not -table.shape[1] <= column < table.shape[1]:
        raise InvalidInput(f"target={column}", must=f"one of {table.shape[1]} columns, from 0", where=where)
    values = table[:, column]
    whole = bool((values == np.round(values)).all())
    return Pair(
        np.delete(table, column, axis=1),
        values.astype(np.int64) if whole and len(np.unique(values)) <= 20 else values,
    )
