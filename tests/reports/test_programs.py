"""In which modes a run trained, and why it did not in others."""

from __future__ import annotations

import msgspec
import pytest

from luthier.records import ModeSpeed, RunRecord, Used
from luthier.reports.html import render
from luthier.reports.json import summary
from luthier.reports.programs import measured, sentence, shares
from luthier.reports.terminal import WIDTH, mode_lines, verdict_lines

from .fixtures import adopted

USED = (
    Used(mode="grouped", P=8, steps=780, slot_steps=1000, refills=12, refill_s=0.5),
    Used(mode="loop", P=1, steps=220, slot_steps=220, refills=5, refill_s=0.1),
)
MODES = (
    ModeSpeed(mode="loop", rows_per_s=1000.0),
    ModeSpeed(mode="grouped", P=8, rows_per_s=2500.0),
    ModeSpeed(mode="vmap", P=8, refused="1.gate (Gate) calls .item(). Use torch.where in its place"),
)


@pytest.fixture
def record() -> RunRecord:
    """An adopted run of several modes."""
    return msgspec.structs.replace(adopted(), used=USED, modes=MODES)


def test_shares_of_the_model_steps_the_largest_first(record: RunRecord) -> None:
    assert shares(record) == "78 % grouped P=8, 22 % loop"


def test_summary_says_shares_idle_slots_and_refills(record: RunRecord) -> None:
    told = "model-steps: 78 % grouped P=8, 22 % loop; slots in use 78 %; 12 refills took 500 ms"
    assert sentence(record) == told
    assert any("model-steps: 78 % grouped" in line for line in verdict_lines(record))


def test_a_run_that_counted_nothing_says_nothing() -> None:
    assert sentence(adopted()) == ""
    assert not any("model-steps" in line for line in verdict_lines(adopted()))


def test_the_page_shows_speeds_and_reasons(record: RunRecord) -> None:
    page = render(record)
    for words in ("Model-steps: 78 % grouped P=8", "2,500", "1.gate (Gate) calls .item()"):
        assert words in page


def test_program_gets_numbers_and_null_for_what_was_refused(record: RunRecord) -> None:
    told = summary(record)
    assert told["programs"][0] == {
        "mode": "grouped",
        "slots": 8,
        "steps": 780,
        "share": 0.78,
        "useful": 0.78,
        "refills": 12,
        "refill_seconds": 0.5,
    }
    assert told["modes"][2]["rows_per_second"] is None
    assert told["modes"][1]["refused"] is None


def test_terminal_names_module_and_mend() -> None:
    lines = mode_lines(MODES, "Mode grouped, 8 side by side.")
    assert lines[1] == "  loop: 1,000 rows/s, 1.00 times the reference"
    assert lines[2] == "  grouped P=8: 2,500 rows/s, 2.50 times the reference"
    assert "vmap P=8: 1.gate (Gate) calls .item(). Use torch.where" in lines[3]
    assert all(len(line) <= WIDTH for line in lines)
    assert measured(msgspec.structs.replace(adopted(), modes=MODES)).rows[2][3].startswith("1.gate")


def test_an_engine_of_one_mode_is_said_so() -> None:
    assert "one only" in mode_lines(())[0]
