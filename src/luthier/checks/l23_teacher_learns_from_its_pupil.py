"""A teacher is trained along with its pupil, by the loss that compares the two.

What it detects

Distillation where the gradient flows into the soft targets, and an optimizer steps the teacher: what a model returns
is the target of another one, the model was trained before or loaded, and no other loss reaches it any more.

Why it hurts

The two are pulled together: the teacher gives up what it knows to agree with a pupil that knows nothing yet. The loss
falls faster than it should, and the pupil learns from a teacher that gets worse.

Evidence

Exact: the autograd graph of the loss (the only way to the teacher is through the target), the identity of the
parameters that the optimizer steps, and what trained the teacher earlier.

Mend

Wrong:

    soft = F.softmax(teacher(x) / T, dim=1)

Right:

    with torch.no_grad():
        soft = F.softmax(teacher(x) / T, dim=1)

When it keeps silent

Targets without a gradient; a teacher that no optimizer steps; models with a loss of their own (mutual learning,
actor and critic); targets in both directions; two views through one net; models that were neither trained before nor
loaded; distances (mean squared error ...), which do not say which side is the target, unless the one model is in
evaluation mode and the other is not. A teacher and a pupil that are parts of one module cannot be told apart.

Source

Hinton et al. 2015, arXiv 1503.02531 (the teacher is given); Zhang et al. 2018, arXiv 1706.00384 (mutual learning:
each net has a loss of its own).
"""

from __future__ import annotations

from luthier.checks.stepping import taken
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Model, Optimizer
from luthier.watching.steps import GraphSign
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "L23", "the teacher learns from its pupil", "quick", ()
MIN_PASSES = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Pairs of a pupil and a teacher, each once."""
    pairs: dict[tuple[int, ...], list[GraphSign]] = {}
    for sign in trace.signs:
        if sign.kind == "lesson":
            pairs.setdefault(sign.models, []).append(sign)
    both_ways = {pair for pair in pairs if pair[::-1] in pairs and not any(s.even for s in pairs[pair])}
    found = []
    for pair, signs in pairs.items():
        pupil, teacher = (trace.models.get(number) for number in pair)
        if len(signs) < MIN_PASSES or pupil is None or teacher is None or pair in both_ways:
            continue
        optimizer = _optimizer(trace, teacher, signs[0].at)
        past = _past(trace, teacher, signs[0].at)
        alone = not _has_own_loss(trace, teacher, signs) and not (signs[0].even and not _is_asked(trace, signs))
        if optimizer is not None and past and alone:
            found.append(_finding(trace, (pupil, teacher), signs, (optimizer, past)))
    return found


def _calls(trace: Trace, number: int) -> dict[int, Forward]:
    return {f.number: f for f in trace.forwards if f.model == number}


def _optimizer(trace: Trace, teacher: Model, since: int) -> Optimizer | None:
    """The one that steps the teacher's weights after a moment."""
    moved = [
        p
        for n in teacher.parameters
        if (p := trace.parameters.get(n)) and p.requires_grad and p.num_gradients and p.num_steps
    ]
    numbers = {n for p in moved for n in p.optimizers}
    steps = {n: sum(s.at > since for s in taken(trace, n)) for n in numbers if n in trace.optimizers}
    best = max(steps, key=lambda n: steps[n], default=None)
    return trace.optimizers[best] if best is not None and steps[best] >= MIN_PASSES else None


def _past(trace: Trace, teacher: Model, first: int) -> str:
    """What the teacher knows from before, in words; empty: nothing."""
    mine = _calls(trace, teacher.number)
    num = sum(b.at < first and b.num_used > 0 and any(n in mine for n in b.forwards) for b in trace.backwards)
    if num >= MIN_PASSES:
        return f"was trained before by {plural(num, 'backward pass')}"
    own = [trace.parameters[n] for n in teacher.parameters if n in trace.parameters]
    return "was loaded" if teacher.loaded or (own and all(p.loaded for p in own)) else ""


def _has_own_loss(trace: Trace, teacher: Model, signs: list[GraphSign]) -> bool:
    """Does a loss reach the teacher in another way, in the graphs that were looked at or in passes of other lines?"""
    mine = _calls(trace, teacher.number)
    lines = {(s.place.file, s.place.line) if s.place else None for s in signs}
    return any(s.kind == "own loss" and s.models[0] == teacher.number for s in trace.signs) or any(
        b.at > signs[0].at
        and ((b.place.file, b.place.line) if b.place else None) not in lines
        and any(n in mine for n in b.forwards)
        for b in trace.backwards
    )


def _is_asked(trace: Trace, signs: list[GraphSign]) -> bool:
    """Is the teacher in evaluation mode in the passes, and the pupil in training mode?"""
    pupil, teacher = (_calls(trace, number) for number in signs[0].models)
    passes = {s.backward for s in signs}
    inside = [n for b in trace.backwards if b.at in passes for n in b.forwards]
    asked, taught = [teacher[n] for n in inside if n in teacher], [pupil[n] for n in inside if n in pupil]
    return bool(asked and taught) and not any(f.training for f in asked) and all(f.training for f in taught)


def _finding(
    trace: Trace, models: tuple[Model, Model], signs: list[GraphSign], moved_by: tuple[Optimizer, str]
) -> Finding:
    (pupil, teacher), (optimizer, past) = models, moved_by
    call = next((f for f in _calls(trace, teacher.number).values() if f.trained_by == signs[0].backward), None)
    names = [model.variable or model.name for model in models]
    place = call.place if call is not None and call.place else signs[0].place
    return Finding(
        code=CODE,
        title=TITLE,
        n=len(signs),
        text=f"in {plural(len(signs), 'looked-at backward pass')} the output of {names[1]} is the target of "
        f"{names[0]} and carries a gradient, and {optimizer.variable or optimizer.name} steps its weights. It "
        f"{past}, and no other loss reaches it now.",
        remedy="Compute the targets under torch.no_grad(), and leave the teacher out of the optimizer.",
        severity="warning",
        certain=True,
        place=place,
        others=tuple(p for p in (optimizer.place, signs[0].place) if p and p != place),
        step=signs[0].step,
        cause="The loss is as small when the teacher comes to the pupil as when the pupil comes to the teacher.",
        wrong="soft = F.softmax(teacher(x) / T, dim=1)",
        right=code("""
            with torch.no_grad():
                soft = F.softmax(teacher(x) / T, dim=1)
        """),
        evidence={"passes": len(signs), "pupil": pupil.name, "teacher": teacher.name, "optimizer": optimizer.name},
    )
