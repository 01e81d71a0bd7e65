"""The last activation bounds the output, and the targets lie outside the bound.

What it detects

A regression loss whose prediction is the very output of ReLU (never below 0), sigmoid or softmax (0 to 1) or tanh
(-1 to 1), while the targets go well beyond; and classification losses on outputs that went through ReLU.

Why it hurts

No weights can bring the loss down to zero: the net sticks to the bound, where the gradient of these functions is
zero. ReLU before a classification loss removes all negative scores: with `binary_cross_entropy_with_logits` no
probability below 0.5 is possible.

Evidence

The activation is exact (the autograd graph says so); the range of at least 64 targets, outside by more than half
their standard deviation and a tenth of the output's range.

Mend

Wrong:

    nn.Sequential(..., nn.Linear(64, 1), nn.ReLU())     # targets from -3 to 3

Right:

    nn.Sequential(..., nn.Linear(64, 1))

When it keeps silent

Targets inside the bound (counts after ReLU, images in -1..1 after tanh), or outside it only by noise.

Source

stackoverflow.com/questions/48251943; the catalogue of TheDeepChecker.
"""

from __future__ import annotations

import math

from luthier.checks.patches import drop_layer, unwrap_call
from luthier.checks.reading import ELEMENTWISE, by_line, common_op, labels_at, made_by, num, origin_place, trained
from luthier.checks.wording import code, plural
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import Labels, LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L05", "the output cannot reach the target", "quick", ("L02",)
BOUNDS = {"relu": (0.0, math.inf), "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}
MIN_TARGETS = 64
SCORES = ("cross_entropy", "binary_cross_entropy_with_logits")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of regression losses, and of losses on scores, line by line."""
    found: list[Finding] = []
    short = 0
    for place, calls in by_line(trained(trace, *ELEMENTWISE)):
        op = common_op(calls)
        labels = labels_at(trace, place)
        if op not in BOUNDS or labels is None:
            continue
        if labels.num_labels < MIN_TARGETS:
            short = max(short, labels.num_labels)
        elif _excess(op, labels) > 0:
            found.append(_out_of_reach(trace, calls, op, labels))
    for _, calls in by_line(trained(trace, *SCORES)):
        if common_op(calls) == "relu" and calls[0].num_classes != 1:
            found.append(_clipped_scores(trace, calls))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason=f"{short} targets seen", needs=f"{MIN_TARGETS} targets")
    return found


def _excess(op: str, labels: Labels) -> float:
    """How far the targets go beyond the bound and what noise and rounding explain."""
    low, high = BOUNDS[op]
    outside = max(low - labels.low, labels.high - high)
    width = high - low if math.isfinite(high) else 0.0
    return outside - max(0.5 * labels.std, 0.1 * width) if math.isfinite(outside) else 0.0


def _out_of_reach(trace: Trace, calls: list[LossCall], op: str, labels: Labels) -> Finding:
    low, high = BOUNDS[op]
    reach = f"{num(low)} to {num(high)}" if math.isfinite(high) else f"{num(low)} and above"
    return Finding(
        code=CODE,
        title=TITLE,
        number=labels.low if labels.low < low else labels.high,
        threshold=low if labels.low < low else high,
        n=labels.num_labels,
        text=f"the output ends in {made_by(calls[0].source)}, so it is {reach}, but "
        f"{plural(labels.num_labels, 'target')} "
        f"range from {num(labels.low)} to {num(labels.high)}.",
        remedy="Let the model end in a linear layer, or bring the targets into the output's range and undo it for "
        "metrics.",
        severity="error",
        certain=True,
        place=calls[0].place,
        others=origin_place(calls[0].source),
        step=calls[0].step,
        cause="No weights can produce these targets; at the bound the gradient of the activation is zero.",
        wrong="model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1), nn.ReLU())",
        right="model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))",
        edits=_edits(trace, calls[0]),
        evidence={"activation": op, "target_low": labels.low, "target_high": labels.high, "target_std": labels.std},
    )


def _clipped_scores(trace: Trace, calls: list[LossCall]) -> Finding:
    call = calls[0]
    binary = call.name == "binary_cross_entropy_with_logits"
    effect = "no probability below 0.5 is possible" if binary else "a class can never be scored below 0"
    return Finding(
        code=CODE,
        title="scores went through ReLU",
        n=len(calls),
        text=f"{call.name} was given the output of {made_by(call.source)} in all "
        f"{plural(len(calls), 'training call')}: "
        f"{effect}, and a score of 0 gets no gradient.",
        remedy="Give the loss the output of the last linear layer.",
        severity="error" if binary else "warning",
        certain=True,
        place=call.place,
        others=origin_place(call.source),
        step=call.step,
        cause="Scores (logits) need both signs; ReLU cuts the negative ones off together with their gradient.",
        wrong=code("""
            model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3), nn.ReLU())
            loss = F.cross_entropy(model(x), y)
        """),
        right=code("""
            model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
            loss = F.cross_entropy(model(x), y)
        """),
        edits=_edits(trace, call),
        evidence={"activation": "relu", "loss": call.name},
    )


def _edits(trace: Trace, call: LossCall) -> tuple[Edit, ...]:
    """Only a call by name is taken away: a net has many ReLU layers."""
    source = call.source
    if source is None:
        return ()
    if source.op != "relu":
        by_layer = drop_layer(trace.sources, source.layer_class)
        if by_layer:
            return by_layer
    return () if source.layer else unwrap_call(trace.sources, source.place, source.op)
