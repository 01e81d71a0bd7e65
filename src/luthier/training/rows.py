"""What a worker keeps of the data: splits, fitted preparations, rows on the device; each made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import Data
from luthier.data.checking import OWN
from luthier.data.preparation import Fitted
from luthier.engines.spec import Placed, Source
from luthier.recipe import Recipe

Array = npt.NDArray[Any]
SPLITS_KEPT, FITS_KEPT, PLACED_KEPT = 64, 64, 4
LARGE_BYTES = 256 << 20
"""Of inputs of more bytes one prepared copy is kept, and it goes before the next is made."""


class Rows:
    """The rows of a task in one worker.

    Args:
        place: puts rows on the device (`Engine.place`).
    """

    def __init__(self, data: Data, test_rows: Array, place: Callable[[Source], Placed]) -> None:
        self.data, self.test_rows, self._put = data, test_rows, place
        self.whole = False  # are inputs of whole numbers handed over as such?
        self._splits: OrderedDict[int, tuple[Array, Array]] = OrderedDict()
        self._fits: OrderedDict[tuple[Any, ...], Fitted] = OrderedDict()
        self._placed: OrderedDict[tuple[Any, ...], Placed] = OrderedDict()

    def split(self, split_seed: int) -> tuple[Array, Array]:
        """(training rows, validation rows)."""
        made: tuple[Array, Array] = _kept(
            self._splits, split_seed, lambda: self.data.split(self.test_rows, split_seed), most=SPLITS_KEPT
        )
        return made

    def key(self, split_seed: int, recipe: Recipe) -> tuple[Any, ...]:
        """Equal where the rows are prepared alike."""
        if not self.data.touches(recipe.preparation):
            return ()
        return (split_seed, repr(sorted(recipe.preparation.items())))

    def fitted(self, split_seed: int, recipe: Recipe) -> Fitted:
        """What the training rows of a split say about a preparation."""
        made: Fitted = _kept(
            self._fits,
            self.key(split_seed, recipe),
            lambda: self.data.fit(self.split(split_seed)[0], recipe.preparation),
            most=FITS_KEPT,
        )
        return made

    def placed(self, split_seed: int, recipe: Recipe) -> Placed:
        """All rows on the device, prepared."""

        def make() -> Placed:
            prepared = self.data.prepared(self.fitted(split_seed, recipe), self.split(split_seed)[0])
            return self._put(Source(*prepared, self.data.tree, self.data.kind != OWN, self.whole, self.data.stream))

        is_large = getattr(self.data.inputs, "nbytes", 0) > LARGE_BYTES
        return _kept(self._placed, self.key(split_seed, recipe), make, most=1 if is_large else PLACED_KEPT)

    def as_whole(self, whole: bool) -> None:
        """Hand inputs of whole numbers over as such from here on, or as real ones."""
        self.whole = whole
        self._placed.clear()

    def look_whole(self) -> bool:
        """Are the first inputs one array of whole numbers?"""
        few = np.asarray(self.data.inputs[:64])
        plain = self.data.tree is None and not self.data.is_table
        return plain and np.array_equal(few, np.round(few))


def _kept(cache: OrderedDict[Any, Any], key: Any, make: Callable[[], Any], *, most: int) -> Any:
    """What is in the cache under the key, made where it is not; the one that was used longest ago goes."""
    if key not in cache:
        while len(cache) >= most:
            cache.popitem(last=False)
        cache[key] = make()
    cache.move_to_end(key)
    return cache[key]
