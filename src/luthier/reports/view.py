"""From a run's record to what a report shows: all judgement, no drawing."""

from __future__ import annotations

import math

from luthier.records import RunRecord
from luthier.reports.cost import cost
from luthier.reports.curves import curves
from luthier.reports.folds import folds
from luthier.reports.ledger import differences, entries
from luthier.reports.mistakes import confusion, residuals
from luthier.reports.model import Card, Measure, ReportModel
from luthier.reports.numbers import MISSING, plural, seconds
from luthier.reports.preparation import preparation
from luthier.reports.reading import Reading, measure, read
from luthier.reports.slices import parallel, slices
from luthier.reports.spread import noise, optimism, size_of
from luthier.reports.surroundings import findings, groups, loading
from luthier.reports.trials import trials
from luthier.reports.verdict import verdict
from luthier.reports.words import clean, label

ABSENT = {
    "ledger": "No change was compared with the baseline.",
    "noise": "The baseline was not repeated: its noise is not known, so no difference can be shown.",
    "curves": "No trial reported a score.",
    "slices": "No trial of the search reported a score.",
    "parallel": "Fewer than three trials came to their end.",
    "mistakes": "The test rows were not predicted.",
    "optimism": "Nothing was repeated on fresh seeds.",
    "findings": "Nothing was noticed.",
    "trials": "No trial was started.",
    "loading": "No model was shipped: the run did not come to its end.",
}
"""What stands in the place of a part that has nothing to show."""


def view(record: RunRecord) -> ReportModel:
    """What a report of this run shows. Pure: the same record gives the same model."""
    reading = read(record)
    return ReportModel(
        title=label(record.name, 80),
        subtitle=_subtitle(reading),
        verdict=verdict(reading),
        cards=_cards(reading),
        ledger=entries(reading),
        differences=differences(reading),
        noise=noise(reading),
        curves=curves(reading),
        slices=slices(reading),
        parallel=parallel(reading),
        confusion=confusion(reading),
        residuals=residuals(reading),
        optimism=optimism(reading),
        folds=folds(reading),
        cost=cost(reading),
        preparation=preparation(reading),
        findings=findings(reading),
        trials=trials(reading),
        surroundings=groups(reading),
        command=clean(record.command),
        loading=loading(reading),
        absent=ABSENT,
    )


def _subtitle(reading: Reading) -> str:
    record, facts = reading.record, reading.record.facts
    parts = [label(record.created.replace("T", " ")[:16], 20) + " UTC"]
    if facts:
        parts += [label(facts.task), f"{facts.framework} on {label(facts.device or 'an unknown device', 40)}"]
    return " · ".join([*parts, record.status])


def _cards(reading: Reading) -> tuple[Card, ...]:
    record = reading.record
    alone = record.noise.estimate if record.noise else None
    baseline = measure(reading, record.baseline_score or alone, "seed")
    best = measure(reading, reading.candidate, "seed")
    single = reading.candidate is None and math.isfinite(record.search_score)
    if single:
        size = f"n = {reading.of_search}, chosen as the best of many"
        best = Measure(text=reading.score(record.search_score), size=size)
    spent = sum(s for s in record.spent.values() if math.isfinite(s))
    plan = record.plan
    budget = f"of {seconds(plan.total)}" if plan and plan.unit == "seconds" else ""
    budget = f"budget: {plural(round(plan.total), 'trial')}" if plan and plan.unit == "trials" else budget
    return (
        Card(label=f"Baseline, {reading.metric_name}", value=baseline.text, note=size_of(baseline)),
        Card(
            label="Adopted settings" if record.adopted else "Best candidate",
            value=best.text,
            note=size_of(best),
        ),
        _test_card(reading),
        Card(label="Time", value=seconds(spent) if spent else MISSING, note=budget),
    )


def _test_card(reading: Reading) -> Card:
    test, adopted = reading.record.test, reading.record.adopted
    if test is None:
        own = reading.record.baseline.program
        return Card(label="Test rows", value=MISSING, note="a program has none" if own else "not looked at")
    shipped = measure(reading, test.candidate if adopted else test.baseline, "row")
    other = measure(reading, test.baseline if adopted else test.candidate, "row")
    note = size_of(shipped)
    if math.isfinite(test.difference.score):
        note += f"; {'baseline' if adopted else 'best candidate'} {other.text}"
    return Card(label=f"Test rows, {'adopted' if adopted else 'baseline'}", value=shipped.text, note=note)
