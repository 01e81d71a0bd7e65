"""The shipped recipe out of fold: what its models score on the rows that they did not see."""

from __future__ import annotations

import math

from luthier.findings import FoldsReport
from luthier.reports.model import Folds, Table
from luthier.reports.numbers import MISSING, count, number, plural
from luthier.reports.reading import Reading


def folds(reading: Reading) -> Folds | None:
    """A sentence and the scores by fold; None where configurations were not judged on folds."""
    told = reading.record.folds
    if told is None:
        return None
    each = zip(told.num_rows, told.num_models, told.scores, told.kept, strict=True)
    rows = [
        (str(fold), count(rows), count(models), *(reading.score(s) if models else MISSING for s in (score, kept)))
        for fold, (rows, models, score, kept) in enumerate(each)
    ]
    known = [score for score in told.kept if math.isfinite(score)]
    kept = reading.score(sum(known) / len(known)) if known else MISSING
    whole = ("mean", count(sum(told.num_rows)), count(sum(told.num_models)), reading.score(told.mean), kept)
    return Folds(
        sentence=f"{_of_scores(reading, told)} {_of_search(told)}",
        table=Table(
            columns=("fold", "rows", "models", f"{reading.metric_name}, one model", "of the kept predictions"),
            rows=(*rows, whole, ("SD from fold to fold", "", "", number(told.sd, reading.decimals), "")),
            numeric=frozenset({1, 2, 3, 4}),
            caption="Out-of-fold score by fold",
        ),
    )


def in_short(reading: Reading) -> str:
    """The same in a line."""
    told = reading.record.folds
    if told is None or not math.isfinite(told.mean):
        return ""
    return (
        f"{reading.metric_name} {reading.score(told.mean)} out of fold (SD {number(told.sd, reading.decimals)} over "
        f"{told.num} folds); {told.num_complete} of {plural(told.num_tried, 'configuration')} on all folds"
    )


def _of_scores(reading: Reading, told: FoldsReport) -> str:
    without = [str(fold) for fold, num in enumerate(told.num_models) if not num]
    adopted = reading.record.adopted
    if not math.isfinite(told.mean):
        return f"{'The adopted settings' if adopted else 'The baseline'} came to an end on no fold."
    mean, sd = reading.score(told.mean), number(told.sd, reading.decimals)
    text = (
        f"{'The adopted settings score' if adopted else 'The baseline scores'} {mean} out of fold (mean over "
        f"{plural(told.num - len(without), 'fold')}, SD from fold to fold {sd}): every row was predicted by a model "
        "that did not see it. Folds share training rows, and settings were chosen on them: what new rows bring, the "
        "test rows say."
    )
    if max(told.num_models) > 1:
        text += " Where a fold has several models, their mean is kept, and each is counted by itself."
    return text + (f" No model came to its end on fold {', '.join(without)}." if without else "")


def _of_search(told: FoldsReport) -> str:
    if not told.num_tried:
        return "No configuration of the search came to its end."
    return (
        f"Of {plural(told.num_tried, 'configuration')} of the search that came to an end on the first fold, "
        f"{told.num_complete} were trained on all {told.num}; the others fell behind the worst fold of the best, or "
        "the budget was used."
    )
