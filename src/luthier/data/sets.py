"""Data sets that give an item for a number (`__len__`, `__getitem__`), such as torch's: decoded once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import loaders, mapped
from luthier.data.arrays import Pair, as_numpy, pair
from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
LOOKED_AT = 4
"""Items that are asked for twice, to see whether they are the same."""
KEYS = (("x", "y"), ("inputs", "targets"), ("image", "label"), ("data", "target"))


def read(source: Any, name: str) -> Pair:
    """All items of a data set, each decoded once.

    Warns where an item is not the same when asked for again: every trial then sees the first draw of its transforms.

    Raises:
        InvalidInput: no items, an item that is no pair, items of several shapes; what the data set itself raises.
    """
    num = len(source)
    if num == 0:
        raise InvalidInput("0 items", must="at least one item", where=name)
    as_tree = not _is_pair(source[0])
    if (_draws_trees if as_tree else _draws)(source, min(num, LOOKED_AT), name):
        warnings.warn(
            f"the {name} draw random numbers: an item asked for again is another one. Each is decoded once "
            "here, so every trial trains on the same draw. Augment inside the model instead.",
            UserWarning,
            stacklevel=2,
        )
    if as_tree:
        return loaders.of_items((source[i] for i in range(num)), name)
    first, _ = _item(source, 0, name)
    targets: list[Any] = []

    def blocks() -> Iterator[Array]:
        for i in range(num):
            x, y = _item(source, i, name)
            if x.shape != first.shape:
                raise InvalidInput(
                    f"item 0 has shape {first.shape}, item {i} {x.shape}",
                    must="items of one shape",
                    where=name,
                    remedy="Pad or resize them in the data set",
                )
            targets.append(y)
            yield x[None]

    inputs = mapped.held(blocks(), num_bytes=4.0 * num * max(first.size, 1))
    labels = getattr(source, "classes", None)
    told = pair(inputs, np.asarray(targets), name)
    if labels is not None and not told.labels and len(labels) > int(np.max(told.targets)):
        return told._replace(labels=tuple(str(label) for label in labels))
    return told


def _is_pair(item: Any) -> bool:
    """Is it one input array and its target? Else it is kept as a tree."""
    if isinstance(item, Mapping):
        return any(set(item) == {x, y} for x, y in KEYS)
    if not (isinstance(item, tuple | list) and len(item) == 2):
        return False
    nested = isinstance(item[0], Mapping | tuple | list) or isinstance(item[1], Mapping)
    return not nested and np.ndim(item[1]) <= 1


def _item(source: Any, i: int, name: str) -> tuple[Array, Any]:
    item = source[i]
    if isinstance(item, Mapping):
        known = next(((x, y) for x, y in KEYS if x in item and y in item), None)
        item = (item[known[0]], item[known[1]]) if known else item
    if not (isinstance(item, tuple | list) and len(item) == 2):
        raise InvalidInput(
            f"item {i} is a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, tuple | list) else ""),
            must="a pair (input, target), as item 0 is",
            where=name,
        )
    x = as_numpy(item[0], f"the input of item {i}")
    if x.dtype.kind not in "biuf":
        raise InvalidInput(
            f"the input of item {i} is of type {x.dtype}",
            must="numbers",
            where=name,
            remedy="Turn it into numbers in the data set's transform",
        )
    y = as_numpy(item[1], f"the target of item {i}")
    return x, y.item() if y.size == 1 else y


def _draws(source: Any, num: int, name: str) -> bool:
    return any(not np.array_equal(_item(source, i, name)[0], _item(source, i, name)[0]) for i in range(num))


def _draws_trees(source: Any, num: int, name: str) -> bool:
    once, again = (loaders.of_items([source[i] for i in range(num)], name).inputs for _ in range(2))
    return not np.array_equal(once, again)
