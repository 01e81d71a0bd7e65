"""A whole ReLU layer gives nothing but zeros.

What it detects

In each of the last looked-at training calls (at least three), every output of a ReLU layer was zero.

Why it hurts

Where ReLU gives zero its gradient is zero too. When all units are off for all rows, nothing behind the layer sees the
input and nothing before it gets a gradient: it cannot come back.

Evidence

Exact zeros, in at least three looked-at calls with 64 rows together, the last ones of the run.

Mend

    lower the learning rate, leave He initialisation as it is (no large negative bias), scale the inputs,
    or use a variant with a slope below zero (LeakyReLU, GELU)

When it keeps silent

Units that are off one by one (sparse layers are fine); layers that were off for a while and came back.

Source

Lu et al. 2019, "Dying ReLU and Initialization"; SageMaker Debugger, rule DeadRelu.
"""

from __future__ import annotations

import math

from luthier.checks.reading import runs_by_layer
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LayerRun
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M03", "a dead layer", "quick", ("O02", "N01", "M07", "D01", "D02", "D03", "D04")
MIN_CALLS, MIN_ROWS = 3, 64
RECTIFIERS = ("ReLU", "ReLU6", "relu")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """ReLU layers of trained calls; the first dead one of each model."""
    trained = {f.number for f in trace.forwards if f.trained_by}
    found: dict[int, Finding] = {}
    for (model, _), runs in runs_by_layer(r for r in trace.layer_runs if r.kind in RECTIFIERS).items():
        own = [r for r in runs if r.forward in trained and r.output is not None and r.output.stats is not None]
        dead = own[_last_alive(own) + 1 :]
        rows = sum(r.output.shape[0] for r in dead if r.output and r.output.shape)
        if len(dead) >= MIN_CALLS and rows >= MIN_ROWS and model not in found:
            found[model] = _finding(trace, dead, len(own), rows)
    return list(found.values())


def _last_alive(runs: list[LayerRun]) -> int:
    """Index of the last call in which some output was not zero; -1: there was none."""
    alive = [i for i, r in enumerate(runs) if r.output and r.output.stats and not _is_dead(r.output.stats.zero_share)]
    return alive[-1] if alive else -1


def _is_dead(zero_share: float) -> bool:
    return math.isfinite(zero_share) and zero_share == 1.0


def _finding(trace: Trace, dead: list[LayerRun], seen: int, rows: int) -> Finding:
    first = dead[0]
    model = trace.models.get(first.model)
    since = "from the first call on" if len(dead) == seen else f"since step {first.step}"
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        threshold=1.0,
        n=len(dead),
        text=f'the ReLU layer "{first.layer}" of {model.name if model else "the model"} has given only zeros '
        f"{since}: {plural(len(dead), 'looked-at call')}, {rows} rows.",
        remedy="Lower the learning rate, leave the default initialisation, scale the inputs, or use LeakyReLU or "
        "GELU.",
        severity="error",
        certain=True,
        place=first.place,
        step=first.step,
        cause="Where ReLU gives zero its gradient is zero: the layer cannot come back, and nothing before it learns.",
        evidence={"layer": first.layer, "since_step": first.step, "rows": rows},
    )
