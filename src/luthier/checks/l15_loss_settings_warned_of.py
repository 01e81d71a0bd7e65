"""torch warned, once, that a loss or softmax does something else than its name says.

What it detects

Warnings of the framework about settings of losses: softmax without `dim`, `kl_div` with reduction="mean".

Why it hurts

The warning is printed once and lost in the log. Softmax without `dim` picks an axis by the number of axes. The mean
of `kl_div` divides by all entries, not by rows: the value is too small by the number of classes.

Evidence

The warning itself.

Mend

Wrong:

    F.kl_div(log_p, q)

Right:

    F.kl_div(log_p, q, reduction="batchmean")

When it keeps silent

No such warning was issued.

Source

torch/nn/functional.py (`_get_softmax_dim`, `kl_div`).
"""

from __future__ import annotations

from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L15", "a loss setting that torch warned of", "quick", ("L02", "L14")
KNOWN = (
    (
        "Implicit dimension choice",
        "softmax was called without dim, so torch chose the axis by the number of axes",
        "Give the class axis, such as dim=1.",
        "F.softmax(x)",
        "F.softmax(x, dim=1)",
    ),
    (
        "reduction: 'mean' divides the total loss by both",
        "kl_div with reduction='mean' divides by all entries, not by rows: too small by the number of classes",
        "Use reduction='batchmean'.",
        "F.kl_div(log_p, q)",
        'F.kl_div(log_p, q, reduction="batchmean")',
    ),
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Warnings that are known."""
    found = []
    for event in trace.warned:
        for start, fact, remedy, wrong, right in KNOWN:
            if start in event.message:
                found.append(
                    Finding(
                        code=CODE,
                        title=TITLE,
                        n=event.count,
                        text=f"{fact} (torch warned {plural(event.count, 'time')}).",
                        remedy=remedy,
                        severity="warning",
                        certain=True,
                        place=event.place,
                        step=event.step,
                        cause="The warning is printed once and easily lost; the setting acts in every call.",
                        wrong=wrong,
                        right=right,
                    )
                )
    return found
