"""The pages of the checks are those of the code, and every check has one."""

from __future__ import annotations

import pytest

from luthier.errors import InvalidInput
from luthier.reports.findings.pages import FAMILIES, listing, page
from luthier.reports.findings.view import Rule
from luthier.verbs.check_pages import page_of, rules

from .renew import DOCS, pages


def test_pages_in_the_docs_are_the_ones_of_the_code():
    """Renewed by `python -m tests.cli.renew`."""
    made = pages()
    assert {p.name for p in (DOCS / "checks").glob("*.md")} == {p.name for p in made if p.parent.name == "checks"}
    assert [path.name for path, said in made.items() if path.read_text("utf-8") != said] == []


def test_every_check_belongs_to_a_family_and_has_a_page():
    assert {code[0] for code in rules()} <= set(FAMILIES)
    assert [code for code, rule in rules().items() if len(rule.page.split()) < 20 or not rule.title] == []


def test_causes_are_checks():
    """A mistyped cause would never explain anything."""
    assert [(c, cause) for c, rule in rules().items() for cause in rule.causes if cause not in rules()] == []


def test_list_names_every_check_once():
    named = [line.split()[0] for line in listing(rules()) if line.startswith("  ")]
    assert sorted(named) == sorted(rules())


def test_short_lines_alone_are_headings_and_code_is_left_as_it_is():
    said = page(
        "T01", Rule("a title", "First.\n\nWhy it hurts\n\nIt does.\n\n    a = 1\n\n    Loss\n\nEnd.", "quick")
    )
    assert "\n## Why it hurts\n\nIt does.\n\n    a = 1\n\n    Loss\n\nEnd." in said


def test_page_is_found_in_either_case():
    code = next(iter(rules()))
    assert page_of(code.lower()).startswith(f"{code}: ")


@pytest.mark.parametrize("word", ["T", "Q99", ""])
def test_explaining_what_is_no_single_check_is_refused(word):
    with pytest.raises(InvalidInput):
        page_of(word)
