"""Random states that are put back: the numbers that follow are those that would have followed."""

import random

import numpy as np
import pytest

from luthier.draws import draw_states, draws_kept, set_draw_states

torch = pytest.importorskip("torch")


def drawn():
    """Some of each generator; of normal numbers an odd count, so that a spare one is kept back."""
    return random.gauss(0, 1), np.random.normal(size=3).tolist(), random.random(), torch.randn(3).tolist()


def test_saved_states_give_the_same_numbers_again(tmp_path):
    """Through a file without pickle; a spare normal number that Python and NumPy keep back is in it."""
    drawn()
    np.savez(tmp_path / "states.npz", **draw_states())
    ahead = [drawn(), drawn()]
    with np.load(tmp_path / "states.npz", allow_pickle=False) as states:
        set_draw_states(dict(states))
    assert [drawn(), drawn()] == ahead


def _raise_after(_: object):
    raise ZeroDivisionError


def test_draws_are_kept_also_where_the_code_within_raises():
    """As if nothing had been drawn."""
    ahead = draw_states()
    with pytest.raises(ZeroDivisionError), draws_kept():
        _raise_after(drawn())
    assert all(np.array_equal(value, ahead[name], equal_nan=True) for name, value in draw_states().items())
