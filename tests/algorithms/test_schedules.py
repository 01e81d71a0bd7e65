"""The schedules against their formulas, step by step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.algorithms.schedules import factor
from luthier.errors import InvalidInput
from luthier.records import SCHEDULES


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
        factor("step", 0, 10, warmup=0.0, final_lr=0.0)


@given(
    st.sampled_from(SCHEDULES),
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
