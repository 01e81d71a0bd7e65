"""Engines by the framework of the object in hand; importing this imports no framework.

    engine = engine_for(build, recipe, inputs=64, outputs=10)

A further engine is one `register` call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from luthier.draws import draws_kept
from luthier.engines.building import asks, called, keywords
from luthier.engines.spec import Engine
from luthier.errors import InvalidInput, MissingExtra, Unsupported
from luthier.recipe import Recipe

__all__ = ["engine_for", "is_model", "register"]

EXTRAS = {
    "torch": "torch",
    "jax": "jax",
    "flax": "jax",
    "optax": "jax",
    "keras": "tensorflow",
    "tensorflow": "tensorflow",
}
"""The extra that brings a module."""
Factory = Callable[[int, int, str | None], Engine]


class _Entry(NamedTuple):
    recognises: Callable[[Any], bool]
    factory: Factory


_ENGINES: dict[str, _Entry] = {}


def register(name: str, recognises: Callable[[Any], bool], factory: Factory) -> None:
    """Offer an engine.

    Args:
        recognises: is this object a model of the framework? It looks into `sys.modules` and imports nothing.
            Asked from the last registered to the first: register the more specific later.
        factory: (inputs, outputs, device) -> Engine; device None is the engine's default.
    """
    _ENGINES[name] = _Entry(recognises, factory)


def engine_for(
    builder_or_model: Any,
    recipe: Recipe | None = None,
    *,
    inputs: int,
    outputs: int,
    device: str | None = None,
) -> Engine:
    """The engine for a model, or for what a builder returns; a builder is called once.

    Args:
        recipe: its `model` settings are passed to the builder.
        inputs, outputs: widths of the data, for builders that ask for them.
        device: "cpu", "cuda:0" ...; None is the engine's default.

    Raises:
        InvalidInput: the builder does not take a setting of recipe.model.
        Unsupported: no engine knows the object.
        MissingExtra: the builder needs a framework that is not installed.
    """
    found, told = _name_of(builder_or_model), f"model={_kind(builder_or_model)}"
    if found is None and callable(builder_or_model) and "rngs" in asks(builder_or_model)[0]:
        found = "jax"  # by the contract of `Builder`: only Flax NNX has them
    elif found is None and callable(builder_or_model):
        built = _built(builder_or_model, recipe or Recipe(), inputs=inputs, outputs=outputs)
        told = f"{called(builder_or_model)} returned {_kind(built)}"
        found = _name_of(built)
    if found is None:
        raise Unsupported(
            told,
            must=f"a model, or a function that returns one, for {', '.join(_ENGINES)}",
            where="engine_for",
            remedy="Return a torch.nn.Module, a flax.nnx.Module or a keras.Model",
        )
    return _ENGINES[found].factory(inputs, outputs, device)


def is_model(thing: Any) -> bool:
    """Is it a model of a framework, not a function that returns one?"""
    return _name_of(thing) is not None


def _name_of(model: Any) -> str | None:
    return next((name for name in reversed(_ENGINES) if _ENGINES[name].recognises(model)), None)


def _kind(thing: Any) -> str:
    """Its type, for messages; None is called None."""
    kind = type(thing)
    plain = kind.__module__ == "builtins"
    return "None" if thing is None else kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def _built(builder: Callable[..., Any], recipe: Recipe, **sizes: int) -> Any:
    try:
        with draws_kept():  # a build that only finds out a type moves nobody's numbers
            return builder(**keywords(builder, recipe.model, sizes))
    except ModuleNotFoundError as error:
        if (missing := missing_extra(called(builder), error)) is None:
            raise
        raise missing from None


def missing_extra(who: str, error: ModuleNotFoundError) -> MissingExtra | None:
    """What to say where a person's code imports a framework that is not installed; None: it is no framework."""
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return None
    return MissingExtra(f"{who} needs {error.name}", remedy=f'Install it: pip install "luthier[{extra}]"')


def _is_torch(model: Any) -> bool:
    torch = sys.modules.get("torch.nn")
    return torch is not None and isinstance(model, torch.Module)


def _is_nnx(model: Any) -> bool:
    nnx = sys.modules.get("flax.nnx")
    return nnx is not None and isinstance(model, nnx.Module)


def _is_keras(model: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, getattr(keras, "Model", ()))


def _torch_engine(inputs: int, outputs: int, device: str | None) -> Engine:
    from luthier.engines.torch import TorchEngine

    return TorchEngine(inputs=inputs, outputs=outputs, device=device or "cpu")


def _jax_engine(inputs: int, outputs: int, device: str | None) -> Engine:
    from luthier.engines.jax import JaxEngine

    if device is not None:
        raise InvalidInput(
            f"device={device!r}",
            must="None for a JAX model",
            where="engine_for",
            remedy="JAX takes its own default device: set JAX_PLATFORMS before Python starts",
        )
    return JaxEngine(inputs=inputs, outputs=outputs)


def _keras_engine(inputs: int, outputs: int, device: str | None) -> Engine:
    from luthier.engines.keras import keras_engine

    return keras_engine(inputs, outputs, device)


register("torch", _is_torch, _torch_engine)
register("jax", _is_nnx, _jax_engine)
register("keras", _is_keras, _keras_engine)  # last: on torch a Keras model is a torch module too
