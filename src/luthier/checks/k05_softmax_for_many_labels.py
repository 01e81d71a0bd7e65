"""A softmax where several labels of a row can be true, or a sigmoid where only one can.

Softmax shares one unit of probability among the outputs: it cannot say "both". With binary cross entropy and rows of
several ones it can never reach its targets, and rows without any one push it nowhere. A sigmoid with categorical
cross entropy is the opposite mistake: only the output of the true class is ever pushed, the others are held by
Keras's renormalisation alone.

Evidence: the last activation, the loss, and the sums of the target's rows; exact.

Mend: several labels a row: `sigmoid` with `binary_crossentropy`. One of several classes: `softmax` with
`categorical_crossentropy`.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.findings import Finding, Unknown

TITLE = "last activation and loss belong to different tasks"
TIER = "quick"
CAUSES = ("K03", "K04")


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses over at least two outputs beside the last activation."""
    found = []
    for fit, loss, output, target in fitting.losses(trace):
        k = fitting.width(output)
        if k < 2 or loss.own:
            continue
        softmax = loss.activation == "softmax" and loss.name == "binary_crossentropy"
        sums_differ = target.row_sum_high > 1.001 or target.row_sum_low < 0.999
        if softmax and fitting.width(target) == k and sums_differ:
            text = (
                f"the output is a softmax over {k} units, which share one unit of probability, but a row of the "
                f"targets holds from {fitting.plain(target.row_sum_low)} to {fitting.plain(target.row_sum_high)} "
                "ones."
            )
            remedy, right, severity = "Use activation='sigmoid' in the last layer", "sigmoid", "error"
        elif loss.activation == "sigmoid" and loss.name in (
            "categorical_crossentropy",
            "sparse_categorical_crossentropy",
        ):
            text = f"{loss.name} expects probabilities that sum to 1, but the {k} outputs are separate sigmoids."
            remedy, right, severity = "Use activation='softmax' in the last layer", "softmax", "warning"
        else:
            continue
        found.append(
            Finding(
                code="K05",
                title=TITLE,
                number=target.row_sum_high,
                threshold=1.0,
                n=target.rows,
                text=text,
                remedy=remedy,
                severity="error" if severity == "error" else "warning",
                certain=True,
                place=fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause="The model cannot express the answer that the targets ask for.",
                wrong=f'keras.layers.Dense({k}, activation="{loss.activation}")',
                right=f'keras.layers.Dense({k}, activation="{right}")',
                evidence={"activation": loss.activation, "loss": loss.name},
            )
        )
    return found or fitting.unseen(trace, "K05", TITLE) or []
