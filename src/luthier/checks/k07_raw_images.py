"""The first trained layer gets raw pixels, 0 to 255.

Weights are drawn for inputs of about unit size. With inputs of up to 255 the first outputs, and with them the first
gradients, are two orders of magnitude too large: many units of a `relu` layer die in the first steps, and the
learning rate that works for everything else is too high for the first layer.

Evidence: what the first layer with weights was given on a real batch (so a model that rescales by itself is not
reported): whole numbers from 0, up to between 200 and 255, more than 16 different ones.

Mend: divide by 255, in the data or as the model's first layer.

    model.fit(x_train, y_train)           # wrong: x_train holds 0..255
    model.fit(x_train / 255.0, y_train)   # right

It keeps silent before an embedding, and where a normalisation follows the first layer.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown

TITLE = "raw pixels 0..255 as input"
TIER = "quick"
CAUSES = ()
MIN_DISTINCT = 16
MIN_PIXELS = 64


def judge(trace: Any) -> list[Finding] | Unknown:
    """The input of the first trained layer of each fit."""
    found = []
    for fit in trace.fits:
        first = fitting.first_weighted(fit)
        if first is None or first[0].inputs is None:
            continue
        layer, after = first
        given = layer.inputs
        assert given is not None  # said above; for the type checker
        if "Normalization" in layer.kind or "Embedding" in layer.kind or (after and "Normalization" in after.kind):
            continue
        pixels = 1
        for size in given.shape[1:]:
            pixels *= size
        distinct = given.distinct if given.distinct >= 0 else 1000
        raw = given.whole and given.low >= 0 and 200 <= given.high <= 255
        if not raw or pixels < MIN_PIXELS or distinct <= MIN_DISTINCT:
            continue
        found.append(
            Finding(
                code="K07",
                title=TITLE,
                number=given.high,
                threshold=1.0,
                n=given.n,
                text=f"the first trained layer ({layer.name}) gets whole numbers from {fitting.plain(given.low)} to "
                f"{fitting.plain(given.high)} with a mean of {fitting.plain(given.mean)}: raw pixels.",
                remedy="Divide by 255, in the data or by keras.layers.Rescaling(1 / 255) as the first layer",
                severity="warning",
                certain=False,
                place=fit.place,
                step=0,
                cause="Weights are drawn for inputs of unit size; these are two orders of magnitude larger.",
                wrong="model.fit(x_train, y_train)",
                right="model.fit(x_train / 255.0, y_train)",
                evidence={"high": given.high, "mean": given.mean, "layer": layer.name},
            )
        )
    return found or fitting.unseen(trace, "K07", TITLE) or []
