"""The weights of a batch normalisation are frozen, its running statistics are not.

What it detects

Batch normalisation all of whose weights have `requires_grad=False`, in a model of which other parts are trained, that
runs in training mode in training calls.

Why it matters

Freezing weights does not freeze running means and variances: `model.train()` lets them follow the new data, so the
frozen part is no longer the one that was loaded, and each batch is normalised by itself. That may be meant (it adapts
the statistics), so this is a hint.

Evidence

Exact: `requires_grad` of the layer's parameters and its `training` flag while it ran.

Mend

Wrong:

    model.backbone.requires_grad_(False)
    model.train()

Right:

    model.backbone.requires_grad_(False)
    model.train()
    model.backbone.eval()

When it keeps silent

Layers that ran in evaluation mode; layers without weights; models of which nothing is trained.

Source

PyTorch documentation of nn.BatchNorm2d (running statistics); cs231n notes on transfer learning.
"""

from __future__ import annotations

from luthier.checks.wording import code, few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LayerRun
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M21", "statistics of frozen layers move", "quick", ()
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Batch normalisations of models in training, one finding a model."""
    calls = {f.number for f in trace.forwards if f.trained_by}
    found = []
    for model in trace.trained_models():
        frozen = [layer for layer in model.layers if layer.kind.startswith("BatchNorm") and _is_frozen(trace, layer)]
        names = {layer.name for layer in frozen}
        runs = [r for r in trace.layer_runs if r.model == model.number and r.layer in names and r.forward in calls]
        moving = {r.layer for r in runs if r.training and _was_frozen(trace, model, r)}
        num = len({r.forward for r in runs if r.layer in moving and r.training})
        if moving and num >= MIN_CALLS and model.num_trainable:
            found.append(_finding(model, sorted(moving), num))
    return found


def _is_frozen(trace: Trace, layer: Layer) -> bool:
    own = [trace.parameters[n] for n in layer.parameters if n in trace.parameters]
    return bool(own) and not any(p.requires_grad for p in own)


def _was_frozen(trace: Trace, model: Model, run: LayerRun) -> bool:
    """Was the layer frozen in this call already? If it had a gradient before, its output tells."""
    own = next(x.parameters for x in model.layers if x.name == run.layer)
    never = not any(trace.parameters[n].num_steps for n in own if n in trace.parameters)
    return never or (run.output is not None and not run.output.requires_grad)


def _finding(model: Model, names: list[str], calls: int) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(names)),
        threshold=0.0,
        n=calls,
        text=f"{plural(len(names), 'batch normalisation')} of {model.name} ({few(names)}) with frozen weights ran in "
        f"training mode in {plural(calls, 'looked-at training call')}: its running statistics follow the new data.",
        remedy="Put the frozen part into evaluation mode after model.train(), unless its statistics are to adapt.",
        severity="info",
        certain=True,
        place=model.place,
        cause="requires_grad=False holds weights only; running statistics are no weights.",
        wrong=code("""
            model.backbone.requires_grad_(False)
            model.train()
        """),
        right=code("""
            model.backbone.requires_grad_(False)
            model.train()
            model.backbone.eval()
        """),
        evidence={"layers": list(names[:50])},
    )
