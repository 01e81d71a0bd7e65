"""What the report says of folds, and what it does not where something is missing."""

from __future__ import annotations

import math

import msgspec
import pytest

from luthier.findings import FoldsReport
from luthier.records import RunRecord
from luthier.reports.html import render
from luthier.reports.json import summary
from luthier.reports.terminal import plan_lines, verdict_lines
from luthier.reports.view import view

from .fixtures import RECORDS

WHOLE = FoldsReport(
    num=3,
    scores=(0.95, 0.93, 0.97),
    kept=(0.96, 0.93, 0.97),
    num_rows=(40, 40, 39),
    num_models=(2, 1, 1),
    mean=0.95,
    sd=0.02,
    num_tried=9,
    num_complete=4,
)


def told(report: FoldsReport) -> RunRecord:
    """An adopted run in folds."""
    record = RECORDS["adopted"]()
    assert record.facts is not None
    facts = msgspec.structs.replace(record.facts, splits=report.num)
    return msgspec.structs.replace(record, folds=report, facts=facts)


def test_each_fold_has_a_row_and_the_mean_follows():
    shown = view(told(WHOLE)).folds
    assert shown is not None
    assert [row[:3] for row in shown.table.rows] == [
        ("0", "40", "2"),
        ("1", "40", "1"),
        ("2", "39", "1"),
        ("mean", "119", "4"),
        ("SD from fold to fold", "", ""),
    ]
    assert shown.sentence.startswith("The adopted settings score 0.95")
    assert "Of 9 configurations of the search that came to an end on the first fold, 4 were trained" in shown.sentence
    assert "test rows" in shown.sentence
    assert "each is counted by itself" in shown.sentence
    assert [row[3:] for row in shown.table.rows[:2]] == [("0.9500", "0.9600"), ("0.9300", "0.9300")]


def test_a_fold_without_a_model_is_named():
    scores = (0.95, math.nan, 0.97)
    broken = msgspec.structs.replace(
        WHOLE, scores=scores, kept=scores, num_models=(1, 0, 1), num_rows=(40, 0, 39), mean=0.96
    )
    record = told(broken)
    shown = view(record).folds
    assert shown is not None
    assert "mean over 2 folds" in shown.sentence
    assert "No model came to its end on fold 1." in shown.sentence
    assert "Out of fold" in render(record)
    assert summary(record)["folds"]["scores"] == [0.95, None, 0.97]


def test_no_fold_with_a_model_is_no_score():
    none = msgspec.structs.replace(
        WHOLE,
        scores=(math.nan,) * 3,
        kept=(math.nan,) * 3,
        num_models=(0, 0, 0),
        num_rows=(0, 0, 0),
        mean=math.nan,
        sd=math.nan,
    )
    shown = view(told(none)).folds
    assert shown is not None
    assert "came to an end on no fold" in shown.sentence
    assert not any("Folds" in line for line in verdict_lines(told(none)))


@pytest.mark.parametrize("name", ["adopted", "kept", "not_shown"])
def test_a_run_without_folds_says_nothing_of_them(name):
    record = RECORDS[name]()
    assert view(record).folds is None
    assert "Out of fold" not in render(record)
    assert summary(record)["folds"] is None


def test_the_terminal_says_it_before_and_after():
    record = told(WHOLE)
    assert record.plan is not None
    assert "Each configuration on up to 3 folds" in " ".join(plan_lines(record.plan, record.facts))
    lines = verdict_lines(record)
    assert len(lines) <= 15
    assert any(line.startswith("  Folds     accuracy 0.95") for line in lines)


def test_what_selection_saw_is_the_mean_of_the_folds():
    shown = view(told(WHOLE)).optimism
    assert shown is not None
    assert "as the mean of 3 folds" in shown.sentence
