"""Images were divided by 255 twice.

What it detects

In all looked-at training calls (at least three) the input is an image whose numbers run from 0 to about 1 / 255
(0.0039), and the first layer with weights gets numbers of that size.

Why it hurts

`ToTensor()` divides by 255 already. Divided again, all images are nearly black to the net: its first activations are
nearly constant and it learns very slowly.

Evidence

Range of the input, and of what the first linear or convolutional layer sees.

Mend

Wrong:

    transform = Compose([ToTensor(), Lambda(lambda x: x / 255)])

Right:

    transform = ToTensor()

When it keeps silent

The model scales or normalises first; inputs with any entry above 1 / 200; rows of fewer than 64 pixels.

Source

torchvision documentation of ToTensor (scales to [0.0, 1.0]).
"""

from __future__ import annotations

from luthier.checks.reading import num, shaped
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import TensorFact
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D23", "images divided by 255 twice", "quick", ()
MIN_CALLS, MIN_PIXELS = 3, 64
LOW, HIGH = 1 / 400, 1 / 200


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Models in training; one finding each."""
    reached = {
        r.forward: r
        for r in trace.layer_runs
        if r.kind.startswith(("Linear", "Conv")) and r.input and r.input.stats and r.input.stats.absmax <= HIGH
    }
    found = []
    for model in trace.trained_models():
        looked = [f for f in trace.forwards if f.model == model.number and f.trained_by and f.input and f.input.stats]
        dark = [f for f in looked if _is_dark(f.input) and f.number in reached]
        if len(dark) >= MIN_CALLS and len(dark) >= 0.9 * len([f for f in looked if f.sampled]):
            call = dark[0]
            stats = call.input.stats if call.input else None
            found.append(
                Finding(
                    code=CODE,
                    title=TITLE,
                    number=stats.high if stats else 0.0,
                    threshold=1 / 255,
                    n=len(dark),
                    text=f"inputs of shape {shaped(call.input.shape if call.input else None)} run from 0 to "
                    f"{num(stats.high if stats else 0.0)} in {plural(len(dark), 'looked-at call')}: about 1 / 255, "
                    "as if divided by 255 twice.",
                    remedy="Divide once; ToTensor() does it already.",
                    severity="warning",
                    place=call.place,
                    step=call.step,
                    cause="To the net all images are nearly black, so it learns very slowly.",
                    wrong="x = ToTensor()(image) / 255",
                    right="x = ToTensor()(image)",
                    evidence={"high": stats.high if stats else 0.0},
                )
            )
    return found


def _is_dark(tensor: TensorFact | None) -> bool:
    stats = tensor.stats if tensor is not None else None
    if tensor is None or stats is None:
        return False
    image = len(tensor.shape) in (3, 4) or (len(tensor.shape) == 2 and tensor.shape[1] >= MIN_PIXELS)
    return image and stats.low >= 0 and LOW <= stats.high <= HIGH and tensor.dtype.startswith("float")
