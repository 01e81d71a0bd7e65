"""A Keras cross entropy that expects probabilities is given something else.

Keras's cross entropies have `from_logits=False` as their default: they take the logarithm of what they get. A last
layer without activation gives numbers outside 0..1 (logits). These are clipped to 0..1 first, and where they are
clipped the gradient is exactly zero: there is no error, and hardly any training. A `relu` in front does the same
above 1 and gives the logarithm of zero below.

Evidence: the loss's own setting, and the last layer's output on a real batch; the share of the output whose
gradient is exactly zero is measured on that batch.

Mend: say that the outputs are logits (numerically the best), or give the last layer `sigmoid` (two classes or
several labels) or `softmax` (one of several classes).

    model.compile("adam", loss="binary_crossentropy")                                 # wrong after Dense(1)
    model.compile("adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))     # right

A model with several outputs is judged by each of its losses. Of a loss of one's own, the cross entropy of Keras that
it calls is judged, where it is given the output as it is.

It keeps silent where every output of the batch lies in 0..1 and the last layer is not known to be a `relu` or `tanh`;
and for a loss of one's own that changes the output first or calls several cross entropies.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.checks.wording import percent
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Loss
from luthier.watching.values import Values

TITLE = "logits given to a loss that expects probabilities"
TIER = "quick"
CAUSES = ("K03",)
TOLERANCE = 1e-4
_UNBOUNDED = ("relu", "tanh", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "softplus")
_CLASSES = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


def judge(trace: Any) -> list[Finding] | Unknown:
    """Cross entropies with from_logits=False, one finding a loss."""
    found = []
    for fit, loss, output, _ in fitting.losses(trace):
        name = fitting.cross_entropy(loss)
        if not name or loss.from_logits is not False:
            continue
        outside = output.low < -TOLERANCE or output.high > 1 + TOLERANCE
        if not outside and loss.activation not in _UNBOUNDED:
            continue
        layer = f"`{loss.activation}`" if loss.activation else "no activation"
        zero = (
            f" The gradient is exactly zero for {percent(loss.zero_gradient)} of them."
            if loss.zero_gradient > 0
            else ""
        )
        found.append(
            Finding(
                code="K01",
                title=TITLE,
                number=output.low if output.low < 0 else output.high,
                threshold=0.0 if output.low < 0 else 1.0,
                n=output.n,
                text=f"{fitting.called(loss)} has from_logits=False and takes the logarithm of "
                f"{fitting.output_of(loss)}, which ends with {layer} and {_range(output)}.{zero}",
                remedy=_remedy(loss, name),
                severity="error",
                certain=True,
                place=loss.gives_at or fitting.where(fit),
                others=fitting.beside(fit),
                step=0,
                cause="Numbers outside 0..1 are clipped before the logarithm, and a clipped number has no gradient: "
                "these samples do not train the model.",
                wrong=_wrong(loss, name),
                right=_right(loss, name),
                evidence={
                    "low": output.low,
                    "high": output.high,
                    "zero_gradient": loss.zero_gradient,
                    "activation": loss.activation,
                    "loss": loss.name,
                },
            )
        )
    return found or fitting.unseen(trace, "K01", TITLE) or []


def _range(output: Values) -> str:
    if not output.n:
        return "holds no finite number any more after the first step"
    return f"lies between {fitting.plain(output.low)} and {fitting.plain(output.high)}, not between 0 and 1"


def _wrong(loss: Loss, name: str) -> str:
    return f"keras.ops.{name}(y_true, y_pred)" if loss.own else f'model.compile(..., loss="{name}")'


def _right(loss: Loss, name: str) -> str:
    if loss.own:
        return f"keras.ops.{name}(y_true, y_pred, from_logits=True)"
    return f"model.compile(..., loss=keras.losses.{_CLASSES.get(name, 'BinaryCrossentropy')}(from_logits=True))"


def _remedy(loss: Loss, name: str) -> str:
    activation = "sigmoid" if name.startswith("binary") else "softmax"
    if loss.activation:
        return f"Let the last layer end with `{activation}` instead of `{loss.activation}`"
    return f"Set from_logits=True in the loss, or give the last layer activation='{activation}'"
