"""A Keras cross entropy with `from_logits=True` is given probabilities.

The output has gone through `softmax` or `sigmoid` already; with `from_logits=True` it goes through it again inside
the loss. A second softmax of numbers between 0 and 1 is nearly flat: the loss cannot fall below a bound (ln(1 + (K -
1)/e) for K classes), and the gradients are small. On TensorFlow Keras finds the activation, undoes it and warns; on
JAX and torch it does not, and neither where the activation is called as a function.

Evidence: the loss's setting and the output of a real batch: made by such an activation, or all of it in 0..1 with
rows that sum to 1.

Mend: one of the two, not both. Leave the last layer without activation, or leave from_logits out.

    keras.layers.Dense(10, activation="softmax")  # wrong, with SparseCategoricalCrossentropy(from_logits=True)
    keras.layers.Dense(10)                        # right

It keeps silent where fewer than 8 rows were seen and no activation is known.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown
from luthier.watching.values import Values

TITLE = "probabilities given to a loss that expects logits"
TIER = "quick"
CAUSES = ("K03",)
MIN_ROWS = 8
SUM_TOLERANCE = 1e-3


def judge(trace: Any) -> list[Finding] | Unknown:
    """Cross entropies with from_logits=True, one finding a loss."""
    found = []
    for fit, loss, output, _ in fitting.losses(trace):
        if not fitting.cross_entropy(loss) or loss.from_logits is not True:
            continue
        named = loss.activation in ("softmax", "sigmoid")
        if not (named or _rows_are_distributions(output)):
            continue
        undone = fit.backend == "tensorflow" and named
        found.append(
            Finding(
                code="K02",
                title=TITLE,
                number=output.row_sum_high,
                threshold=1.0,
                n=output.rows,
                text=f"{fitting.called(loss)} has from_logits=True, but {fitting.output_of(loss)} has gone through "
                f"{loss.activation or 'a softmax'} already (between {fitting.plain(output.low)} and "
                f"{fitting.plain(output.high)})."
                + (" Keras on TensorFlow undoes it; on JAX and torch it does not." if undone else ""),
                remedy="Leave the activation of the last layer out, or from_logits=True in the loss",
                severity="warning" if undone else "error",
                certain=True,
                place=loss.gives_at or fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause="Squashed twice, the probabilities are nearly flat: the loss has a floor above zero and the "
                "gradients are small.",
                wrong=f'keras.layers.Dense({fitting.width(output)}, activation="{loss.activation or "softmax"}")',
                right=f"keras.layers.Dense({fitting.width(output)})",
                evidence={"activation": loss.activation, "backend": fit.backend, "loss": loss.name},
            )
        )
    return found or fitting.unseen(trace, "K02", TITLE) or []


def _rows_are_distributions(output: Values) -> bool:
    if output.rows < MIN_ROWS or fitting.width(output) < 2 or output.low < 0 or output.high > 1:
        return False
    return abs(output.row_sum_low - 1) < SUM_TOLERANCE and abs(output.row_sum_high - 1) < SUM_TOLERANCE
