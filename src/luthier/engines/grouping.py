"""Parameter groups: which numbers of a plan are a weight's own.

The G axis of a plan has a part for the weights that no group names, then one for each named group, sorted; each part
has two places, those of GROUPS: index = 2 part + (0: weights of two axes and more, 1: the others).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from luthier.errors import InvalidInput, listed
from luthier.groups import GROUPS
from luthier.recipe import Recipe


class Grouping(NamedTuple):
    """Where weights stand on the G axis.

    Args:
        named: paths of modules, sorted. A weight belongs to the longest of which its name is the path or begins
            with it.

    >>> Grouping(("body",)).place("body.conv.weight", 4), Grouping(("body",)).place("bodyguard.bias", 1)
    (2, 1)
    """

    named: tuple[str, ...] = ()

    @classmethod
    def of(cls, recipe: Recipe) -> Grouping:
        """Of all trials whose recipes name the same groups."""
        return cls(recipe.named_groups)

    @property
    def num(self) -> int:
        """Length of the G axis."""
        return len(GROUPS) * (1 + len(self.named))

    def place(self, name: str, ndim: int) -> int:
        """The place of a weight: weight decay is for those of two axes and more."""
        return len(GROUPS) * self.part(name) + (ndim < 2)

    def part(self, name: str) -> int:
        """0 for a weight that no group names, else 1 + the number of its group."""
        own = [group for group in self.named if f"{name}.".startswith(f"{group}.")]
        return 1 + self.named.index(max(own, key=len)) if own else 0

    def places(self, num_axes: Mapping[str, int]) -> dict[str, int]:
        """The places of all weights of a model, {name: number of its axes}."""
        return {name: self.place(name, ndim) for name, ndim in num_axes.items()}

    def members(self, names: Iterable[str]) -> dict[int, list[str]]:
        """{part: its weights} of the named groups."""
        found: dict[int, list[str]] = {}
        for name in names:
            if part := self.part(name):
                found.setdefault(part, []).append(name)
        return found

    def check(self, trained: Iterable[str], frozen: Iterable[str] = (), *, where: str) -> None:
        """Every group holds a weight that is trained.

        Args:
            trained, frozen: names of the model's weights.

        Raises:
            InvalidInput: names the modules that come nearest.
        """
        held = {self.part(name) for name in trained} if self.named else set()
        for part, group in enumerate(self.named, 1):
            if part in held:
                continue
            if part in {self.part(name) for name in frozen}:
                raise InvalidInput(
                    f"groups[{group!r}]",
                    must="a module with weights that are trained",
                    where=where,
                    remedy="The builder has frozen all of them: leave the group out, or their requires_grad on",
                )
            paths = _paths([*trained, *frozen])
            near = difflib.get_close_matches(group, paths, 1, 0.0)
            raise InvalidInput(
                f"groups[{group!r}]",
                must="the path of a module that has weights of its own",
                where=where,
                remedy=f"Did you mean {near[0]!r}? The modules are {listed(paths, 8)}" if near else "Leave it out",
            )

    def must_be_of(self, recipe: Recipe, where: str) -> None:
        """A trial goes into a population of its own groups only.

        Raises:
            InvalidInput: it has others.
        """
        if recipe.named_groups != self.named:
            raise InvalidInput(
                f"groups of {', '.join(recipe.named_groups) or 'no modules'}",
                must=f"those of {', '.join(self.named) or 'no modules'}, for which the population was opened",
                where=where,
                remedy="Open a population for each GroupKey",
            )


ONE = Grouping()
"""No module has a group of its own."""


def _paths(names: Iterable[str]) -> list[str]:
    """Of all modules above these weights, and of the weights, the upper ones first."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        found |= dict.fromkeys(".".join(parts[:n]) for n in range(1, len(parts) + 1))
    return sorted(found, key=lambda path: path.count("."))
