"""The run as one JSON object for programs: `--json`. What was not measured is null.

The structs below are the source of `docs/summary.schema.json`; a test holds the file equal to
`schema_text()`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from luthier.records import Estimate, RunRecord
from luthier.reports.documents import Part, finite, plain, said, schema_of
from luthier.reports.reading import Reading, read
from luthier.reports.verdict import verdict
from luthier.reports.words import clean
from luthier.space import Config


class Score(Part, frozen=True, kw_only=True):
    """A mean with its two-sided 95 % interval over n."""

    score: Annotated[float | None, said("the mean, in units of the metric")]
    interval: Annotated[tuple[float, float] | None, said("lower and upper end of the 95 % interval")]
    n: Annotated[int, said("number of seeds, pairs or rows behind it; 0: not measured")]


class HeldOut(Part, frozen=True, kw_only=True):
    """The untouched test rows; the intervals are over rows."""

    baseline: Score
    best: Score
    difference: Annotated[Score, said("best - baseline, above 0 is better whatever the metric")]
    looks: Annotated[int, said("how often these rows have been looked at, this time included")]


class Folds(Part, frozen=True, kw_only=True):
    """The shipped settings on rows that their models did not see."""

    num: Annotated[int, said("number of folds")]
    score: Annotated[float | None, said("of one model: mean over the folds, in units of the metric")]
    sd: Annotated[float | None, said("standard deviation from fold to fold")]
    scores: Annotated[list[float | None], said("of each fold, mean over its models; null: none came to its end")]
    kept: Annotated[list[float | None], said("score of the kept predictions of each fold: the mean of its models")]
    tried: Annotated[int, said("configurations of the search that came to an end on the first fold")]
    complete: Annotated[int, said("those of them that were trained on all folds")]


class Budget(Part, frozen=True, kw_only=True):
    """What the run was given, and the seconds that each part took."""

    unit: Annotated[Literal["seconds", "trials"] | None, said("what `total` counts")]
    total: Annotated[float | None, said("the budget given")]
    noise: Annotated[float | None, said("seconds spent on the noise of the baseline")]
    search: Annotated[float | None, said("seconds spent on the search")]
    confirmation: Annotated[float | None, said("seconds spent on confirmation and the final comparison")]
    report: Annotated[float | None, said("seconds spent on the report")]
    other: Annotated[float | None, said("seconds spent on everything else: opening, test rows")]
    seconds: Annotated[float | None, said("all seconds spent")]


class Program(Part, frozen=True, kw_only=True):
    """What was trained in one execution mode and width."""

    mode: Annotated[str, said("name of the execution mode")]
    slots: Annotated[int, said("models side by side in a program")]
    steps: Annotated[int, said("optimizer steps of single models")]
    share: Annotated[float, said("part of all model-steps of the run")]
    useful: Annotated[float, said("part of the slot-steps in which a model took a step; the others were idle slots")]
    refills: Annotated[int, said("how often a trial was put into a slot")]
    refill_seconds: Annotated[float, said("seconds that this took, all workers together")]


class Mode(Part, frozen=True, kw_only=True):
    """An execution mode as it was measured before the search, the reference first."""

    mode: Annotated[str, said("name of the execution mode")]
    slots: Annotated[int, said("models side by side")]
    rows_per_second: Annotated[float | None, said("training rows a second of a worker, all slots together")]
    refused: Annotated[str | None, said("why it does not take the model, and the mend; null: it does")]


class Summary(Part, frozen=True, kw_only=True):
    """The result of one run of luthier."""

    version: Annotated[Literal[1], said("version of this format")]
    run: Annotated[str, said("name of the run")]
    status: Annotated[Literal["running", "interrupted", "finished", "failed"], said("how the run ended")]
    adopted: Annotated[bool, said("whether the best settings replace the baseline")]
    decision: Annotated[
        Literal["adopted", "kept", "not shown", "unfinished", "failed"], said("the verdict as a word")
    ]
    verdict: Annotated[str, said("the verdict in one sentence")]
    metric: Annotated[str | None, said("name of the metric")]
    greater_is_better: Annotated[bool | None, said("direction of the metric")]
    baseline: Annotated[Score, said("the baseline; n counts seeds")]
    best: Annotated[Score, said("the best candidate, on seeds that did not choose it; n counts seeds")]
    difference: Annotated[Score, said("best - baseline over paired seeds, above 0 is better whatever the metric")]
    settings: Annotated[dict[str, Any], said("what the best candidate changes; empty if there is none")]
    test: Annotated[HeldOut | None, said("null: the test rows were not looked at")]
    folds: Annotated[Folds | None, said("null: configurations were not judged on folds")]
    budget: Budget
    programs: Annotated[list[Program], said("in which modes the models were trained")]
    modes: Annotated[list[Mode], said("the modes that were measured; empty: none was")]
    report: Annotated[str | None, said("path of the report; null: none was written")]


def _settings(reading: Reading) -> Config:
    """What the candidate of the deciding comparison changes, adopted or not."""
    compared = reading.search if reading.record.evidence else ()
    return next((trial.config for trial in compared if trial.id == reading.best), {})


def summary(record: RunRecord, report_path: str | None = None) -> dict[str, Any]:
    """The run as plain data, ready for `json.dumps`: numbers are finite or None."""
    reading = read(record)
    answer = verdict(reading)
    known = record.facts is not None or record.history is not None
    made = Summary(
        version=1,
        run=clean(record.name),
        status=record.status,
        adopted=record.adopted,
        decision=answer.outcome,
        verdict=answer.sentence,
        metric=clean(reading.metric.name) if known else None,
        greater_is_better=reading.metric.greater_is_better if known else None,
        baseline=_score(record.baseline_score or (record.noise.estimate if record.noise else None)),
        best=_score(reading.candidate),
        difference=_score(record.evidence[0].difference if record.evidence else None),
        settings={name: finite(value) for name, value in _settings(reading).items()},
        test=_test(record),
        folds=_folds(record),
        budget=_budget(record),
        programs=_programs(record),
        modes=[
            Mode(mode=s.mode, slots=s.P, rows_per_second=finite(s.rows_per_s), refused=clean(s.refused) or None)
            for s in record.modes
        ],
        report=None if report_path is None else str(report_path),
    )
    return plain(made)


def schema_text() -> str:
    """The JSON schema of a summary, as it stands in `docs/summary.schema.json`."""
    return schema_of(Summary)


def _score(estimate: Estimate | None) -> Score:
    if estimate is None or not math.isfinite(estimate.score):
        return Score(score=None, interval=None, n=0)
    low, high = estimate.interval
    known = math.isfinite(low) and math.isfinite(high)
    return Score(score=estimate.score, interval=(low, high) if known else None, n=estimate.n)


def _test(record: RunRecord) -> HeldOut | None:
    test = record.test
    if test is None:
        return None
    paired = math.isfinite(test.difference.score)
    return HeldOut(
        baseline=_score(test.baseline),
        best=_score(test.candidate if paired else None),
        difference=_score(test.difference),
        looks=test.looks,
    )


def _folds(record: RunRecord) -> Folds | None:
    told = record.folds
    if told is None:
        return None
    return Folds(
        num=told.num,
        score=finite(told.mean),
        sd=finite(told.sd),
        scores=[finite(score) for score in told.scores],
        kept=[finite(score) for score in told.kept],
        tried=told.num_tried,
        complete=told.num_complete,
    )


def _programs(record: RunRecord) -> list[Program]:
    whole = sum(used.steps for used in record.used)
    return [
        Program(
            mode=used.mode,
            slots=used.P,
            steps=used.steps,
            share=used.steps / whole,
            useful=used.steps / used.slot_steps,
            refills=used.refills,
            refill_seconds=used.refill_s,
        )
        for used in record.used
        if used.steps
    ]


def _budget(record: RunRecord) -> Budget:
    spent = {phase: s for phase, s in record.spent.items() if math.isfinite(s)}
    named = ("noise", "search", "confirm", "final", "report")
    confirmation = [spent[p] for p in ("confirm", "final") if p in spent]
    rest = [s for phase, s in spent.items() if phase not in named]
    return Budget(
        unit=record.plan.unit if record.plan else None,
        total=record.plan.total if record.plan else None,
        noise=spent.get("noise"),
        search=spent.get("search"),
        confirmation=sum(confirmation) if confirmation else None,
        report=spent.get("report"),
        other=sum(rest) if rest else None,
        seconds=sum(spent.values()) if spent else None,
    )
