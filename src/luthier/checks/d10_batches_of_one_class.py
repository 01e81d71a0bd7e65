"""Training batches hold rows of a single class.

What it detects

At least 80 % of 20 or more training calls of a loss saw one label only, although several labels are common over the
run and equal ones come in long runs.

Why it hurts

Each batch pulls the net towards its own class, and the next one undoes it. Batch normalisation learns the statistics
of single classes.

Evidence

Counted labels of each call; the number of runs of equal labels.

Mend

    shuffle the rows (DataLoader(..., shuffle=True)), or shuffle before the split where an iterable gives them in
    order

When it keeps silent

Real and false batches in turns (adversarial training); one class that is nearly all of the data; batches below four
rows.

Source

Karpathy's recipe; SageMaker Debugger (ClassImbalance).
"""

from __future__ import annotations

from luthier.checks.reading import entropy
from luthier.checks.wording import percent, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Labels
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D10", "batches of a single class", "quick", ("D05",)
MIN_CALLS, MIN_BATCH = 20, 4
SHARE = 0.8


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Counted labels of each training line."""
    return [_finding(labels) for labels in trace.labels if labels.phase == "train" and _is_single(labels)]


def _is_single(labels: Labels) -> bool:
    if labels.num_calls < MIN_CALLS or labels.num_labels < MIN_BATCH * labels.num_calls:
        return False
    mixed = entropy(labels.counts.values()) > 0.3
    long_runs = 0 < labels.runs < 0.7 * labels.num_calls
    return mixed and long_runs and labels.num_single >= SHARE * labels.num_calls


def _finding(labels: Labels) -> Finding:
    share = labels.num_single / labels.num_calls
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=SHARE,
        n=labels.num_calls,
        text=f"{percent(share)} of {plural(labels.num_calls, 'training batch')} hold one class only, although "
        f"{len(labels.counts)} classes occur: the rows come sorted.",
        remedy="Shuffle the rows.",
        severity="error",
        certain=True,
        place=labels.place,
        cause="Each batch pulls the net towards its own class, and the next one undoes it.",
        wrong="DataLoader(train_set, batch_size=32)",
        right="DataLoader(train_set, batch_size=32, shuffle=True)",
        evidence={"num_single": labels.num_single, "num_calls": labels.num_calls},
    )
