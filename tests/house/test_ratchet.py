"""Sizes and suppressions: `ratchet.toml` holds the current maxima, which may only be lowered."""

from __future__ import annotations

import math
import statistics
import tomllib
from functools import cache

import pytest

from house import rules
from house.tree import TESTS, sources

FILE = TESTS / "house" / "ratchet.toml"
RECORDED = tomllib.loads(FILE.read_text("utf-8"))
NUMBERS = [(section, name) for section, numbers in RECORDED.items() for name in numbers]


@cache
def measured() -> dict[str, dict[str, int]]:
    """The numbers of ratchet.toml as they are now."""
    files = [len(s.text.splitlines()) for s in sources() if s.text]
    bodies = [size for s in sources() for _, size in rules.functions(s)]
    sizes = {
        "longest_file": max(files),
        "longest_function": max(bodies),
        "median_file": math.ceil(statistics.median(files) / 10) * 10,
        "files_over_400": sum(size > 400 for size in files),
    }
    return {"sizes": sizes, **{folder: _suppressions(folder) for folder in ("src", "tests")}}


def _suppressions(folder: str) -> dict[str, int]:
    each = [rules.suppressions(s) for s in sources(folder)]
    return {kind: sum(counts[kind] for counts in each) for kind in rules.COMMENTS}


@pytest.mark.parametrize(("section", "name"), NUMBERS)
def test_number_has_not_risen_and_is_lowered_when_it_fell(section, name):
    now, recorded = measured()[section][name], RECORDED[section][name]
    assert now <= recorded, f"{section}.{name} rose from {recorded} to {now}: mend the code, not the number"
    assert now == recorded, f"{section}.{name} fell to {now}: well done, now write {now} into {FILE.name}"


def test_ratchet_holds_every_number_that_is_measured():
    assert {section: set(numbers) for section, numbers in measured().items()} == {
        section: set(numbers) for section, numbers in RECORDED.items()
    }


def test_no_file_has_800_lines_and_no_function_100():
    assert RECORDED["sizes"]["longest_file"] < 800
    assert RECORDED["sizes"]["longest_function"] < 100


def test_half_of_the_functions_have_at_most_ten_lines():
    assert statistics.median(size for s in sources() for _, size in rules.functions(s)) <= 10
