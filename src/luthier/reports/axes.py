"""Axes: where they end, where their ticks stand, and where a value lies on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from luthier.reports.model import Axis
from luthier.reports.numbers import setting
from luthier.reports.words import label
from luthier.space import Choice, Domain

MANTISSAS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0))
"""Ticks of a log axis: the first row that gives at least three of them."""
MOST_OPTIONS = 12


def position(axis: Axis, value: float) -> float:
    """Where a value lies: 0 at the low end, 1 at the high end, clamped."""
    low, high = axis.low, axis.high
    if axis.log:
        value, low, high = math.log(max(value, 1e-300)), math.log(low), math.log(high)
    return min(max((value - low) / (high - low), 0.0), 1.0)


def linear(name: str, low: float, high: float, *, pad: float = 0.05, num: int = 5) -> Axis:
    """An axis over [low, high] with a little room, ticks at 1, 2 or 5 times a power of ten."""
    if not high > low:
        room = abs(low) * 0.05 or 0.5
        low, high = low - room, high + room
    room = pad * (high - low)
    low, high = low - room, high + room
    step = _step((high - low) / num)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = tuple((i * step, _tick(i * step, decimals)) for i in range(first, last + 1))
    return Axis(label=name, low=low, high=high, ticks=ticks)


def logarithmic(name: str, low: float, high: float, *, pad: float = 0.0) -> Axis:
    """A log axis over [low, high], 0 < low < high."""
    room = (high / low) ** pad
    low, high = low / room, high * room
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    marks: list[float] = [low, math.sqrt(low * high), high]
    for mantissas in MANTISSAS:
        found = [m * 10.0**d for d in decades for m in mantissas if low * 0.999 <= m * 10.0**d <= high * 1.001]
        if len(found) >= 3:
            marks = found
            break
    stride = math.ceil(len(marks) / 6)
    return Axis(label=name, low=low, high=high, log=True, ticks=tuple((m, short(m)) for m in marks[::stride]))


def of_domain(name: str, domain: Domain, also: Sequence[float] = ()) -> Axis:
    """The axis of a setting: its range on its own scale, widened to hold the values in `also`."""
    if isinstance(domain, Choice):
        options = tuple(setting(option, 14) for option in domain.options)
        stride = math.ceil(len(options) / MOST_OPTIONS)
        ticks = tuple((float(i), text) for i, text in enumerate(options) if i % stride == 0)
        return Axis(label=label(name), low=-0.5, high=len(options) - 0.5, ticks=ticks, options=options)
    values = [domain.low, domain.high, *(v for v in also if not domain.log or v > 0)]
    if domain.log:
        return logarithmic(label(name), min(values), max(values), pad=0.04)
    return linear(label(name), min(values), max(values))


def short(value: float) -> str:
    """A tick: few characters, "1e-5" rather than "1e-05"."""
    text = f"{value:.3g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent)}"
    return text


def _step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return power * next(m for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * 0.999)


def _tick(value: float, decimals: int) -> str:
    if decimals > 6 or abs(value) >= 1e6:
        return short(value)
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
