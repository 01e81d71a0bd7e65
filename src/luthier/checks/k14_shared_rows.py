"""Rows of the validation data are also in the training data.

Their validation score says how well they were memorised. It is higher than the score on new rows, and stops early
stopping from ever seeing that the model overfits.

Evidence: the bytes of every row (of the first 20000 of both parts) are compared; exact.

Mend: split before augmenting, oversampling or concatenating; split by group where rows of one origin belong together.

It keeps silent where many rows of the training part are equal among themselves (more than 1 in 100): such data have
true duplicates.
"""

from __future__ import annotations

from typing import Any

from luthier.checks.wording import percent
from luthier.findings import Finding, Unknown

TITLE = "training rows in the validation data"
TIER = "quick"
CAUSES = ()
SHARE = 0.001
MIN_SHARED = 3
TRUE_DUPLICATES = 0.01


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits whose training and validation rows could be compared."""
    found = []
    for fit in trace.fits:
        rows = fit.rows
        if rows is None or not rows.num_hashed or rows.num_shared < MIN_SHARED:
            continue
        share = rows.num_shared / rows.num_hashed
        if share < SHARE or rows.num_repeated > TRUE_DUPLICATES * max(rows.num_rows, 1):
            continue
        whole = share == 1.0
        found.append(
            Finding(
                code="K14",
                title=TITLE,
                number=share,
                threshold=SHARE,
                n=rows.num_hashed,
                text=f"{rows.num_shared} of {rows.num_hashed} validation rows ({percent(share)}) are also in the "
                "training data.",
                remedy="Hold rows back that the model is not trained on"
                if whole
                else "Split before rows are copied, augmented or oversampled",
                severity="error" if not whole else "warning",
                certain=True,
                place=fit.place,
                step=0,
                cause="Their score measures memory, not what the model does on new rows.",
                evidence={"shared": rows.num_shared, "validation_rows": rows.num_validation},
            )
        )
    return found
