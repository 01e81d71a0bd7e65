"""All units of a layer start alike and stay alike.

What it detects

A weight matrix whose rows were all equal when it was first seen, and whose gradient has had equal rows in every
looked-at step since.

Why it hurts

Units with equal weights get equal gradients: a layer of a hundred units works as one.

Evidence

Exact equality of the rows, at the start and in the gradients of at least three looked-at steps.

Mend

Wrong:

    nn.init.constant_(layer.weight, 0.1)

Right:

    nn.init.kaiming_normal_(layer.weight)      # or leave the layer's own initialisation

When it keeps silent

Layers that start at zero on purpose and come apart at once (heads, residual branches, adapters, logistic
regression): their gradients have different rows.

Source

Goodfellow, Bengio and Courville 2016, section 8.4; NeuraLint (constant initialisation).
"""

from __future__ import annotations

import re

from luthier.checks.wording import Sources, few, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Model, Parameter
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M07", "units that start alike", "quick", ("D04", "L02")
MIN_STEPS, FIRST_STEPS = 3, 5
"""Rounding alone lets equal units part later on, too late to be of use."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Weight matrices of models in training; one finding a model."""
    equal: dict[int, list[bool]] = {}
    constant = {n for n, p in trace.parameters.items() if p.constant}
    for step in trace.steps:
        for tensor in step.tensors:
            nothing = tensor.grad_zero_share == 1.0 and tensor.parameter in constant
            equal.setdefault(tensor.parameter, []).append(tensor.grad_rows_equal or nothing)
    found = []
    for model in trace.trained_models():
        own = [trace.parameters[n] for n in model.parameters if n in trace.parameters]
        alike = [
            p
            for p in own
            if p.rows_equal
            and p.requires_grad
            and len(p.shape) >= 2
            and p.shape[0] >= 2
            and len(equal.get(p.number, ())) >= MIN_STEPS
            and all(equal[p.number][:FIRST_STEPS])
        ]
        if alike:
            looked = min(len(equal[alike[0].number]), FIRST_STEPS)
            found.append(_finding(model, alike, looked, _initialiser(trace.sources)))
    return found


def _initialiser(sources: Sources) -> Place | None:
    """The only line that fills something, biases left out, with one number."""
    found = []
    for file, source in sources.items():
        for i, text in enumerate(source.splitlines(), 1):
            if (
                re.search(r"\.(constant_|zeros_|ones_|fill_|zero_)\(|torch\.(zeros|ones|full)_like\(", text)
                and "bias" not in text
            ):
                found.append(Place(file=file, line=i, text=text.strip()))
    return found[0] if len(found) == 1 else None


def _finding(model: Model, alike: list[Parameter], steps: int, place: Place | None) -> Finding:
    rows = alike[0].shape[0]
    return Finding(
        code=CODE,
        title=TITLE,
        number=1.0,
        threshold=float(rows),
        n=steps,
        text=f"all rows of {few(p.name for p in alike)} of {model.name} started equal and got equal gradients (or "
        f"none at all) in the first {plural(steps, 'looked-at step')}: its {plural(rows, 'unit')} work as one.",
        remedy="Leave the layer's own initialisation, or use a random one (kaiming_normal_, xavier_uniform_).",
        severity="error",
        certain=True,
        place=place or model.place,
        others=(model.place,) if place and model.place else (),
        cause="Units with equal weights get equal gradients, so they stay equal for ever.",
        wrong="nn.init.constant_(layer.weight, 0.1)",
        right="nn.init.kaiming_normal_(layer.weight)",
        evidence={"parameters": [p.name for p in alike[:20]], "units": rows},
    )
