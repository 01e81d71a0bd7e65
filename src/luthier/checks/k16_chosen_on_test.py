"""The rows that choose the model also give its final score.

A callback keeps the epoch with the best validation score (EarlyStopping, ModelCheckpoint), and `evaluate` then
reports the score on the same rows. The best of many noisy numbers is too good: on new rows it will be lower.

Evidence: the arrays given as `validation_data` and to `evaluate` are equal, and a callback monitors a validation
number; exact.

Mend: three parts: train, validation (for the callback), test (for `evaluate`, once).
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown

TITLE = "same rows choose the model and score it"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits whose callbacks choose by a validation number, beside all calls of evaluate."""
    found = []
    for fit in trace.fits:
        watched = [name for name in fit.monitored if name.startswith("val_")]
        if not watched or not fit.validation_digest:
            continue
        same = [e for e in trace.evaluated if e.digest == fit.validation_digest]
        other = [e for e in trace.evaluated if e.digest != fit.validation_digest]
        if not same or other:
            continue
        found.append(
            Finding(
                code="K16",
                title=TITLE,
                n=same[0].num_rows,
                text=f"a callback chooses the epoch by {watched[0]} on the same {same[0].num_rows} rows that "
                "`evaluate` then scores, and no other rows are scored.",
                remedy="Hold back a third part of the rows and give it to evaluate only",
                severity="warning",
                certain=True,
                place=same[0].place,
                others=(fit.place,) if fit.place else (),
                cause="The best of many noisy numbers is an optimistic one.",
                wrong="model.fit(..., validation_data=(x_test, y_test), callbacks=[EarlyStopping()])\n"
                "model.evaluate(x_test, y_test)",
                right="model.fit(..., validation_data=(x_val, y_val), callbacks=[EarlyStopping()])\n"
                "model.evaluate(x_test, y_test)",
                evidence={"monitored": watched[0]},
            )
        )
    return found
