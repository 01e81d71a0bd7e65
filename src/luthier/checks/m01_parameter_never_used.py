"""Trainable parameters of a model in training never get a gradient.

What it detects

Parameters that an optimizer holds and that ask for gradients, but that no backward pass has reached, although at
least 30 passes went through their model.

Why it hurts

The layer is left out of `forward`, or something cuts the graph in front of it (detach, .data, no_grad, argmax). It
stays as it was initialised; with weight decay it does not even get that (no gradient, no step).

Evidence

Exact: backward passes counted for each parameter.

Mend

Wrong:

    def forward(self, x):
        return self.head(self.body(x).detach())

Right:

    def forward(self, x):
        return self.head(self.body(x))

When it keeps silent

Frozen parameters; parameters that any pass has reached (heads by turns, experts, layer drop); fewer than 30 passes.
Experts that their router has never chosen, where it chooses others now and then, are a hint only.

Source

Lightning-AI/pytorch-lightning#1237; TrainCheck (VarChange).
"""

from __future__ import annotations

import ast
from collections import Counter

from luthier.checks.wording import Sources, code, few, made_at, parsed, percent, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Model, Parameter
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M01", "parameters that are never used", "quick", ("T03", "T06", "O01", "L02", "M08")
MIN_PASSES = 30


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Models in training, one finding each."""
    passes = _passes(trace)
    found, short = [], 0
    for model in trace.trained_models():
        own = [trace.parameters[n] for n in model.parameters if n in trace.parameters]
        held = [p for p in own if p.optimizers and p.requires_grad]
        unused = [p for p in held if not p.num_gradients]
        if not unused or len(unused) == len(held):
            continue
        if passes[model.number] < MIN_PASSES:
            short = max(short, passes[model.number])
        else:
            found.append(_finding(trace, model, held, unused, passes[model.number]))
    if not found and short:
        return Unknown(
            code=CODE, title=TITLE, reason=f"{plural(short, 'backward pass')} seen", needs=f"{MIN_PASSES} passes"
        )
    return found


def _is_routed(unused: Parameter, held: list[Parameter], passes: int) -> bool:
    """Is it of an expert: one of a list of like modules of which others are used in some passes and not in others?"""
    parts = unused.name.split(".")
    return any(
        len(parts) == len(like) and unlike == 1 and 0 < p.num_gradients < passes
        for p in held
        for like in [p.name.split(".")]
        for unlike in [sum(a != b and a.isdigit() and b.isdigit() for a, b in zip(parts, like, strict=False))]
        if all(a == b or (a.isdigit() and b.isdigit()) for a, b in zip(parts, like, strict=False))
    )


def _passes(trace: Trace) -> Counter[int]:
    """Backward passes through each model, by the most-used of its parameters."""
    counts: Counter[int] = Counter()
    for number, model in trace.models.items():
        own = [trace.parameters[n].num_gradients for n in model.parameters if n in trace.parameters]
        counts[number] = max(own, default=0)
    return counts


def _cuts(sources: Sources) -> list[Place]:
    """Lines of a `forward` that give a name to itself, detached."""
    found = []
    for file, source in sources.items():
        lines = source.splitlines()
        for function in ast.walk(parsed(source)):
            if not isinstance(function, ast.FunctionDef) or function.name != "forward":
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and _detaches(node):
                    text = lines[node.lineno - 1].strip()
                    found.append(Place(file=file, line=node.lineno, function="forward", text=text))
    return found


def _detaches(node: ast.Assign) -> bool:
    """`h = h.detach()`, or `h = self.body(x).detach()`: a local name, as what is kept on self may be detached."""
    call = node.value
    detached = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "detach"
    return detached and all(isinstance(target, ast.Name) for target in node.targets)


def _finding(trace: Trace, model: Model, held: list[Parameter], unused: list[Parameter], passes: int) -> Finding:
    share = sum(p.size for p in unused) / max(sum(p.size for p in held), 1)
    layers = list(dict.fromkeys(p.name.rpartition(".")[0] or p.name for p in unused))
    cut = _cuts(trace.sources)
    routed = all(_is_routed(p, held, passes) for p in unused)
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=0.0,
        n=passes,
        text=f"{plural(len(unused), 'parameter')} of {model.name} ({few(layers)}; {percent(share)} of its trainable "
        f"weights) got no gradient in {plural(passes, 'backward pass')}.",
        remedy="Call the layer in forward, or remove it; look for detach, .data, no_grad or argmax between it and "
        "the loss.",
        severity="info" if routed else "error" if share > 0.5 else "warning",
        certain=True,
        place=cut[0] if len(cut) == 1 else made_at(trace.sources, layers[0]) or model.place,
        others=(model.place,) if model.place else (),
        cause="These weights stay as they were initialised.",
        wrong=code("""
            def forward(self, x):
                return self.head(self.body(x).detach())
        """),
        right=code("""
            def forward(self, x):
                return self.head(self.body(x))
        """),
        evidence={"parameters": [p.name for p in unused[:50]], "share": share},
    )
