"""Parameter groups of a recipe: weights with numbers of their own, such as the backbone and the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from luthier.errors import InvalidInput

GROUPS = ("decay", "no_decay")
"""Weights of two axes and more, and the others: the biases and the scales of normalisation."""
OF_MODULES = ("clip_norm",)
"""Numbers that a group may have only where it is a module's: a norm over its own weights."""
NUMBERS = (
    "lr",
    "lr_factor",
    "weight_decay",
    "momentum",
    "beta1",
    "beta2",
    "eps",
    "eps_root",
    "l1",
    "l2",
    "max_norm",
    "clip_value",
    *OF_MODULES,
)
"""Numbers that a group may have for itself."""
RATES = frozenset(("lr", "lr_factor"))
"""Two words for one number: a group has one of them at most."""
SPARED = ("weight_decay", "l1", "l2")
"""Numbers that are 0 in the group no_decay unless it says otherwise."""
Numbers = Mapping[str, float]


class Range(Protocol):
    """Where a number makes sense; see `luthier.recipe.Legal`."""

    def allows(self, value: float) -> bool:
        """Is the value in the range?"""
        ...

    def text(self, name: str) -> str:
        """The condition in words."""
        ...


def check(group: str, numbers: Numbers, legal: Mapping[str, Range]) -> None:
    """A group's numbers are those that it may have, and legal.

    Raises:
        InvalidInput: names the first that is not.
    """
    known = [name for name in NUMBERS if group not in GROUPS or name not in OF_MODULES]
    where = f"recipe, group {group!r}"
    for name, value in numbers.items():
        if name not in known:
            raise InvalidInput(f"{name}={value}", must=f"a number of {', '.join(known)}", where=where)
        if not legal[name].allows(value):
            raise InvalidInput(f"{name}={value}", must=legal[name].text(name), where=where)
    if numbers.keys() >= RATES:
        raise InvalidInput("lr and lr_factor", must="one of them", where=where, remedy="Leave one out")


def group_in(name: str, groups: Mapping[str, Numbers]) -> str:
    """The group of which a setting's name speaks, "backbone" of "backbone.lr"; "" of none.

    Args:
        groups: of the recipe. "model.x" is an argument of the builder unless it has a group "model", and
            "optimizer.x" one of an optimizer of a library.
    """
    group, _, number = name.rpartition(".")
    known = number.removeprefix("one_minus_") in NUMBERS and group not in ("model", "optimizer")
    return group if known or group in groups else ""


def with_number(numbers: Numbers, name: str, value: float) -> dict[str, float]:
    """A group's numbers with one changed; lr and lr_factor take each other's place."""
    if name.startswith("one_minus_"):
        name, value = name.removeprefix("one_minus_"), 1.0 - value
    gone = RATES if name in RATES else ()
    return {n: v for n, v in numbers.items() if n not in gone} | {name: value}


def number_of(recipe: Any, group: str, name: str) -> float | None:
    """What a number is in a group of a recipe, said or not; None where it is off. The inverse of `with_number`."""
    if name.startswith("one_minus_"):
        value = number_of(recipe, group, name.removeprefix("one_minus_"))
        return None if value is None else round(1.0 - value, 12)
    said: Numbers = recipe.groups.get(group, {})
    usual: dict[str, Any] = {
        "lr_factor": said.get("lr", recipe.lr) / recipe.lr,
        "lr": recipe.lr * said.get("lr_factor", 1.0),
        "clip_norm": None,
    }
    if group == "no_decay":
        usual |= dict.fromkeys(SPARED, 0.0)
    found: float | None = said[name] if name in said else usual.get(name, getattr(recipe, name, None))
    return found
