"""Freezing that did not do what it was meant to: parts of the check of optimizer and model (O01)."""

from __future__ import annotations

import ast
import math
import re

from luthier.checks.wording import code, few, plural, replace, statement
from luthier.findings import Edit, Finding, Place
from luthier.watching.facts import Model, Optimizer, Parameter
from luthier.watching.trace import Trace

CODE, TITLE = "O01", "optimizer and model disagree"


def layers_of(parameters: list[Parameter]) -> list[str]:
    """Names of the layers that parameters belong to, each once."""
    return list(dict.fromkeys(p.name.rpartition(".")[0] or p.name for p in parameters))


def optimizer_of(trace: Trace, held: list[Parameter]) -> Optimizer:
    """The optimizer that holds most of some parameters; the first where none does."""
    numbers = [n for p in held for n in p.optimizers]
    return trace.optimizers[max(set(numbers), key=numbers.count) if numbers else min(trace.optimizers)]


def nothing_to_train(trace: Trace) -> list[Finding]:
    """Optimizers all of whose parameters are frozen."""
    return [_frozen(trace, o) for o in trace.optimizers.values() if _all_frozen(trace, o)]


def _all_frozen(trace: Trace, optimizer: Optimizer) -> bool:
    held = [trace.parameters[n] for g in optimizer.groups for n in g.parameters if n in trace.parameters]
    return bool(held) and bool(trace.num_backward) and not any(p.was_trainable or p.requires_grad for p in held)


def _frozen(trace: Trace, optimizer: Optimizer) -> Finding:
    num = sum(len(g.parameters) for g in optimizer.groups)
    place = next((b.place for b in trace.backwards), None)
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=0.0,
        n=num,
        text=f"All {plural(num, 'parameter')} of {optimizer.name} are frozen (requires_grad is False): there is "
        "nothing that it could train.",
        remedy="Freeze first and replace the head after that, or set requires_grad of the head to True.",
        severity="error",
        certain=True,
        place=optimizer.place,
        others=(place,) if place else (),
        cause="A frozen parameter gets no gradient. If all are frozen the loss has no path back to any weight.",
        wrong=code("""
            model.head = nn.Linear(32, 3)
            for p in model.parameters():
                p.requires_grad = False
        """),
        right=code("""
            for p in model.parameters():
                p.requires_grad = False
            model.head = nn.Linear(32, 3)
        """),
        evidence={"optimizer": optimizer.name},
    )


def frozen_in_name(trace: Trace, model: Model) -> Finding | None:
    """`layer.requires_grad = False` on a module, which only parameters heed."""
    names = [x.name for x in model.layers if x.options.get("requires_grad") is False]
    trained = [
        p
        for n in model.parameters
        if (p := trace.parameters.get(n))
        and p.requires_grad
        and p.num_steps
        and any(not name or p.name.startswith(f"{name}.") for name in names)
    ]
    if not trained:
        return None
    lines = [
        Place(file=file, line=i, text=text.strip())
        for file, source in trace.sources.items()
        for i, text in enumerate(source.splitlines(), 1)
        if re.search(r"\.requires_grad\s*=\s*False", text)
    ]
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(trained)),
        threshold=0.0,
        n=max(p.num_steps for p in trained),
        text=f"requires_grad = False was set on {plural(len(names), 'module')} of {model.name} ({few(names)}), where "
        f"it freezes nothing: {plural(len(trained), 'parameter')} below went on training.",
        remedy="Call requires_grad_(False) on the module, or set it on its parameters.",
        severity="error",
        certain=True,
        place=lines[0] if len(lines) == 1 else model.place,
        others=tuple(p for p in (optimizer_of(trace, trained).place,) if p),
        step=0,
        cause="A module has no such attribute: it is set, and nobody reads it.",
        wrong=code("for layer in model.backbone:\n    layer.requires_grad = False"),
        right=code("for layer in model.backbone:\n    layer.requires_grad_(False)"),
        edits=_call_instead(trace, lines),
        evidence={"parameters": [p.name for p in trained[:50]]},
    )


def _call_instead(trace: Trace, lines: list[Place]) -> tuple[Edit, ...]:
    """`layer.requires_grad = False` becomes `layer.requires_grad_(False)`."""
    found = statement(trace.sources, lines[0]) if len(lines) == 1 else None
    if found is None or not isinstance(found.node, ast.Assign) or len(found.node.targets) != 1:
        return ()
    target = found.node.targets[0]
    if not isinstance(target, ast.Attribute):
        return ()
    return replace(trace.sources, lines[0], f"{ast.unparse(target.value)}.requires_grad_(False)")


def frozen_late(trace: Trace, model: Model) -> list[Finding]:
    """An own `train()` that freezes was first called after parameters had been trained."""
    own = next((o for o in model.overrides if o.name == "train" and o.calls_super), None)
    late = [
        p
        for n in model.parameters
        if (p := trace.parameters.get(n)) and p.was_trainable and not p.requires_grad and p.num_steps
    ]
    mine = (model.number, None)  # None: called before the model's first call, known by its class only
    calls = (c for c in trace.mode_calls if c.training and c.model in mine and c.kind == model.name)
    first = next(calls, None)
    if own is None or not late or first is None or not first.step:
        return []
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=float(max(p.num_steps for p in late)),
            threshold=0.0,
            n=len(late),
            text=f"{plural(len(late), 'parameter')} of {model.name} ({few(layers_of(late))}) were trained for "
            f"{plural(max(p.num_steps for p in late), 'step')} and are frozen since {own.kind}.train() was first "
            "called.",
            remedy="Call train() before the optimizer is built, or freeze in __init__.",
            severity="warning",
            certain=True,
            place=own.place,
            others=tuple(p for p in (optimizer_of(trace, late).place, first.place) if p),
            step=first.step,
            cause="A new model is in training mode without train() having been called, so what train() freezes is "
            "trained until then.",
            wrong=code("model = Net(frozen_stages=2)\noptimizer = torch.optim.Adam(model.parameters())"),
            right=code(
                "model = Net(frozen_stages=2)\nmodel.train()\noptimizer = torch.optim.Adam(model.parameters())"
            ),
            evidence={"parameters": [p.name for p in late[:50]], "frozen_at": math.nan if not first else first.step},
        )
    ]
