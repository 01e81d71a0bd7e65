"""The schedules against their formulas, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from luthier.algorithms.schedules import Plateau, factor
from luthier.errors import InvalidInput
from luthier.recipe import SCHEDULES


def curve(schedule: str, num_steps: int, warmup: float = 0.0, final_lr: float = 0.0) -> list[float]:
    return factor(schedule, np.arange(num_steps), num_steps, warmup=warmup, final_lr=final_lr).tolist()


def test_warmup_is_a_line_that_reaches_the_peak_after_it() -> None:
    """ceil(0.25 * 10) = 3 steps: 1/4, 2/4, 3/4, then the peak."""
    assert curve("constant", 10, warmup=0.25)[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_rounding_does_not_add_a_step_of_warmup() -> None:
    """0.07 * 100 is 7.000000000000001 in floating point, and 7 steps."""
    rates = curve("constant", 100, warmup=0.07)
    assert rates[6] < 1.0
    assert rates[7] == 1.0


def test_constant_ignores_the_final_rate() -> None:
    """A constant rate has no end."""
    assert curve("constant", 5, final_lr=0.1) == [1.0] * 5


def test_linear() -> None:
    """1 - s / T down to the final rate."""
    expected = [0.1 + 0.9 * (1 - s / 8) for s in range(8)]
    np.testing.assert_allclose(curve("linear", 8, final_lr=0.1), expected, rtol=1e-12)


def test_cosine_after_warmup() -> None:
    """Half a cosine over the steps after warm-up."""
    expected = [0.5 * (1 + math.cos(math.pi * s / 8)) for s in range(8)]
    np.testing.assert_allclose(curve("cosine", 10, warmup=0.2)[2:], expected, rtol=1e-12)


def test_wsd_is_stable_for_four_fifths_then_one_minus_the_root() -> None:
    """The last 20 % of 20 steps."""
    rates = curve("wsd", 20)
    assert rates[:17] == [1.0] * 17  # u = 0 at the first step of the decay
    np.testing.assert_allclose(rates[16:], [1 - math.sqrt(u / 4) for u in range(4)], rtol=1e-12)


def test_the_end_value_holds_after_the_end() -> None:
    """Steps past the last one."""
    assert factor("linear", [10, 11, 99], 10, warmup=0.0, final_lr=0.25).tolist() == [0.25] * 3


def test_unknown_schedule_names_the_known() -> None:
    """A clear answer."""
    with pytest.raises(InvalidInput, match="one of constant, linear, cosine, wsd"):
        factor("stairs", 0, 10, warmup=0.0, final_lr=0.0)


def test_steps_are_plateaus_a_factor_apart() -> None:
    """Three plateaus from 1 to a hundredth."""
    np.testing.assert_allclose(curve("step", 6), [1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-9)


def test_exponential_multiplies_by_the_same_factor() -> None:
    """As torch's ExponentialLR with gamma = 0.01 ** (1 / 10)."""
    np.testing.assert_allclose(curve("exponential", 10, final_lr=0.01), [0.01 ** (s / 10) for s in range(10)])


def test_polynomial_is_torchs() -> None:
    """PolynomialLR with power 3."""
    ours = factor("polynomial", np.arange(10), 10, warmup=0.0, final_lr=0.0, power=3.0)
    np.testing.assert_allclose(ours, by_torch(lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 10, 3.0), 10))


def test_one_cycle_rises_and_falls_by_half_cosines() -> None:
    """From near a 25th of the peak to the peak, then down to the end value."""
    rates = curve("one_cycle", 100, warmup=0.3)
    share = (1 - math.cos(math.pi * 1 / 31)) / 2
    assert rates[0] == pytest.approx(1 / 25 + 24 / 25 * share)
    assert rates[30] == 1.0
    np.testing.assert_allclose(rates[30:], [0.5 * (1 + math.cos(math.pi * s / 70)) for s in range(70)], atol=1e-12)


def test_cyclical_is_torchs_triangle() -> None:
    """CyclicLR between a tenth and the peak: three triangles of 10 steps up and 10 down."""
    ours = factor("cyclical", np.arange(60), 60, warmup=0.0, final_lr=0.1)
    theirs = by_torch(lambda o: torch.optim.lr_scheduler.CyclicLR(o, 0.1, 1.0, 10, cycle_momentum=False), 60)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_plateau_is_torchs() -> None:
    """ReduceLROnPlateau on a loss that stops falling, falls again, and rises."""
    losses = [1.0, 0.9, 0.9, 0.9, 0.9, 0.8, 0.79999, 0.85, 0.9, 0.95, 0.9, 0.9]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)
    ours = Plateau()
    for loss in losses:
        theirs.step(loss)
        ours = ours.told(loss, patience=2)
        assert ours.factor == pytest.approx(optimizer.param_groups[0]["lr"])
    assert ours.reductions == 3


def by_torch(make: Callable[[torch.optim.Optimizer], Any], num_steps: int) -> list[float]:
    """Rates of a torch scheduler at the peak 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = make(optimizer), []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@given(
    st.sampled_from([name for name in SCHEDULES if name != "cyclical"]),
    st.integers(1, 400),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1),
)
def test_rates_are_positive_rise_once_and_fall_once(
    schedule: str, num_steps: int, warmup: float, final_lr: float
) -> None:
    """0 < factor <= 1; never down during warm-up, never up afterwards; one step equals all at once."""
    rates = np.array(curve(schedule, num_steps, warmup, final_lr))
    assert rates.dtype == np.float64
    assert ((rates > 0) & (rates <= 1)).all()
    peak = int(rates.argmax())
    assert (np.diff(rates[: peak + 1]) >= 0).all()
    assert (np.diff(rates[peak:]) <= 1e-12).all()
    one = factor(schedule, num_steps - 1, num_steps, warmup=warmup, final_lr=final_lr)
    assert float(one) == rates[-1]
