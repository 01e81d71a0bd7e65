"""A softmax or an argmax over an axis of size one.

A softmax of one number is 1 whatever the number is, and its gradient is zero. An argmax over one column is always 0:
an accuracy made of it is the share of class 0.

Evidence: the size of the axis, in the operations of the loss or at the call; exact.

Mend: one output wants a sigmoid, and a border instead of an argmax.

    (jnp.argmax(logits, axis=1) == y).mean()     # wrong for logits of shape (B, 1)
    ((logits[:, 0] > 0) == y).mean()             # right
"""

from __future__ import annotations

from typing import Any

from luthier.checks.remarks import remarks
from luthier.findings import Finding, Unknown

TITLE = "softmax or argmax over one number"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Remarks on the operations of losses and on argmax calls, one a line."""
    found = []
    for _, remark in remarks(trace, "softmax of one", "argmax of one"):
        softmax = remark.kind.startswith("softmax")
        result = "1, and its gradient 0" if softmax else "0: all rows are counted as class 0"
        found.append(
            Finding(
                code="J07",
                title=TITLE,
                number=1.0,
                threshold=2.0,
                n=1,
                text=f"{'softmax' if softmax else 'argmax'} over an axis of size 1: the result is always {result}.",
                remedy="Use a sigmoid for one output"
                if softmax
                else "Compare the logit with 0 (a probability with 0.5)",
                severity="error",
                certain=True,
                place=remark.place,
                cause="There is nothing to choose from: the answer does not depend on the model.",
                wrong="jax.nn.softmax(logits)" if softmax else "jnp.argmax(logits, axis=1)",
                right="jax.nn.sigmoid(logits)" if softmax else "logits[:, 0] > 0",
            )
        )
    return found
