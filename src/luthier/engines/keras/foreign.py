"""Optimizers of Keras, as they are, on its three backends.

What one keeps is the list of its variables, "foreign/<number>" in the snapshot: on JAX they are handed through
`stateless_apply`, on TensorFlow its variables are set before a step and read after it, on torch they are live.
The learning rate is a variable of it; so is the weight decay of the recipe, where it takes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from luthier.engines.outside import Maker
from luthier.engines.serial.outside import Outside, Told, Tree, part_way
from luthier.engines.spec import Array
from luthier.errors import InvalidInput

FITS = ("keras",)
NOMINAL = 1.0
"""The learning rate with which one is made: what it makes of it is its own factor."""


def makes_keras(maker: Maker) -> bool:
    """Does it make an optimizer of Keras?"""
    if maker.name.startswith("keras."):
        return True
    try:
        return isinstance(maker(lr=NOMINAL, weight_decay=0.0), keras.optimizers.Optimizer)
    except InvalidInput:  # one of torch wants weights
        return False


class Made(NamedTuple):
    """An optimizer on variables of Keras.

    Args:
        factor: its learning rate as a part of the recipe's. lr: the number of that variable; None where a schedule of
            its own stands there: then its steps are scaled. decay: the number of the weight decay; None: its own.
    """

    optimizer: Any
    weights: dict[str, Any]
    factor: float
    lr: int | None
    decay: int | None

    @property
    def variables(self) -> list[Any]:
        """All that it keeps."""
        found: list[Any] = self.optimizer.variables
        return found

    def told(self, state: Sequence[Any], told: Told) -> list[Any]:
        """Its state with the numbers of a step."""
        now = list(state)
        for at, value in ((self.lr, told.lr * self.factor), (self.decay, told.weight_decay)):
            if at is not None:
                now[at] = keras.ops.cast(value, self.variables[at].dtype)
        return now

    def reach(self, told: Told) -> Mapping[str, Any] | None:
        """How much of its step each weight takes; None: all of it."""
        if self.lr is not None:
            return told.factors
        return {name: told.lr * self.factor * (told.factors or {}).get(name, 1.0) for name in self.weights}


def made(maker: Maker, weights: dict[str, Any], decays: Mapping[str, bool], where: str) -> Made:
    """An optimizer on these variables.

    Raises:
        Unsupported: it is none of Keras.
    """
    optimizer = maker(lr=NOMINAL, weight_decay=0.0)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise maker.wrong(optimizer, "a keras.optimizers.Optimizer", where)
    decay = None
    if maker.weight_decay:
        decay = optimizer.add_variable((), initializer="zeros", dtype="float32", name="decay")
        optimizer.weight_decay = decay if any(decays.values()) else None
        optimizer.exclude_from_weight_decay(var_list=[v for name, v in weights.items() if not decays[name]])
    optimizer.build(list(weights.values()))
    rate = optimizer.learning_rate
    places = {id(variable): i for i, variable in enumerate(optimizer.variables)}
    at = places.get(id(rate))
    own = float(keras.ops.convert_to_numpy(rate)) if at is not None else 1.0
    return Made(optimizer, weights, own, at, None if decay is None else places[id(decay)])


class KerasRule(Outside):
    """See `luthier.engines.serial.outside.Outside`: on JAX and TensorFlow."""

    def __init__(self, maker: Maker, where: str) -> None:
        super().__init__(maker, where)
        self._made: dict[Any, Made] = {}
        self._starts: dict[Any, Tree] = {}  # what the variables begin as: a graph of TensorFlow writes into them

    def begin(self, weights: Tree, told: Told) -> Tree:
        """See Outside."""
        self.ready(weights, told)
        return dict(self._starts[_form(weights, told)])

    def ready(self, weights: Tree, told: Told) -> None:
        """Variables can not be made while compiling."""
        form = _form(weights, told)
        if form in self._made:
            return
        variables = {
            name: keras.Variable(np.zeros(shape, np.float32), dtype=dtype, name=name.replace("/", "_"))
            for name, shape, dtype in form[0]
        }
        this = self._made[form] = made(self._maker, variables, told.decays, self._where)
        self._starts[form] = {str(i): numpy_of(variable) for i, variable in enumerate(this.variables)}

    def step(self, grads: Tree, state: Tree, *, weights: Tree, told: Told) -> tuple[Tree, Tree]:
        """See Outside."""
        this = self._made[_form(weights, told)]
        before = this.told([state[str(i)] for i in range(len(state))], told)
        apply = _on_tensorflow if keras.backend.backend() == "tensorflow" else _stateless
        after, kept = apply(this, before, [grads[name] for name in this.weights], [weights[n] for n in this.weights])
        moved, reach = dict(zip(this.weights, after, strict=True)), this.reach(told)
        if reach is not None:
            part = {name: keras.ops.cast(reach[name], weights[name].dtype) for name in moved}
            moved = part_way(weights, moved, part)
        return moved, {str(i): value for i, value in enumerate(kept)}


def _stateless(this: Made, state: list[Any], grads: list[Any], weights: list[Any]) -> tuple[Any, Any]:
    after, kept = this.optimizer.stateless_apply(state, grads, weights)
    return after, kept


def _on_tensorflow(this: Made, state: list[Any], grads: list[Any], weights: list[Any]) -> tuple[Any, Any]:
    """A graph keeps the order of what is done with variables."""
    targets, kept = list(this.weights.values()), this.variables
    for variable, value in zip([*targets, *kept], [*weights, *state], strict=True):
        variable.assign(value)
    this.optimizer.apply(grads, targets)
    return [keras.ops.copy(v.value) for v in targets], [keras.ops.copy(v.value) for v in kept]


def _form(weights: Tree, told: Told) -> Any:
    """Weights in the order of their names: JAX sorts them so while compiling."""
    shapes = [(name, tuple(w.shape), keras.backend.standardize_dtype(w.dtype)) for name, w in weights.items()]
    return tuple(sorted(shapes)), tuple(sorted(told.decays.items()))


def numpy_of(variable: Any) -> Array:
    """A copy of a variable; Keras' own way warns with NumPy 2 on torch and TensorFlow."""
    value, backend = variable.value, keras.backend.backend()
    if backend == "jax":
        return np.array(value)
    return np.array(value.detach().cpu().numpy() if backend == "torch" else value.numpy())
