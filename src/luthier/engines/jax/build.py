"""From a builder and a recipe to a Flax NNX model."""

from __future__ import annotations

from typing import NamedTuple

from flax import nnx

from luthier.engines.building import called, keywords
from luthier.engines.jax.model import seed_words, threefry
from luthier.engines.spec import Builder
from luthier.errors import InvalidInput
from luthier.records import Recipe


class Sizes(NamedTuple):
    """Width of the data: what a builder that asks for `inputs` and `outputs` is given."""

    inputs: int
    outputs: int


def build(builder: Builder, recipe: Recipe, sizes: Sizes, seed: int) -> nnx.Module:
    """A fresh model: recipe.model, and `inputs`, `outputs` and `rngs` where the builder asks for them.

    Raises:
        InvalidInput: the builder does not take a setting of recipe.model, or returns something else.
    """
    offered = sizes._asdict() | {"rngs": nnx.Rngs(threefry(seed_words(seed)))}
    model = builder(**keywords(builder, recipe.model, offered))
    if not isinstance(model, nnx.Module):
        raise InvalidInput(
            f"{called(builder)} returned {type(model).__name__}",
            must="it returns a flax.nnx.Module",
            where="JAX engine",
            remedy="Return the model itself",
        )
    return model
