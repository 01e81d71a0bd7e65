"""The table of results in README.md, between its markers."""

from __future__ import annotations

from typing import Any

from benchmarks.check.judging import HERE, Case, Healthy

BEGIN, END = "<!-- table: begin, written by score.py -->", "<!-- table: end -->"


def tick(value: Any) -> str:
    """yes, no, or a dash where it was not run."""
    return "-" if value is None else "yes" if value else "no"


def case_line(case: Case, row: dict[str, Any]) -> str:
    """One case: what luthier said, and what others said."""
    cells = [
        case.id,
        ", ".join(case.accepted),
        ", ".join(dict.fromkeys(row.get("codes", []))) or "-",
        *(tick(row.get(key)) for key in ("found", "first", "placed")),
        ", ".join(row.get("alarms", [])) or "0",
        tick(row.get("framework")),
        tick(row.get("lightning")),
        tick(row.get("torchfix")),
        str(row.get("seconds", "-")),
    ]
    return "| " + " | ".join(cells) + " |"


def healthy_line(item: Healthy, row: dict[str, Any]) -> str:
    """One healthy program: every entry but 0 is a false alarm."""
    cells = [
        item.id,
        item.trait,
        ", ".join(row.get("alarms", [])) or "0",
        ", ".join(row.get("hints", [])) or "0",
        str(row.get("framework_alarms", "-")),
        str("-" if row.get("torchfix_alarms") is None else row["torchfix_alarms"]),
        str(row.get("seconds", "-")),
    ]
    return "| " + " | ".join(cells) + " |"


def others(rows: dict[str, Any]) -> list[str]:
    """How many faults the others name, over the cases that they were run on."""
    out = []
    tools = {
        "framework": "the framework's own warnings and exceptions",
        "lightning": "Lightning, where the case has a form for it",
        "torchfix": "TorchFix",
    }
    for key, name in tools.items():
        asked = [row for row in rows.values() if row.get(key) is not None]
        twins = [row for row in rows.values() if row.get(f"{key}_alarms") is not None]
        if asked:
            noise = sum(row[f"{key}_alarms"] for row in twins)
            sound = f", {noise} messages on {len(twins)} sound scripts" if twins else ""
            out.append(f"{name}: {sum(row[key] for row in asked)} of {len(asked)} faults named{sound}")
    return out


def write(items: list[Case | Healthy], store: dict[str, Any], summary: str) -> None:
    """Put the table between the markers of README.md; the rest of the page stays as it is."""
    rows = store["rows"]
    seen = ", ".join(f"{name} {number}" for name, number in store["versions"].items())
    lines = [
        "",
        f"{store['date']}, {seen}.",
        "",
        *(f"- {line}" for line in [*summary.splitlines(), *others(rows)]),
        "",
    ]
    lines += [
        "| case | accepted | said | found | first | line | twin's alarms | framework | Lightning | TorchFix | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(case_line(item, rows[item.id]) for item in items if isinstance(item, Case) and item.id in rows),
        "",
        "| healthy program | what is unusual | alarms | hints | framework's own | TorchFix | s |",
        "|---|---|---|---|---|---|---|",
        *(healthy_line(item, rows[item.id]) for item in items if isinstance(item, Healthy) and item.id in rows),
        "",
    ]
    page = HERE / "README.md"
    head, rest = page.read_text().split(BEGIN)
    page.write_text(head + BEGIN + "\n" + "\n".join(lines) + END + rest.split(END)[1])
