"""The weights are kept in bfloat16 or float16, too coarse for their steps.

What it detects

Parameters in half precision that the optimizer updates directly, of which more than half of the entries do not
change in a step although their gradient is not zero, in at least three looked-at steps.

Why it hurts

bfloat16 has 8 bits of precision: a step smaller than 1/256 of a weight is rounded away. Training slows down and
stops long before it should, without any sign.

Evidence

Exact: entries before and after the step.

Mend

Wrong:

    model = model.bfloat16()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

Right:

    with torch.autocast("cuda", dtype=torch.bfloat16):     # the weights stay in float32
        loss = loss_fn(model(x), y)

When it keeps silent

Weights in float32 (autocast included); steps that a GradScaler skips; a learning rate of zero.

Source

Zamirai et al. 2020, "Revisiting BFloat16 Training".
"""

from __future__ import annotations

from statistics import median

from luthier.checks.wording import percent, plural
from luthier.findings import Finding, Unknown
from luthier.watching.steps import Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "N04", "weights too coarse for their steps", "quick", ()
HALVES = ("bfloat16", "float16")
MIN_STEPS = 3
SHARE = 0.5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at steps of each optimizer."""
    found = []
    for number in trace.optimizers:
        shares = [(s, share) for s in trace.steps_of(number) if (share := _unchanged(trace, s)) is not None]
        if len(shares) >= MIN_STEPS and median(share for _, share in shares) > SHARE:
            found.append(_finding(trace, shares))
    return found


def _unchanged(trace: Trace, step: Step) -> float | None:
    """Share of the half-precision entries that a step left alone although their gradient was not zero."""
    if step.skipped or not any(step.lr):
        return None
    halves = [
        t for t in step.tensors if t.parameter in trace.parameters and trace.parameters[t.parameter].dtype in HALVES
    ]
    sizes = [trace.parameters[t.parameter].size for t in halves]
    known = [
        (t.unchanged_share, n) for t, n in zip(halves, sizes, strict=True) if t.unchanged_share == t.unchanged_share
    ]
    total = sum(n for _, n in known)
    return sum(share * n for share, n in known) / total if total else None


def _finding(trace: Trace, shares: list[tuple[Step, float]]) -> Finding:
    step, _ = shares[0]
    share = median(value for _, value in shares)
    dtype = next(p.dtype for p in trace.parameters.values() if p.dtype in HALVES)
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=SHARE,
        n=len(shares),
        text=f"{percent(share)} of the {dtype} weights do not change in a step although their gradient is not zero "
        f"(median of {plural(len(shares), 'looked-at step')}): the step is smaller than their rounding.",
        remedy="Keep the weights in float32 and compute in half precision by torch.autocast.",
        severity="error",
        certain=True,
        place=step.place,
        step=step.step,
        cause="Steps smaller than the spacing of the numbers are rounded away, so training stops early.",
        wrong="model = model.bfloat16()",
        right='with torch.autocast("cuda", dtype=torch.bfloat16):\n    loss = loss_fn(model(x), y)',
        evidence={"dtype": dtype, "unchanged_share": share},
    )
