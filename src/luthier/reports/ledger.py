"""The ledger of changes: what differs, what was measured of it, by which test."""

from __future__ import annotations

import math

from luthier.records import Evidence
from luthier.reports.axes import linear
from luthier.reports.model import Axis, Dots, Entry, Measure, Role, Table
from luthier.reports.numbers import MISSING, count, percent, setting, signed
from luthier.reports.reading import Reading, measure
from luthier.reports.words import clean, clip, label

MOST_SETTINGS = 30
MOST_ENTRIES = 20


def entries(reading: Reading) -> tuple[Entry, ...]:
    """One entry an experiment, the deciding one first."""
    evidence = reading.record.evidence[:MOST_ENTRIES]
    return tuple(_entry(reading, one, deciding=i == 0) for i, one in enumerate(evidence))


def title_of(evidence: Evidence) -> str:
    """A change by the trial that it comes from, else by its name."""
    change = evidence.change
    return f"Trial {change.trial}" if change.trial is not None else label(change.name, 80)


def _entry(reading: Reading, one: Evidence, *, deciding: bool) -> Entry:
    rows = [(label(name), setting(old), setting(new)) for name, (old, new) in one.change.settings.items()]
    hidden = len(rows) - MOST_SETTINGS
    return Entry(
        title=title_of(one),
        verdict=one.verdict,
        deciding=deciding,
        settings=Table(
            columns=("setting", "baseline", "this change"),
            rows=tuple(rows[:MOST_SETTINGS]),
            numeric=frozenset({1, 2}),
            caption=f"and {hidden} more settings" if hidden > 0 else "",
        ),
        difference=measure(reading, one.difference, "pair", sign=True),
        facts=_facts(reading, one, deciding=deciding),
    )


def _facts(reading: Reading, one: Evidence, *, deciding: bool) -> tuple[tuple[str, str], ...]:
    decimals = reading.decimals_for(*one.difference.interval)

    def amount(value: float) -> str:
        return signed(value, decimals)

    enough = f"{count(one.n)} of {count(one.required)} asked for"
    facts = [
        ("test named before the runs", clip(clean(one.test), 300) or "none"),
        ("pairs", count(one.n) if one.n >= one.required else enough),
        ("one-sided 95 % lower bound", amount(one.lower)),
        ("chance to be better on one more seed", percent(one.p_better)),
        ("the interval is one of", clip(clean(one.over), 300) or "not stated"),
    ]
    if deciding:
        facts += [
            ("price of complexity", "none" if one.price == 0 else amount(one.price)),
            ("smallest difference shown with 80 % power", amount(one.detectable).lstrip("+")),
            ("seeds", ", ".join(map(str, one.seeds[:12])) + (" …" if len(one.seeds) > 12 else "") or "none"),
        ]
    if one.missing:
        facts.append(("to show more", clip(clean(one.missing), 300)))
    return tuple(facts)


def differences(reading: Reading) -> Dots | None:
    """All differences with their intervals on one axis, zero marked; None where there are none."""
    found = [(one, measure(reading, one.difference, "pair", sign=True)) for one in reading.record.evidence]
    known = [(one, m) for one, m in found if m.text != MISSING][:MOST_ENTRIES]
    if not known:
        return None
    return Dots(
        title="Difference to the baseline with its 95 % interval",
        axis=span_axis(
            f"difference in {reading.metric_name}, right of 0 is better", [m for _, m in known], also=(0.0,)
        ),
        rows=tuple((f"{title_of(one)}: {one.verdict}", m, _role(i)) for i, (one, m) in enumerate(known)),
        line=0.0,
    )


def span_axis(name: str, measures: list[Measure], also: tuple[float, ...] = ()) -> Axis:
    """An axis that holds all measures with their intervals."""
    values = [v for m in measures for v in (m.value, m.low, m.high) if math.isfinite(v)]
    return linear(name, min(*values, *also, math.inf), max(*values, *also, -math.inf))


def _role(position: int) -> Role:
    return "other" if position else "best"
