"""The page: whole, safe, small, readable by those who do not see it."""

from __future__ import annotations

import re

import pytest

from luthier.reports import svg
from luthier.reports.html import draw, render, resource, template
from luthier.reports.view import view

from .conftest import page_of, record_of
from .hostile import HOSTILE
from .pages import Page

SECTIONS = [
    "verdict",
    "figures",
    "ledger",
    "noise",
    "curves",
    "slices",
    "parallel",
    "mistakes",
    "optimism",
    "cost",
    "findings",
    "trials",
    "repeat",
]
NOT_A_NUMBER = re.compile(r"(?<![\w.])(nan|None|inf|-inf|infinity|NaN)(?![\w.])")


def test_sections_stand_in_their_order(page: str) -> None:
    """The verdict comes first, the way to repeat it last, whatever the run."""
    ids = [attributes["id"] for _, attributes in Page(page).elements if attributes.get("id") in SECTIONS]
    assert ids == SECTIONS


def test_page_is_under_one_megabyte(page: str) -> None:
    """10,000 trials are thinned out."""
    assert len(page.encode()) < 1_000_000


def test_page_loads_nothing(page: str) -> None:
    """No element fetches anything: no source, no sheet, no font, no image."""
    read = Page(page)
    for tag, attributes in read.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form", "image", "use")
        assert not {"src", "href", "xlink:href", "srcset", "action", "style"} & set(attributes), (
            tag,
            attributes,
        )
    style = "".join(read.texts["style"])
    assert "url(" not in style
    assert "@import" not in style


def test_elements_are_closed_in_order(page: str) -> None:
    """Well-formed: no name broke out of its place."""
    read = Page(page)
    assert (read.unbalanced, read.open) == ([], [])


def test_ids_are_unique_and_references_resolve(page: str) -> None:
    """Each chart finds its own title and description."""
    read = Page(page)
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for chart in read.all("svg"):
        assert set(chart.get("aria-labelledby", "").split()) <= set(ids)


def test_no_number_is_printed_that_is_none(page: str) -> None:
    """What was not measured is said in words."""
    assert NOT_A_NUMBER.findall(Page(page).text) == []


def test_no_coordinate_is_not_a_number(page: str) -> None:
    """Charts hold finite numbers only."""
    for tag, attributes in Page(page).elements:
        for name, value in attributes.items():
            if name in ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "viewbox"):
                assert "nan" not in value, (tag, name, value)
                assert "inf" not in value, (tag, name, value)


def test_charts_are_told_in_words(page: str) -> None:
    """Every chart has the role of an image with title and description; small marks of legends are hidden."""
    charts = [a for a in Page(page).all("svg") if "viewbox" in a and "x" not in a]
    assert all(a["role"] == "img" and len(a["aria-labelledby"].split()) == 2 for a in charts)
    titles = Page(page).texts.get("title", [])
    assert len([t for t in titles if t.strip()]) >= len(charts)


def test_tables_have_headers(page: str) -> None:
    """Every table names its columns, and every row has as many cells."""
    for table in re.findall(r"<table.*?</table>", page, re.S):
        read = Page(table)
        heads = read.all("th")
        assert heads
        assert all(h["scope"] == "col" for h in heads)
        assert len(read.all("td")) == len(heads) * (len(read.all("tr")) - 1)


def test_policy_forbids_loading_and_names_the_only_script(page: str) -> None:
    """The page may run its own script by hash, and nothing else."""
    read = Page(page)
    policies = [a["content"] for a in read.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'")
    assert "script-src 'sha256-" in policies[0]
    assert len(read.all("script")) == 1


def test_no_handler_attributes(page: str) -> None:
    """No attribute runs code."""
    assert not [name for _, attributes in Page(page).elements for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("word", ["<script>alert", "<img", "\x1b", "\x00", "\u202e", "&amp;amp;amp;"])
def test_hostile_names_do_not_stand_in_the_source(word: str) -> None:
    """Markup in names is text, control characters are gone, nothing is escaped more than once too often."""
    assert word not in page_of("hostile")


def test_hostile_names_are_shown_as_they_are() -> None:
    """Names are not mangled: markup, braces, emoji and Arabic are there to read."""
    text = Page(page_of("hostile")).text
    for word in (HOSTILE[0], HOSTILE[1], HOSTILE[5], "emoji 🧪", "مرحبا", "&amp;"):
        assert word in text


def test_long_names_are_cut() -> None:
    """A label of 2,000 characters takes no more room than another; only the command is whole."""
    text = Page(page_of("hostile")).text
    assert len(re.findall("x{400,}", text)) == 1


def test_template_refuses_what_it_does_not_know() -> None:
    """A misspelt name in the template is an error, not an empty place."""
    import jinja2

    assert template().environment.undefined is jinja2.StrictUndefined
    assert template().environment.autoescape is True


def test_many_trials_say_how_many_are_not_shown() -> None:
    """At most 200 rows, and the number of the others."""
    made = view(record_of("huge"))
    assert len(made.trials.table.rows) == 200
    history = record_of("huge").history
    assert history is not None
    assert f"{len(history.trials) - 200:,} more" in made.trials.note


def test_light_dark_phone_and_print_have_rules(page: str) -> None:
    """The sheet answers to a dark screen, a narrow one and paper."""
    style = "".join(Page(page).texts["style"])
    for rule in ("prefers-color-scheme: dark", "max-width: 44rem", "@media print"):
        assert rule in style
    assert 'name="viewport"' in page


def test_empty_run_draws_no_chart() -> None:
    """A run that failed at once says so; no axis without data."""
    assert draw(view(record_of("empty"))) == {}
    assert "its loss was not finite at step 3" in Page(page_of("empty")).text


def test_command_and_loading_stand_in_the_page() -> None:
    """The exact command, and how to load the model."""
    text = Page(page_of("adopted")).text
    assert "luthier tune digits --budget 5min --seed 0" in text
    assert "luthier.load('runs/digits')" in text


def test_run_that_failed_offers_no_model() -> None:
    """Nothing was shipped, so nothing is said to load."""
    text = Page(page_of("empty")).text
    assert "luthier.load" not in text
    assert "No model was shipped" in text


@pytest.mark.parametrize("flaw", ["autoescape", "svg"])
def test_checks_of_this_file_can_fail(flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page made without escaping, by the template or by the charts, is caught."""
    if flaw == "autoescape":
        monkeypatch.setattr(template().environment, "autoescape", False)
        loose = template().environment.from_string(resource("report.html.j2"))
        monkeypatch.setattr("luthier.reports.html.template", lambda: loose)
    else:
        monkeypatch.setattr(svg, "escape", str)
    wrong = render(record_of("hostile"))
    assert "<script>alert" in wrong
    assert Page(wrong).unbalanced or len(Page(wrong).all("script")) > 1
