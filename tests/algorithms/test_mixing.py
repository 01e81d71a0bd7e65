"""mixup and cutmix, averages: what is drawn is a function of (seed, step), what is mixed is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from luthier.algorithms.averages import averaging
from luthier.algorithms.mixing import Mix, draw, mixed
from luthier.errors import InvalidInput
from luthier.recipe import Recipe


def test_draws_depend_on_seed_and_step_only() -> None:
    """And the larger share is the row's own."""
    recipe = Recipe(mixup=0.4)
    draws = [draw(recipe, 1, step) for step in range(200)]
    assert draws[7] == draw(recipe, 1, 7) != draw(recipe, 2, 7)
    shares = np.array([mix.mixup for mix in draws])
    assert ((shares >= 0.5) & (shares <= 1)).all()
    assert len(set(shares.tolist())) > 190


def test_both_kinds_take_turns() -> None:
    """About half of the steps each."""
    draws = [draw(Recipe(mixup=0.4, cutmix=1.0), 0, step) for step in range(400)]
    cuts = sum(mix.cut_side > 0 for mix in draws)
    assert 150 < cuts < 250
    assert all((mix.mixup == 1.0) == (mix.cut_side > 0) for mix in draws)


@pytest.mark.parametrize("axes", [(2, 3), (1, 2)])
def test_patch_comes_from_the_partner_and_its_area_is_told(axes: tuple[int, int]) -> None:
    """Whatever the place of the channels, in numpy and torch."""
    images = np.zeros((2, 8, 8, 8))
    for xp, convert in ((np, np.asarray), (torch, torch.from_numpy)):
        out, share = mixed(
            xp, convert(images), convert(images + 1), Mix(1.0, 0.5, 0.5, 1.0), axes=axes, arange=xp.arange
        )
        out = np.asarray(out)
        assert out.mean() == pytest.approx(1 - float(share)) == pytest.approx(4 * 2 / 64)
        assert set(np.unique(out)) == {0.0, 1.0}


def test_average_forgets_its_start_at_once() -> None:
    """The plain mean of the weights until that is as long as the memory."""
    shares = averaging(Recipe(ema_decay=0.9), 0, 30, 30)
    np.testing.assert_allclose(shares[:10], 1 / np.arange(1, 11))
    np.testing.assert_allclose(shares[10:], 0.1)


def test_swa_is_the_mean_from_its_start_on() -> None:
    """Before it, the last weights."""
    shares = averaging(Recipe(swa_start=0.5), 0, 10, 10)
    np.testing.assert_allclose(shares, [1] * 5 + [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])


def test_schedule_free_weighs_by_the_square_of_the_rate() -> None:
    """While it rises; and a part of the steps has the shares of the whole."""
    recipe = Recipe(optimizer="schedule_free", schedule="constant", warmup=0.5)
    shares = averaging(recipe, 0, 8, 8)
    squares = np.array([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1]) ** 2
    np.testing.assert_allclose(shares, squares / squares.cumsum())
    np.testing.assert_array_equal(averaging(recipe, 3, 4, 8), shares[3:7])


@pytest.mark.parametrize(
    "settings", [{"ema_decay": 0.9, "swa_start": 0.5}, {"optimizer": "schedule_free", "ema_decay": 0.9}]
)
def test_one_average_is_enough(settings: dict) -> None:
    """Two are refused, with their names."""
    with pytest.raises(InvalidInput, match="one average"):
        Recipe(**settings)


def test_parts_divide_the_batch() -> None:
    """Else the last would weigh more."""
    with pytest.raises(InvalidInput, match="divides"):
        Recipe(batch_size=10, accumulate=3)
