"""The score of `luthier check`: what is found, first, or a false alarm; and a list of cases that is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.check.judging import HERE, Case, alarms, hints, judge, load
from benchmarks.check.runners import framework_names

CASES, HEALTHY = load()
CASE = Case(
    id="torch/x",
    framework="torch",
    faulty="cases/torch/pt06_metric_never_reset/faulty.py",
    fixed="cases/torch/pt06_metric_never_reset/fixed.py",
    accepted=("T06", "X*"),
    match="no_grad",
    at=("faulty.py:3",),
    says="",
    origin="own",
)


def finding(code: str, text: str = "under no_grad", line: int = 3, **more: Any) -> dict[str, Any]:
    """A finding as the JSON has it."""
    place = {"file": str(HERE / "cases/torch/pt06_metric_never_reset/faulty.py"), "line": line}
    return {"code": code, "text": text, "severity": "error", "place": place, "consequences": [], "others": [], **more}


def test_a_finding_with_an_accepted_code_and_the_words_counts() -> None:
    """Code, words and line agree: found, first, placed."""
    verdict = judge(CASE, [finding("X03")])
    assert (verdict.found, verdict.first, verdict.placed) == (True, True, True)


def test_the_right_code_with_other_words_does_not_count() -> None:
    """A case that asks for words is not answered by a code alone."""
    assert not judge(CASE, [finding("T06", text="something else")]).found


def test_a_second_place_is_found_but_not_first() -> None:
    """The right finding behind a wrong one."""
    verdict = judge(CASE, [finding("M01"), finding("T06")])
    assert (verdict.found, verdict.first) == (True, False)


def test_a_consequence_is_found_but_not_first() -> None:
    """The right finding under a wrong root cause."""
    verdict = judge(CASE, [finding("M01", consequences=[finding("T06")])])
    assert (verdict.found, verdict.first) == (True, False)


def test_another_line_is_not_placed() -> None:
    """The line counts only where a right finding names it."""
    assert not judge(CASE, [finding("T06", line=4)]).placed
    assert not judge(CASE, [finding("M01")]).placed


def test_a_hint_is_no_alarm() -> None:
    """Severity info is listed apart; consequences are accusations like others."""
    found = [finding("R01", severity="info"), finding("T06", consequences=[finding("M01", severity="warning")])]
    assert alarms(found) == ["T06", "M01"]
    assert hints(found) == ["R01"]


def test_an_exception_of_the_framework_needs_the_words_of_the_case() -> None:
    """A crash alone does not name its cause."""
    assert framework_names(CASE, [], "RuntimeError: called under no_grad")
    assert not framework_names(CASE, [], "RuntimeError: element 0 of tensors does not require grad")
    assert not framework_names(CASE, [], "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_is_whole(case: Case) -> None:
    """Both scripts exist and differ, and each place is a line of code."""
    faulty, fixed = HERE / case.faulty, HERE / case.fixed
    parts = [faulty.parent.rglob("*.py"), fixed.parent.rglob("*.py")] if faulty.parent != fixed.parent else []
    texts = [[path.read_text() for path in sorted(part)] for part in parts] or [
        [faulty.read_text()],
        [fixed.read_text()],
    ]
    assert texts[0] != texts[1]
    assert case.accepted
    assert case.places
    for path, line in case.places:
        assert path.read_text().splitlines()[line - 1].strip()


def test_every_script_is_listed() -> None:
    """No script lies about that the score does not run."""
    listed = {Path(part).parts[:3] for case in CASES for part in (case.faulty, case.fixed)}
    lying = {path.relative_to(HERE).parts[:3] for path in (HERE / "cases").rglob("*.py")}
    assert lying == listed
    assert {item.file for item in HEALTHY} == {f"healthy/{path.name}" for path in (HERE / "healthy").glob("*.py")}
