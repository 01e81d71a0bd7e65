"""From what a person hands over to rows of numbers: tables, arrays and trees of them, archives, folders of images,
data sets, loaders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import arrays, images, loaders, mapped, sets, trees
from luthier.data.files import is_table
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
    if targets is None and is_table(train) and (options.target or not isinstance(train, Mapping)):
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
    given = [(part, name) for part, name in zip((source, val, test), PARTS, strict=True) if part is not None]
    taken = _alike([_pair(part, name, options) for part, name in given], [name for _, name in given])
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
        tree=taken[0].tree,
        labelled=taken[0].labelled,
    )


def _alike(pairs: list[arrays.Pair], names: list[str]) -> list[arrays.Pair]:
    """Parts with trees packed in one form.

    Raises:
        InvalidInput: targets in some parts only, or trees of several forms.
    """
    if len({pair.labelled for pair in pairs}) > 1:
        with_none = next(name for pair, name in zip(pairs, names, strict=True) if not pair.labelled)
        raise InvalidInput(f"the {with_none} have no targets", must="targets in all parts, or in none", where="data")
    loose = [pair for pair in pairs if not isinstance(pair.inputs, np.ndarray)]
    if len(loose) == len(pairs):
        packed, tree = trees.pack([pair.inputs for pair in pairs], where="data")
        filled = [pair._replace(inputs=rows, tree=tree) for pair, rows in zip(pairs, packed, strict=True)]
        return [
            pair if pair.labelled else pair._replace(targets=np.zeros(len(pair.inputs), np.float32))
            for pair in filled
        ]
    if loose or len({repr(pair.tree) for pair in pairs}) > 1:
        raise InvalidInput(
            "parts of several forms", must="dicts or tuples of the same arrays in all parts", where="data"
        )
    return pairs


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
    if isinstance(part, Mapping | tuple) or arrays.is_array(part):
        return _tree(part, name)
    if loaders.is_stream(part):
        return loaders.read(part, name)
    if hasattr(part, "__len__") and hasattr(part, "__getitem__"):
        return sets.read(part, name)
    raise Unsupported(
        f"data={type(part).__name__}",
        must="a table with target=, (X, y), a dict of arrays, an .npz or image folder, a data set or a loader",
        where=name,
        remedy=FORMS,
    )


def _tree(part: Any, name: str) -> arrays.Pair:
    """(X, y), where X may be a tree that is packed later; or a tree without targets."""
    inputs, targets = loaders.parted(part)
    if targets is None and trees.is_tree(inputs):
        return arrays.Pair(inputs, np.zeros(0), labelled=False)
    if targets is None:
        rows, tree = trees.pack([inputs], where=name)
        return arrays.Pair(rows[0], np.zeros(len(rows[0]), np.float32), tree=tree, labelled=False)
    if not trees.is_tree(inputs):
        return arrays.pair(inputs, targets, name)
    return arrays.pair(np.zeros(0), targets, name)._replace(inputs=inputs)
