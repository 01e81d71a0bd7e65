"""How a number is written: as many digits as its interval supports, and words where nothing was measured.

A number that is not finite is never printed: a person reads "not measured".
"""

from __future__ import annotations

import math

from luthier.reports.words import clean, clip
from luthier.space import Scalar

MISSING = "not measured"
DASH = "\u2013"
"""Stands in a table where a column does not apply."""
_MAX_DECIMALS = 7


def decimals_of(low: float, high: float) -> int | None:
    """Decimals that show the width of an interval with two digits; None where there is no such width.

    >>> decimals_of(0.962, 0.971)
    4
    """
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return None
    return max(0, 1 - math.floor(math.log10(width)))


def number(value: float, decimals: int | None = None) -> str:
    """A number with so many decimals, or with four significant digits; MISSING if it is not finite.

    >>> number(0.97314, 3), number(12345.678), number(math.nan), number(1e-9)
    ('0.973', '12,346', 'not measured', '1e-9')
    """
    if not math.isfinite(value):
        return MISSING
    return _plain(value, decimals).replace("e-0", "e-").replace("e+0", "e+")


def _plain(value: float, decimals: int | None) -> str:
    if value == 0:
        return f"{0.0:.{min(decimals or 0, _MAX_DECIMALS)}f}"
    size = math.floor(math.log10(abs(value)))
    if decimals is None:
        if not -4 <= size < 15:
            return f"{value:.4g}"
        text = f"{value:,.{max(0, 3 - size)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if decimals > _MAX_DECIMALS or size >= 15:
        return f"{value:.3g}"
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def signed(value: float, decimals: int | None = None) -> str:
    """As `number`, with a plus sign before what is above zero."""
    text = number(value, decimals)
    return f"+{text}" if value > 0 and text != MISSING and text.strip("0.,") else text


def span(low: float, high: float, *, sign: bool = False) -> str:
    """An interval in words, "0.962 to 0.971"; MISSING without both ends."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    write = signed if sign else number
    decimals = decimals_of(low, high)
    return f"{write(low, decimals)} to {write(high, decimals)}"


def count(value: float) -> str:
    """A whole number with thousands marked."""
    return f"{value:,.0f}" if math.isfinite(value) else MISSING


def plural(value: int, noun: str) -> str:
    """ "1 trial", "2 trials", "no trials"."""
    return f"{value:,} {noun}" + ("" if value == 1 else "s") if value else f"no {noun}s"


def percent(fraction: float) -> str:
    """A share in percent, one digit below 10 %."""
    if not math.isfinite(fraction):
        return MISSING
    return f"{100 * fraction:.{0 if abs(fraction) >= 0.0995 or fraction == 0 else 1}f} %"


def seconds(value: float) -> str:
    """A time span with about three digits.

    >>> seconds(0.00042), seconds(3.21), seconds(75.0), seconds(7300.0)
    ('0.42 ms', '3.2 s', '1 min 15 s', '2 h 2 min')
    """
    if not math.isfinite(value):
        return MISSING
    if value < 1:
        return f"{1000 * value:.{2 if value < 0.00995 else 0}f} ms" if value > 0 else "0 s"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = round(value / 60)
    return f"{minutes // 60:,} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def memory(num_bytes: float) -> str:
    """Bytes in binary units; zero means that nobody looked."""
    if not (math.isfinite(num_bytes) and num_bytes > 0):
        return MISSING
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if num_bytes >= size:
            return f"{num_bytes / size:.{1 if num_bytes < 100 * size else 0}f} {unit}"
    return f"{num_bytes:.0f} bytes"


def setting(value: Scalar | object, most: int = 60) -> str:
    """The value of a setting: four digits of a real number, words as they are, "none" for None."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else ("no limit" if value == math.inf else MISSING)
    if isinstance(value, int):
        return str(value)
    return clip(clean(str(value)), most)
