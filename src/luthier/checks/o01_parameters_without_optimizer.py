"""Optimizer and model disagree: what is trained is not what the optimizer holds.

What it detects

Trainable parameters that get gradients and are in no optimizer: a layer that was replaced after the optimizer was
built, a group that was made and not handed over, a model that was copied or built again. An optimizer all of whose
parameters are frozen. Parameters that the optimizer has trained for some steps before an own `train()` froze them.

Why it hurts

These weights stay as they were initialised, whatever the loss says; often it is the head, the one layer that has to be
trained.

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

Parameters that do not ask for a gradient; weights that were loaded before the first step (a pretrained trunk); a model
behind the trained one that only judges its output; parameters that some other optimizer holds or held; programs
without an optimizer. A trunk in front of a trained head, and models of installed packages, get a hint only: their
weights may be pretrained.

Source

pytorch/pytorch#14467, zjunlp/HVPNeT#5, huggingface/accelerate#2665, open-mmlab/mmpretrain#702.
"""

from __future__ import annotations

import math

from luthier.checks.stepping import is_empty, taken
from luthier.checks.wording import code, few, percent, plural
from luthier.findings import Finding, Place, Severity, Unknown
from luthier.watching.facts import Backward, Model, Optimizer, Parameter
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O01", "optimizer and model disagree", "quick", ("M02",)
MIN_STEPS = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding an optimizer or model."""
    if not trace.optimizers:
        return []
    frozen = [_frozen(trace, o) for o in trace.optimizers.values() if _all_frozen(trace, o)]
    if frozen:
        return frozen
    if len(trace.steps) < MIN_STEPS:
        return Unknown(code=CODE, title=TITLE, reason="fewer than two optimizer steps were seen", needs="more steps")
    strangers = [o for o in trace.optimizers.values() if _is_stranger(trace, o)]
    found = []
    for model in trace.trained_models():
        missing = _missing(trace, model)
        if missing:
            found += _of_model(trace, model, missing, strangers)
        else:
            found += _frozen_late(trace, model)
    return found


def _all_frozen(trace: Trace, optimizer: Optimizer) -> bool:
    held = [trace.parameters[n] for g in optimizer.groups for n in g.parameters if n in trace.parameters]
    return bool(held) and bool(trace.num_backward) and not any(p.was_trainable or p.requires_grad for p in held)


def _is_stranger(trace: Trace, optimizer: Optimizer) -> bool:
    """Whether an optimizer steps without ever a gradient."""
    steps = [s for s in taken(trace, optimizer.number) if is_empty(s) is not None]
    held = [trace.parameters[n] for g in optimizer.groups for n in g.parameters if n in trace.parameters]
    return len(steps) >= MIN_STEPS and all(is_empty(s) for s in steps) and not any(p.num_gradients for p in held)


def _missing(trace: Trace, model: Model) -> list[Parameter]:
    """Trainable parameters of a model that get gradients, were not loaded, and are in no optimizer."""
    own = [trace.parameters[n] for n in model.parameters if n in trace.parameters]
    return [p for p in own if p.requires_grad and p.num_gradients and not p.optimizers and not p.loaded]


def _of_model(
    trace: Trace, model: Model, missing: list[Parameter], strangers: list[Optimizer]
) -> list[Finding]:
    held = [trace.parameters[n] for n in model.parameters if n in trace.parameters and trace.parameters[n].optimizers]
    trained = [p for p in held if p.num_steps]
    outside = [
        p for o in trace.optimizers.values() for g in o.groups for n in g.parameters
        if (p := trace.parameters.get(n)) and p.model is None and not p.num_gradients and p.requires_grad
    ]  # fmt: skip
    if strangers and not trained:
        return [_none_held(trace, model, missing, strangers[0])]
    if not held:
        return [_some_held(trace, model, missing, held, [], _upstream(trace, model))] if _feeds(trace, model) else []
    order = {n: i for i, n in enumerate(model.parameters)}
    behind = max(order[p.number] for p in missing) > min(order[p.number] for p in held)
    severity: Severity = "error" if outside else "warning" if behind and not _foreign(model, missing) else "info"
    return [_some_held(trace, model, missing, held, outside, severity)]


def _feeds(trace: Trace, model: Model) -> bool:
    """Whether a model's output goes into a model that an optimizer trains."""
    trained = {m.number for m in trace.models.values() if _is_trained(trace, m)}
    calls = {f.number: f for f in trace.forwards}
    for backward in trace.backwards:
        inside = [calls[n] for n in backward.forwards if n in calls]
        mine = [f.at for f in inside if f.model == model.number]
        others = [f.at for f in inside if f.model in trained]
        if mine and others and min(mine) < min(others):
            return _used(trace, backward)
    return False


def _used(trace: Trace, backward: Backward) -> bool:
    return backward.num_used > 0


def _is_trained(trace: Trace, model: Model) -> bool:
    return any(trace.parameters[n].num_steps for n in model.parameters if n in trace.parameters)


