"""What is shown of a diagnosis: wording held by snapshots, formats held by their schema."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from luthier.findings import Finding
from luthier.reports.findings import github, rendered, sarif, text
from luthier.reports.findings.json import report
from luthier.reports.findings.view import reaches
from schemas import errors

from .fixtures import DIAGNOSES, RULES, faulty, sound, view_of
from .renew import HERE, SCHEMA, SNAPSHOTS, snapshots

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
FORMS = ("text", "json", "sarif", "github")
SUBSET: dict[str, Any] = json.loads((HERE / "sarif-subset.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(snapshots()))
def test_wording_is_the_one_in_the_snapshot(name):
    """Renewed by `python -m tests.cli.renew`."""
    assert (SNAPSHOTS / name).read_text("utf-8") == snapshots()[name]


@pytest.mark.parametrize("name", sorted(DIAGNOSES))
def test_json_follows_the_schema_in_the_docs(name):
    made = json.loads(rendered(view_of(name), "json", RULES))
    assert errors(made, json.loads(SCHEMA.read_text("utf-8"))) == []


def test_json_holds_the_whole_diagnosis():
    """Every field of the record is there under its own name, but for the crash and the rest in their own types."""
    made = report(view_of("faulty"))
    assert set(faulty().__struct_fields__) <= set(made)
    first = made["findings"][0]
    assert set(Finding.__struct_fields__) == set(first)
    assert first["consequences"][0]["code"] == "O02"
    assert first["edits"] == [{"file": "train.py", "line": 18, "old": [], "new": ["    optimizer.zero_grad()"]}]


@pytest.mark.parametrize("name", sorted(DIAGNOSES))
def test_sarif_follows_the_standard(name):
    made = json.loads(rendered(view_of(name), "sarif", RULES))
    assert errors(made, SUBSET) == []


@pytest.mark.parametrize(
    "wrong", [{"version": "2.0.0"}, {"runs": None}, {"runs": [{"results": []}]}, {"findings": []}]
)
def test_sarif_validator_can_fail(wrong):
    made = json.loads(rendered(view_of("faulty"), "sarif", RULES))
    assert errors(made | wrong, SUBSET)


@pytest.mark.parametrize("wrong", [{"n": "3"}, {"place": 1}, {"severity": "bad"}, {"extra": 0}, {"others": [{}]}])
def test_json_validator_can_fail(wrong):
    """Deep inside too."""
    made = report(view_of("faulty"))
    made["findings"][0] |= wrong
    assert errors(made, json.loads(SCHEMA.read_text("utf-8")))


def test_sarif_indices_point_at_the_rules_they_name():
    run = sarif.log(view_of("faulty"), RULES)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[r["ruleIndex"]]["id"] for r in run["results"]] == [r["ruleId"] for r in run["results"]]
    told = [n["associatedRule"] for n in run["invocations"][0]["toolExecutionNotifications"] if "associatedRule" in n]
    assert [rules[t["index"]]["id"] for t in told] == [t["id"] for t in told] == ["E01"]


def test_sarif_marks_silenced_findings_and_links_consequences():
    results = {r["ruleId"]: r for r in sarif.log(view_of("faulty"), RULES)["runs"][0]["results"]}
    assert results["M03"]["suppressions"] == [{"kind": "inSource"}]
    assert "T01" in results["O02"]["relatedLocations"][-1]["message"]["text"]


def test_annotations_cannot_be_broken_out_of():
    """Colons, commas, percent signs and line ends of people's text are escaped; one line a finding."""
    said = github.text(view_of("hostile"))
    assert said.count("\n") == 1
    properties, _, message = said.removeprefix("::error ").partition("::")
    assert properties == "file=a b%2Cc%25%3Ad\u00e9.py,line=3,title=T01 100 %25%3A bad%2C very"
    assert "100 %25" in message


@pytest.mark.parametrize("form", FORMS)
def test_no_control_character_reaches_a_reader(form):
    said = rendered(view_of("hostile"), form, RULES)
    if form in ("json", "sarif"):  # these escape what is left
        assert "\x1b" not in said
        json.loads(said, parse_constant=pytest.fail)
    else:
        assert not CONTROL.search(said)


def test_paths_are_relative_below_the_root_and_absolute_elsewhere():
    said = rendered(view_of("hostile"), "text", RULES)
    assert "a b,c%:d\u00e9.py:3: T01 error" in said
    assert "/opt/lib/net.py:1" in said


def test_colour_is_only_what_is_added():
    plain, coloured = text.lines(view_of("faulty")), text.lines(view_of("faulty"), colour=True)
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == plain
    assert coloured != plain


@pytest.mark.parametrize(
    ("name", "level", "fails"),
    [
        ("faulty", "error", True),
        ("faulty", "never", False),
        ("sound", "warning", False),
        ("crashed", "error", True),
    ],
)
def test_level_decides_what_fails(name, level, fails):
    assert reaches(DIAGNOSES[name]().findings, level) is fails


def test_a_warning_fails_at_its_own_level_only():
    warning = faulty().findings[1:2]
    assert reaches(warning, "warning")
    assert not reaches(warning, "error")


def test_a_consequence_fails_as_its_cause_does():
    """An error under a warning is still an error."""
    first = faulty().findings[0]
    cause = Finding(code="D05", title="", n=1, text="", severity="warning", consequences=(first,))
    assert reaches((cause,), "error")


def test_nothing_found_says_how_much_was_looked_at():
    assert "Found nothing; 1 check judged, 0 could not." in text.lines(view_of("sound"))
    assert sound().findings == ()
