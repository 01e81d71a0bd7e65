"""Optimizer and model disagree: what is trained is not what the optimizer holds.

What it detects

Trainable parameters that get gradients and are in no optimizer: a layer that was replaced after the optimizer was
built, a group that was made and not handed over, a model that was copied or built again. `requires_grad = False` set
on a module, which freezes nothing. An optimizer all of whose
parameters are frozen. Parameters that the optimizer has trained for some steps before an own `train()` froze them.

Why it hurts

These weights stay as they were initialised, whatever the loss says; often it is the head, the one layer that has to
be trained.

Evidence

Exact: the identity of the parameters that the optimizers hold, and of those that a backward pass left a gradient.

Mend

Wrong:

    optimizer = torch.optim.Adam(model.parameters())
    model.head = nn.Linear(32, 3)

Right:

    model.head = nn.Linear(32, 3)
    optimizer = torch.optim.Adam(model.parameters())

When it keeps silent

Parameters that do not ask for a gradient; weights that were loaded before the first step (a pretrained trunk); a
model behind the trained one that only judges its output; parameters that some other optimizer holds or held; programs
without an optimizer. A trunk in front of a trained head, and models of installed packages, get a hint only: their
weights may be pretrained.

Source

pytorch/pytorch#14467, zjunlp/HVPNeT#5, huggingface/accelerate#2665, open-mmlab/mmpretrain#702.
"""

from __future__ import annotations

from luthier.checks.freezing import (
    CODE,
    TITLE,
    frozen_in_name,
    frozen_late,
    layers_of,
    nothing_to_train,
    optimizer_of,
)
from luthier.checks.stepping import is_empty, taken
from luthier.checks.wording import code, few, percent, plural
from luthier.findings import Finding, Place, Severity, Unknown
from luthier.watching.facts import Model, Optimizer, Parameter
from luthier.watching.trace import Trace

TIER, CAUSES = "quick", ("M02",)
MIN_STEPS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer or model."""
    if not trace.optimizers:
        return []
    frozen = nothing_to_train(trace)
    if frozen:
        return frozen
    if len(trace.steps) < MIN_STEPS:
        return Unknown(code=CODE, title=TITLE, reason="fewer than two optimizer steps were seen", needs="more steps")
    strangers = [o for o in trace.optimizers.values() if _is_stranger(trace, o)]
    found = []
    for model in trace.trained_models():
        missing = _missing(trace, model)
        unfrozen = frozen_in_name(trace, model)
        if unfrozen is not None:
            found.append(unfrozen)
        elif missing:
            found += _of_model(trace, model, missing, strangers)
        else:
            found += frozen_late(trace, model)
    return found


def _is_stranger(trace: Trace, optimizer: Optimizer) -> bool:
    """Whether an optimizer steps without ever a gradient."""
    steps = [s for s in taken(trace, optimizer.number) if is_empty(s) is not None]
    held = [trace.parameters[n] for g in optimizer.groups for n in g.parameters if n in trace.parameters]
    return len(steps) >= MIN_STEPS and all(is_empty(s) for s in steps) and not any(p.num_gradients for p in held)


def _missing(trace: Trace, model: Model) -> list[Parameter]:
    """Trainable parameters of a model that get gradients, were not loaded, and are in no optimizer."""
    own = [trace.parameters[n] for n in model.parameters if n in trace.parameters]
    return [p for p in own if p.requires_grad and p.num_gradients and not p.optimizers and not p.loaded]


def _of_model(trace: Trace, model: Model, missing: list[Parameter], strangers: list[Optimizer]) -> list[Finding]:
    held = [trace.parameters[n] for n in model.parameters if n in trace.parameters and trace.parameters[n].optimizers]
    trained = [p for p in held if p.num_steps]
    outside = [
        p
        for o in trace.optimizers.values()
        for g in o.groups
        for n in g.parameters
        if (p := trace.parameters.get(n)) and p.model is None and not p.num_gradients and p.requires_grad
    ]
    if strangers and not trained:
        return [_none_held(trace, model, missing, strangers[0])]
    if not held:
        return (
            [_some_held(trace, model, missing, held, outside=[], severity=_upstream(trace, model))]
            if _feeds(trace, model)
            else []
        )
    order = {n: i for i, n in enumerate(model.parameters)}
    behind = max(order[p.number] for p in missing) > min(order[p.number] for p in held)
    severity: Severity = "error" if outside else "warning" if behind and not _foreign(model, missing) else "info"
    return [_some_held(trace, model, missing, held, outside=outside, severity=severity)]


def _feeds(trace: Trace, model: Model) -> bool:
    """Whether a model's output goes into a model that an optimizer trains."""
    trained = {m.number for m in trace.models.values() if _is_trained(trace, m)}
    calls = {f.number: f for f in trace.forwards}
    for backward in trace.backwards:
        inside = [calls[n] for n in backward.forwards if n in calls]
        mine = [f.at for f in inside if f.model == model.number]
        others = [f.at for f in inside if f.model in trained]
        if mine and others and min(mine) < min(others):
            return backward.num_used > 0
    return False


