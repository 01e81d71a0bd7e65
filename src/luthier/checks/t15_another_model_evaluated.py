"""Another model is evaluated than was trained.

What it detects

An evaluation of a deep copy that was made before the first training step and that nothing has been written into
since, in a program whose trained model is never evaluated.

Why it hurts

The numbers that are reported are those of the initial weights. They say nothing of the training.

Evidence

Exact: when the parameters were copied, whether they still have the values of then, and which of the two models is
called outside of training.

Mend

Wrong:

    best = copy.deepcopy(model)
    train(model)
    evaluate(best)

Right:

    train(model)
    best = copy.deepcopy(model)
    evaluate(best)

When it keeps silent

Copies of trained weights; copies that are written into, such as averages of weights; a reference that is called
within the training steps (a teacher); programs that evaluate the trained model as well.

Source

PyTorch's documentation of state_dict and of copies of modules.
"""

from __future__ import annotations

from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Model
from luthier.watching.trace import Evaluation, Trace

CODE, TITLE, TIER, CAUSES = "T15", "another model is evaluated", "quick", ("O01",)
MIN_STEPS = 5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a model that is evaluated in the place of the trained one."""
    evaluations = trace.evaluations()
    evaluated = {e.model for e in evaluations}
    found = []
    for trained in trace.trained_models():
        if trained.number in evaluated or _steps(trace, trained) < MIN_STEPS:
            continue
        for number in sorted(evaluated):
            mine = [e for e in evaluations if e.model == number and e.step > 0]
            if mine and 5 * len(mine) <= trace.num_steps and _is_stale_copy(trace, trace.models[number], trained):
                found.append(_finding(trace, trained, mine))
    return found


def _steps(trace: Trace, model: Model) -> int:
    return max((trace.parameters[n].num_steps for n in model.parameters if n in trace.parameters), default=0)


def _is_stale_copy(trace: Trace, copy: Model, trained: Model) -> bool:
    """Whether a model is a copy, never touched since, of the other one before its first step."""
    mine = [trace.parameters[n] for n in copy.parameters if n in trace.parameters]
    theirs = [trace.parameters[n] for n in trained.parameters if n in trace.parameters]
    if not mine or copy.loaded or [p.shape for p in mine] != [p.shape for p in theirs]:
        return False
    if any(not p.copied_at or not p.untouched or p.loaded or p.num_steps for p in mine):
        return False
    optimizers = {o for p in theirs for o in p.optimizers}
    first = min((s.at for s in trace.steps if s.optimizer in optimizers), default=0)
    return max(p.copied_at for p in mine) < first


def _finding(trace: Trace, trained: Model, evaluations: list[Evaluation]) -> Finding:
    calls = sum(len(e.forwards) for e in evaluations)
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=calls,
        text=f"{plural(calls, 'call')} outside of training went to a deep copy of {trained.name} that was made "
        f"before the first of {plural(_steps(trace, trained), 'step')} and never written to since; the trained model "
        "itself is never evaluated.",
        remedy="Evaluate the trained model, or copy it after the training.",
        severity="error",
        certain=True,
        place=evaluations[0].place,
        others=tuple(p for p in (trained.place,) if p),
        step=evaluations[0].step,
        cause="A deep copy has weights of its own; training the original does not change them.",
        wrong=code("best = copy.deepcopy(model)\ntrain(model)\nevaluate(best)"),
        right=code("train(model)\nbest = copy.deepcopy(model)\nevaluate(best)"),
        evidence={"copied_before_step": 0, "model": trained.variable or trained.name},
    )
