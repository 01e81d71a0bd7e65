"""From a run's record to what a report shows: all judgement, no drawing."""

from __future__ import annotations

import math

from luthier.records import RunRecord
from luthier.reports.cost import cost
from luthier.reports.curves import curves
from luthier.reports.ledger import differences, entries, span_axis
from luthier.reports.mistakes import confusion, residuals
from luthier.reports.model import Card, Dots, Measure, Noise, Optimism, ReportModel, Role, Table
from luthier.reports.numbers import MISSING, decimals_of, number, plural, seconds, signed
from luthier.reports.reading import Reading, measure, read
from luthier.reports.slices import parallel, slices
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
        noise=_noise(reading),
        curves=curves(reading),
        slices=slices(reading),
        parallel=parallel(reading),
        confusion=confusion(reading),
        residuals=residuals(reading),
        optimism=_optimism(reading),
        cost=cost(reading),
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
    noise = record.noise.estimate if record.noise else None
    baseline = measure(reading, record.baseline_score or noise, "seed")
    best = measure(reading, record.best_score, "seed")
    single = record.best_score is None and math.isfinite(record.search_score)
    if single:
        best = Measure(text=reading.score(record.search_score), size="n = 1 run, chosen as the best of many")
    spent = sum(s for s in record.spent.values() if math.isfinite(s))
    plan = record.plan
    budget = f"of {seconds(plan.total)}" if plan and plan.unit == "seconds" else ""
    budget = f"budget: {plural(round(plan.total), 'trial')}" if plan and plan.unit == "trials" else budget
    return (
        Card(label=f"Baseline, {reading.metric_name}", value=baseline.text, note=_size(baseline)),
        Card(label="Adopted settings" if record.adopted else "Best candidate", value=best.text, note=_size(best)),
        _test_card(reading),
        Card(label="Time", value=seconds(spent) if spent else MISSING, note=budget),
    )


def _test_card(reading: Reading) -> Card:
    test, adopted = reading.record.test, reading.record.adopted
    if test is None:
        return Card(label="Test rows", value=MISSING, note="not looked at")
    shipped = measure(reading, test.candidate if adopted else test.baseline, "row")
    other = measure(reading, test.baseline if adopted else test.candidate, "row")
    note = _size(shipped)
    if math.isfinite(test.difference.score):
        note += f"; {'baseline' if adopted else 'best candidate'} {other.text}"
    return Card(label=f"Test rows, {'adopted' if adopted else 'baseline'}", value=shipped.text, note=note)


def _size(found: Measure) -> str:
    """Interval and n under a figure."""
    known = [found.interval if found.interval != "no interval" else "", found.size]
    return ", ".join(part for part in known if part)


def _noise(reading: Reading) -> Noise | None:
    noise = reading.record.noise
    if noise is None or noise.estimate.n == 0:
        return None
    found = measure(reading, noise.estimate, "seed")
    digits = decimals_of(*noise.estimate.interval)
    digits = reading.decimals if digits is None else digits
    detectable = number(noise.detectable, digits)
    sentence = f"The baseline alone scores {found.text} ({_size(found)}). "
    sentence += (
        "One run says nothing of how far it moves by itself."
        if not math.isfinite(noise.estimate.sd)
        else f"Its score moves by {number(noise.estimate.sd, digits)} (SD) from seed to seed when nothing is changed. "
        f"Smallest difference that the final comparison can show with 80 % power: {detectable}."
    )
    runs = [(f"seed {seed}", Measure(value=s, text=reading.score(s), n=1)) for seed, s in zip(noise.seeds, noise.scores, strict=False)]
    known = [(name, m) for name, m in runs if math.isfinite(m.value)]
    rows: list[tuple[str, Measure, Role]] = [(name, m, "other") for name, m in known]
    rows.append(("mean with 95 % interval", found, "baseline"))
    chart = Dots(
        title="Baseline on several seeds",
        axis=span_axis(reading.metric_name, [m for _, m, _ in rows]),
        rows=tuple(rows),
    )
    facts = (
        ("mean", found.text), ("95 % interval", found.interval), ("n", found.size),
        ("SD from seed to seed", number(noise.estimate.sd, digits)), ("smallest difference that can be shown", detectable),
    )  # fmt: skip
    return Noise(sentence=sentence, facts=facts, runs=chart if known else None)


def _optimism(reading: Reading) -> Optimism | None:
    """The score that won the search beside its score on fresh seeds."""
    record = reading.record
    fresh = measure(reading, record.best_score, "seed")
    if fresh.text == MISSING or not math.isfinite(record.search_score):
        return None
    baseline = measure(reading, record.baseline_score, "seed")
    rows: list[tuple[str, Measure, Role]] = [
        ("best run of the search", Measure(value=record.search_score, text=reading.score(record.search_score), interval="no interval", size="n = 1 run, chosen"), "other"),
        ("the same settings, fresh seeds", fresh, "best"),
        ("baseline, same fresh seeds", baseline, "baseline"),
    ]
    if record.test:
        if math.isfinite(record.test.difference.score):
            rows.append(("the same settings, test rows", measure(reading, record.test.candidate, "row"), "best"))
        rows.append(("baseline, test rows", measure(reading, record.test.baseline, "row"), "baseline"))
    known = tuple(row for row in rows if row[1].text != MISSING)
    gap = reading.metric.utility(record.search_score) - reading.metric.utility(fresh.value)
    word = "better" if gap > 0 else "worse"
    digits = decimals_of(fresh.low, fresh.high)
    return Optimism(
        sentence=f"Selection saw {reading.score(record.search_score)} in one run; the same settings score {fresh.text} on "
        f"fresh seeds ({_size(fresh)}). The chosen run looked {word} than its settings are by "
        f"{number(abs(gap), digits)}: that is why it is not the result.",
        chart=Dots(title="Score by where it was measured", axis=span_axis(reading.metric_name, [m for _, m, _ in known]), rows=known),
        table=Table(
            columns=("measured on", reading.metric_name, "95 % interval", "n"),
            rows=tuple((name, m.text, m.interval, m.size.removeprefix("n = ")) for name, m, _ in known),
            numeric=frozenset({1, 2, 3}), caption=f"Optimism of the search: {signed(gap, digits)} (above 0: looked better)",
        ),
    )  # fmt: skip
