"""What the documents show is run: docstrings, the examples folder, JSON blocks."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import re

import pytest

from house.tree import ROOT, sources

WITH_EXAMPLES = [s.module for s in sources() if ">>> " in s.text]
OPTIONAL = ("tensorflow",)
"""Frameworks that the tests run without."""
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_of_the_docstrings_come_true(module):
    try:
        found = doctest.testmod(importlib.import_module(module))
    except ModuleNotFoundError as missing:
        if missing.name not in OPTIONAL:
            raise
        pytest.skip(f"{missing.name} is not installed")
    assert found.failed == 0


def test_there_are_examples():
    """Fails if the search above finds nothing."""
    assert len(WITH_EXAMPLES) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_of_the_pages_can_be_read(page):
    """Python blocks parse, JSON blocks are JSON."""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        if language == "python":
            ast.parse(block)
        elif language == "json":
            json.loads(block)
        elif language == "jsonl":
            [json.loads(line) for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    """Links to files, and paths in backquotes that begin with a folder of the tree."""
    text = page.read_text("utf-8")
    links = [(page.parent / link).resolve() for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text)]
    folders = r"(?:src|tests|docs|benchmarks|examples|changelog\.d)"
    paths = [ROOT / path for path in re.findall(rf"`({folders}/[\w./-]+)`", text)]
    assert [str(p) for p in links + paths if not p.exists()] == []
