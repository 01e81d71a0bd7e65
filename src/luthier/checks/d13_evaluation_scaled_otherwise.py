"""Evaluation rows are scaled otherwise than training rows.

What it detects

Over at least 64 looked-at rows each: for most columns (or channels) of the input the evaluation mean lies more than
three training deviations off, or the deviations differ by a factor of five.

Why it hurts

The net is asked about inputs of a kind that it has never seen: the held-out score says nothing about it. Usually one
of the two pipelines lacks the normalisation, or has it twice.

Evidence

Mean and deviation of each column in both phases (statistics; the thresholds are far outside what a split does).

Mend

    apply one and the same transform, fitted on the training rows, to both

When it keeps silent

Moderate differences (augmentation, mixed rows, new domains); constant columns; fewer rows.

Source

TFDV (training-serving skew); deepchecks (feature drift).
"""

from __future__ import annotations

from statistics import median

from luthier.checks.reading import num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Columns
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D13", "evaluation rows are scaled otherwise", "quick", ()
NEEDS = "evaluation"
MIN_ROWS = 64
SHIFT, FACTOR = 3.0, 5.0


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Models in training whose inputs were looked at in both phases."""
    trained = {m.number for m in trace.trained_models()}
    found = []
    for one in trace.columns:
        if one.phase != "train" or one.model not in trained or one.n < MIN_ROWS:
            continue
        for other in trace.columns:
            same = (other.model, other.axis, len(other.mean)) == (one.model, one.axis, len(one.mean))
            if same and other.phase == "evaluation" and other.n >= MIN_ROWS:
                found += _compare(trace, one, other)
    return found


def _compare(trace: Trace, one: Columns, other: Columns) -> list[Finding]:
    pairs = [
        (abs(m2 - m1) / s1, s2 / s1)
        for m1, s1, m2, s2 in zip(one.mean, one.std, other.mean, other.std, strict=True)
        if s1 > 1e-8 * max(abs(m1), 1.0) and s2 > 1e-8 * max(abs(m2), 1e-3)
    ]
    if len(pairs) < max(1, len(one.mean) // 2):
        return []
    shift, ratio = median(a for a, _ in pairs), median(b for _, b in pairs)
    if shift <= SHIFT and 1 / FACTOR <= ratio <= FACTOR:
        return []
    place = next((f.place for f in trace.forwards if f.model == one.model and f.phase == "evaluation"), None)
    first = next((f.place for f in trace.forwards if f.model == one.model and f.trained_by), None)
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=shift if shift > SHIFT else ratio,
            threshold=SHIFT if shift > SHIFT else FACTOR,
            n=min(one.n, other.n),
            text=f"the {one.axis}s of the evaluation inputs have a mean of {num(median(other.mean))} and a standard "
            f"deviation of {num(median(other.std))}, those of the training inputs {num(median(one.mean))} and "
            f"{num(median(one.std))} (medians of {plural(len(one.mean), one.axis)}; {other.n} and {one.n} rows "
            "looked at).",
            remedy="Apply one and the same transform, fitted on the training rows, to both.",
            severity="error",
            place=place,
            others=(first,) if first is not None else (),
            cause="The net is asked about inputs of a kind that it has never seen.",
            wrong="X_train = scaler.fit_transform(X_train)   # X_val as it is",
            right="X_train = scaler.fit_transform(X_train)\nX_val = scaler.transform(X_val)",
            evidence={"shift": shift, "ratio": ratio},
        )
    ]
