"""Predictions of shape (B, 1) meet targets of shape (B,): the loss compares every prediction with every target.

Broadcasting makes a B x B matrix of them. The loss is then lowest where all predictions are the mean of the targets.

Evidence: the shapes in the operations of the loss, where one side comes from the weights and the other does not;
exact.

Mend: bring both to one shape.

    jnp.mean((model(x) - y) ** 2)            # wrong: (B, 1) - (B,)
    jnp.mean((model(x)[:, 0] - y) ** 2)      # right

It keeps silent where both sides come from the weights (pairs on purpose).
"""

from __future__ import annotations

from typing import Any

from luthier.checks.remarks import remarks
from luthier.findings import Finding, Unknown

TITLE = "predictions and targets broadcast"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Remarks on the operations of losses, one a line."""
    found = []
    for program, remark in remarks(trace, "broadcast"):
        rows = max(max(s) for s in remark.shapes)
        found.append(
            Finding(
                code="J09",
                title=TITLE,
                number=float(rows * rows),
                threshold=float(rows),
                n=rows,
                text=f"shapes {remark.shapes[0]} and {remark.shapes[1]} meet in `{program.name}` and give "
                f"{rows} x {rows} numbers instead of {rows}.",
                remedy="Bring predictions and targets to one shape before they meet",
                severity="error",
                certain=True,
                place=remark.place,
                step=0,
                cause="Every prediction is compared with every target; the best answer is their mean for all rows.",
                wrong="jnp.mean((model(x) - y) ** 2)",
                right="jnp.mean((model(x)[:, 0] - y) ** 2)",
            )
        )
    return found
