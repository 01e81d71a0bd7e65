"""A Flax NNX model as flat arrays and a pure function.

Arrays go by name: ("layers", 0, "kernel") is "layers.0.kernel".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from luthier.engines.jax.dropout import Rate, lift_
from luthier.engines.serial.parts import Shapes, Start, Tree, seed_words
from luthier.errors import Unsupported


class NnxStructure(NamedTuple):
    """A model without its arrays."""

    training: Any  # graph definitions: dropout on, statistics of the batch ...
    evaluation: Any  # ... and dropout off, running statistics
    paths: dict[str, tuple[Any, ...]]  # of every array that is handed in
    weights: Shapes
    buffers: Shapes  # of whatever is neither a weight nor a random stream, as statistics of BatchNorm
    rates: tuple[str, ...]
    keys: Shapes  # of random streams
    counts: Shapes  # the counters of the same streams

    def __call__(
        self, weights: Tree, buffers: Tree, inputs: Any, *, rates: Mapping[str, Any], key: Any = None
    ) -> tuple[Any, Tree, Any]:
        """(output [B, C], buffers afterwards, no loss of the layers' own); evaluation mode where no key is given.

        Random numbers are f(seed, step, layer) and nothing else: the i-th random stream starts from
        fold_in(key, i) with its counter at 0. The order of the streams is that of their names.
        """
        model = self.merged(weights, buffers, rates=rates, key=key)
        output = as_rows(model(inputs))
        after = _arrays(nnx.state(model))
        return output, {name: after[name] for name in self.buffers}, None

    def merged(self, weights: Tree, buffers: Tree, *, rates: Mapping[str, Any], key: Any = None) -> Any:
        """The model with these arrays, in evaluation mode where no key is given."""
        source = threefry(seed_words(0)) if key is None else key
        arrays = weights | buffers | {name: rates.get(name, 0.0) for name in self.rates}
        for i, (name, shape) in enumerate(self.keys.items()):
            stream = jax.random.fold_in(source, i)
            arrays[name] = jax.random.split(stream, shape) if shape else stream
        arrays |= {name: np.zeros(shape, np.uint32) for name, shape in self.counts.items()}
        graph = self.evaluation if key is None else self.training
        return nnx.merge(graph, nnx.from_flat_state({self.paths[name]: a for name, a in arrays.items()}))


def split(model: nnx.Module) -> tuple[NnxStructure, Start]:
    """(structure, arrays). The model is left in training mode, with lifted rates."""
    lift_(model)
    model.eval()
    evaluation = nnx.graphdef(model)
    model.train()
    training, *states = nnx.split(model, nnx.Param, nnx.RngKey, nnx.RngCount, Rate, ...)
    paths = {flat_name(path): path for state in states for path, _ in nnx.to_flat_state(state)}
    weights, keys, counts, rates, buffers = (_arrays(state) for state in states)
    structure = NnxStructure(
        training=training,
        evaluation=evaluation,
        paths=paths,
        weights=_shapes(weights),
        buffers=_shapes(buffers),
        rates=tuple(rates),
        keys=_shapes(keys),
        counts=_shapes(counts),
    )
    return structure, Start(weights, buffers, {name: float(rate) for name, rate in rates.items()})


def as_rows(output: Any) -> Any:
    """[B] or [B, C] -> [B, C], float32 or, where the model computes so, float64.

    Raises:
        Unsupported: another shape.
    """
    if output.ndim not in {1, 2}:
        raise Unsupported(
            f"the model returned the shape {output.shape}",
            must="it returns [B] or [B, C]",
            where="JAX engine",
            remedy="Let the model end in one row of outputs for each example",
        )
    return output.reshape(len(output), -1).astype(jnp.promote_types(output.dtype, np.float32))


def flat_name(path: tuple[Any, ...]) -> str:
    """The name of the array at this path of the model."""
    return ".".join(map(str, path))


def _arrays(state: Any) -> Tree:
    return {flat_name(path): variable.get_value() for path, variable in nnx.to_flat_state(state)}


def _shapes(tree: Tree) -> Shapes:
    return {name: array.shape for name, array in tree.items()}


def threefry(words: Any) -> Any:
    """The random key of a seed: that of `jax.random.key(seed)`, whatever generator is set globally.

    The quicker generator "rbg" draws other numbers under vmap than in a loop.
    """
    return jax.random.wrap_key_data(words, impl="threefry2x32")
