"""Calling a builder: its own settings, and the sizes and streams that it asks for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from luthier.errors import InvalidInput


def keywords(builder: Callable[..., Any], settings: Mapping[str, Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """What to call the builder with: every setting, and of what is offered that for which it asks.

    A setting wins over an offer. A builder with `**kwargs` asks for everything.

    Raises:
        InvalidInput: the builder does not take a setting.

    >>> keywords(lambda width, *, outputs: None, {"width": 8}, {"inputs": 64, "outputs": 10})
    {'outputs': 10, 'width': 8}
    """
    names, open_ended = asks(builder)
    unknown = [] if open_ended else [name for name in settings if name not in names]
    if unknown:
        known = [name for name in names if name not in offered]
        raise InvalidInput(
            f"model.{unknown[0]}={settings[unknown[0]]!r}",
            must=f"{called(builder)} takes {unknown[0]!r}",
            where="recipe.model",
            remedy=f"It takes {', '.join(known) or 'no settings'}",
        )
    return {name: value for name, value in offered.items() if open_ended or name in names} | dict(settings)


def asks(builder: Callable[..., Any]) -> tuple[list[str], bool]:
    """(names of the builder's arguments, does it take any other too?)."""
    # a metaclass may hide the signature of its classes, as that of flax.nnx.Module does: ask __init__
    function = builder.__init__ if isinstance(builder, type) else builder  # type: ignore[misc]  # asked of a class
    parameters = inspect.signature(function).parameters
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return [name for name in parameters if name != "self"], open_ended


def with_spec(builder: Callable[..., Any], spec: Any) -> Callable[..., Any]:
    """A builder that asks for `spec` gets it (`luthier.DataSpec`); any other is what it was."""
    try:
        names, _ = asks(builder)
    except (TypeError, ValueError):
        return builder
    return functools.partial(builder, spec=spec) if "spec" in names else builder


def called(builder: Callable[..., Any]) -> str:
    """The builder's name, for messages."""
    return getattr(builder, "__qualname__", repr(builder))
