"""Training rows that come from a loader, step by step: own transforms, own order, more rows than fit anywhere.

A factory `(batch_size, seed) -> loader` makes the loader of an epoch. The batch of a step is a function of (seed,
step): epoch e of a trial is what the factory gives for a seed derived from the trial's and e, and a trial that is
resumed in the middle of an epoch skips what it has seen. Validation and test rows are read once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.data import loaders, trees
from luthier.draws import draws_kept, seed_draws
from luthier.errors import InvalidInput
from luthier.records import derive_seed

Array = npt.NDArray[Any]
Factory = Callable[[int, int], Any]
PARTS = ("train", "val", "test")
LOOKED_AT = 8
"""Batch size of the loaders that are looked at before the start."""
MOST_SEED = 1 << 31
KEPT = 64
"""Open iterators that are kept, one a trial."""


class Stream:
    """Training batches by (seed, step). Holds the open iterators; a copy that goes to a worker holds none.

    What a loader draws from the global generators of Python, NumPy and torch is seeded before an iterator is made
    and before a batch is taken; torch seeds the worker processes of a loader by what its iterator draws.

    Args:
        factory: (batch_size, seed) -> a loader, or a dict or tuple of which the first is for training.
        num_rows: rows of an epoch.
    """

    def __init__(self, factory: Factory, num_rows: int) -> None:
        self.factory, self.num_rows = factory, num_rows
        self._lengths: dict[int, int] = {}
        self._open: dict[tuple[int, int], tuple[int, Iterator[Any]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"factory": self.factory, "num_rows": self.num_rows, "_lengths": {}, "_open": {}}

    def batch(self, seed: int, step: int, *, batch_size: int) -> Any:
        """The batch of a step, as the loader gives it.

        Raises:
            InvalidInput: an epoch is shorter than another; what the loader itself raises.
        """
        with draws_kept():
            return self._batch(seed, step, batch_size)

    def _batch(self, seed: int, step: int, batch_size: int) -> Any:
        key = (seed, batch_size)
        at, iterator = self._open.pop(key, (-1, iter(())))
        epoch, within = divmod(step, self._length(batch_size))
        if at != step or within == 0:
            iterator = self._begin(derive_seed(seed, "order", epoch), batch_size)
            for skipped in range(within):
                seed_draws(derive_seed(seed, "loader", epoch, skipped))
                next(iterator, None)
        seed_draws(derive_seed(seed, "loader", epoch, within))
        batch = next(iterator, None)
        if batch is None:
            raise InvalidInput(
                f"the loader ended after {within} of {self._length(batch_size)} batches",
                must="as many batches in every epoch",
                where="loaders",
                remedy="Give every loader of the factory the same number of batches",
            )
        self._open[key] = (step + 1, iterator)
        if len(self._open) > KEPT:
            del self._open[next(iter(self._open))]
        return batch

    def _begin(self, seed: int, batch_size: int) -> Iterator[Any]:
        seed_draws(seed)
        return iter(part_of(self.factory, batch_size, seed)["train"])

    def _length(self, batch_size: int) -> int:
        if batch_size not in self._lengths:
            self._lengths[batch_size] = num_batches(part_of(self.factory, batch_size, 0)["train"])
        return self._lengths[batch_size]


class Opened(NamedTuple):
    """A factory that was looked at: its stream, and its loaders for held-out rows (None where there is none)."""

    stream: Stream
    val: Any
    test: Any


def look(factory: Any) -> Opened:
    """Call a factory, and check that it gives what is needed.

    Warns where the seed makes no difference: every trial and every epoch then has the rows in one order.

    Raises:
        InvalidInput: no function of (batch_size, seed), no training rows, or other batches for the same seed.
    """
    if not callable(factory):
        raise InvalidInput(
            f"loaders={type(factory).__name__}",
            must="a function (batch_size, seed) that returns loaders",
            where="data",
            remedy="Pass a loader itself as data=loader: its rows are read once",
        )
    with draws_kept():
        parts = part_of(factory, LOOKED_AT, 0)
        stream = Stream(factory, num_rows(parts["train"]))
        once, again, other = (_numbers(_first(factory, seed)) for seed in (1, 1, 2))
    if not np.array_equal(once, again):
        raise InvalidInput(
            "loaders(batch_size=8, seed=1) gives other batches when it is called again",
            must="the same batches for the same seed",
            where="loaders",
            remedy="Shuffle with generator=torch.Generator().manual_seed(seed), and draw transforms from the seed",
        )
    if np.array_equal(once, other) and len(once) < stream.num_rows:
        warnings.warn(
            "loaders(batch_size, seed) gives the same first batch for seeds 1 and 2: every epoch of every trial sees "
            "the rows in one order. Shuffle with generator=torch.Generator().manual_seed(seed).",
            UserWarning,
            stacklevel=2,
        )
    return Opened(stream, parts.get("val"), parts.get("test"))


def part_of(factory: Factory, batch_size: int, seed: int) -> dict[str, Any]:
    """The loaders of a factory by what they are for.

    Raises:
        InvalidInput: none for training, or a name that is not known.
    """
    made = factory(batch_size, seed % MOST_SEED)
    if isinstance(made, tuple | list):
        made = dict(zip(PARTS, made, strict=False))
    if not isinstance(made, Mapping):
        made = {"train": made}
    unknown = [name for name in made if name not in PARTS]
    if unknown or "train" not in made:
        raise InvalidInput(
            f"loaders returned {', '.join(map(str, made)) or 'nothing'}",
            must="train, and val and test where you have them",
            where="loaders",
        )
    return dict(made)


def num_batches(loader: Any) -> int:
    """Batches of an epoch; counted where the loader does not tell."""
    try:
        num = len(loader)
    except TypeError:
        num = sum(1 for _ in loader)
    if num == 0:
        raise InvalidInput("0 batches", must="at least one batch", where="loaders")
    return num


def num_rows(loader: Any) -> int:
    """Rows of an epoch: of its data set where it has one, else of its batches."""
    try:
        return len(loader.dataset)
    except (AttributeError, TypeError):
        return num_batches(loader) * LOOKED_AT


def _first(factory: Factory, seed: int) -> Any:
    seed_draws(seed)
    iterator = iter(part_of(factory, LOOKED_AT, seed)["train"])
    seed_draws(seed)
    for batch in iterator:
        return batch
    raise InvalidInput("0 batches", must="at least one batch", where="loaders")


def _numbers(batch: Any) -> Array:
    inputs, targets = loaders.parted(batch)
    return trees.pack([inputs if targets is None else (inputs, targets)], where="training rows, batch 0")[0][0]
