"""From what a person hands over to rows of numbers: tables, arrays, archives, folders of images, data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import arrays, images, mapped, sets
from luthier.data.files import is_table, refuse_stream
from luthier.data.tabular import PARTS, Options, Rows, read_tables
from luthier.errors import InvalidInput, Unsupported

Array = npt.NDArray[Any]
FORMS = "Pass data=(X, y), or data='table.csv' with target='column'"


def read(train: Any, targets: Any, val: Any, test: Any, *, options: Options) -> Rows:
    """The rows of up to three inputs of one form.

    Raises:
        InvalidInput: something that cannot be read, or not together.
        Unsupported: a stream.
    """
    if train is None:
        raise InvalidInput("data=None", must="rows", where="data", remedy=FORMS)
    if targets is None and is_table(train):
        return read_tables(
            [_table(part, name) for part, name in zip((train, val, test), PARTS, strict=True)], options
        )
    has_target = not isinstance(train, str | Path) or Path(train).is_dir() or Path(train).suffix.lower() == ".npz"
    for name in ("group", "time", "categories", *(("target",) if has_target else ())):
        if getattr(options, name):
            own = "(X, y)" if name == "target" else f"{name}=[...], a value a row"
            raise InvalidInput(
                f"{name}={_plain(getattr(options, name))!r}",
                must="a table with named columns",
                where="data",
                remedy=f"Arrays take {own}" if name != "categories" else "",
            )
    source, val, test = _opened(train, targets, val, test, options)
    parts = [source, val, test]
    taken = [_pair(part, name, options) for part, name in zip(parts, PARTS, strict=True) if part is not None]
    shapes = {pair.inputs.shape[1:] for pair in taken}
    if len(shapes) > 1:
        raise InvalidInput(
            f"inputs of shapes {sorted(map(str, shapes))}", must="one shape in all parts", where="data"
        )
    labels = taken[0].labels
    if any(pair.labels != labels for pair in taken):
        raise InvalidInput(
            "the parts have other classes",
            must="the same classes in all parts",
            where="data",
            remedy=f"Training rows: {', '.join(labels[:12])}",
        )
    return Rows(
        inputs=_joined([pair.inputs for pair in taken]),
        targets=np.concatenate([pair.targets for pair in taken]),
        labels=labels,
        num_val=0 if val is None else len(taken[1].inputs),
        num_test=0 if test is None else len(taken[-1].inputs),
        notes=tuple(note for pair in taken for note in pair.notes),
    )


def _joined(parts: list[Array]) -> Array:
    """One part after another; in a file where one of them is."""
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, np.memmap) for part in parts):
        return mapped.held(parts, num_bytes=float(sum(part.nbytes for part in parts)))
    return np.concatenate(parts)


def _plain(given: Any) -> Any:
    """One name as it was given."""
    return given[0] if isinstance(given, tuple) and len(given) == 1 else given


def _table(part: Any, name: str) -> Any:
    """A part of a table, that is there and is a table too."""
    if part is not None and not is_table(part):
        raise InvalidInput(
            f"rows of type {type(part).__name__}",
            must="a table, as the training rows are",
            where=name,
            remedy="Pass the path of a CSV or Parquet file, or a data frame",
        )
    if isinstance(part, str | Path) and not Path(part).exists():
        raise InvalidInput(f"{part} does not exist", where=name, remedy="Check the path")
    return part


# ------------------------------------------------------------------------------------------ arrays and the like


def _opened(train: Any, targets: Any, val: Any, test: Any, options: Options) -> tuple[Any, Any, Any]:
    """The parts, with those that lie inside of the first one taken out: archives and folders hold all three."""
    if targets is not None:
        return (train, targets), val, test
    if isinstance(train, str | Path):
        inside = images.parts(Path(train)) if Path(train).is_dir() else arrays.parts(Path(train), options.target)
        first, *others = inside
        given = [val, test]
        for i, (mine, theirs) in enumerate(zip(given, others, strict=True)):
            if mine is None:
                given[i] = theirs
        return first, given[0], given[1]
    return train, val, test


def _pair(part: Any, name: str, options: Options) -> arrays.Pair:
    """Inputs and targets of one part."""
    if isinstance(part, arrays.Pair):
        return part
    if isinstance(part, str | Path):
        path = Path(part)
        if path.is_dir():
            return images.read(path, options.image_size)
        return arrays.parts(path, options.target)[0]
    if isinstance(part, tuple) and len(part) == 2:
        return arrays.pair(part[0], part[1], name)
    refuse_stream(part)
    if hasattr(part, "__len__") and hasattr(part, "__getitem__") and not arrays.is_array(part):
        return sets.read(part, name)
    raise Unsupported(
        f"data={type(part).__name__}",
        must="a table with target=, (X, y), an .npz or image folder, or a data set with __len__ and __getitem__",
        where=name,
        remedy=FORMS,
    )
