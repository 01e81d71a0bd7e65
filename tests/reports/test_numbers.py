"""Numbers and words: digits that the interval supports, and nothing that harms."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.reports import axes, numbers, terminal, words
from luthier.reports.axes import position


@pytest.mark.parametrize("module", [numbers, terminal, words, axes])
def test_examples_in_docstrings(module: object) -> None:
    """Every example runs."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@given(st.floats(-1e300, 1e300) | st.sampled_from([math.nan, math.inf, -math.inf]))
def test_number_is_never_nan_or_inf(value: float) -> None:
    """Whatever the float, the text is a finite number or says that nothing was measured."""
    text = numbers.number(value)
    assert text == numbers.MISSING if not math.isfinite(value) else math.isfinite(float(text.replace(",", "")))


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6))
def test_interval_shows_two_digits_of_its_width(low: float, width: float) -> None:
    """Both ends are told apart, and no end has digits that the width does not support."""
    decimals = numbers.decimals_of(low, low + width)
    if decimals is not None and low + width > low:
        assert 10.0**-decimals <= (low + width - low) / 9.99 or decimals == 0


@given(st.floats(0, 1e9))
def test_time_spans_have_a_unit(value: float) -> None:
    """No bare number of seconds."""
    assert numbers.seconds(value).split()[-1] in ("ms", "s", "min", "h")


@given(st.text())
def test_clean_text_is_safe_and_encodable(text: str) -> None:
    """No control character, no direction override, no lone surrogate; the rest stays."""
    found = words.clean(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or 0x202A <= ord(c) <= 0x202E for c in found)
    found.encode("utf-8")


@given(st.text(), st.integers(2, 50))
def test_clip_keeps_to_its_length(text: str, most: int) -> None:
    """Never longer; whole if it fits."""
    found = words.clip(text, most)
    assert len(found) <= most
    assert found == text or len(text) > most


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_linear_axis_holds_its_ends_and_few_ticks(low: float, width: float) -> None:
    """Ends lie inside, ticks too, and there are between two and twelve of them."""
    axis = axes.linear("x", low, low + width)
    if low + width > low:
        assert axis.low <= low <= low + width <= axis.high
    assert 2 <= len(axis.ticks) <= 12
    assert all(-0.01 <= position(axis, v) <= 1.01 for v, _ in axis.ticks)


@given(st.floats(1e-12, 1e6), st.floats(1.01, 1e9))
def test_log_axis_has_two_to_twelve_ticks_inside(low: float, factor: float) -> None:
    """However few or many decades."""
    axis = axes.logarithmic("x", low, low * factor)
    assert 2 <= len(axis.ticks) <= 12
    assert all(axis.low * 0.998 <= v <= axis.high * 1.002 for v, _ in axis.ticks)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_positions_keep_the_order(a: float, b: float) -> None:
    """Larger values stand further right, on both scales."""
    for axis in (axes.linear("x", 1e-3, 1e3), axes.logarithmic("x", 1e-3, 1e3)):
        assert (position(axis, a) <= position(axis, b)) == (a <= b) or position(axis, a) == position(axis, b)
