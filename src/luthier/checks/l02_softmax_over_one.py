"""Softmax runs over an axis that holds a single entry.

What it detects

In every training call at a line, softmax or log-softmax works along an axis of size 1 and its result is what the
model returns or what a loss is given; or `cross_entropy` sees a single class.

Why it hurts

exp(z) / exp(z) = 1 whatever z is. The output is the constant 1 (its logarithm 0), the gradient is exactly zero,
and nothing is learnt.

Evidence

Exact: the size of the axis in each call.

Mend

Wrong:

    nn.Sequential(..., nn.Linear(64, 1), nn.Softmax(dim=1))

Right (two classes, one output):

    nn.Sequential(..., nn.Linear(64, 1))      # with F.binary_cross_entropy_with_logits

When it keeps silent

Attention over a single key and other softmaxes inside the model; a line whose axis is longer in some calls;
calls outside training.

Source

stackoverflow.com/questions/34311586; method notes on one-column outputs.
"""

from __future__ import annotations

from luthier.checks.reading import by_line, made_by, origin_place, shaped, trained
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall, Op
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L02", "softmax over one entry", "quick", ()
MIN_CALLS = 2
SOFT = ("softmax", "log_softmax")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Softmax calls on the way to the loss, and cross-entropy calls with one class."""
    found = []
    flat = {f.number for f in trace.forwards if f.output and f.output.stats and _is_constant(f.output.stats)}
    for _, calls in by_line(o for o in trace.ops if o.name in SOFT and (o.trained_by or o.to_loss)):
        if len(calls) >= MIN_CALLS and all(o.axis_size == 1 for o in calls) and _reaches_the_end(trace, calls, flat):
            found.append(_softmax(calls))
    if found:
        return found
    for _, losses in by_line(trained(trace, "cross_entropy")):
        if len(losses) >= MIN_CALLS and all(c.num_classes == 1 for c in losses):
            found.append(_one_class(losses))
    return found


def _is_constant(stats: object) -> bool:
    return getattr(stats, "low", 0) == getattr(stats, "high", 1)


def _reaches_the_end(trace: Trace, calls: list[Op], flat: set[int]) -> bool:
    last_layers = {m.last_layer for m in trace.models.values() if m.last_layer}
    looked = [o for o in calls if o.sampled]
    return bool(looked) and all(
        o.to_loss
        or o.is_model_output
        or o.forward in flat
        or (o.layer and o.layer in last_layers)
        or (not o.layer_class and o.source is not None and o.source.is_model_output)
        for o in looked
    )


def _softmax(calls: list[Op]) -> Finding:
    op = calls[0]
    where = f' (layer "{op.layer}")' if op.layer else ""
    how = "no dim was given, so torch chose one" if op.implicit else f"dim={op.axis}"
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        threshold=2.0,
        n=len(calls),
        text=f"{op.name}{where} works along an axis of size 1 of shape {shaped(op.shape)} ({how}) in all "
        f"{plural(len(calls), 'training call')}: its result is the constant {'1' if op.name == 'softmax' else '0'} "
        "and its gradient is zero.",
        remedy="For one output use sigmoid (binary_cross_entropy_with_logits on the raw output), or give the class "
        "axis.",
        severity="error",
        certain=True,
        place=op.place,
        step=op.step,
        cause="Softmax of a single number is 1 whatever the number is: nothing reaches the layers before it.",
        wrong=code("""
            model = nn.Sequential(nn.Linear(8, 1), nn.Softmax(dim=1))
            loss = F.binary_cross_entropy(model(x), y)
        """),
        right=code("""
            model = nn.Linear(8, 1)
            loss = F.binary_cross_entropy_with_logits(model(x), y)
        """),
        evidence={"axis": op.axis, "implicit": op.implicit, "layer": op.layer},
    )


def _one_class(calls: list[LossCall]) -> Finding:
    call = calls[0]
    shape = call.input.shape if call.input else None
    return Finding(
        code=CODE,
        title="cross-entropy over one class",
        number=1.0,
        threshold=2.0,
        n=len(calls),
        text=f"cross_entropy was given one class (shape {shaped(shape)}, from {made_by(call.source)}) in all "
        f"{plural(len(calls), 'training call')}: the loss is 0 and so is its gradient.",
        remedy="Give one output a class (two for a yes or no), or use binary_cross_entropy_with_logits for one "
        "output.",
        severity="error",
        certain=True,
        place=call.place,
        others=origin_place(call.source),
        step=call.step,
        cause="With a single class its probability is always 1, so there is nothing to learn.",
        wrong="loss = F.cross_entropy(model(x), y)   # model(x): (batch, 1)",
        right="loss = F.binary_cross_entropy_with_logits(model(x).squeeze(1), y.float())",
        evidence={"num_classes": 1},
    )