def _upstream(trace: Trace, model: Model) -> Severity:
    own = [trace.parameters[n] for n in model.parameters if n in trace.parameters]
    return "info" if _foreign(model, own) else "warning"


def _foreign(model: Model, missing: list[Parameter]) -> bool:
    """Whether one of the parameters stands below a module of an installed package: it may be pretrained."""
    roots = [x.name for x in model.layers if x.foreign]
    return any(not r or p.name == r or p.name.startswith(r + ".") for r in roots for p in missing)


def _layers(parameters: list[Parameter]) -> list[str]:
    return list(dict.fromkeys(p.name.rpartition(".")[0] or p.name for p in parameters))


def _none_held(trace: Trace, model: Model, missing: list[Parameter], optimizer: Optimizer) -> Finding:
    num = sum(len(g.parameters) for g in optimizer.groups)
    return _finding(
        optimizer,
        number=1.0,
        n=optimizer.num_steps,
        severity="error",
        text=f"{optimizer.name} holds {plural(num, 'parameter')}, none of which got a gradient in "
        f"{plural(optimizer.num_steps, 'step')}, while {plural(len(missing), 'parameter')} of {model.name} "
        f"({few(_layers(missing))}) got gradients and are in no optimizer: it trains another copy of the model.",
        others=_lines(trace, model),
        evidence={"parameters": [p.name for p in missing[:50]], "held": num},
    )


def _some_held(
    trace: Trace,
    model: Model,
    missing: list[Parameter],
    held: list[Parameter],
    outside: list[Parameter],
    severity: Severity,
) -> Finding:
    optimizer = _optimizer_of(trace, held)
    share = sum(p.size for p in missing) / max(sum(p.size for p in [*missing, *held]), 1)
    dead = f"; {plural(len(outside), 'tensor')} that it holds instead get no gradient" if outside else ""
    return _finding(
        optimizer,
        number=share,
        n=len(trace.steps),
        severity=severity,
        text=f"{plural(len(missing), 'trainable parameter')} of {model.name} ({few(_layers(missing))}; "
        f"{percent(share)} of its trainable weights) get gradients and are in no optimizer{dead}.",
        others=_lines(trace, model),
        evidence={"parameters": [p.name for p in missing[:50]], "share": share},
    )


def _optimizer_of(trace: Trace, held: list[Parameter]) -> Optimizer:
    numbers = [n for p in held for n in p.optimizers]
    return trace.optimizers[max(set(numbers), key=numbers.count) if numbers else min(trace.optimizers)]


def _lines(trace: Trace, model: Model) -> tuple[Place, ...]:
    step = next((s.place for s in trace.steps if s.place), None)
    return tuple(p for p in (model.place, step) if p)


def _finding(
    optimizer: Optimizer, *, number: float, n: int, severity: Severity, text: str, others: tuple[Place, ...],
    evidence: dict[str, float | int | str | bool | list[float | int | str] | None],
) -> Finding:  # fmt: skip
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


def _frozen(trace: Trace, optimizer: Optimizer) -> Finding:
    num = sum(len(g.parameters) for g in optimizer.groups)
    place = next((b.place for b in trace.backwards), None)
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=0.0,
        n=num,
        text=f"All {plural(num, 'parameter')} of {optimizer.name} are frozen (requires_grad is False): there is nothing "
        "that it could train.",
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


def _frozen_late(trace: Trace, model: Model) -> list[Finding]:
    """An own `train()` that freezes was first called after parameters had been trained."""
    own = next((o for o in model.overrides if o.name == "train" and o.calls_super), None)
    late = [
        p for n in model.parameters
        if (p := trace.parameters.get(n)) and p.was_trainable and not p.requires_grad and p.num_steps
    ]  # fmt: skip
    first = next((c for c in trace.mode_calls if c.training and c.model == model.number), None)
    if own is None or not late or first is None or not first.step:
        return []
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=float(max(p.num_steps for p in late)),
            threshold=0.0,
            n=len(late),
            text=f"{plural(len(late), 'parameter')} of {model.name} ({few(_layers(late))}) were trained for "
            f"{plural(max(p.num_steps for p in late), 'step')} and are frozen since {own.kind}.train() was first "
            "called.",
            remedy="Call train() before the optimizer is built, or freeze in __init__.",
            severity="warning",
            certain=True,
            place=own.place,
            others=tuple(p for p in (_optimizer_of(trace, late).place, first.place) if p),
            step=first.step,
            cause="A new model is in training mode without train() having been called, so what train() freezes is "
            "trained until then.",
            wrong=code("model = Net(frozen_stages=2)\noptimizer = torch.optim.Adam(model.parameters())"),
            right=code("model = Net(frozen_stages=2)\nmodel.train()\noptimizer = torch.optim.Adam(model.parameters())"),
            evidence={"parameters": [p.name for p in late[:50]], "frozen_at": math.nan if not first else first.step},
        )
    ]
