"""Batches that come one after another, from a loader or any iterable: read once, kept as rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import mapped, trees
from luthier.data.arrays import Pair, as_numpy, is_array, pair
from luthier.data.trees import Tree
from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
BLOCK_ITEMS = 256


def is_stream(source: Any) -> bool:
    """Does it only give batches one after another?"""
    return hasattr(source, "__iter__") and not hasattr(source, "__getitem__")


def read(source: Any, name: str) -> Pair:
    """All rows of a loader, in the order of its data set where it has one: shuffling is luthier's own affair.

    A pair (inputs, targets) gives both; any other batch is kept as a tree, for a loss of one's own.

    Raises:
        InvalidInput: no batch, or batches that differ in shape; what the loader itself raises.
    """
    return of_batches(_in_order(source), name)


def _in_order(loader: Any) -> Iterator[Any]:
    """The batches of a loader without its shuffling; of anything else as they come."""
    items: Any = getattr(loader, "dataset", None)
    collate = getattr(loader, "collate_fn", None)
    if collate is None or not (hasattr(items, "__len__") and hasattr(items, "__getitem__")):
        yield from loader
        return
    size = getattr(loader, "batch_size", None) or BLOCK_ITEMS
    for start in range(0, len(items), size):
        yield collate([items[i] for i in range(start, min(start + size, len(items)))])


def of_items(items: Iterable[Any], name: str) -> Pair:
    """All items of a data set whose items are dicts, tuples or arrays, a row each."""
    taken = iter(items)
    blocks = iter(lambda: list(itertools.islice(taken, BLOCK_ITEMS)), [])
    return of_batches((_stacked(block, name) for block in blocks), name)


def of_batches(batches: Iterable[Any], name: str) -> Pair:
    """Batches as rows: inputs packed where they are trees."""
    targets: list[Array] = []
    tree: Tree | None = None
    first: list[Any] = []

    def blocks() -> Iterator[Array]:
        nonlocal tree
        for number, batch in enumerate(batches):
            inputs, target = parted(batch)
            if target is not None:
                targets.append(as_numpy(target, f"targets of the {name}"))
            packed, found = trees.pack([inputs], where=f"{name}, batch {number}")
            if tree is None:
                tree = found
                first.append(inputs)
            elif _form(found) != _form(tree):
                raise InvalidInput(
                    f"batch {number} holds {trees.described(found)}",
                    must=f"rows as in batch 0: {trees.described(tree)}",
                    where=name,
                    remedy="Pad every batch to one length",
                )
            yield packed[0]

    numbers = _held(blocks())
    if tree is None:
        raise InvalidInput("0 batches", must="at least one batch", where=name)
    if not targets:
        return Pair(numbers, np.zeros(len(numbers), np.float32), tree=tree, labelled=False)
    told = pair(numbers, np.concatenate(targets), name)
    if trees.is_tree(first[0]):
        return told._replace(tree=tree)
    return told._replace(inputs=numbers.reshape(len(numbers), *tree.leaves[0].shape))


def _form(tree: Tree) -> Any:
    return repr(tree.shape), [(leaf.path, leaf.shape) for leaf in tree.leaves]


def _held(blocks: Iterator[Array]) -> Array:
    """In memory while they are few, else in a file."""
    taken: list[Array] = []
    num_bytes = 0
    for block in blocks:
        taken.append(block)
        num_bytes += block.nbytes
        if num_bytes > mapped.RESIDENT_BYTES:
            return mapped.write("", itertools.chain(taken, blocks), {})
    return np.concatenate(taken) if taken else np.zeros((0, 0), np.float32)


def parted(batch: Any) -> tuple[Any, Any]:
    """(inputs, targets) of a batch, targets None where it is no pair of inputs and an array of targets."""
    if isinstance(batch, list):
        batch = tuple(batch)
    if isinstance(batch, tuple) and len(batch) == 2 and is_target(batch[1]):
        inputs, targets = batch
        several = isinstance(inputs, list) and all(is_array(one) for one in inputs)  # a batch of a loader
        return (tuple(inputs) if several else inputs), targets
    return batch, None


def is_target(value: Any) -> bool:
    """Could it be targets: an array [n] or [n, k], or a list of plain values?"""
    if isinstance(value, list) and not any(is_array(one) for one in value):
        plain = {np.ndim(one) if isinstance(one, list | tuple) else 0 for one in value[:64]}
        return plain <= {0, 1}
    return is_array(value) and len(getattr(value, "shape", ())) in (1, 2)


def _stacked(items: list[Any], name: str) -> Any:
    """Items as one batch."""
    one = items[0]
    if isinstance(one, Mapping):
        return {key: _stacked([item[key] for item in items], name) for key in one}
    if isinstance(one, tuple | list):
        return tuple(_stacked([item[i] for item in items], name) for i in range(len(one)))
    arrays = [as_numpy(item, f"an item of the {name}") for item in items]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise InvalidInput(
            f"items of shapes {', '.join(sorted(map(str, shapes))[:4])}",
            must="items of one shape",
            where=name,
            remedy="Pad or resize them in the data set",
        )
    return np.stack(arrays)
