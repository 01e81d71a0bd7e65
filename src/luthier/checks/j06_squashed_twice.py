"""Probabilities go into a cross entropy that squashes them again.

optax's cross entropies (and those written with `log_softmax` or `logsumexp`) take logits. Given the result of a
softmax they take the softmax of numbers between 0 and 1, which is nearly flat: the loss cannot get below
ln(1 + (K - 1)/e), and the gradients are small. The same holds for a sigmoid before `sigmoid_binary_cross_entropy`.

Evidence: in the operations of the loss, a softmax (or sigmoid) whose result is exponentiated and summed (or goes into
a second log-sigmoid); exact.

Mend: give the logits.

    optax.softmax_cross_entropy(jax.nn.softmax(logits), y)   # wrong
    optax.softmax_cross_entropy(logits, y)                   # right
"""

from __future__ import annotations

from typing import Any

from luthier.checks.remarks import remarks
from luthier.findings import Finding, Unknown

TITLE = "softmax or sigmoid applied twice"
TIER = "quick"
CAUSES = ("J07",)


def judge(trace: Any) -> list[Finding] | Unknown:
    """Remarks on the operations of losses, one a line."""
    found = []
    for program, remark in remarks(trace, "softmax twice", "sigmoid twice"):
        name = remark.kind.partition(" ")[0]
        loss = "softmax_cross_entropy" if name == "softmax" else "sigmoid_binary_cross_entropy"
        found.append(
            Finding(
                code="J06",
                title=TITLE,
                number=2.0,
                threshold=1.0,
                n=1,
                text=f"the loss `{program.name}` applies a {name} to numbers that a {name} has made already"
                + (f" (axis of {remark.size})." if remark.size else "."),
                remedy=f"Give the cross entropy the logits, without {name}",
                severity="error",
                certain=True,
                place=remark.place,
                others=(remark.other,) if remark.other and remark.other != remark.place else (),
                step=0,
                cause="Squashed twice, the probabilities are nearly flat: the loss has a floor above zero and small "
                "gradients.",
                wrong=f"optax.{loss}(jax.nn.{name}(logits), y)",
                right=f"optax.{loss}(logits, y)",
            )
        )
    return found
