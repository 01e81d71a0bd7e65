"""A loss is given what another loss wants: probabilities for logits, raw outputs for log-probabilities.

What it detects

- `binary_cross_entropy_with_logits` on the output of sigmoid or softmax;
- `nll_loss` or `ctc_loss` on numbers above 0 (log-probabilities never are) or on the output of softmax;
- `kl_div` on probabilities (it wants their logarithms as input);
- `binary_cross_entropy` on softmax where rows may have several labels, or none;
- `binary_cross_entropy` on numbers that are all exactly 0 or 1;
- `poisson_nll_loss` with log_input=True (so it is made) on the output of exp or softplus: a rate, not its logarithm.

Why it hurts

A second sigmoid keeps every probability between 0.5 and 0.73, so the loss cannot fall below
0.31 for a positive and 0.69 for a negative. `nll_loss` just returns minus the number it is given: with raw outputs
it has no lower bound and the net learns to make numbers large, not to be right. Nothing raises an error.

Evidence

Exact where the tensor is the very output of sigmoid or softmax; for raw outputs: numbers above 0 in at least three
looked-at calls.

Mend

Wrong:

    loss = F.nll_loss(model(x), y)

Right:

    loss = F.cross_entropy(model(x), y)       # log-softmax and nll_loss in one

When it keeps silent

Logits that happen to lie in [0, 1]; sigmoids inside the model (gates); softmax with `binary_cross_entropy` where
each row has exactly one label.

Source

PyTorch documentation of BCEWithLogitsLoss, NLLLoss and KLDivLoss; stackoverflow.com/questions/38648195.
"""

from __future__ import annotations

import ast
import math

from luthier.checks.patches import drop_layer, only_call, replace_node, unwrap_call
from luthier.checks.reading import by_line, common_op, made_by, num, origin_place, trained
from luthier.checks.wording import Sources, every, plural
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L03", "the loss gets what another loss wants", "quick", ("L02",)
MIN_CALLS = 3
MENDS = {
    "nll_loss": ("F.nll_loss(model(x), y)", "F.cross_entropy(model(x), y)   # raw outputs"),
    "ctc_loss": (
        "F.ctc_loss(model(x), y, lengths, target_lengths)",
        "F.ctc_loss(model(x).log_softmax(2), y, lengths, target_lengths)",
    ),
    "kl_div": (
        "F.kl_div(torch.softmax(model(x), 1), target)",
        "F.kl_div(F.log_softmax(model(x), 1), target, reduction='batchmean')",
    ),
}
"""Losses of log-probabilities: wrong and right."""
ABOVE_ZERO = 1e-4
"""Log-probabilities end at 0; float32 log-softmax stays below this."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training calls of the losses named above, line by line."""
    found = []
    names = (
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy",
        "nll_loss",
        "ctc_loss",
        "kl_div",
        "poisson_nll_loss",
    )
    for _, calls in by_line(trained(trace, *names)):
        for rule in (_swapped, _squashed_logits, _no_logarithm, _softmax_for_many, _all_or_nothing, _rate):
            finding = rule(trace, calls)
            if finding:
                found.append(finding)
                break
    return found


def _swapped(_trace: Trace, calls: list[LossCall]) -> Finding | None:
    """The model's output stands where the target belongs, and the labels where the output does."""
    first = calls[0]
    if not all(c.target and c.input and c.target.requires_grad and not c.input.requires_grad for c in calls):
        return None
    return _finding(
        calls,
        f"{first.name} was given the target first and the output of the model second in all "
        f"{plural(len(calls), 'training call')}: the second argument carries gradients, the first does not.",
        remedy="Give the output first: loss_fn(output, target).",
        wrong="loss = F.binary_cross_entropy(y, model(x))",
        right="loss = F.binary_cross_entropy(model(x), y)",
    )


def _op(call: LossCall) -> str:
    return call.source.op if call.source else ""


def _squashed_logits(trace: Trace, calls: list[LossCall]) -> Finding | None:
    first = calls[0]
    if first.name != "binary_cross_entropy_with_logits" or common_op(calls) not in ("sigmoid", "softmax"):
        return None
    return _finding(
        calls,
        f"binary_cross_entropy_with_logits was given the output of {made_by(first.source)} in all "
        f"{plural(len(calls), 'training call')}; it applies sigmoid itself, so every probability lies between 0.5 "
        "and 0.73.",
        remedy="Give it the raw outputs; apply sigmoid only where probabilities are shown.",
        wrong="loss = F.binary_cross_entropy_with_logits(torch.sigmoid(model(x)), y)",
        right="loss = F.binary_cross_entropy_with_logits(model(x), y)",
        edits=_without(trace.sources, first),
    )


