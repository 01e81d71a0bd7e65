"""Averaged weights are evaluated with batch statistics that belong to other weights.

What it detects

An AveragedModel (equal weights) with batch normalisation that is evaluated after it has averaged several models,
while no batch went through it in training mode since: update_bn was not called.

Why it hurts

Running means and variances are those of the last model that was averaged in. The averaged weights give other
activations, and are normalised wrongly: the average looks worse than it is.

Evidence

Exact: the number of models in the average, the mode of its calls, the settings of its layers.

Mend

Wrong:

    swa_model.eval();  evaluate(swa_model)

Right:

    torch.optim.swa_utils.update_bn(train_loader, swa_model)
    evaluate(swa_model)

When it keeps silent

Averages that forget (EMA, an avg_fn of one's own); averages that keep buffers too (use_buffers=True); no batch
normalisation.

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
MIN_AVERAGED = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Models that are averages."""
    found = []
    for model in trace.models.values():
        layers = [x.name for x in model.layers if x.kind.startswith(("BatchNorm", "SyncBatchNorm")) and x.active]
        if model.num_averaged < MIN_AVERAGED or model.keeps_buffers or not layers:
            continue
        calls = [f for f in trace.forwards if f.model == model.number]
        if calls and not any(f.training for f in calls):
            found.append(_finding(model, layers, calls[0]))
    return found


def _finding(model: Model, layers: list[str], call: Forward) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(model.num_averaged),
        threshold=float(MIN_AVERAGED),
        n=model.num_averaged,
        text=f"the average of {model.num_averaged} models is evaluated, and the running statistics of "
        f"{plural(len(layers), 'batch normalisation')} ({few(layers)}) were never measured with its weights: no "
        "batch went through it in training mode.",
        remedy="Call torch.optim.swa_utils.update_bn(train_loader, swa_model) before it is evaluated.",
        severity="warning",
        certain=True,
        place=call.place,
        step=call.step,
        cause="Its activations are normalised by the means and variances of another model.",
        wrong="evaluate(swa_model)",
        right="torch.optim.swa_utils.update_bn(train_loader, swa_model)\nevaluate(swa_model)",
        evidence={"layers": list(layers[:50])},
    )
