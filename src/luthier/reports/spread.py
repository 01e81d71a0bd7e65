"""How far scores move by themselves: the noise of the baseline, and the optimism of the search."""

from __future__ import annotations

import math

from luthier.reports.ledger import span_axis
from luthier.reports.model import Dots, Measure, Noise, Optimism, Role, Table
from luthier.reports.numbers import MISSING, decimals_of, number, signed
from luthier.reports.reading import Reading, measure

Row = tuple[str, Measure, Role]


def size_of(found: Measure) -> str:
    """Interval and n of a figure, to stand under it or in brackets."""
    known = [found.interval if found.interval != "no interval" else "", found.size]
    return ", ".join(part for part in known if part)


def noise(reading: Reading) -> Noise | None:
    """The baseline on several seeds; None where it was not run."""
    noise = reading.record.noise
    if noise is None or noise.estimate.n == 0:
        return None
    found = measure(reading, noise.estimate, "seed")
    digits = reading.decimals_for(*noise.estimate.interval)
    sd, detectable = number(noise.estimate.sd, digits), number(noise.detectable, digits)
    sentence = f"The baseline alone scores {found.text} ({size_of(found)}). "
    sentence += (
        "One run says nothing of how far it moves by itself."
        if not math.isfinite(noise.estimate.sd)
        else f"Its score moves by {sd} (SD) from seed to seed when nothing is changed. Smallest difference "
        f"that the final comparison can show with 80 % power: {detectable}."
    )
    facts = (
        ("mean", found.text),
        ("95 % interval", found.interval),
        ("n", found.size.removeprefix("n = ")),
        ("SD from seed to seed", sd),
        ("smallest difference that can be shown", detectable),
    )
    return Noise(sentence=sentence, facts=facts, runs=_runs(reading, found))


def _runs(reading: Reading, mean: Measure) -> Dots | None:
    """The runs one by one, and their mean."""
    noise = reading.record.noise
    pairs = zip(noise.seeds, noise.scores, strict=False) if noise else ()
    rows: list[Row] = [
        (f"seed {seed}", Measure(value=score, text=reading.score(score), n=1), "other")
        for seed, score in pairs
        if math.isfinite(score)
    ]
    if not rows or mean.text == MISSING:
        return None
    rows.append(("mean with 95 % interval" if mean.interval != "no interval" else "mean", mean, "baseline"))
    return _dots("Baseline on several seeds", reading, rows)


def _dots(title: str, reading: Reading, rows: list[Row]) -> Dots:
    axis = span_axis(reading.metric_name, [m for _, m, _ in rows])
    return Dots(title=title, axis=axis, rows=tuple(rows))


def optimism(reading: Reading) -> Optimism | None:
    """The score that won the search beside its score on fresh seeds; None where one of them is missing."""
    record = reading.record
    fresh = measure(reading, reading.candidate, "seed")
    if fresh.text == MISSING or not math.isfinite(record.search_score):
        return None
    seen = reading.score(record.search_score)
    where = "in one run" if reading.num_folds == 1 else f"as the mean of {reading.num_folds} folds"
    gap = reading.metric.utility(record.search_score) - reading.metric.utility(fresh.value)
    digits = decimals_of(fresh.low, fresh.high)
    rows = _places(reading, fresh)
    return Optimism(
        sentence=f"Selection saw {seen} {where}; the same settings score {fresh.text} on fresh seeds "
        f"({size_of(fresh)}). What was chosen looked {'better' if gap > 0 else 'worse'} than its settings are "
        f"by {number(abs(gap), digits)}: that is why it is not the result.",
        chart=_dots("Score by where it was measured", reading, rows),
        table=Table(
            columns=("measured on", reading.metric_name, "95 % interval", "n"),
            rows=tuple((name, m.text, m.interval, m.size.removeprefix("n = ")) for name, m, _ in rows),
            numeric=frozenset({1, 2, 3}),
            caption=f"Optimism of the search: {signed(gap, digits)} (above 0: looked better)",
        ),
    )


def _places(reading: Reading, fresh: Measure) -> list[Row]:
    """Search, fresh seeds, test rows: the same two models wherever they were measured."""
    record = reading.record
    seen = Measure(
        value=record.search_score,
        text=reading.score(record.search_score),
        interval="no interval",
        size=f"n = {reading.of_search}, chosen",
    )
    rows: list[Row] = [
        ("best run of the search", seen, "other"),
        ("the same settings, fresh seeds", fresh, "best"),
        ("baseline, same fresh seeds", measure(reading, record.baseline_score, "seed"), "baseline"),
    ]
    if record.test and math.isfinite(record.test.difference.score):
        rows.append(("the same settings, test rows", measure(reading, record.test.candidate, "row"), "best"))
    if record.test:
        rows.append(("baseline, test rows", measure(reading, record.test.baseline, "row"), "baseline"))
    return [row for row in rows if row[1].text != MISSING]