def _is_trained(trace: Trace, model: Model) -> bool:
    return any(trace.parameters[n].num_steps for n in model.parameters if n in trace.parameters)


def _upstream(trace: Trace, model: Model) -> Severity:
    own = [trace.parameters[n] for n in model.parameters if n in trace.parameters]
    return "info" if _foreign(model, own) else "warning"


def _foreign(model: Model, missing: list[Parameter]) -> bool:
    """Whether one of the parameters stands below a module of an installed package: it may be pretrained."""
    roots = [x.name for x in model.layers if x.foreign]
    return any(not r or p.name == r or p.name.startswith(r + ".") for r in roots for p in missing)


def _none_held(trace: Trace, model: Model, missing: list[Parameter], optimizer: Optimizer) -> Finding:
    num = sum(len(g.parameters) for g in optimizer.groups)
    return _finding(
        optimizer,
        number=1.0,
        n=optimizer.num_steps,
        severity="error",
        text=f"{optimizer.name} holds {plural(num, 'parameter')}, none of which got a gradient in "
        f"{plural(optimizer.num_steps, 'step')}, while {plural(len(missing), 'parameter')} of {model.name} "
        f"({few(layers_of(missing))}) got gradients and are in no optimizer: it trains another copy of the model.",
        others=_lines(trace, model),
        evidence={"parameters": [p.name for p in missing[:50]], "held": num},
    )


def _some_held(
    trace: Trace,
    model: Model,
    missing: list[Parameter],
    held: list[Parameter],
    *,
    outside: list[Parameter],
    severity: Severity,
) -> Finding:
    optimizer = optimizer_of(trace, held)
    share = sum(p.size for p in missing) / max(sum(p.size for p in [*missing, *held]), 1)
    dead = f"; {plural(len(outside), 'tensor')} that it holds instead get no gradient" if outside else ""
    return _finding(
        optimizer,
        number=share,
        n=len(trace.steps),
        severity=severity,
        text=f"{plural(len(missing), 'trainable parameter')} of {model.name} ({few(layers_of(missing))}; "
        f"{percent(share)} of its trainable weights) get gradients and are in no optimizer{dead}.",
        others=_lines(trace, model),
        evidence={"parameters": [p.name for p in missing[:50]], "share": share},
    )


def _lines(trace: Trace, model: Model) -> tuple[Place, ...]:
    step = next((s.place for s in trace.steps if s.place), None)
    return tuple(p for p in (model.place, step) if p)


def _finding(
    optimizer: Optimizer,
    *,
    number: float,
    n: int,
    severity: Severity,
    text: str,
    others: tuple[Place, ...],
    evidence: dict[str, float | int | str | bool | list[float | int | str] | None],
) -> Finding:
    name = optimizer.variable or "optimizer"
    return Finding(
        code=CODE,
        title=TITLE,
        number=number,
        threshold=0.0,
        n=n,
        text=text,
        remedy="Build the optimizer after the last change to the model and hand it all parameters; call "
        "requires_grad_(False) on those that are meant to stay.",
        severity=severity,
        certain=severity == "error",
        place=optimizer.place,
        others=others,
        step=0,
        cause="A parameter that no optimizer holds keeps its initial value.",
        wrong=code(f"""
            {name} = torch.optim.{optimizer.name}(model.parameters())
            model.head = nn.Linear(32, 3)
        """),
        right=code(f"""
            model.head = nn.Linear(32, 3)
            {name} = torch.optim.{optimizer.name}(model.parameters())
        """),
        evidence={"optimizer": optimizer.name, **evidence},
    )
