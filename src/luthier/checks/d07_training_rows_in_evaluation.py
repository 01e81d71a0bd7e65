"""Rows of the evaluation were trained on.

What it detects

Rows (compared by their content) that went through both training and evaluation calls of a model, more than 0.1 % and
less than 98 % of the evaluated rows, at least three.

Why it hurts

The net may have learnt these rows by heart: the held-out score is too good, and choices made by it are wrong.

Evidence

Exact: hashes of the rows' bytes.

Mend

Wrong:

    X, y = oversample(X, y);  train, val = X[:n], X[n - 50:]

Right:

    split first (by person, document or group), then oversample or augment the training rows only

When it keeps silent

Evaluation of the training rows on purpose (nearly all are shared); tables of few distinct rows, where equal rows are
no accident; augmented rows (they differ, nothing can be said).

Source

Kaufman et al. 2012, "Leakage in Data Mining"; cleanlab (near duplicates across splits).
"""

from __future__ import annotations

from collections import defaultdict

from luthier.checks.reading import feeds_training
from luthier.checks.wording import percent, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.calls import Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D07", "training rows in the evaluation", "quick", ()
NEEDS = "evaluation"
MIN_ROWS, MIN_SHARE, MAX_SHARE = 3, 0.001, 0.98
MIN_EVALUATED, MIN_ROWS_A_CALL = 20, 8
DISTINCT_VALUES = 32
"""Rows of fewer distinct whole numbers than this repeat by nature."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Evaluations by loader, or by line where no loader is known."""
    found: list[Finding] = []
    for model in trace.trained_models():
        own = [f for f in trace.forwards if f.model == model.number and f.rows]
        learnt = {row for f in own if f.trained_by for row in f.rows}
        groups: dict[object, list[Forward]] = defaultdict(list)
        for call in own:
            if call.phase == "evaluation":
                key = ("loader", call.loader) if call.loader is not None else _line(call.place)
                groups[key].append(call)
        for calls in groups.values():
            rows = {row for f in calls for row in f.rows}
            shared = rows & learnt
            share = len(shared) / len(rows)
            if len(rows) < MIN_EVALUATED or len(shared) < MIN_ROWS or not MIN_SHARE < share < MAX_SHARE:
                continue
            if _is_training_set(trace, calls[0].loader) or _takes_turns(calls, learnt, share):
                continue
            if not _repeats_by_nature(calls, len(rows)):
                found.append(_finding(trace, calls, len(shared), len(rows), share))
    return found


def _is_training_set(trace: Trace, number: int | None) -> bool:
    """Does a loader read the very data set that a training loader reads? Its score is one of training, on purpose."""
    loader = trace.loaders.get(number or 0)
    trained = {x.dataset for x in trace.loaders.values() if feeds_training(x)}
    return loader is not None and loader.dataset in trained


def _takes_turns(calls: list[Forward], learnt: set[int], share: float) -> bool:
    """One line, no loader: does it evaluate training rows and held-out rows by turns? Then some calls share none."""
    if calls[0].loader is not None:
        return False
    shares = [len(set(f.rows) & learnt) / len(set(f.rows)) for f in calls if len(f.rows) >= MIN_ROWS_A_CALL]
    return bool(shares) and min(shares) < share / 4


def _line(place: Place | None) -> object:
    return (place.file, place.line) if place is not None else None


def _repeats_by_nature(calls: list[Forward], num_distinct: int) -> bool:
    """Whole numbers of few values, unless no row of the evaluation is there twice."""
    looked = [f.input.stats for f in calls if f.input is not None and f.input.stats is not None]
    coarse = [s for s in looked if s.integer_share > 0.99 and s.num_distinct < DISTINCT_VALUES]
    if not coarse or len(coarse) < len(looked):
        return False
    first_pass = calls[: max(1, len(calls) // max(1, len({f.step for f in calls})))]
    seen = [row for f in first_pass for row in f.rows]
    return len(set(seen)) < len(seen) or num_distinct < 1000


def _finding(trace: Trace, calls: list[Forward], shared: int, evaluated: int, share: float) -> Finding:
    call = calls[0]
    loader = trace.loaders.get(call.loader) if call.loader is not None else None
    name = f" of {loader.variable}" if loader is not None and loader.variable else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=MIN_SHARE,
        n=evaluated,
        text=f"{shared} of {plural(evaluated, 'distinct evaluation row')}{name} ({percent(share)}) are bit-equal to "
        "rows that were trained on.",
        remedy="Split first, by person or group where rows belong together; then oversample or augment the training "
        "rows.",
        severity="error",
        certain=True,
        place=call.place,
        others=(loader.place,) if loader is not None and loader.place is not None else (),
        step=call.step,
        cause="The net may know these rows by heart: the held-out score is too good.",
        wrong="train, val = X[:224], X[192:]",
        right="train, val = X[:192], X[192:]",
        evidence={"shared": shared, "evaluated": evaluated},
    )