def _no_logarithm(trace: Trace, calls: list[LossCall]) -> Finding | None:
    first = calls[0]
    if first.name not in MENDS:
        return None
    probabilities = common_op(calls) in ("softmax", "sigmoid")
    highs = [c.input.stats.high for c in calls if c.input and c.input.stats]
    above = first.name != "kl_div" and len(highs) >= MIN_CALLS and min(highs) > ABOVE_ZERO
    if not probabilities and not above:
        return None
    high = max(highs, default=math.nan)
    got = f"the output of {made_by(first.source)}" if probabilities else f"numbers up to {num(high)}"
    call, mend = MENDS[first.name]
    return _finding(
        calls,
        f"{first.name} was given {got} in {every(len(calls), 'training call')}; it wants log-probabilities, "
        "which are never above 0.",
        remedy="Give it log_softmax of the raw outputs"
        + (", or give the raw outputs to cross_entropy." if first.name == "nll_loss" else "."),
        wrong=f"loss = {call}",
        right=f"loss = {mend}",
        number=high,
        edits=_to_cross_entropy(trace.sources, first) if first.name == "nll_loss" and not probabilities else (),
        certain=probabilities,
    )


def _softmax_for_many(_trace: Trace, calls: list[LossCall]) -> Finding | None:
    first = calls[0]
    if first.name != "binary_cross_entropy" or common_op(calls) != "softmax":
        return None
    sums = [s for c in calls for s in (c.target_row_sum_low, c.target_row_sum_high) if math.isfinite(s)]
    if len(sums) < 2 * MIN_CALLS or all(abs(s - 1) < 1e-3 for s in sums):
        return None
    return _finding(
        calls,
        f"binary_cross_entropy was given the output of {made_by(first.source)}, whose rows add up to 1, while rows "
        f"of the target add up to {num(min(sums))} to {num(max(sums))}: several labels cannot be likely at once.",
        remedy="Use sigmoid for labels that are independent: raw outputs into binary_cross_entropy_with_logits.",
        wrong="loss = F.binary_cross_entropy(torch.softmax(model(x), 1), labels)",
        right="loss = F.binary_cross_entropy_with_logits(model(x), labels)",
    )


def _all_or_nothing(_trace: Trace, calls: list[LossCall]) -> Finding | None:
    first = calls[0]
    shares = [c.exact_share for c in calls if math.isfinite(c.exact_share)]
    if first.name != "binary_cross_entropy" or len(shares) < MIN_CALLS or min(shares) < 1 or _op(first) == "sigmoid":
        return None
    return _finding(
        calls,
        f"binary_cross_entropy was given numbers that are all exactly 0 or 1 (from {made_by(first.source)}) in all "
        f"{plural(len(shares), 'looked-at call')}: decisions, not probabilities.",
        remedy="Give the loss probabilities or, better, raw outputs to binary_cross_entropy_with_logits; round only "
        "in metrics.",
        wrong="loss = F.binary_cross_entropy(torch.sigmoid(model(x)).round(), y)",
        right="loss = F.binary_cross_entropy_with_logits(model(x), y)",
    )


def _rate(_trace: Trace, calls: list[LossCall]) -> Finding | None:
    first = calls[0]
    if first.name != "poisson_nll_loss" or not all(c.log_input for c in calls):
        return None
    if common_op(calls) not in ("exp", "softplus"):
        return None
    return _finding(
        calls,
        f"poisson_nll_loss with log_input=True was given the output of {made_by(first.source)} in all "
        f"{plural(len(calls), 'training call')}; it takes the exponential itself: a rate below 1 cannot be said.",
        remedy="Say log_input=False for rates, or give it the raw outputs, which are logarithms of rates.",
        wrong="loss = nn.PoissonNLLLoss()(rate, counts)",
        right="loss = nn.PoissonNLLLoss(log_input=False)(rate, counts)",
    )


def _finding(
    calls: list[LossCall],
    text: str,
    *,
    remedy: str,
    wrong: str,
    right: str,
    number: float = math.nan,
    edits: tuple[Edit, ...] = (),
    certain: bool = True,
) -> Finding:
    first = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=number,
        threshold=0.0 if math.isfinite(number) else math.nan,
        n=len(calls),
        text=text,
        remedy=remedy,
        severity="error",
        certain=certain,
        place=first.place,
        others=origin_place(first.source),
        step=first.step,
        cause="The loss does not measure what it is meant to: its optimum is no longer the right answer, or cannot "
        "be reached.",
        wrong=wrong,
        right=right,
        edits=edits,
        evidence={"loss": first.name, "source": _op(first)},
    )


def _without(sources: Sources, call: LossCall) -> tuple[Edit, ...]:
    source = call.source
    if source is None:
        return ()
    names = {source.op, source.layer.rpartition(".")[2] or source.op, source.layer_class or source.op}
    return unwrap_call(sources, source.place, *names) or drop_layer(sources, source.layer_class)


def _to_cross_entropy(sources: Sources, call: LossCall) -> tuple[Edit, ...]:
    """`F.nll_loss(raw, y)` becomes `F.cross_entropy(raw, y)`: the same arguments, log-softmax added."""
    node = only_call(sources, call.place, ["nll_loss"])
    if node is None or call.place is None:
        return ()
    return replace_node(
        sources, call.place, node.func, ast.unparse(node.func).removesuffix("nll_loss") + "cross_entropy"
    )
