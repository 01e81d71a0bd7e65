"""The summary for programs: valid JSON, as the schema says, null where nothing was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from luthier.records import RunRecord
from luthier.reports.json import schema_text, summary

from .conftest import record_of
from .renew import SCHEMA

DOCS = Path(SCHEMA).parent
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
KNOWN = {
    "$ref",
    "$defs",
    "title",
    "description",
    "type",
    "anyOf",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
}


def errors(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """What a value lacks of a schema, for the words that the schema of a summary uses."""
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema:
        return errors(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    if "anyOf" in schema:
        return [] if any(not errors(value, s, root, at) for s in schema["anyOf"]) else [f"{at}: none of anyOf"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{at}: {value!r} not in enum"]
    kinds = schema.get("type", list(TYPES))
    allowed = [t for k in ([kinds] if isinstance(kinds, str) else kinds) for t in TYPES[k]]
    if not isinstance(value, tuple(allowed)) or (isinstance(value, bool) and bool not in allowed):
        return [f"{at}: {value!r} is no {kinds}"]
    found = []
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        found += [f"{at}: {k} missing" for k in schema.get("required", []) if k not in value]
        found += [
            f"{at}: {k} unknown" for k in value if k not in parts and schema.get("additionalProperties") is False
        ]
        for k in value.keys() & parts.keys():
            found += errors(value[k], parts[k], root, f"{at}.{k}")
    if isinstance(value, list | tuple):
        heads = schema.get("prefixItems", [])
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{at}: {len(value)} items")
        for i, (one, part) in enumerate(zip(value, heads, strict=False)):
            found += errors(one, part, root, f"{at}[{i}]")
    return found


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


def test_numbers_are_those_of_the_record() -> None:
    """Unrounded, and the seconds add up."""
    record, made = record_of("adopted"), summary(record_of("adopted"))
    assert made["difference"]["score"] == record.evidence[0].difference.score
    assert made["adopted"] is True
    parts = [made["budget"][k] for k in ("noise", "search", "confirmation", "report", "other")]
    assert sum(parts) == pytest.approx(made["budget"]["seconds"])
