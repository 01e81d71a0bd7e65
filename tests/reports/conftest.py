"""Pages of all fixtures, rendered once."""

from __future__ import annotations

import functools

import pytest

from luthier.records import RunRecord
from luthier.reports.html import render

from . import fixtures
from .hostile import hostile

RECORDS = {**fixtures.RECORDS, "hostile": hostile}


@functools.cache
def record_of(name: str) -> RunRecord:
    """A fixture, made once."""
    return RECORDS[name]()


@functools.cache
def page_of(name: str) -> str:
    """Its page, rendered once."""
    return render(record_of(name))


@pytest.fixture(params=list(RECORDS))
def name(request: pytest.FixtureRequest) -> str:
    """Each fixture in turn."""
    return str(request.param)


@pytest.fixture
def record(name: str) -> RunRecord:
    """Each record in turn."""
    return record_of(name)


@pytest.fixture
def page(name: str) -> str:
    """Each page in turn."""
    return page_of(name)
