"""The program ended because a label names a class that the model has no output for.

What it detects

"Target n is out of bounds", `one_hot` with too few classes, and device-side assertions of the class losses.

Why it happens

With K outputs labels must be 0 to K - 1. Labels that count from one, -1 for "unknown", or too few outputs break that.

Mend

Wrong:

    loss = F.cross_entropy(model(x), y)            # y in 1..3, three outputs

Right:

    loss = F.cross_entropy(model(x), y - 1)

When it keeps silent

Any other end of the program.

Source

torch's IndexError of nll_loss; on a GPU "device-side assert triggered".
"""

from __future__ import annotations

from luthier.checks.crashes import finding, loss_words, matched
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Labels
from luthier.watching.ends import Crash
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X03", "a class that has no output", "quick", ("D09",)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(
        trace,
        r"Target (-?\d+) is out of bounds",
        r"Class values must be smaller than num_classes",
        r"Assertion .t >= 0 && t < n_classes. failed",
        r"device-side assert triggered",
    )
    if found is None:
        return []
    crash, match = found
    return [_finding(crash, int(match[1]) if match.groups() else None, trace.labels)]


def _finding(crash: Crash, label: int | None, seen: list[Labels]) -> Finding:
    K = crash.loss.num_classes if crash.loss is not None else 0
    target = crash.loss.target if crash.loss is not None else None
    counted = {k for labels in seen for k in labels.counts}
    low = target.stats.low if target is not None and target.stats is not None else min(counted, default=0)
    outputs = (
        f"the model has {K} outputs, so labels must be 0 to {K - 1}" if K else "the label is outside the classes"
    )
    named = f"label {label}: " if label is not None else ""
    if label is not None and label < 0:
        remedy = (
            f"If {label} marks rows without a label, pass ignore_index={label}; else map the labels to 0, 1, 2 ..."
        )
        right = f"F.cross_entropy(model(x), y, ignore_index={label})"
    elif label is not None and label == K and low >= 1:
        remedy, right = "The labels seem to count from one: subtract 1.", "F.cross_entropy(model(x), y - 1)"
    else:
        remedy = (
            "Give the model as many outputs as there are classes (largest label + 1), or map the labels to 0, 1 ..."
        )
        right = f"nn.Linear(width, {max(label or 0, K) + 1})   # one output a class"
    return finding(
        crash,
        CODE,
        TITLE,
        f"{named}{outputs} ({loss_words(crash)}).",
        remedy=remedy,
        cause="cross_entropy looks up the output of the label's number, and there is none.",
        wrong="F.cross_entropy(model(x), y)",
        right=right,
    )
