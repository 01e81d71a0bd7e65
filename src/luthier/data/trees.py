"""Rows that are trees: dicts and tuples of arrays, nested as the model or the loss wants them.

A tree is kept as one row of numbers for each example, float32 [n, D], its leaves one after another, and unpacked into
its leaves when a batch is gathered. So splitting, hashing, caching in a file and gathering by row are the same for a
tree as for one array. Whole numbers keep their type and must be exact in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.codec import Record
from luthier.data.arrays import as_numpy
from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
EXACT = 1 << 24
"""Whole numbers up to here are exact in float32."""
LENGTH = "_length"
"""Sequences of several lengths under the key "x" are padded with zeros; their lengths lie under "x_length"."""


class Leaf(Record, frozen=True, kw_only=True):
    """An array of a tree: where it hangs, its shape without the axis of rows, and its first place in a row."""

    path: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str  # float32 | int64 | bool
    start: int

    @property
    def size(self) -> int:
        """Numbers a row."""
        return math.prod(self.shape)

    @property
    def name(self) -> str:
        """For messages: `image.left`."""
        return ".".join(self.path) or "the input"


class Tree(Record, frozen=True, kw_only=True):
    """How the leaves hang together.

    `shape` is plain data: the number of a leaf, `{"dict": {key: shape}}` or `{"tuple": [shape, ...]}`.
    """

    leaves: tuple[Leaf, ...]
    shape: Any

    def __len__(self) -> int:
        return sum(leaf.size for leaf in self.leaves)

    def unpack(self, leaf: Callable[[Leaf], Any]) -> Any:
        """The tree with `leaf(x)` in the place of each leaf x."""
        return _hang(self.shape, [leaf(one) for one in self.leaves])

    def arrays(self, rows_nD: Array) -> Any:
        """Packed rows as a tree of numpy arrays."""
        return self.unpack(lambda leaf: of_leaf(rows_nD, leaf).astype(leaf.dtype))

    def pack(self, tree: Any, *, where: str) -> Array:
        """New rows of this tree, float32 [n, D].

        Raises:
            InvalidInput: another tree.
        """
        numbers, other = pack([tree], where=where)
        found, must = [(x.path, x.shape) for x in other.leaves], [(x.path, x.shape) for x in self.leaves]
        if other.shape != self.shape or found != must:
            raise InvalidInput(f"rows of {described(other)}", must=described(self), where=where)
        return numbers[0]


def of_leaf(rows: Any, leaf: Leaf) -> Any:
    """The numbers of a leaf in packed rows [n, D], as [n, ...]; an array of any framework."""
    return rows[:, leaf.start : leaf.start + leaf.size].reshape((rows.shape[0], *leaf.shape))


def described(tree: Tree) -> str:
    """Names and shapes of the leaves, for messages."""
    return ", ".join(f"{leaf.name} {leaf.dtype}{list(leaf.shape)}" for leaf in tree.leaves)


def is_tree(value: Any) -> bool:
    """Is it a dict or a tuple, not one array?"""
    return isinstance(value, Mapping | tuple)


def pack(parts: Sequence[Any], *, where: str) -> tuple[list[Array], Tree]:
    """Trees of one form -> (float32 [n, D] of each, what they have in common).

    A list under a key is an array, or sequences of several lengths, which are padded with zeros.

    Raises:
        InvalidInput: no leaves, several numbers of rows, leaves that differ between the parts or are no numbers,
            whole numbers too large.
    """
    opened = [_opened(part, (), where) for part in parts]
    shapes = {repr(shape) for shape, _ in opened}
    if len(shapes) > 1 or any([p for p, _ in leaves] != [p for p, _ in opened[0][1]] for _, leaves in opened):
        raise InvalidInput("trees of several forms", must="the same keys in all parts", where=where)
    columns = [_column([leaves[i] for _, leaves in opened], where) for i in range(len(opened[0][1]))]
    if not columns:
        raise InvalidInput("0 arrays", must="at least one array", where=where)
    leaves, start = [], 0
    for (path, _), column in zip(opened[0][1], columns, strict=True):
        leaf = Leaf(path=path, shape=column[0].shape[1:], dtype=_dtype(column, path, where), start=start)
        leaves.append(leaf)
        start += leaf.size
    rows = [_row([column[i] for column in columns], leaves, where) for i in range(len(parts))]
    return rows, Tree(leaves=tuple(leaves), shape=opened[0][0])


Opened = tuple[Any, list[tuple[tuple[str, ...], Any]]]
"""(shape of the tree, [(path, what hangs there)])."""


def _opened(part: Any, path: tuple[str, ...], where: str) -> Opened:
    found: list[tuple[tuple[str, ...], Any]] = []

    def walk(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            named = sorted(((str(k), v) for k, v in _with_lengths(value, where).items()), key=lambda pair: pair[0])
            return {"dict": {k: walk(v, (*path, k)) for k, v in named}}
        if isinstance(value, tuple):
            return {"tuple": [walk(v, (*path, str(i))) for i, v in enumerate(value)]}
        found.append((path, value))
        return len(found) - 1

    return walk(part, path), found


def _with_lengths(tree: Mapping[Any, Any], where: str) -> dict[Any, Any]:
    """A dict whose sequences of several lengths have them beside them."""
    out: dict[Any, Any] = {}
    for key, value in tree.items():
        out[key] = value
        if _is_ragged(value):
            name = f"{key}{LENGTH}"
            if name in tree:
                raise InvalidInput(
                    f"{key!r} holds sequences of several lengths, and {name!r} is there",
                    must=f"{name!r} is free for the lengths that luthier adds",
                    where=where,
                    remedy=f"Rename {name!r}, or pad {key!r} yourself",
                )
            out[name] = np.array([len(row) for row in value], np.int64)
    return out


def _is_ragged(value: Any) -> bool:
    if not (isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype == object)):
        return False
    return all(hasattr(row, "__len__") and not isinstance(row, str) for row in value) and (
        len({len(row) for row in value}) > 1
    )


def _column(parts: list[tuple[tuple[str, ...], Any]], where: str) -> list[Array]:
    """One leaf of all parts as arrays [n, ...] with the same rest."""
    path, _ = parts[0]
    name = ".".join(path) or "the input"
    if any(_is_ragged(value) for _, value in parts):
        longest = max(len(row) for _, value in parts for row in value)
        arrays = [_padded(value, longest, f"{name} ({where})") for _, value in parts]
    else:
        arrays = [as_numpy(value, f"{name} ({where})") for _, value in parts]
    for array in arrays:
        if array.ndim == 0 or array.dtype.kind not in "biuf":
            told = f"a single {array.dtype} value" if array.ndim == 0 else f"of type {array.dtype}"
            raise InvalidInput(
                f"{name} is {told}", must="an array of numbers, one entry a row on its first axis", where=where
            )
    if len({array.shape[1:] for array in arrays}) > 1:
        told = ", ".join(str(array.shape) for array in arrays)
        raise InvalidInput(f"{name} has the shapes {told}", must="one shape a row in all parts", where=where)
    return arrays


def _padded(rows: Any, longest: int, name: str) -> Array:
    arrays = [as_numpy(row, name) for row in rows]
    rest = {array.shape[1:] for array in arrays}
    if len(rest) > 1:
        raise InvalidInput(f"{name} holds sequences of {len(rest)} kinds", must="items of one shape in all sequences")
    out = np.zeros((len(arrays), longest, *rest.pop()), np.result_type(*{a.dtype for a in arrays}))
    for i, array in enumerate(arrays):
        out[i, : len(array)] = array
    return out


def _dtype(column: list[Array], path: tuple[str, ...], where: str) -> str:
    kinds = {array.dtype.kind for array in column}
    if kinds == {"b"}:
        return "bool"
    if kinds <= set("biu"):
        most = max(int(np.abs(array.astype(np.int64)).max(initial=0)) for array in column)
        if most > EXACT:
            raise InvalidInput(
                f"{'.'.join(path)} holds the whole number {most}",
                must=f"whole numbers up to {EXACT:,}",
                where=where,
                remedy="Number the values from 0, or pass them as real numbers",
            )
        return "int64"
    return "float32"


def _row(columns: list[Array], leaves: list[Leaf], where: str) -> Array:
    nums = {len(array) for array in columns}
    if len(nums) > 1:
        told = ", ".join(f"{leaf.name}: {len(a)}" for leaf, a in zip(leaves, columns, strict=True))
        raise InvalidInput(f"rows {told}", must="as many in every array", where=where)
    flat = [array.reshape(len(array), -1).astype(np.float32) for array in columns]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def _hang(shape: Any, leaves: list[Any]) -> Any:
    if isinstance(shape, int):
        return leaves[shape]
    if "dict" in shape:
        return {key: _hang(below, leaves) for key, below in shape["dict"].items()}
    return tuple(_hang(below, leaves) for below in shape["tuple"])
