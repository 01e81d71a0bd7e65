"""A score of the whole is put together from the scores of batches.

What it detects

R2, F1, precision, recall, an area under a curve or another score of scikit-learn that is no mean over rows, computed
for each batch of an evaluation loader.

Why it hurts

The mean of the batches' scores is not the score of the set. R2 compares with the mean of each batch, F1 and the areas
depend on the few rows of a class that a batch holds: the number is biased, and changes with the batch size.

Evidence

Exact: each call follows one call of the model of its own, on the rows of one batch of a loader: as many as its batch
size, three or more in a row, in at least two evaluations.

Mend

Wrong:

    scores = [f1_score(y, model(x).argmax(1)) for x, y in loader]
    print(sum(scores) / len(scores))

Right:

    outputs = torch.cat([model(x).argmax(1) for x, y in loader])
    print(f1_score(targets, outputs))

When it keeps silent

Scores of groups that belong together (each user, each picture), which no loader of a fixed batch size makes; a set
that is one batch.

Source

scikit-learn's documentation of r2_score ("the variance of the dataset"); Forman and Scholz 2010, "Apples-to-Apples in
Cross-Validation Studies" (F1 and AUC of parts).
"""

from __future__ import annotations

from itertools import groupby

from luthier.checks.reading import by_line
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.ends import Score
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E16", "the mean of batches' scores", "quick", ()
MIN_BATCHES, MIN_EVALUATIONS = 3, 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line."""
    found = []
    for _, scores in by_line(trace.scores):
        parts = [list(calls) for _, calls in groupby(scores, key=lambda s: s.step)]
        whole = [calls for calls in parts if _is_of_batches(trace, calls)]
        if len(whole) >= MIN_EVALUATIONS and len(whole) >= len(parts) - 1:
            found.append(_finding(whole))
    return found


def _is_of_batches(trace: Trace, calls: list[Score]) -> bool:
    forwards = {f.number: f for f in trace.forwards}
    answers = [forwards[s.forward] for s in calls if s.forward in forwards]
    loaders = {f.loader for f in answers}
    if len(calls) < MIN_BATCHES or len(answers) < len(calls) or len({s.forward for s in calls}) < len(calls):
        return False
    loader = trace.loaders.get(loaders.pop() or 0) if len(loaders) == 1 else None
    size = loader.batch_size if loader else None
    return size is not None and size > 1 and all(s.num_rows == size for s in calls[:-1])


def _finding(parts: list[list[Score]]) -> Finding:
    first = parts[0][0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(parts[0])),
        threshold=1.0,
        n=len(parts),
        text=f"{first.name} is computed for each batch of {first.num_rows} rows, "
        f"{plural(len(parts[0]), 'time')} an evaluation: their mean is not the score of the whole.",
        remedy="Collect targets and outputs of all batches, and compute the score once.",
        severity="warning",
        certain=True,
        place=first.place,
        step=first.step,
        cause="The number is biased, the more so the smaller the batch.",
        wrong="scores = [f1_score(y, model(x).argmax(1)) for x, y in loader]\nprint(sum(scores) / len(scores))",
        right="outputs = torch.cat([model(x).argmax(1) for x, y in loader])\nprint(f1_score(targets, outputs))",
    )
