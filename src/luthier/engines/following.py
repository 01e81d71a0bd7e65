"""Which activation follows a layer, told from a chain of layers: for initialisers whose gain is "auto"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from luthier.algorithms.initialisers import ACTIVATIONS, Factors, factor_before


class Activation(NamedTuple):
    """A layer or function that signals go through. `name`: one of ACTIVATIONS, or what it is called.

    Args:
        slope: of leaky_relu.
    """

    name: str
    slope: float = 0.01


LINEAR = Activation("linear")


class Layer(NamedTuple):
    """One link of a chain.

    Args:
        weights: names of its matrices, none where it has none.
        activation: what it does to signals behind its weights; None where their size is not its concern, as with
            dropout, normalisation, pooling and reshaping.
    """

    weights: tuple[str, ...] = ()
    activation: Activation | None = None


def factors_of(chain: Sequence[Layer], init: str) -> Factors:
    """Of the weights in a chain of layers; the last layer's is that of a linear one.

    >>> chain = [Layer(("a",)), Layer(activation=Activation("tanh")), Layer(("b",))]
    >>> factors_of(chain, "orthogonal")
    {'a': 1.6666666666666667, 'b': 1.0}
    """
    found: dict[str, float | str] = {}
    follower = LINEAR
    for layer in reversed(chain):
        follower = layer.activation or follower
        found |= dict.fromkeys(layer.weights, factor_or_reason(init, follower))
        if layer.weights:
            follower = LINEAR  # what comes before has this layer behind it
    return dict(reversed(found.items()))


def factor_or_reason(init: str, activation: Activation) -> float | str:
    """The factor, or that no gain is known of this activation."""
    if activation.name in ACTIVATIONS:
        return factor_before(init, *activation)
    return f"no gain is known for {activation.name}, which follows it"
