"""Columns of a table of very different size, or far from unit size, go straight into a dense layer.

One learning rate serves all weights of a layer. A column a thousand times larger than another has a gradient a
thousand times larger: the rate must be small enough for the large one, and then the small one is never learned.

Evidence, two signals: the columns that the first layer with weights was given on real data (largest standard
deviation above 100, or more than 1000 times the smallest of columns that vary), and a training loss that has not got
below half of what the best constant prediction reaches.

Mend: standardise with the training rows' mean and standard deviation.

    scaler = StandardScaler().fit(x_train)
    model.fit(scaler.transform(x_train), y_train)

    normalise = keras.layers.Normalization(); normalise.adapt(x_train)   # or inside the model

It keeps silent where the model learns, where the first layer is a normalisation or an embedding, and for pictures.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown

TITLE = "columns that are not scaled"
TIER = "quick"
CAUSES = ("K10", "K01", "K03")
RATIO = 1e3
LARGE = 100.0
LEARNED = 0.5


def judge(trace: Any) -> list[Finding] | Unknown:
    """Tables that reach a Dense layer as they are, in fits that have learned little."""
    found = []
    for fit in trace.fits:
        first = fitting.first_weighted(fit)
        if first is None or first[0].inputs is None or first[0].kind != "Dense" or not fit.losses:
            continue
        seen = fit.inputs[0] if len(fit.inputs) == 1 and fit.inputs[0].columns else first[0].inputs
        given = first[0].inputs
        if not given.columns or len(given.columns) != len(seen.columns) or abs(given.high) < 0.1 * abs(seen.high):
            continue
        deviations = sorted(c[1] for c in seen.columns if c[1] > 0)
        if not deviations:
            continue
        ratio = deviations[-1] / deviations[0]
        sizes = max(max(abs(c[2]), abs(c[3])) for c in seen.columns)
        if ratio < RATIO and deviations[-1] < LARGE:
            continue
        constant, reached = fitting.constant_loss(fit, fit.losses[0]), fitting.last_loss(fit)
        if not reached > LEARNED * constant:
            continue
        found.append(
            Finding(
                code="K08",
                title=TITLE,
                number=ratio if ratio >= RATIO else deviations[-1],
                threshold=RATIO if ratio >= RATIO else LARGE,
                n=seen.rows,
                text=f"the columns' standard deviations go from {fitting.plain(deviations[0])} to "
                f"{fitting.plain(deviations[-1])} (largest number {fitting.plain(sizes)}), and after "
                f"{fit.num_steps} steps the loss is {fitting.plain(reached)}, where a constant prediction has "
                f"{fitting.plain(constant)}.",
                remedy="Standardise the columns with the training rows' mean and standard deviation",
                severity="warning",
                place=fit.place,
                step=0,
                cause="One learning rate serves all columns: what suits the largest is far too small for the others.",
                wrong="model.fit(x_train, y_train)",
                right="scaler = StandardScaler().fit(x_train)\nmodel.fit(scaler.transform(x_train), y_train)",
                evidence={"ratio": ratio, "largest": deviations[-1], "loss": reached, "constant_loss": constant},
            )
        )
    return found or fitting.unseen(trace, "K08", TITLE) or []
