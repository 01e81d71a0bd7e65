"""Hidden tanh or sigmoid units sit at their limits.

What it detects

In the last looked-at training calls (at least five) nearly all outputs of a hidden tanh or sigmoid layer are at the
limits (1 minus their mean square below 0.02; for sigmoid mean minus mean square below 0.02), and the loss does not
fall.

Why it hurts

At the limits the slope is near zero: the layers before get almost no gradient.

Evidence

Statistics of the outputs, and the course of the loss.

Mend

    scale the inputs, use Xavier initialisation, a normalisation layer before the activation, or ReLU

When it keeps silent

The last layer (certain probabilities are meant); gates of recurrent cells; a loss that falls.

Source

Glorot and Bengio 2010; SageMaker Debugger, rule SaturatedActivation.
"""

from __future__ import annotations

from luthier.checks.reading import learning, num, runs_by_layer
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LayerRun
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M04", "saturated hidden units", "quick", ("D01", "D02", "D03", "D04", "O02")
MIN_CALLS = 5
NEAR_LIMIT = 0.02


def judge(trace: Trace) -> list[Finding] | Unknown:
    """tanh and sigmoid layers, when the loss does not fall."""
    if learning(trace) is not False:
        return []
    trained = {f.number for f in trace.forwards if f.trained_by}
    found: dict[int, Finding] = {}
    for (number, layer), runs in runs_by_layer(r for r in trace.layer_runs if r.kind in ("Tanh", "Sigmoid")).items():
        model = trace.models.get(number)
        last = [r for r in runs if r.forward in trained][-MIN_CALLS:]
        if model is None or layer == model.last_layer or len(last) < MIN_CALLS or number in found:
            continue
        if all(_distance(r) < NEAR_LIMIT for r in last):
            found[number] = _finding(last)
    return list(found.values())


def _distance(run: LayerRun) -> float:
    """Mean distance from the limits: E[1 - y^2] of tanh, E[y (1 - y)] of sigmoid."""
    if run.kind == "Tanh":
        return 1.0 - run.rms**2
    stats = run.output.stats if run.output else None
    return stats.mean - run.rms**2 if stats is not None else 1.0


def _finding(runs: list[LayerRun]) -> Finding:
    first = runs[-1]
    stats = first.input.stats if first.input else None
    size = f"; its inputs reach {num(stats.absmax)}" if stats is not None else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=_distance(first),
        threshold=NEAR_LIMIT,
        n=len(runs),
        text=f'nearly all outputs of the {first.kind} layer "{first.layer}" are at its limits in the last '
        f"{plural(len(runs), 'looked-at call')}{size}, and the loss does not fall.",
        remedy="Scale the inputs, use Xavier initialisation, put a normalisation layer before it, or use ReLU.",
        severity="warning",
        place=first.place,
        step=first.step,
        cause="At the limits the slope is near zero, so the layers before get almost no gradient.",
        evidence={"layer": first.layer, "kind": first.kind},
    )
