"""How weights begin: drawn in numpy for every framework, so that a seed means the same in all.

Fans: a unit of a layer has fan_in inputs, and each input goes to fan_out units. A kernel counts each of its places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput
from luthier.recipe import INITIALISERS

Float64 = npt.NDArray[np.float64]
UNIFORM_BOUND = 0.05
NORMAL_SD = 0.02
"""Where nobody says how wide: Keras' RandomUniform, and the usual number of transformers (Radford et al. 2019)."""
TRUNCATED_SD = 0.87962566103423978
"""Standard deviation of a normal one that is cut at two of them: lecun_normal is widened by it."""


ASSUMED = {"he_uniform": "relu", "he_normal": "relu"}
"""The activation after a layer that an initialiser assumes; the others assume none."""
ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
"""Those whose gain is known."""
Factors = Mapping[str, float | str]
"""{name of the weight: its factor, or why it is not known}"""


class Fans(NamedTuple):
    """Of one weight of two axes and more."""

    inputs: int
    outputs: int


def fans(shape: tuple[int, ...], *, outputs: int = 0) -> Fans:
    """Of a weight.

    Args:
        outputs: the axis that counts outputs: 0 in torch, where inputs come next; -1 in JAX and Keras, where they
            come just before.

    >>> fans((8, 3, 5, 5)), fans((5, 5, 3, 8), outputs=-1)
    (Fans(inputs=75, outputs=200), Fans(inputs=75, outputs=200))
    """
    num_in, num_out = (shape[1], shape[0]) if outputs == 0 else (shape[-2], shape[-1])
    places = prod(shape) // (num_in * num_out)
    return Fans(num_in * places, num_out * places)


def gain(activation: str, slope: float = 0.01) -> float:
    """Factor of the standard deviation that keeps the size of signals through an activation.

    Args:
        activation: one of `ACTIVATIONS`. slope: of leaky_relu.

    relu: sqrt(2) (He et al. 2015, 1502.01852); leaky: sqrt(2 / (1 + slope^2)); tanh 5/3 and selu 3/4 as in torch.
    """
    gains: dict[str, float] = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5.0 / 3.0,
        "relu": 2.0**0.5,
        "selu": 0.75,
        "leaky_relu": (2.0 / (1.0 + slope**2)) ** 0.5,
    }
    return gains[activation]


def factor_before(init: str, activation: str, slope: float = 0.01) -> float:
    """What an initialiser's numbers are multiplied by in a layer that this activation follows.

    gain(activation) / gain that the initialiser assumes. He assumes relu, all others a linear layer: their assumed
    gain is 1. So he_normal has the variance gain^2 / fan_in, xavier_normal gain^2 2 / (fan_in + fan_out),
    lecun_normal gain^2 / fan_in, and the rows of orthogonal have the length of the gain, as those of torch.nn.init
    with `gain` or `nonlinearity`. uniform and normal have their fixed width times the gain.

    >>> factor_before("he_normal", "relu"), factor_before("orthogonal", "tanh")
    (1.0, 1.6666666666666667)
    """
    return gain(activation, slope) / gain(ASSUMED.get(init, "linear"))


