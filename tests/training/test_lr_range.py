"""The range test finds where learning happens, the same again, and leaves no trace."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import luthier
from luthier import Recipe
from luthier.errors import InvalidInput, TrainingFailed
from luthier.training.lr_range import HIGHEST, LOWEST

torch = pytest.importorskip("torch")
DIGITS = load_digits()
X, Y = (DIGITS.data / 16).astype(np.float32), DIGITS.target


def net(*, inputs: int, outputs: int):
    return torch.nn.Sequential(torch.nn.Linear(inputs, 32), torch.nn.ReLU(), torch.nn.Linear(32, outputs))


def test_centre_lies_where_the_net_learns():
    """Adam learns digits from 1e-3 to 1e-1, plain descent needs more; the domain holds a factor of ten around it."""
    adam = luthier.lr_range(net, data=(X, Y))
    assert 1e-3 < adam.center < 0.1
    assert adam.domain.low == pytest.approx(adam.center / 10)
    assert adam.domain.high == pytest.approx(adam.center * 10)
    plain = luthier.lr_range(net, data=(X, Y), baseline=Recipe("sgd", momentum=0.0))
    assert plain.center > 2 * adam.center


def test_every_seed_is_told_and_all_is_the_same_again():
    before = torch.get_rng_state()
    found, again = (luthier.lr_range(net, data=(X, Y), num_seeds=4) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert len(found.each) == 4
    assert len(set(found.each)) > 1 or np.ptp(found.losses[:, 0]) > 0
    assert np.array_equal(found.losses, again.losses, equal_nan=True)
    assert (found.lrs[0], found.lrs[-1]) == (pytest.approx(LOWEST), pytest.approx(HIGHEST))


def test_the_rates_of_all_groups_rise():
    """A head that is frozen stays as it is, and the body alone learns: the centre is another."""
    plain, frozen, same = (
        luthier.lr_range(net, data=(X, Y), baseline=Recipe(groups=groups))
        for groups in ({}, {"2": {"lr_factor": 0.0}}, {"0": {"lr": 1e-3}, "2": {"lr_factor": 1.0}})
    )
    assert np.array_equal(plain.losses, same.losses, equal_nan=True)
    assert not np.array_equal(plain.losses, frozen.losses, equal_nan=True)


def test_what_cannot_be_tested_is_refused_in_words():
    with pytest.raises(InvalidInput, match="num_seeds=0, num_steps=100: `num_seeds >= 1, num_steps >= 30`"):
        luthier.lr_range(net, data=(X, Y), num_seeds=0)

    def flat(model, batch):
        return sum(p.sum() * 0 for p in model.parameters())

    with pytest.raises(TrainingFailed, match="the loss fell on none of 3 seeds"):
        luthier.lr_range(net, data=(X, Y), loss=flat)
