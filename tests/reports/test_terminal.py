"""The terminal: short, without colour, safe, quiet where nobody watches."""

from __future__ import annotations

import io
import math
import re

import msgspec
import pytest

from luthier.records import Progress, RunRecord
from luthier.reports.terminal import (
    MOST_LINES,
    WIDTH,
    Live,
    phase_bar,
    plan_lines,
    print_plan,
    print_verdict,
    progress_lines,
    verdict_lines,
)

from .conftest import record_of
from .fixtures import plan
from .renew import NAMES, SNAPSHOTS, terminal_text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("fixture", NAMES)
def test_text_is_the_one_on_record(fixture: str) -> None:
    """A change of wording is a reviewed difference: `python -m tests.reports.renew`."""
    assert terminal_text(fixture) == (SNAPSHOTS / f"{fixture}.txt").read_text("utf-8")


def test_verdict_fits_a_small_terminal(record: RunRecord) -> None:
    """At most 15 lines of 80 columns."""
    lines = verdict_lines(record, "runs/digits/report.html")
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1].endswith("runs/digits/report.html")


def test_names_cannot_steer_the_terminal(record: RunRecord) -> None:
    """No control character of a name reaches the stream."""
    stream = io.StringIO()
    print_verdict(record, stream=stream)
    if record.plan:
        print_plan(record.plan, record.facts, stream)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", stream.getvalue())


def test_no_number_that_is_none(record: RunRecord) -> None:
    """Never nan, None or inf."""
    assert not re.search(r"(?<![\w.])(nan|None|inf)(?![\w.])", "\n".join(verdict_lines(record)))


def test_stream_of_another_encoding_is_no_error() -> None:
    """A label that the stream cannot say becomes question marks."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_verdict(record_of("hostile"), "out/é.html", stream)
    assert b"?.html" in raw.getvalue()


def test_plan_names_every_phase_and_what_is_not_paid_for() -> None:
    """The split is told before the start."""
    record = record_of("not_shown")
    assert record.plan is not None
    text = " ".join(" ".join(plan_lines(record.plan, record.facts)).split())
    for word in ("12 trials", "noise", "search", "final comparison", "2 pairs", "26 trials more"):
        assert word in text


def test_quiet_stream_gets_one_line_a_phase() -> None:
    """Where nobody watches, only what matters is written."""
    stream = io.StringIO()
    with Live(stream, plan()) as live:
        for phase in ("noise", "noise", "search", "search", "search", "final"):
            live(Progress(phase=phase, elapsed_s=3.0, left_s=5.0))
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == [
        "noise",
        "search",
        "final comparison",
    ]


def test_terminal_shows_counts_scores_speed_and_time() -> None:
    """A watcher sees where the run stands."""
    stream = Terminal()
    with Live(stream, plan(), record_of("adopted").facts) as live:
        live(
            Progress(
                phase="search",
                running=2,
                paused=3,
                stopped=4,
                finished=5,
                diverged=1,
                baseline=0.96,
                best=0.97,
                steps_per_s=1234.0,
                elapsed_s=30.0,
                left_s=90.0,
            )
        )
    text = stream.getvalue()
    for word in (
        "2 running",
        "3 paused",
        "4 stopped",
        "5 finished",
        "1 diverged",
        "best 0.97",
        "baseline 0.96",
        "1,234 steps/s",
        "1 min 30 s left",
        "accuracy",
    ):
        assert word in text


def test_terminal_block_is_gone_after_an_error() -> None:
    """The cursor is given back also when the run raises."""
    stream = Terminal()

    def fails() -> None:
        with Live(stream) as live:
            live(Progress(phase="search"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fails()
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1


def test_progress_before_anything_is_known() -> None:
    """No score, no speed, no time left: nothing is made up."""
    lines = progress_lines(Progress(phase="open", left_s=math.nan))
    assert lines == ["opening: 0 s gone", "trials: none yet"]


@pytest.mark.parametrize("unit", ["seconds", "trials"])
def test_phase_bar_grows(unit: str) -> None:
    """Each phase fills more than the one before, and the width stays."""
    made = msgspec.structs.replace(plan(), unit=unit)
    bars = [
        phase_bar(Progress(phase=p, elapsed_s=e), made)
        for p, e in (("open", 0.0), ("noise", 5.0), ("search", 90.0), ("confirm", 200.0), ("report", 299.0))
    ]
    assert len({len(bar) for bar in bars}) == 1
    filled = [bar.count("#") for bar in bars]
    assert filled == sorted(filled)
    assert filled[-1] > filled[0]
