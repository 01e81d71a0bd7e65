"""Windows of a series that are evaluated overlap windows that were trained on.

What it detects

Evaluated rows (B, T) that are, but for one step, a row that was trained on, moved by one: at least 30 % of the rows
of an evaluation.

Why it hurts

Windows that follow each other share all steps but one. Split at random, each held-out window has neighbours in
training that hold its target: the score is that of filling a gap, not of looking ahead.

Evidence

Exact: hashes of the rows without their first and without their last step.

Mend

Wrong:

    train, valid = random_split(windows, [0.8, 0.2])

Right:

    train, valid = Subset(windows, range(n - W)), Subset(windows, range(n, len(windows)))

When it keeps silent

Splits in time, which overlap at their border only; rows that were trained on themselves (D07); whole numbers.

Source

Bergmeir and Benitez 2012, "On the use of cross-validation for time series predictor evaluation".
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import percent, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D28", "held-out windows overlap training windows", "quick", ("D07",)
NEEDS = "evaluation"
MIN_ROWS, MIN_SHARE = 20, 0.3
MAX_INTEGERS = 0.9


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Evaluations, line by line."""
    found = []
    for model in trace.trained_models():
        own = [f for f in trace.forwards if f.model == model.number and f.heads]
        learnt = {row for f in own if f.trained_by for row in f.rows}
        heads = {row for f in own if f.trained_by for row in f.heads}
        tails = {row for f in own if f.trained_by for row in f.tails}
        if any(f.input and f.input.stats and f.input.stats.integer_share > MAX_INTEGERS for f in own):
            continue  # rows of few whole numbers are like each other by nature
        for _, calls in by_line(f for f in own if f.phase == "evaluation"):
            rows = {
                row: head in tails or tail in heads
                for f in calls
                for row, head, tail in zip(f.rows, f.heads, f.tails, strict=True)
                if row not in learnt and head != tail
            }
            share = sum(rows.values()) / len(rows) if rows else 0.0
            if len(rows) >= MIN_ROWS and share >= MIN_SHARE:
                found.append(_finding(calls, share, len(rows)))
    return found


def _finding(calls: list[Forward], share: float, n: int) -> Finding:
    call = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=MIN_SHARE,
        n=n,
        text=f"{percent(share)} of {plural(n, 'evaluated window')} are a training window moved by one step: all of "
        "their other numbers were trained on.",
        remedy="Split the series in time first, and leave a gap of one window between the parts.",
        severity="warning",
        certain=True,
        place=call.place,
        step=call.step,
        cause="The neighbours of a held-out window hold its target. The score says how well a gap is filled.",
        wrong="train, valid = random_split(windows, [0.8, 0.2])",
        right="train, valid = Subset(windows, range(n - W)), Subset(windows, range(n, len(windows)))",
        evidence={"windows": n},
    )
