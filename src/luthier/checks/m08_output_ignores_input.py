"""The model gives the same output for different rows.

What it detects

In all looked-at training calls after step 10 (at least three) the rows of the output differ by less than one part in
a million, although the rows of the input differ.

Why it hurts

The net cannot tell its inputs apart, so it can at best learn the mean of the targets.

Evidence

Largest distance of an output row from the first, relative to the largest output.

Mend

    look for what loses the input on the way: a dead ReLU layer, softmax over one entry, an average over the batch,
    an input that is overwritten, all weights equal to zero

When it keeps silent

Before step 10 (heads that start at zero); rows of the input that are equal; models without layers (learned
constants); batches of one row.

Source

Karpathy, "A Recipe for Training Neural Networks" (input-independent baseline).
"""

from __future__ import annotations

import math

from luthier.checks.reading import num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER = "M08", "the output ignores the input", "quick"
CAUSES = ("L02", "M03", "M07", "D04", "N01", "L04", "L14", "O02", "M04", "M05", "D01", "D02", "D03")
MIN_CALLS, AFTER_STEP = 3, 10
SAME = 1e-6


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Trained calls of each model."""
    found, short = [], False
    for model in trace.trained_models():
        if len(model.layers) < 2:
            continue
        looked = [f for f in trace.forwards if f.model == model.number and f.trained_by and _is_comparable(f)]
        late = [f for f in looked if f.step >= AFTER_STEP]
        if len(late) >= MIN_CALLS and all(f.spread < SAME for f in late):
            found.append(_finding(model, looked, late))
        elif len(late) < MIN_CALLS and looked and looked[-1].spread < SAME:
            short = True
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason=f"too few calls after step {AFTER_STEP}", needs="more steps")
    return found


def _is_comparable(call: Forward) -> bool:
    return math.isfinite(call.spread) and not call.input_spread < 1e-4


def _finding(model: Model, looked: list[Forward], late: list[Forward]) -> Finding:
    constant = [f for f in looked if f.spread < SAME]
    return Finding(
        code=CODE,
        title=TITLE,
        number=max(f.spread for f in late),
        threshold=SAME,
        n=len(late),
        text=f"{model.name} gives all rows of a batch the same output (they differ by "
        f"{num(max(f.spread for f in late))} "
        f"of its size) in {plural(len(late), 'looked-at call')} after step {AFTER_STEP}, though the inputs differ.",
        remedy="Look for what loses the input: a dead layer, softmax over one entry, an average over the batch, an "
        "input that is overwritten.",
        severity="error",
        certain=max(f.spread for f in late) == 0.0,
        place=late[0].place or model.place,
        step=constant[0].step,
        cause="A net that cannot tell its inputs apart learns the mean of the targets at best.",
        evidence={"model": model.name, "since_step": constant[0].step},
    )
