"""Batch normalisation works on a handful of values.

What it detects

In most looked-at training calls a batch-norm layer in training mode has fewer than 8 values a channel (rows times
pixels).

Why it hurts

Mean and deviation of so few values are mostly noise; with two rows each value becomes about -1 or 1, whatever it was.
Running statistics then describe other numbers than training saw.

Evidence

Exact: shapes of the layer's input, median over the calls.

Mend

    larger batches, GroupNorm or LayerNorm, SyncBatchNorm over several devices

When it keeps silent

A small last batch; images (rows times pixels is large); batch norm in evaluation mode (frozen).

Source

Wu and He 2018, "Group Normalization" (error against batch size).
"""

from __future__ import annotations

from math import prod
from statistics import median

from luthier.checks.reading import runs_by_layer
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import LayerRun
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M15", "batch normalisation of a handful of values", "quick", ()
MIN_VALUES, MIN_CALLS = 8, 5


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Batch-norm layers in training; one finding a model."""
    trained = {f.number for f in trace.forwards if f.trained_by}
    found: dict[int, Finding] = {}
    batch_norms = (r for r in trace.layer_runs if r.kind.startswith("BatchNorm") and r.training)
    for (model, _), runs in runs_by_layer(batch_norms).items():
        sizes = [_values(r) for r in runs if r.forward in trained]
        if len(sizes) >= MIN_CALLS and median(sizes) < MIN_VALUES and model not in found:
            found[model] = _finding(runs[0], sizes)
    return list(found.values())


def _values(run: LayerRun) -> int:
    shape = run.input.shape if run.input else ()
    return shape[0] * prod(shape[2:]) if shape else 0


def _finding(run: LayerRun, sizes: list[int]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(median(sizes)),
        threshold=float(MIN_VALUES),
        n=len(sizes),
        text=f'{run.kind} "{run.layer}" normalises {int(median(sizes))} values a channel (median of '
        f"{plural(len(sizes), 'looked-at call')}): their mean and deviation are mostly noise.",
        remedy="Use larger batches, or GroupNorm or LayerNorm.",
        severity="warning",
        certain=True,
        place=run.place,
        step=run.step,
        cause="The noise goes into every output, and the running statistics describe other numbers than training "
        "saw.",
        wrong="nn.BatchNorm1d(32)   # batches of 2 rows",
        right="nn.LayerNorm(32)",
        evidence={"layer": run.layer, "values": int(median(sizes))},
    )