def uniform(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """U(-0.05, 0.05), whatever the fans."""
    del f
    return rng.uniform(-UNIFORM_BOUND, UNIFORM_BOUND, shape)


def normal(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """N(0, 0.02^2), whatever the fans."""
    del f
    return rng.normal(0.0, NORMAL_SD, shape)


def xavier_uniform(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010): for linear and tanh layers."""
    bound = (6.0 / (f.inputs + f.outputs)) ** 0.5
    return rng.uniform(-bound, bound, shape)


def xavier_normal(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """N(0, 2 / (fan_in + fan_out))."""
    return rng.normal(0.0, (2.0 / (f.inputs + f.outputs)) ** 0.5, shape)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """U(-a, a), a = sqrt(6 / fan_in), of variance 2 / fan_in (He et al. 2015, 1502.01852): for layers before relu."""
    bound = (6.0 / f.inputs) ** 0.5
    return rng.uniform(-bound, bound, shape)


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """N(0, 2 / fan_in)."""
    return rng.normal(0.0, (2.0 / f.inputs) ** 0.5, shape)


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """Variance 1 / fan_in, cut at two standard deviations (LeCun et al. 1998), as Flax begins its layers."""
    drawn = rng.normal(size=shape)
    while (wide := np.abs(drawn) > 2.0).any():
        drawn[wide] = rng.normal(size=int(wide.sum()))
    return np.asarray(drawn * f.inputs**-0.5 / TRUNCATED_SD, np.float64)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], f: Fans) -> Float64:
    """Rows, or columns where these are fewer, of length 1 and at right angles (Saxe et al. 2014, 1312.6120).

    The first axis stands against all else; `drawn` puts the axis of the outputs there.
    """
    del f
    rows, columns = shape[0], prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))  # uniform over all such matrices
    return np.asarray((q if rows >= columns else q.T).reshape(shape), np.float64)


DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, ...], Fans], Float64]] = {
    "uniform": uniform,
    "normal": normal,
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
}
"""By the names of `records.INITIALISERS`."""


def drawn(name: str, shape: tuple[int, ...], seed: int, *, outputs: int = 0, factor: float = 1.0) -> Float64:
    """A weight of this shape: float64, a function of the seed.

    Args:
        name: of an initialiser. outputs: see `fans`. factor: of all numbers.

    Raises:
        InvalidInput: unknown name, or fewer than two axes.
    """
    if name not in DRAWS:
        raise InvalidInput(
            f"init={name!r}", must=f"one of {', '.join(INITIALISERS)}", where="algorithms.initialisers"
        )
    if len(shape) < 2:
        raise InvalidInput(f"a weight of shape {shape}", must="two axes or more", where="algorithms.initialisers")
    rng = np.random.Generator(np.random.Philox(seed))
    if outputs == 0:
        return factor * DRAWS[name](rng, shape, fans(shape))
    first = (shape[-1], *shape[:-1])
    return np.ascontiguousarray(np.moveaxis(factor * DRAWS[name](rng, first, fans(shape, outputs=-1)), 0, -1))


def begun(
    weights: dict[str, npt.NDArray[Any]],
    other: dict[str, npt.NDArray[Any]],
    *,
    init: str,
    factor: float | Factors,
    zero: str,
    seed: int,
    outputs: int = 0,
    spared: frozenset[str] = frozenset(),
) -> dict[str, npt.NDArray[Any]]:
    """Weights as a recipe wants them to begin; those that it does not touch are not in the answer.

    Only what the model draws at random is drawn anew: a weight that is the same for two seeds was set on purpose, or
    trained before.

    Args:
        weights, other: those of the model built with two seeds.
        init, factor: initialiser and factor, one for all or each its own; "" leaves all as they are. zero: names
            that end so begin at 0, unless they were trained before: equal for two seeds, and not the same everywhere.
        seed: of the trial. spared: names of weights that are no layers' matrices, such as embeddings.

    Raises:
        InvalidInput: the factor of a weight is not known.
    """
    from luthier.records import derive_seed

    found: dict[str, npt.NDArray[Any]] = {}
    for name, value in weights.items():
        if init and value.ndim >= 2 and name not in spared and not np.array_equal(value, other[name]):
            own = derive_seed(seed, "init", name)
            found[name] = drawn(init, value.shape, own, outputs=outputs, factor=_of(factor, name)).astype(value.dtype)
        if zero and name.endswith(zero) and not _loaded(value, other[name]):
            found[name] = np.zeros_like(value)
    return found


def _loaded(value: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Was a weight trained before? It is the same for two seeds, and no constant such as the ones of a scale."""
    return value.size > 1 and np.array_equal(value, other) and bool(np.ptp(value))


def _of(factor: float | Factors, name: str) -> float:
    if not isinstance(factor, Mapping):
        return factor
    found = factor.get(name, "it is not seen what follows it")
    if isinstance(found, str):
        raise InvalidInput(
            f"init_gain='auto' for {name}: {found}",
            must="the activation after each layer is known",
            where="recipe",
            remedy="Give init_gain a number",
        )
    return found
