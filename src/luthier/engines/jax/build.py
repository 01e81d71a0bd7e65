"""From a builder and a recipe to a Flax NNX model."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from flax import nnx

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
            f"{_name(builder)} returned {type(model).__name__}",
            must="it returns a flax.nnx.Module",
            where="JAX engine",
            remedy="Return the model itself",
        )
    return model


def keywords(builder: Builder, settings: dict[str, Any], offered: dict[str, Any]) -> dict[str, Any]:
    """Every setting, and of what is offered that for which the builder asks. A setting wins."""
    # nnx.Module's metaclass hides the signature of its classes: ask __init__
    function = builder.__init__ if isinstance(builder, type) else builder  # type: ignore[misc]
    parameters = inspect.signature(function).parameters
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    unknown = [] if open_ended else [name for name in settings if name not in parameters]
    known = [name for name in parameters if name not in (*offered, "self")]
    if unknown:
        raise InvalidInput(
            f"model.{unknown[0]}={settings[unknown[0]]!r}",
            must=f"{_name(builder)} takes {unknown[0]!r}",
            where="recipe.model",
            remedy=f"It takes {', '.join(known) or 'no settings'}",
        )
    asked = {name: value for name, value in offered.items() if open_ended or name in parameters}
    return asked | settings


def _name(builder: Builder) -> str:
    return getattr(builder, "__qualname__", repr(builder))
