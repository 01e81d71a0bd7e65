"""The score of an evaluation is that of its last batch.

What it detects

A score of scikit-learn, computed once after a pass over a loader of several batches, from as many rows as the last
batch has.

Why it hurts

The rows of all other batches were evaluated and forgotten. The number is that of a few rows, often of the smallest
batch, and so is every choice that is made by it.

Evidence

Exact: how many rows the score was given, and the rows of the calls of the model before it, in at least two
evaluations.

Mend

Wrong:

    for x, y in loader:
        truth, outputs = y, model(x)
    print(roc_auc_score(truth, outputs))

Right:

    pairs = [(y, model(x)) for x, y in loader]
    truth, outputs = (torch.cat(t) for t in zip(*pairs))
    print(roc_auc_score(truth, outputs))

When it keeps silent

Scores of all rows; one score a batch (E16); loaders of one batch; scores that scikit-learn does not compute.

Source

scikit-learn's documentation: a score is that of the rows that it is given.
"""

from __future__ import annotations

from luthier.checks.reading import by_line
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.ends import Score
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E18", "the score of the last batch", "quick", ()
MIN_BATCHES, MIN_EVALUATIONS = 2, 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line."""
    found = []
    for _, scores in by_line(trace.scores):
        given = [_rows(trace, score) for score in scores]
        once = len({score.step for score in scores}) == len(scores) >= MIN_EVALUATIONS
        whole = once and all(len(rows) >= MIN_BATCHES for rows in given)
        if whole and all(s.num_rows == rows[-1] < sum(rows) for s, rows in zip(scores, given, strict=True)):
            found.append(_finding(scores, given[0]))
    return found


def _rows(trace: Trace, score: Score) -> list[int]:
    """Rows of the calls in the pass over a loader that ended before a score."""
    calls = {f.number: f for f in trace.forwards if f.step == score.step and f.phase == "evaluation" and f.input}
    last = calls.get(score.forward)
    if last is None or last.loader is None:
        return []
    number, found = last.number, []
    while number in calls and (calls[number].loader, calls[number].place) == (last.loader, last.place):
        given = calls[number].input
        found.append(given.shape[0] if given is not None and given.shape else 0)
        number -= 1
    return found[::-1]


def _finding(scores: list[Score], rows: list[int]) -> Finding:
    first = scores[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(first.num_rows),
        threshold=float(sum(rows)),
        n=len(scores),
        text=f"{first.name} is given the {first.num_rows} rows of the last batch; the evaluation went over "
        f"{sum(rows)} rows in {plural(len(rows), 'batch')} ({plural(len(scores), 'evaluation')}).",
        remedy="Collect targets and outputs of all batches, and compute the score once.",
        severity="error",
        certain=True,
        place=first.place,
        step=first.step,
        cause="What the loop keeps is overwritten by each batch.",
        wrong="for x, y in loader:\n    truth, outputs = y, model(x)\nprint(roc_auc_score(truth, outputs))",
        right=code("""
            pairs = [(y, model(x)) for x, y in loader]
            truth, outputs = (torch.cat(t) for t in zip(*pairs))
            print(roc_auc_score(truth, outputs))
        """),
        evidence={"rows": [*rows[:64]]},
    )
