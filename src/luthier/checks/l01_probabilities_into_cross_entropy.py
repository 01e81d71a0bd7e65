"""Cross-entropy is given probabilities where it wants raw outputs (logits).

What it detects

The input of `cross_entropy` in training calls came straight out of softmax or sigmoid, or its rows are all
positive and add up to 1 in every call that was looked at.

Why it hurts

`cross_entropy` applies log-softmax itself. Softmax of numbers in [0, 1] is nearly flat: with K classes the loss
cannot fall below log(1 + (K - 1) / e) (0.55 for three classes, 1.46 for ten), and the gradient shrinks by about
that flatness. The net still learns, slowly and badly, and nothing raises an error.

Evidence

Exact where the tensor is the very output of softmax (the autograd graph says so). Where softmax was written by
hand: no entry below 0 and row sums within 0.001 of 1 in at least five looked-at calls.

Mend

Wrong:

    return F.softmax(self.fc(x), dim=1)      # then: F.cross_entropy(model(x), y)

Right:

    return self.fc(x)                        # apply softmax only where probabilities are shown

When it keeps silent

Log-probabilities (log-softmax of log-softmax is the same numbers: harmless); probabilities as targets
(distillation, label smoothing); softmax inside the model (attention); calls without a backward pass.

Source

PyTorch documentation of CrossEntropyLoss ("input is expected to contain the unnormalized logits");
Lightning-Universe/lightning-bolts#654, gitabcworld/MatchingNetworks#5.
"""

from __future__ import annotations

import math

from luthier.checks.patches import drop_layer, unwrap_call
from luthier.checks.reading import by_line, common_op, looked_at, made_by, num, origin_place, trained
from luthier.checks.wording import Sources, code, plural
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.facts import Origin
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L01", "probabilities into cross-entropy", "quick", ("L02",)
MIN_CALLS = 5
SUM_SLACK = 1e-3
SQUASHERS = ("softmax", "sigmoid")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of cross_entropy, line by line."""
    found = []
    for _, calls in by_line(trained(trace, "cross_entropy")):
        several = [c for c in calls if c.num_classes > 1]
        looked = [c for c in several if math.isfinite(c.row_sum_low)]
        if len(several) == len(calls) and common_op(calls) in SQUASHERS:
            found.append(_finding(trace, calls, looked_at(calls)[0], certain=True))
        elif len(looked) >= MIN_CALLS and all(map(_is_distribution, looked)):
            found.append(_finding(trace, calls, looked[0], certain=False))
    return found


def _is_distribution(call: LossCall) -> bool:
    stats = call.input.stats if call.input else None
    whole = abs(call.row_sum_low - 1) <= SUM_SLACK and abs(call.row_sum_high - 1) <= SUM_SLACK
    return stats is not None and stats.low >= 0 and whole


def _finding(trace: Trace, calls: list[LossCall], call: LossCall, *, certain: bool) -> Finding:
    K = call.num_classes
    floor = math.log(1 + (K - 1) / math.e) if certain is False or _op(call) == "softmax" else math.nan
    sums = f", its rows add up to {num(call.row_sum_high)}" if math.isfinite(call.row_sum_high) else ""
    source = call.source if certain else None
    return Finding(
        code=CODE,
        title=TITLE,
        number=call.row_sum_high,
        threshold=1.0,
        n=len(calls),
        text=f"cross_entropy was given the output of {made_by(source, 'softmax')} in all "
        f"{plural(len(calls), 'training call')}{sums}; it applies log-softmax itself"
        + (f", so the loss cannot fall below {num(floor)}." if math.isfinite(floor) else "."),
        remedy="Give cross_entropy the raw outputs and apply softmax only where probabilities are shown.",
        severity="error",
        certain=certain,
        place=call.place,
        others=origin_place(source),
        step=call.step,
        cause="Softmax of numbers in [0, 1] is nearly flat: gradients shrink, and the loss stays far above zero.",
        wrong=code("""
            probabilities = torch.softmax(model(x), dim=1)
            loss = F.cross_entropy(probabilities, y)
        """),
        right="loss = F.cross_entropy(model(x), y)",
        edits=_edits(trace.sources, call.source) if certain else (),
        evidence={"num_classes": K, "row_sum_low": call.row_sum_low, "lowest_loss": floor},
    )


def _op(call: LossCall) -> str:
    return call.source.op if call.source else ""


def _edits(sources: Sources, source: Origin | None) -> tuple[Edit, ...]:
    if source is None:
        return ()
    names = (source.op, source.layer.rpartition(".")[2] or source.op, source.layer_class or source.op)
    return unwrap_call(sources, source.place, *names) or drop_layer(sources, source.layer_class)
