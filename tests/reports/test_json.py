"""The summary for programs: valid JSON, as the schema says, null where nothing was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from luthier.records import RunRecord
from luthier.reports.json import schema_text, summary
from schemas import errors

from .conftest import record_of
from .renew import SCHEMA

DOCS = Path(SCHEMA).parent


def valid(value: Any) -> list[str]:
    """Errors of a summary by the file in docs."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    return errors(value, schema, schema)


def test_schema_in_docs_is_the_one_of_the_code() -> None:
    """Renewed by `python -m tests.reports.renew`."""
    assert SCHEMA.read_text("utf-8") == schema_text()


def test_every_summary_follows_the_schema(record: RunRecord) -> None:
    """Whatever the run, programs can rely on the format; no NaN in it."""
    made = summary(record, "runs/x/report.html")
    assert valid(json.loads(json.dumps(made, allow_nan=False))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"adopted": 1},
        {"best": None},
        {"decision": "maybe"},
        {"extra": 2},
        {"budget": {}},
        {"baseline": {"score": 1.0, "interval": [0.5], "n": 2}},
    ],
)
def test_validator_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    """The validator of this file can fail."""
    assert valid(summary(record_of("adopted"), None) | wrong)


def test_validator_misses_a_missing_field() -> None:
    """A field that is left out is found."""
    made = summary(record_of("adopted"), None)
    del made["verdict"]
    assert valid(made) == ["$: verdict missing"]


def test_example_in_the_docs_follows_the_schema() -> None:
    """What the page shows is what a program gets."""
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / "summary.md").read_text("utf-8"), re.S)
    assert blocks
    assert [valid(json.loads(block)) for block in blocks] == [[]] * len(blocks)


def test_unmeasured_is_null() -> None:
    """A run that failed at once has nulls, not zeros."""
    made = summary(record_of("empty"))
    assert made["baseline"] == {"score": None, "interval": None, "n": 0}
    assert made["test"] is None
    assert made["budget"]["search"] is None
    assert made["report"] is None


@pytest.mark.parametrize("name", ["adopted", "kept", "not_shown"])
def test_best_is_the_candidate_also_where_the_baseline_is_kept(name: str) -> None:
    """Its score, its settings, and the difference belong together."""
    record, made = record_of(name), summary(record_of(name))
    scores = record.evidence[0].candidate
    assert made["best"]["score"] == pytest.approx(sum(scores) / len(scores))
    assert set(made["settings"]) == set(
        next(t.config for t in record.history.trials if t.id == record.evidence[0].change.trial)
    )
    assert made["settings"]


def test_numbers_are_those_of_the_record() -> None:
    """Unrounded, and the seconds add up."""
    record, made = record_of("adopted"), summary(record_of("adopted"))
    assert made["difference"]["score"] == record.evidence[0].difference.score
    assert made["adopted"] is True
    parts = [made["budget"][k] for k in ("noise", "search", "confirmation", "report", "other")]
    assert sum(parts) == pytest.approx(made["budget"]["seconds"])
