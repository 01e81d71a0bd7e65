"""A run in a notebook's cell: it says what the report says, and touches nothing else on the page."""

from __future__ import annotations

import re

import msgspec

from luthier.records import Progress, RunRecord
from luthier.reports.notebook import lines_html, progress_html, run_html
from luthier.reports.view import view

from .conftest import record_of
from .pages import Page


def outside(css: str) -> list[str]:
    """Selectors of top-level rules, those of media blocks among them, that reach beyond `.luthier`."""
    depth, start, found = 0, 0, []
    for i, sign in enumerate(css):
        if sign == "{":
            selector = css[start:i].strip()
            if depth == 0 and not selector.startswith("@media") and not selector.split("{")[-1].endswith(".luthier"):
                found.append(selector)
            depth += 1
        elif sign == "}":
            depth -= 1
        if sign in "{}":
            start = i + 1
    return found


def test_cell_shows_verdict_figures_and_charts(record: RunRecord) -> None:
    """The words and pictures of the report."""
    html, model = run_html(record), view(record)
    text = Page(html).text
    assert model.verdict.sentence in text
    assert all(card.value in text for card in model.cards)
    assert html.count('<svg class="chart') == bool(model.differences) + bool(model.curves)


def test_cell_is_whole_and_small(record: RunRecord) -> None:
    """A cell that leaves an element open would break the page of the notebook."""
    html = run_html(record, "runs/x/report.html")
    assert Page(html).unbalanced == []
    assert len(html.encode()) < 300_000


def test_cell_runs_nothing_and_loads_nothing(record: RunRecord) -> None:
    """Also where names of the run's data are markup."""
    read = Page(run_html(record))
    for tag, attributes in read.elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "use")
        assert not {"src", "href", "xlink:href"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    style = "".join(read.texts["style"])
    assert "url(" not in style
    assert "@import" not in style


def test_rules_reach_nothing_but_the_cell() -> None:
    """Other cells share the page."""
    style = "".join(Page(run_html(record_of("adopted"))).texts["style"])
    assert outside(style) == []
    assert outside(style + "\np { color: red }") == ["p"]


def test_both_themes_are_there() -> None:
    """By what the notebook says of itself, else by the browser."""
    style = "".join(Page(run_html(record_of("adopted"))).texts["style"])
    assert "prefers-color-scheme: dark" in style
    assert "data-jp-theme-light='false'" in style
    assert style.count("#15171a") == 2
    assert style.count("#fdfdfb") == 2


def test_two_runs_on_a_page_share_no_id() -> None:
    """Descriptions of charts are found by their ids."""
    one = record_of("adopted")
    two = msgspec.structs.replace(one, name="another")
    ids = [re.findall(r'\bid="([^"]+)"', run_html(record)) for record in (one, two)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])


def test_link_leads_to_the_report_where_there_is_one() -> None:
    """The charts of a cell are few."""
    links = [
        a["href"] for tag, a in Page(run_html(record_of("adopted"), "runs/x/report.html")).elements if tag == "a"
    ]
    assert links == ["runs/x/report.html"]


def test_progress_says_what_the_terminal_says() -> None:
    """The same lines, a bar with a box a phase, and remarks."""
    record = record_of("adopted")
    assert record.plan is not None
    progress = Progress(phase="search", running=2, finished=3, best=0.97, elapsed_s=33.0, left_s=27.0)
    html = progress_html(progress, record.plan, record.facts, said=["a <b>remark</b>"])
    text = Page(html).text
    assert "search: 33.0 s gone, 27.0 s left" in text
    assert "a <b>remark</b>" in text
    assert "<b>" not in html
    assert html.count("title=") == sum(part > 0 for part in record.plan.split.values())
    assert Page(html).unbalanced == []


def test_lines_are_escaped() -> None:
    """A verdict may name a column of the person's table."""
    assert "&lt;i&gt;" in lines_html(["<i>"])
