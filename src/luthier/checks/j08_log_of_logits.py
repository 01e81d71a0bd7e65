"""The logarithm of raw outputs.

A cross entropy takes the logarithm of probabilities. The last layer's raw outputs are any numbers: the logarithm of a
negative one is NaN, and one NaN makes the loss, and with the next step all weights, NaN. After a `relu` it is the
logarithm of zero.

Evidence: in the operations of the loss, a logarithm whose argument is an affine function of weights that has no lower
bound, or the output of a relu; exact.

Mend: let the loss have logits, which is also the most accurate way.

    -jnp.mean(y * jnp.log(out) + (1 - y) * jnp.log(1 - out))    # wrong for raw outputs
    optax.sigmoid_binary_cross_entropy(out, y).mean()           # right
"""

from __future__ import annotations

from typing import Any

from luthier.checks.remarks import remarks
from luthier.findings import Finding, Unknown

TITLE = "logarithm of raw outputs"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Remarks on the operations of losses, one a line."""
    found = []
    for program, remark in remarks(trace, "log of logits", "log of zero"):
        raw = remark.kind == "log of logits"
        found.append(
            Finding(
                code="J08",
                title=TITLE,
                n=1,
                text=f"the loss `{program.name}` takes the logarithm of "
                + ("raw outputs, which can be negative: NaN." if raw else "a relu's output, which can be 0: -inf."),
                remedy="Use a loss that takes logits, such as optax.sigmoid_binary_cross_entropy",
                severity="error",
                certain=True,
                place=remark.place,
                step=0,
                cause="One number that is not finite makes the loss and all gradients so.",
                wrong="-jnp.mean(y * jnp.log(out) + (1 - y) * jnp.log(1 - out))",
                right="optax.sigmoid_binary_cross_entropy(out, y).mean()",
            )
        )
    return found
