"""NaN or infinite numbers in the training data.

One NaN in a batch makes the loss NaN, its gradient too, and with the next step every weight: from then on all
predictions are NaN.

Evidence: counted in the rows looked at (all of them up to 2048, evenly spread beyond); exact.

Mend: drop the rows or fill the columns before training; look for the division or the logarithm that made them.
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown

TITLE = "NaN or infinite numbers in the data"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Inputs and targets of each fit; the first array with such numbers."""
    found = []
    for fit in trace.fits:
        for role, values in [*(("input", v) for v in fit.inputs), *(("target", v) for v in fit.targets)]:
            if not values.num_missing:
                continue
            total = values.n + values.num_missing
            found.append(
                Finding(
                    code="K10",
                    title=TITLE,
                    number=float(values.num_missing),
                    threshold=0.0,
                    n=total,
                    text=f"{values.num_missing} of {total} numbers of the {role} that were looked at are NaN or "
                    "infinite.",
                    remedy="Fill or drop them before training",
                    severity="error",
                    certain=True,
                    place=fit.place,
                    step=0,
                    cause="One of them makes the loss and, with the next step, every weight NaN.",
                    wrong="model.fit(x, y)",
                    right="keep = np.isfinite(x).all(axis=1)\nmodel.fit(x[keep], y[keep])",
                    evidence={"missing": values.num_missing, "part": role},
                )
            )
            break
    return found
