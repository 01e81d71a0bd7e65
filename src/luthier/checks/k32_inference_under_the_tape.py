"""A training loop of one's own calls the model in inference mode.

Called without `training=True`, a Keras model runs dropout and batch normalisation as for inference, under a gradient
tape too: nothing is dropped, and the statistics stay those of the beginning. `fit` says it for you, a loop of your
own does not.

Evidence: the mode of every such layer that is to be trained, in each call that was traced under a `tf.GradientTape`;
exact.

Mend: say so.

    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x))                     # wrong
        loss = loss_fn(y, model(x, training=True))      # right

It keeps silent where a layer of the kind ran in training mode under any tape, where only batch normalisation was left
in inference mode, and where the program trains by `fit`.
"""

from __future__ import annotations

from typing import Any

from luthier.checks.wording import called_in, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.fits import Taped

TITLE = "training in inference mode"
TIER = "quick"
CAUSES = ()
NEEDS = ""


def judge(trace: Any) -> list[Finding] | Unknown:
    """Dropout under tapes."""
    dropout = next((t for t in trace.taped if t.kind == "Dropout"), None)
    if trace.fits or dropout is None:
        return []
    if dropout.train or not dropout.infer:
        return []
    return [_finding(dropout, trace.taped, called_in(trace.sources, "GradientTape") or dropout.place)]


def _finding(dropout: Taped, taped: list[Taped], place: Place | None) -> Finding:
    kinds = [t.kind for t in taped if t.infer and not t.train]
    return Finding(
        code="K32",
        title=TITLE,
        number=0.0,
        n=dropout.infer,
        text=f"{' and '.join(kinds)} ran in inference mode in every call under a gradient tape "
        f"({plural(dropout.infer, 'traced call')} of Dropout).",
        remedy="Call the model with training=True under the tape",
        severity="error",
        certain=True,
        place=place,
        cause="Nothing is dropped in training, and batch normalisation keeps its first statistics.",
        wrong="loss = loss_fn(y, model(x))",
        right="loss = loss_fn(y, model(x, training=True))",
    )
