"""A Flax NNX model as flat arrays and a pure function.

Arrays go by name: ("layers", 0, "kernel") is "layers.0.kernel".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from luthier.engines.spec import Array
from luthier.errors import InvalidInput, Unsupported

Tree = dict[str, Any]
"""{name: array}"""
Shapes = dict[str, tuple[int, ...]]


class Structure(NamedTuple):
    """A model without its arrays."""

    training: Any  # graph definitions: dropout on, statistics of the batch ...
    evaluation: Any  # ... and dropout off, running statistics
    paths: dict[str, tuple[Any, ...]]  # of every array that is handed in
    weights: Shapes
    buffers: Shapes  # of whatever is neither a weight nor a random stream, as statistics of BatchNorm
    keys: Shapes  # of random streams
    counts: Shapes  # the counters of the same streams

    def check(self, weights: Tree, buffers: Tree) -> None:
        """Arrays of another model are answered before they reach a compiled program.

        Raises:
            InvalidInput: a name is missing or too many, or a shape differs.
        """
        for room, own, given in (("weights", self.weights, weights), ("buffers", self.buffers, buffers)):
            for name in own.keys() | given.keys():
                must, have = own.get(name), given[name].shape if name in given else None
                if must != have:
                    raise InvalidInput(
                        f"{room}/{name} has the shape {have}",
                        must=f"its shape is {must}",
                        where="snapshot",
                        remedy="Stack only trials whose GroupKey equals that of the population",
                    )


def split(model: nnx.Module) -> tuple[Structure, Tree, Tree]:
    """(structure, weights, buffers). The model is left in training mode."""
    model.eval()
    evaluation = nnx.graphdef(model)
    model.train()
    training, *states = nnx.split(model, nnx.Param, nnx.RngKey, nnx.RngCount, ...)
    paths = {flat_name(path): path for state in states for path, _ in nnx.to_flat_state(state)}
    weights, keys, counts, buffers = (_arrays(state) for state in states)
    structure = Structure(
        training=training,
        evaluation=evaluation,
        paths=paths,
        weights=_shapes(weights),
        buffers=_shapes(buffers),
        keys=_shapes(keys),
        counts=_shapes(counts),
    )
    return structure, weights, buffers


def forward(structure: Structure, weights: Tree, buffers: Tree, inputs: Any, *, key: Any = None) -> tuple[Any, Tree]:
    """(output [B, C], buffers afterwards); evaluation mode where no key is given.

    Random numbers are f(seed, step, layer) and nothing else: the i-th random stream starts from
    fold_in(key, i) with its counter at 0. The order of the streams is that of their names.
    """
    model = merged(structure, weights, buffers, key=key)
    output = as_rows(model(inputs))
    after = _arrays(nnx.state(model))
    return output, {name: after[name] for name in structure.buffers}


def merged(structure: Structure, weights: Tree, buffers: Tree, *, key: Any = None) -> Any:
    """The model with these arrays, in evaluation mode where no key is given."""
    source = threefry(seed_words(0)) if key is None else key
    arrays = weights | buffers
    for i, (name, shape) in enumerate(structure.keys.items()):
        stream = jax.random.fold_in(source, i)
        arrays[name] = jax.random.split(stream, shape) if shape else stream
    arrays |= {name: np.zeros(shape, np.uint32) for name, shape in structure.counts.items()}
    graph = structure.evaluation if key is None else structure.training
    return nnx.merge(graph, nnx.from_flat_state({structure.paths[name]: a for name, a in arrays.items()}))


def as_rows(output: Any) -> Any:
    """[B] or [B, C] -> float32 [B, C].

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
    return output.reshape(len(output), -1).astype(np.float32)


def flat_name(path: tuple[Any, ...]) -> str:
    """The name of the array at this path of the model."""
    return ".".join(map(str, path))


def _arrays(state: Any) -> Tree:
    return {flat_name(path): variable.get_value() for path, variable in nnx.to_flat_state(state)}


def _shapes(tree: Tree) -> Shapes:
    return {name: array.shape for name, array in tree.items()}


def seed_words(seed: int) -> Array:
    """All 64 bits of a seed, uint32 [2]. JAX itself drops the high word where 64-bit numbers are off."""
    return np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32)


def threefry(words: Any) -> Any:
    """The random key of a seed: that of `jax.random.key(seed)`, whatever generator is set globally.

    The quicker generator "rbg" draws other numbers under vmap than in a loop.
    """
    return jax.random.wrap_key_data(words, impl="threefry2x32")
