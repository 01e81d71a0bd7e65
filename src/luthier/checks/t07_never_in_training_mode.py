"""The model is trained in evaluation mode from the first step on.

What it detects

All training calls of a model with dropout or batch normalisation have its training flag off, and so have all those
layers that ran.

Why it hurts

Dropout does nothing, and batch normalisation normalises by its initial statistics and never updates them.

Evidence

Exact: the flag of every call, the modes of the layers in the sampled ones; at least three calls whose gradients a
step used.

Mend

Wrong:

    model = load_model().eval()
    for x, y in loader: ...

Right:

    model = load_model()
    model.train()
    for x, y in loader: ...

When it keeps silent

No such layers; batch normalisation alone in a net with loaded weights (frozen for fine-tuning on purpose); a model
none of whose parameters is optimized; layers set to evaluation mode one by one.

Source

Models from hubs come in evaluation mode.
"""

from __future__ import annotations

from luthier.checks.modes import missing_train, trained_calls
from luthier.checks.wording import code, few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T07", "never in training mode", "quick", ("T11",)
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a model."""
    found = []
    for number, model in trace.models.items():
        calls = trained_calls(trace, number)
        active = [layer for layer in model.layers if layer.active]
        ever = any(f.training for f in trace.forwards if f.model == number)
        if len(calls) < MIN_CALLS or not active or ever or any(f.active_train > 0 for f in calls):
            continue
        only_norm = all("Norm" in layer.kind for layer in active)
        if not (only_norm and (model.loaded or _loaded(trace, model))):
            found.append(_finding(trace, model, calls, active))
    return found


def _loaded(trace: Trace, model: Model) -> bool:
    return any(trace.parameters[n].loaded for n in model.parameters if n in trace.parameters)


def _finding(trace: Trace, model: Model, calls: list[Forward], active: list[Layer]) -> Finding:
    switch = next((m for m in trace.mode_calls if m.model == model.number and not m.training), None)
    name = model.variable or "model"
    kinds = sorted({layer.kind for layer in active})
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(calls)),
        threshold=0.0,
        n=len(calls),
        text=f"All {plural(len(calls), 'training call')} of {model.name} ran in evaluation mode; "
        f"{few(kinds)} ({plural(len(active), 'layer')}) did not train"
        f"{'' if model.num_train_calls else '; train() is never called'}.",
        remedy=f"Call {name}.train() before the training.",
        severity="warning",
        certain=True,
        place=calls[0].place,
        others=(switch.place,) if switch and switch.place else (),
        step=calls[0].step,
        cause="In evaluation mode dropout does nothing and batch normalisation keeps statistics that fit no data.",
        wrong=code(f"""
            {name}.eval()
            for x, y in loader:
                loss = loss_fn({name}(x), y)
        """),
        right=code(f"""
            {name}.train()
            for x, y in loader:
                loss = loss_fn({name}(x), y)
        """),
        edits=missing_train(trace, model, calls[0]),
        evidence={"model": model.name, "layers": [layer.name for layer in active[:20]]},
    )
