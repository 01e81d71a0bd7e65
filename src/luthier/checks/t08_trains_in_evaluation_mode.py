"""After an evaluation, training goes on in evaluation mode.

What it detects

A model with dropout or batch normalisation was trained in training mode, was then evaluated, and since then is
trained with its training flag off.

Why it hurts

From the second epoch on dropout does nothing and batch normalisation uses and keeps the statistics of the first.

Evidence

Exact: the flag of every call; at least three training calls whose gradients a step used.

Mend

Wrong:

    model.train()
    for epoch in range(10):
        train_epoch(model)
        evaluate(model)          # calls model.eval()

Right:

    for epoch in range(10):
        model.train()
        train_epoch(model)
        evaluate(model)

When it keeps silent

No such layers; only some layers set to evaluation mode (frozen batch normalisation); no evaluation between; gradients
that no step uses (saliency, adversarial inputs).

Source

A forgotten `train()` after `eval()`; PyTorch documentation of Module.eval.
"""

from __future__ import annotations

from luthier.checks.modes import missing_train, trained_calls
from luthier.checks.wording import code, few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T08", "trains in evaluation mode after an evaluation", "quick", ("T11",)
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a model."""
    found = []
    for number, model in trace.models.items():
        active = [layer for layer in model.layers if layer.active]
        calls = trained_calls(trace, number) if active else []
        first = next((f for f in calls if f.training), None)
        wrong = [f for f in calls if first and f.at > first.at and not f.training and f.active_train <= 0]
        if first is None or len(wrong) < MIN_CALLS:
            continue
        tests = [f for f in trace.forwards if f.model == number and f.phase == "evaluation"]
        if any(first.at < f.at < wrong[0].at for f in tests):
            found.append(_finding(trace, model, wrong, active))
    return found


def _finding(trace: Trace, model: Model, wrong: list[Forward], active: list[Layer]) -> Finding:
    switches = [m for m in trace.mode_calls if m.model == model.number and not m.training and m.at < wrong[0].at]
    name = model.variable or "model"
    kinds = sorted({layer.kind for layer in active})
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(wrong)),
        threshold=0.0,
        n=len(wrong),
        text=f"{plural(len(wrong), 'training call')} of {model.name} after its evaluation ran in evaluation mode: "
        f"{few(kinds)} ({plural(len(active), 'layer')}) did not train"
        f"{'' if model.num_train_calls else '; train() is never called'}.",
        remedy=f"Call {name}.train() at the beginning of every epoch.",
        severity="error",
        certain=True,
        place=wrong[0].place,
        others=tuple(m.place for m in switches[-1:] if m.place),
        step=wrong[0].step,
        cause="eval() stays in force until train() is called: dropout is off and batch normalisation stands still.",
        wrong=code(f"""
            {name}.train()
            for epoch in range(epochs):
                train_epoch({name})
                evaluate({name})   # calls eval()
        """),
        right=code(f"""
            for epoch in range(epochs):
                {name}.train()
                train_epoch({name})
                evaluate({name})
        """),
        edits=missing_train(trace, model, wrong[0]),
        evidence={"model": model.name, "layers": [layer.name for layer in active[:20]]},
    )
