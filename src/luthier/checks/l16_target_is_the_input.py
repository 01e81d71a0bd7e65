"""A model that is to continue a sequence is asked for the very token that it is given.

What it detects

The target of cross-entropy equals the tokens that an embedding was given, place by place, in every looked-at call,
and what follows keeps to its place: causal attention in all layers, or a recurrent net whose steps go on to the next
layer.

Why it hurts

The answer stands in the input at the same place. The loss falls to almost nothing, and the net has learnt to copy a
token; asked for a continuation, it repeats what it was given.

Evidence

Exact: token numbers of the target against those of the embedding.

Mend

Wrong:

    loss = F.cross_entropy(model(x).flatten(0, 1), x.flatten())

Right:

    loss = F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())

When it keeps silent

Auto-encoders, whose last state alone goes on; attention that looks both ways (masked tokens); targets that differ at
any place.

Source

Bengio et al. 2003, "A Neural Probabilistic Language Model"; Sutskever et al. 2014 (the decoder is given the last
token, not the next).
"""

from __future__ import annotations

from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LossCall
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L16", "the target is the input itself", "quick", ()
MIN_CALLS, MIN_TOKENS = 3, 100
RECURRENT = ("LSTM", "GRU", "RNN")
BETWEEN = ("Dropout", "LayerNorm")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Looked-at training calls of losses whose target was held against tokens, by model."""
    models = {f.number: f.model for f in trace.forwards}
    found = []
    for number in sorted({models[c.forward] for c in trace.losses if c.tokens and c.forward in models}):
        calls = [c for c in trace.losses if c.tokens and c.trained_by and models.get(c.forward) == number]
        n = sum(c.tokens.n for c in calls if c.tokens)
        same = all(c.tokens.share == 1.0 for c in calls if c.tokens)
        if len(calls) >= MIN_CALLS and n >= MIN_TOKENS and same and _keeps_place(trace, trace.models[number], calls):
            found.append(_finding(calls, n))
    return found


def _keeps_place(trace: Trace, model: Model, calls: list[LossCall]) -> bool:
    forwards = {c.forward for c in calls}
    looks = [o.causal for o in trace.ops if o.forward in forwards and o.causal is not None]
    if looks:
        return all(looks)
    name = calls[0].tokens.layer if calls[0].tokens else ""
    layers = {x.name: x for x in model.layers}
    return any(_fed_by(x, name, layers) and _goes_on(x, model) for x in model.layers if x.kind in RECURRENT)


def _fed_by(layer: Layer, embedding: str, layers: dict[str, Layer]) -> bool:
    if layer.options.get("bidirectional"):
        return False
    before = layers.get(layer.follows)
    while before is not None and before.kind in BETWEEN:
        before = layers.get(before.follows)
    return before is not None and before.name == embedding


def _goes_on(layer: Layer, model: Model) -> bool:
    return any(x.follows == layer.name for x in model.layers)


def _finding(calls: list[LossCall], n: int) -> Finding:
    call = calls[0]
    layer = call.tokens.layer if call.tokens else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        n=n,
        text=f"all {n} targets of {plural(len(calls), 'looked-at training call')} equal the tokens that {layer} was "
        "given at the same place: nothing has to be predicted.",
        remedy="Move them against each other: the input without its last token, the target without its first.",
        severity="error",
        certain=True,
        place=call.place,
        step=call.step,
        cause="The net learns to copy a token. The loss falls to almost nothing and says nothing.",
        wrong="logits = model(x);  loss = F.cross_entropy(logits.flatten(0, 1), x.flatten())",
        right="logits = model(x[:, :-1]);  loss = F.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten())",
        evidence={"layer": layer, "calls": len(calls)},
    )
