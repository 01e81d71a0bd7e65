"""A regression target far from unit size, and a model that does not reach it.

A new model predicts numbers near zero. Targets of a hundred thousand ask the last bias to walk there in steps of the
learning rate; targets with a mean far above their spread ask for it before anything else is learned.

Evidence, two signals: the target's standard deviation (above 100 or below 0.01) or mean (above 10 deviations), and a
loss that has not got below half of the target's variance (squared error) by the end of what was seen.

Mend: standardise the target, and undo it for reports.

    mean, std = y_train.mean(), y_train.std()
    model.fit(x_train, (y_train - mean) / std)
    prediction = model.predict(x_test) * std + mean
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown

TITLE = "target far from unit size"
TIER = "quick"
CAUSES = ("K10", "K06")
LARGE, SMALL, OFFSET = 100.0, 0.01, 10.0
LEARNED = 0.5


def judge(trace: Any) -> list[Finding] | Unknown:
    """Regression targets of one column, in fits that have learned little."""
    found = []
    for fit, loss, _, target in fitting.losses(trace):
        if loss.name not in (*fitting.SQUARED, *fitting.ABSOLUTE) or target.std == 0 or fitting.width(target) != 1:
            continue
        offset = abs(target.mean) / target.std
        if SMALL <= target.std <= LARGE and offset <= OFFSET:
            continue
        reached = fitting.last_loss(fit)
        baseline = target.std**2 if loss.name in fitting.SQUARED else target.std
        if not reached > LEARNED * baseline:
            continue
        found.append(
            Finding(
                code="K09",
                title=TITLE,
                number=target.std,
                threshold=LARGE,
                n=target.n,
                text=f"the target has a mean of {fitting.plain(target.mean)} and a standard deviation of "
                f"{fitting.plain(target.std)}; after {fit.num_steps} steps the loss is {fitting.plain(reached)}, "
                f"where predicting the mean would have about {fitting.plain(baseline)}.",
                remedy="Standardise the target for training and undo it for reports",
                severity="warning",
                place=fit.place,
                step=0,
                cause="A new model predicts about zero: the way to such targets takes very many steps.",
                wrong="model.fit(x, y)",
                right="mean, std = y.mean(), y.std()\nmodel.fit(x, (y - mean) / std)",
                evidence={"mean": target.mean, "std": target.std, "loss": reached},
            )
        )
    return found or fitting.unseen(trace, "K09", TITLE) or []
