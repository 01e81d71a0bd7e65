"""Averaged weights are evaluated with batch statistics that belong to other weights.

What it detects

An AveragedModel (equal weights) with batch normalisation that is evaluated after it has averaged several models,
while no batch went through it in training mode since: update_bn was not called. Or an average that is made by hand: a
model that no optimizer steps, whose weights move from evaluation to evaluation while its running statistics do not.

Why it hurts

Running means and variances are those of another model, or of none yet. The averaged weights give other activations,
and are normalised wrongly: the average looks worse than it is.

Evidence

Exact: the number of models in the average, the mode of its calls, the settings of its layers; entries of weights and
statistics in at least two evaluations after different steps.

Mend

Wrong:

    swa_model.eval();  evaluate(swa_model)

Right:

    torch.optim.swa_utils.update_bn(train_loader, swa_model)
    evaluate(swa_model)

    for mine, other in zip(ema.buffers(), model.buffers()):     # an average made by hand: copy the buffers
        mine.copy_(other)

When it keeps silent

Averages with an avg_fn of one's own; averages that keep buffers too (use_buffers=True); no batch normalisation;
weights that an optimizer steps (frozen normalisation).

Source

Izmailov et al. 2018, arXiv 1803.05407, section 3.2; PyTorch documentation of update_bn.
"""

from __future__ import annotations

from luthier.checks.wording import few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E13", "averaged weights, statistics of others", "quick", ()
MIN_AVERAGED = MIN_MOVED = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Models that are averages."""
    found = []
    for model in trace.models.values():
        layers = [x.name for x in model.layers if x.kind.startswith(("BatchNorm", "SyncBatchNorm")) and x.active]
        calls = [f for f in trace.forwards if f.model == model.number]
        if not layers or not calls or any(f.training for f in calls):
            continue
        if model.num_averaged >= MIN_AVERAGED and not model.keeps_buffers:
            found.append(_finding(model, layers, calls[0], f"the average of {model.num_averaged} models"))
        elif model.num_moved >= MIN_MOVED and not trace.steppers(model.number) and _follows(trace, model):
            found.append(_finding(model, layers, calls[0], f"{model.name}, whose weights follow those of another,"))
    return found


def _follows(trace: Trace, model: Model) -> bool:
    """Is there a model in training of the same layers?"""
    kinds = [layer.kind for layer in model.layers]
    return any(other is not model and [x.kind for x in other.layers] == kinds for other in trace.trained_models())


def _finding(model: Model, layers: list[str], call: Forward, what: str) -> Finding:
    n = max(model.num_averaged, model.num_moved)
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(n),
        threshold=float(MIN_AVERAGED),
        n=n,
        text=f"{what} is evaluated, and the running statistics of "
        f"{plural(len(layers), 'batch normalisation')} ({few(layers)}) were never measured with its weights: no "
        "batch went through it in training mode.",
        remedy="Call torch.optim.swa_utils.update_bn(train_loader, swa_model) before it is evaluated, or copy the "
        "buffers along with the weights.",
        severity="warning",
        certain=True,
        place=call.place,
        step=call.step,
        cause="Its activations are normalised by the means and variances of another model.",
        wrong="evaluate(swa_model)",
        right="torch.optim.swa_utils.update_bn(train_loader, swa_model)\nevaluate(swa_model)",
        evidence={"layers": list(layers[:50])},
    )
