"""A softmax over the rows of the batch instead of the classes.

`axis=0` of outputs (B, K) is the batch: the rows of a batch then share one unit of probability for each class, and
the answer for a row depends on the rows beside it. Training may still lower the loss; one row alone gets
probability 1 for every class.

Evidence: in the operations of the loss, exponentials of outputs (B, K) that are summed over the rows of an input
(axis 0, not the other axis), and whose logarithm is taken; exact. Square outputs (B, B), as of contrastive losses,
and softmaxes whose logarithm is not taken, as in attention, are passed over.

Mend: the last axis.

    jax.nn.log_softmax(z, axis=0)    # wrong
    jax.nn.log_softmax(z, axis=-1)   # right
"""

from __future__ import annotations

from typing import Any

from luthier.checks.remarks import remarks
from luthier.findings import Finding, Unknown

TITLE = "softmax over the batch"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Remarks on the operations of losses, one a line."""
    return [
        Finding(
            code="J14",
            title=TITLE,
            number=0.0,
            threshold=1.0,
            n=remark.size,
            text=f"the loss `{program.name}` takes the softmax over axis 0, which are the {remark.size} rows of the "
            "batch, and not over the classes.",
            remedy="Take it over the last axis: axis=-1",
            severity="error",
            certain=True,
            place=remark.place,
            step=0,
            cause="The rows of a batch share one unit of probability: what one row gets depends on its neighbours.",
            wrong="jax.nn.log_softmax(logits, axis=0)",
            right="jax.nn.log_softmax(logits, axis=-1)",
            evidence={"rows": remark.size},
        )
        for program, remark in remarks(trace, "softmax over the batch")
    ]
