"""Writes what the tests of this folder compare with, after a change of wording that was meant:

    python -m tests.reports.renew

Then read the difference (`git diff tests/reports/snapshots docs/summary.schema.json`) before it is committed.
"""

from __future__ import annotations

from pathlib import Path

from luthier.reports.json import schema_text
from luthier.reports.terminal import plan_lines, verdict_lines

from .fixtures import RECORDS

HERE = Path(__file__).parent
SNAPSHOTS = HERE / "snapshots"
SCHEMA = HERE.parents[1] / "docs" / "summary.schema.json"
NAMES = ("adopted", "kept", "not_shown")


def terminal_text(name: str) -> str:
    """Plan and verdict of a fixture as a terminal shows them."""
    record = RECORDS[name]()
    assert record.plan is not None
    lines = [
        *plan_lines(record.plan, record.facts),
        "",
        *verdict_lines(record, f"runs/{record.name}/report.html"),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for each in NAMES:
        (SNAPSHOTS / f"{each}.txt").write_text(terminal_text(each), "utf-8")
    SCHEMA.write_text(schema_text(), "utf-8")
