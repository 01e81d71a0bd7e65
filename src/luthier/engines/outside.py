"""Optimizers that luthier did not write: where they are found, and what they can be told.

A recipe names one by where it is imported from, "torch.optim.RAdam", or as "own.NAME" where it is a function of the
person's own: that function is made known in each process by `register`, as it can not be imported there.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from luthier.codec import digest
from luthier.errors import InvalidInput, MissingExtra, Unsupported
from luthier.recipe import Recipe

OWN = "own."
RATES = ("lr", "learning_rate")
DECAY = "weight_decay"
MASKS = ("mask", "weight_decay_mask")
FRAMEWORKS = ("torch", "optax", "keras")
"""Top modules whose optimizers are known to be of one framework each."""
_OWN: dict[str, Any] = {}


def register(make: Any) -> str:
    """Make an optimizer known in this process; the name that a recipe calls it by.

    One that torch, optax or Keras offer under a public name is called by that.

    Raises:
        InvalidInput: no function and no transformation; an optimizer that is bound to weights already.

    >>> register(lambda params, lr: None)
    'own.lambda'
    """
    if not callable(make) and not _is_transformation(make):
        raise InvalidInput(
            f"optimizer={type(make).__name__} object",
            must="a function that makes an optimizer, or its name",
            where="tune",
            remedy="Every trial needs one of its own: optimizer=lambda params: AdamW(params, lr=1e-3) on torch, "
            "lambda: keras.optimizers.Adam(1e-3) on Keras",
        )
    if public := _public_name(make):
        return public
    name = OWN + _plain_name(make)
    _OWN[name] = make
    return name


def found(name: str) -> Any:
    """What the name of an optimizer means.

    Raises:
        InvalidInput: it can not be imported, or was not handed over. MissingExtra: its package is not installed.
    """
    if name.startswith(OWN):
        if name not in _OWN:
            raise InvalidInput(
                f"optimizer={name!r}",
                must="the function is at hand",
                where="recipe",
                remedy=f"Pass it beside the recipe: luthier.tune(..., optimizer={name.removeprefix(OWN)})",
            )
        return _OWN[name]
    module, _, attribute = name.rpartition(".")
    try:
        thing = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name == package:
            raise MissingExtra(
                f"optimizer={name!r} needs {package}", where="recipe", remedy=f"Install the package of {package}"
            ) from None
        raise _not_found(name, error) from None
    except (ImportError, AttributeError) as error:
        raise _not_found(name, error) from None
    if not callable(thing) and not _is_transformation(thing):
        raise InvalidInput(f"optimizer={name!r}", must="a function that makes an optimizer", where="recipe")
    return thing


def _not_found(name: str, error: Exception) -> InvalidInput:
    return InvalidInput(f"optimizer={name!r}", must="it can be imported", where="recipe", remedy=str(error))


class Maker(NamedTuple):
    """An optimizer of a recipe, ready to be made.

    Args:
        name: in the recipe. make: what it means. options: its own arguments, from the recipe.
        lr, weight_decay, mask: what it calls these arguments; "" where it has none.
    """

    name: str
    make: Any
    options: Mapping[str, Any]
    lr: str = ""
    weight_decay: str = ""
    mask: str = ""

    @classmethod
    def of(cls, recipe: Recipe, *, given: int, fits: Sequence[str], where: str) -> Maker:
        """That of a recipe.

        Args:
            given: arguments that the engine hands in before all others: 1 where it gives the weights.
            fits: the top modules, of FRAMEWORKS, whose optimizers the engine can take. where: its name.

        Raises:
            InvalidInput: not to be found, or arguments that it lacks or that nobody gives.
            Unsupported: of another framework.
        """
        top = recipe.optimizer.partition(".")[0]
        if top in FRAMEWORKS and top not in fits:
            raise Unsupported(
                f"optimizer={recipe.optimizer!r}",
                must=f"an optimizer of {' or '.join(fits)}",
                where=where,
                remedy="Take one of the framework that the model is written in",
            )
        make = found(recipe.optimizer)
        return cls(recipe.optimizer, make, dict(recipe.optimizer_options))._reading(parameters_of(make), given)

    @property
    def key(self) -> tuple[str, str, Any]:
        """Two of the same key make the same optimizer."""
        return self.name, digest(dict(self.options)), self.make

    def __call__(self, *given: Any, lr: Any, weight_decay: Any = 0.0, mask: Any = None) -> Any:
        """The optimizer, with the numbers that it can be told.

        Raises:
            InvalidInput: it refuses its arguments.
        """
        if not callable(self.make):
            return self.make
        numbers = {self.lr: lr, self.weight_decay: weight_decay, self.mask: mask}
        told = {name: value for name, value in numbers.items() if name}
        try:
            return self.make(*given, **told, **self.options)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"optimizer={self.name!r} with {self.options or 'no options'}",
                must="it can be made",
                where="recipe",
                remedy=f"It says: {error}",
            ) from error

    def wrong(self, thing: Any, must: str, where: str) -> Unsupported:
        """What it made is no optimizer of this framework."""
        return Unsupported(
            f"optimizer={self.name!r} made a {type(thing).__name__}",
            must=must,
            where=where,
            remedy="Take an optimizer of the framework that the model is written in",
        )

    def _reading(self, parameters: Mapping[str, inspect.Parameter], given: int) -> Maker:
        """What its signature says of its arguments."""
        names = list(parameters)
        if names and names[0] not in RATES:  # one of Keras asks for no weights, on torch neither
            names = names[given:]
        for name in self.options:
            if name in (*RATES, DECAY):
                raise InvalidInput(
                    f"optimizer_options has {name!r}",
                    must="a setting of the recipe itself",
                    where="recipe",
                    remedy=f"Write Recipe({'lr' if name in RATES else name}=...)",
                )
        any_name = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        unknown = [] if any_name else [name for name in self.options if name not in names]
        if unknown:
            raise InvalidInput(
                f"optimizer_options has {unknown[0]!r}",
                must=f"an argument of {self.name}",
                where="recipe",
                remedy=f"It takes {', '.join(names) or 'none'}",
            )
        lr = rate_of(parameters, given=given, but=self.options)
        for name in names:
            if must_be_said(parameters[name]) and name not in (lr, DECAY, *MASKS, *self.options):
                raise InvalidInput(
                    f"nobody gives {self.name} its argument {name!r}",
                    must="all its arguments are known",
                    where="recipe",
                    remedy=f"Write optimizer_options={{{name!r}: ...}}, or call it lr if it is the learning rate",
                )
        decay = DECAY if DECAY in names else ""
        mask = next((name for name in MASKS if decay and name in names and name not in self.options), "")
        return self._replace(lr=lr, weight_decay=decay, mask=mask)


def parameters_of(make: Any) -> dict[str, inspect.Parameter]:
    """Its arguments by name; none where it does not say."""
    if not callable(make):
        return {}
    try:  # classes of Keras hide the signature of __init__ behind __new__
        signature = inspect.signature(getattr(make, "__init__", make) if isinstance(make, type) else make)
    except (TypeError, ValueError):
        return {}
    return {name: p for name, p in signature.parameters.items() if name != "self"}


def rate_of(parameters: Mapping[str, inspect.Parameter], *, given: int, but: Iterable[str] = ()) -> str:
    """The argument that takes the learning rate: by its name, or the second that has to be said on torch.

    Args:
        given: arguments that are handed in before all others. but: names that have another value already.
    """
    named = next((name for name in RATES if name in parameters), "")
    must = [name for name, parameter in parameters.items() if must_be_said(parameter)]
    second = next((name for name in must[1:] if name not in (DECAY, *MASKS, *but)), "") if given else ""
    return named or second


def fingerprint(make: Any) -> str:
    """A digest of what a function of the person's own says: another text is another optimizer."""
    inner = getattr(make, "func", make)
    try:
        text = inspect.getsource(inner)
    except (OSError, TypeError):  # typed in, or an object: what it does, without its addresses
        code = getattr(inner, "__code__", None)
        text = f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
        text += f"{code.co_code.hex()}{code.co_names}{code.co_varnames}" if code else ""
    told = (getattr(make, "args", ()), getattr(make, "keywords", {})) if inner is not make else ()
    return hashlib.sha256(f"{text}{told}".encode()).hexdigest()[:16]


def must_be_said(parameter: inspect.Parameter) -> bool:
    """Has it no default?"""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and parameter.kind not in several


def _is_transformation(thing: Any) -> bool:
    """Is it one of optax's pairs of functions?"""
    return isinstance(thing, tuple) and {"init", "update"} <= set(getattr(thing, "_fields", ()))


def _plain_name(make: Callable[..., Any]) -> str:
    inner = getattr(make, "func", make)
    told = "transformation" if _is_transformation(inner) else getattr(inner, "__qualname__", type(inner).__name__)
    return re.sub(r"\W+", "_", told.rpartition("<locals>.")[2]).strip("_")


def _public_name(make: Any) -> str:
    """ "torch.optim.RAdam" of the class itself; "" of whatever is not of a framework."""
    path, name = (getattr(make, "__module__", "") or "").split("."), getattr(make, "__qualname__", "")
    if path[0] not in FRAMEWORKS or not name.isidentifier():
        return ""
    public = [part for part in path if part not in ("src", "_src")]
    for parts in (public, path):
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            if getattr(sys.modules.get(module), name, None) is make:
                return f"{module}.{name}"
    return ""
