"""A Keras model as flat arrays and a pure function, on whatever backend Keras has.

Keras numbers its layers for the whole process ("dense_7"). Here they are numbered within their model, so that two
builds have the same names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from luthier.engines.keras import heads, rates
from luthier.engines.keras.describing import description_of
from luthier.engines.keras.foreign import numpy_of
from luthier.engines.serial.parts import Shapes, Start, Tree
from luthier.errors import Unsupported


class Skeleton:
    """A model without its numbers: weights are the trainable variables, buffers all others but random streams.

    Equal to another where both are made of Keras' own layers in the same way, whatever their dropout rates are.

    Args:
        model: built; it is this skeleton's own from now on.
        inputs: numbers in a row of the data, where the model does not say its shape.
        lifted: do the trial's rates take the place of the layers' own?
    """

    def __init__(self, model: keras.Model, inputs: int, *, lifted: bool = True) -> None:
        self.model = model
        shown = isinstance(model, keras.Sequential) or heads.by_keras(model)
        self.row_shape: tuple[int | None, ...] = tuple(model.input_shape[1:]) if shown else (inputs,)
        trained = {id(v) for v in model.trainable_variables}
        named = _named(model.weights)
        self._weights = {name: v for name, v in named.items() if id(v) in trained}
        buffers = {name: v for name, v in named.items() if id(v) not in trained}
        of = {id(variable): name for name, variable in buffers.items()}
        self._others = [(of.get(id(variable)), variable) for variable in model.non_trainable_variables]
        self._buffers = buffers
        self.weights: Shapes = {name: tuple(v.shape) for name, v in self._weights.items()}
        self.buffers: Shapes = {name: tuple(v.shape) for name, v in buffers.items()}
        self.num_streams = sum(name is None for name, _ in self._others)
        self.description = description_of(model)
        self._given: Mapping[str, Any] = {}
        self.drop: rates.Drop = self._drop
        self._layers = rates.lift_(model, self._dropped) if lifted and self.description else {}
        self.rates = tuple(self._layers)

    def __eq__(self, other: object) -> bool:
        """Would both run in one program?"""
        if not isinstance(other, Skeleton):
            return NotImplemented
        known = self.description is not None and other.description is not None
        return self is other or (known and self._shape() == other._shape())

    def __hash__(self) -> int:
        """Equal ones have the same names."""
        return hash((self.description, tuple(self.weights)))

    def _shape(self) -> tuple[Any, ...]:
        return self.description, self.weights, self.buffers, self.rates, self.num_streams

    def start(self) -> Start:
        """The model's own arrays, numpy, and its rates."""
        rooms = (self._weights, self._buffers)
        weights, buffers = ({name: numpy_of(variable) for name, variable in room.items()} for room in rooms)
        return Start(weights, buffers, {name: float(layer.rate) for name, layer in self._layers.items()})

    def load_(self, weights: Tree, buffers: Tree) -> None:
        """Give the model these arrays."""
        for variables, arrays in ((self._weights, weights), (self._buffers, buffers)):
            for name, variable in variables.items():
                variable.assign(arrays[name])

    def _dropped(self, name: str, layer: Any, inputs: Any) -> Any:
        return self.drop(name, layer, inputs)  # asked when it is called: a backend may bring its own

    def _drop(self, name: str, layer: Any, inputs: Any) -> Any:
        return rates.dropped(layer, self._given[name], inputs)

    def variables(self) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
        """(weights, buffers, random streams) as Keras variables, for a backend that changes them in place."""
        return self._weights, self._buffers, [v for name, v in self._others if name is None]

    def without_probabilities(self) -> bool:
        """Take a last softmax or sigmoid out of the model, once and for all; was there one?"""
        return heads.take_out_(self.model)

    def __call__(
        self, weights: Tree, buffers: Tree, inputs: Any, *, rates: Mapping[str, Any], streams: Sequence[Any] | None
    ) -> tuple[Any, Tree, Any]:
        """(output [B, C], buffers afterwards, sum of the layers' own losses).

        Args:
            rates: of the lifted layers; not used in evaluation.
            streams: state [2] of each random stream, in training; None in evaluation mode.
        """
        self._given = rates
        given = iter(streams or ())
        others = [
            buffers[name] if name is not None else (next(given) if streams is not None else variable.value)
            for name, variable in self._others
        ]
        output, after, losses = self.model.stateless_call(
            [weights[name] for name in self._weights],
            others,
            inputs,
            training=streams is not None,
            return_losses=True,
        )
        after_buffers = {n: value for (n, _), value in zip(self._others, after, strict=True) if n is not None}
        return as_rows(output), after_buffers, sum(losses) if losses else None


def as_rows(output: Any) -> Any:
    """[B] or [B, C] -> [B, C], float32 or, where the model computes so, float64.

    Raises:
        Unsupported: another shape, or several outputs.
    """
    shape = getattr(output, "shape", None)
    if shape is None or len(shape) not in {1, 2}:
        raise Unsupported(
            f"the model returned {type(output).__name__ if shape is None else f'the shape {tuple(shape)}'}",
            must="it returns [B] or [B, C]",
            where="Keras engine",
            remedy="Let the model end in one row of outputs for each example",
        )
    rows = output if len(shape) == 2 else output[:, None]
    return keras.ops.cast(rows, keras.backend.result_type(rows.dtype, "float32"))


def _named(variables: Sequence[Any]) -> dict[str, Any]:
    """{name: variable}; "sequential_3/dense_8/kernel" is "sequential.dense_1.kernel" if it is the second dense."""
    found: dict[str, Any] = {}
    numbers: dict[tuple[str, str], dict[str, int]] = {}
    for variable in variables:
        here = ""
        for part in variable.path.split("/"):
            base = re.sub(r"_\d+$", "", part)
            seen = numbers.setdefault((here, base), {})
            number = seen.setdefault(part, len(seen))
            here += f"{'.' if here else ''}{base}" + (f"_{number}" if number else "")
        name, again = here, 1
        while name in found:  # two layers were given one name
            again += 1
            name = f"{here}.{again}"
        found[name] = variable
    return found
