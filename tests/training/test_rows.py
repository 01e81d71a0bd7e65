"""What a worker keeps of the data."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import polars as pl
import pytest

import luthier
from luthier.recipe import Recipe
from luthier.training import rows
from luthier.training.rows import PLACED_KEPT, Rows

NUM_SPLITS = PLACED_KEPT + 2


class Held:
    """Prepared rows on a device."""

    def __init__(self, source) -> None:
        self.inputs = source.inputs


def most_alive(prepare: Recipe) -> tuple[int, int]:
    """(prepared copies alive while another is made, at most; those kept in the end), over some splits."""
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"a": rng.random(200), "b": rng.random(200), "y": rng.random(200)})
    data = luthier.Data(table, target="y")
    alive: weakref.WeakSet[Held] = weakref.WeakSet()
    seen = []

    def place(source) -> Held:
        gc.collect()
        seen.append(len(alive))
        held = Held(source)
        alive.add(held)
        return held

    kept = Rows(data.laid_out(data.test_rows(0)), data.test_rows(0), place)
    for split_seed in range(NUM_SPLITS):
        kept.placed(split_seed, prepare)
    gc.collect()
    return max(seen), len(alive)


@pytest.mark.parametrize(("large", "while_made", "at_the_end"), [(0, 0, 1), (1 << 30, PLACED_KEPT - 1, PLACED_KEPT)])
def test_of_large_data_one_prepared_copy_is_held_at_a_time(monkeypatch, large, while_made, at_the_end):
    monkeypatch.setattr(rows, "LARGE_BYTES", large)
    recipe = Recipe(preparation={"scale": "standard"})
    assert most_alive(recipe) == (while_made, at_the_end)
