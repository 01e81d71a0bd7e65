"""Images go into the net as whole numbers from 0 to 255.

What it detects

In looked-at training calls the input is an image (or a flat row of 64 pixels or more) of whole numbers between 0 and
255 that reach 200, and the first layer with weights gets numbers of that size.

Why it hurts

Initialisation, learning rates and regularisation are made for inputs near unit scale. At a hundred times that size
the first activations and gradients are a hundred times too large: training crawls, jumps or stays at chance.

Evidence

Range and share of whole numbers of the input, and the range that the first linear or convolutional layer sees, in at
least three calls.

Mend

Wrong:

    loss = loss_fn(model(images.float()), y)

Right:

    loss = loss_fn(model((images.float() / 255 - mean) / std), y)

When it keeps silent

The model scales itself, or batch normalisation comes first; ids for an embedding; tables of counts; short rows.

Source

stackoverflow.com/questions/55328966, 48594888 and 58609115; UMLAUT (input range).
"""

from __future__ import annotations

from luthier.checks.reading import num, shaped
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward, LayerRun
from luthier.watching.facts import TensorFact
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D01", "images in 0..255", "quick", ()
MIN_CALLS, MIN_PIXELS = 3, 64
BRIGHT, MAX = 200.0, 255.0


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Models in training; one finding each."""
    first = _first_weighted(trace)
    found = []
    for model in trace.trained_models():
        looked = [f for f in trace.forwards if f.model == model.number and f.trained_by and f.input and f.input.stats]
        raw = [f for f in looked if _is_raw(f.input)]
        reaching = [f for f in raw if f.number in first and _reaches(first[f.number])]
        if len(reaching) >= MIN_CALLS and len(raw) >= 0.9 * len(looked):
            found.append(_finding(reaching, first[reaching[0].number]))
    return found


def _first_weighted(trace: Trace) -> dict[int, LayerRun]:
    """First call of a layer with weights, or of a normalisation, in each looked-at outermost call."""
    first: dict[int, LayerRun] = {}
    for run in trace.layer_runs:
        if run.kind.startswith(
            ("Linear", "Conv", "BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "Embedding")
        ):
            known = first.get(run.forward)
            if known is None or run.at < known.at:
                first[run.forward] = run
    return first


def _is_raw(tensor: TensorFact | None) -> bool:
    stats = tensor.stats if tensor is not None else None
    if tensor is None or stats is None:
        return False
    image = len(tensor.shape) in (3, 4, 5) or (len(tensor.shape) == 2 and tensor.shape[1] >= MIN_PIXELS)
    return image and stats.low >= 0 and BRIGHT <= stats.high <= MAX and stats.integer_share > 0.99


def _reaches(run: LayerRun) -> bool:
    stats = run.input.stats if run.input else None
    weighted = run.kind.startswith(("Linear", "Conv"))
    return weighted and stats is not None and stats.absmax >= BRIGHT / 2 and stats.low >= 0


def _finding(calls: list[Forward], run: LayerRun) -> Finding:
    call = calls[0]
    stats = call.input.stats if call.input else None
    high = max(f.input.stats.high for f in calls if f.input and f.input.stats)
    return Finding(
        code=CODE,
        title=TITLE,
        number=high,
        threshold=BRIGHT,
        n=len(calls),
        text=f"inputs of shape {shaped(call.input.shape if call.input else None)} are whole numbers from "
        f"{num(stats.low if stats else 0.0)} to {num(high)} in {plural(len(calls), 'looked-at call')} and reach "
        f'{run.kind} "{run.layer}" as they are.',
        remedy="Divide by 255, then subtract the mean and divide by the standard deviation of the training images.",
        severity="warning",
        certain=True,
        place=call.place,
        step=call.step,
        cause="Initial weights and learning rates are made for inputs near unit scale; these are a hundred times "
        "larger.",
        wrong="loss = loss_fn(model(images.float()), y)",
        right="loss = loss_fn(model(images.float() / 255), y)",
        evidence={"high": high, "layer": run.layer},
    )
