"""A layer is used in evaluation mode before the state that it needs is there.

What it detects

Batch normalisation that trains or predicts in evaluation mode with the running statistics that it was made with, in a
model that is trained; spectral normalisation (`torch.nn.utils.spectral_norm`) whose first call is in evaluation mode.

Why it hurts

Running statistics of a new layer are mean 0 and variance 1: in evaluation mode it normalises nothing. Spectral
normalisation estimates the largest singular value by iterating in training mode; before the first such call the
estimate comes from random vectors, and the weights are scaled by any factor.

Evidence

Exact: the modes of all calls of the model, and whether weights were loaded.

Mend

Wrong:

    model = Critic()
    evaluate(model.eval())

Right:

    model = Critic()
    model.train()(x)
    evaluate(model.eval())

When it keeps silent

Loaded weights; a look at batch normalisation before training, which costs nothing; the parametrisation of spectral
normalisation (`torch.nn.utils.parametrizations`), which iterates when it is made.

Source

pytorch/pytorch#51800.
"""

from __future__ import annotations

from luthier.checks.modes import trained_calls
from luthier.checks.wording import code, few, plural
from luthier.findings import Finding
from luthier.watching.calls import Forward
from luthier.watching.facts import Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E09", "evaluation before the state is there", "quick", ("T07", "T11")
MIN_CALLS = 5


def judge(trace: Trace) -> list[Finding]:
    """One finding a model."""
    found = []
    for model in trace.models.values():
        calls = [f for f in trace.forwards if f.model == model.number]
        if (
            model.loaded
            or not calls
            or any(trace.parameters[n].loaded for n in model.parameters if n in trace.parameters)
        ):
            continue
        spectral = [x.name for x in model.layers if x.options.get("spectral_norm")]
        normed = [x.name for x in model.layers if x.kind.startswith("BatchNorm") and x.active]
        if spectral and not calls[0].training and any(f.trained_by for f in calls):
            before = next((i for i, f in enumerate(calls) if f.training), len(calls))
            found.append(_spectral(model, spectral, calls[:before]))
        elif normed and not any(f.training for f in calls) and len(trained_calls(trace, model.number)) >= MIN_CALLS:
            found.append(_normed(model, normed, calls))
    return found


def _spectral(model: Model, layers: list[str], calls: list[Forward]) -> Finding:
    return _finding(
        calls,
        text=f"The first {plural(len(calls), 'call')} of {model.name} came in evaluation mode, before any call in "
        f"training mode: spectral normalisation of {few(layers)} had not iterated yet and scaled the weights by a "
        "random estimate.",
        remedy="Call the model once in training mode before it is evaluated, or use "
        "torch.nn.utils.parametrizations.spectral_norm.",
        wrong=code("model = Critic()\nmodel.eval()\nscore = model(x)"),
        right=code("model = Critic()\nwith torch.no_grad():\n    model.train()(x)\nmodel.eval()\nscore = model(x)"),
    )


def _normed(model: Model, layers: list[str], calls: list[Forward]) -> Finding:
    return _finding(
        calls,
        text=f"All {plural(len(calls), 'call')} of {model.name} were in evaluation mode: batch normalisation "
        f"({few(layers)}) works with mean 0 and variance 1, the statistics it was made with.",
        remedy="Call model.train() before training.",
        wrong=code("model.eval()\ntrain(model)"),
        right=code("model.train()\ntrain(model)\nmodel.eval()"),
    )


def _finding(calls: list[Forward], *, text: str, remedy: str, wrong: str, right: str) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(calls)),
        threshold=0.0,
        n=len(calls),
        text=text,
        remedy=remedy,
        severity="warning",
        certain=True,
        place=calls[0].place,
        step=calls[0].step,
        cause="In evaluation mode the layer uses what it has gathered in training mode, and it has gathered nothing.",
        wrong=wrong,
        right=right,
    )
