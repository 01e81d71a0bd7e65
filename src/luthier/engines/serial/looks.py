"""Which recipes share a program, and the programs that are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from luthier.codec import digest
from luthier.engines.grouping import Grouping
from luthier.engines.serial.spec import Source, Structure
from luthier.engines.spec import Builder, GroupKey, Loss, program_of
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe

LOOKS_KEPT = 256
PROGRAMS_KEPT = 16
"""Compiled code is large: of more programs than this the one that was not opened for longest goes."""


class Look(NamedTuple):
    """What was seen of the model of some settings."""

    source: Source
    structure: Structure
    tree: str
    dtypes: str
    rates: dict[str, float]


class Looks:
    """One builder's model is built once for each set of settings, and two equal structures have one name.

    Args:
        source_of: (builder, settings) -> how such models are made.
    """

    def __init__(self, source_of: Callable[[Builder, dict[str, Any]], Source]) -> None:
        self._source_of = source_of
        self._found: OrderedDict[tuple[Builder, str], Look] = OrderedDict()

    def __call__(self, builder: Builder, settings: Mapping[str, Any]) -> Look:
        """The look at a model, made now or before."""
        key = (builder, digest(dict(settings)))
        if key not in self._found:
            self._found[key] = self._look(builder, dict(settings))
            if len(self._found) > LOOKS_KEPT:
                self._found.popitem(last=False)
        return self._found[key]

    def key(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on: the structure, not its lifted rates."""
        look, program = self.checked(builder, recipe), program_of(recipe)
        tree = digest({"tree": look.tree, "program": program}) if program else look.tree
        return GroupKey(tree, look.dtypes, recipe.batch_size)

    def checked(self, builder: Builder, recipe: Recipe) -> Look:
        """The look at the model of a recipe whose parameter groups all hold weights.

        Raises:
            InvalidInput: one does not; names the module that comes nearest.
        """
        look = self(builder, recipe.model)
        Grouping.of(recipe).check(look.structure.weights, where="recipe")
        return look

    def _look(self, builder: Builder, settings: dict[str, Any]) -> Look:
        source = self._source_of(builder, settings)
        structure, start = source.look()
        for (other, _), look in self._found.items():
            if other is builder and look.structure == structure:
                return look._replace(source=source, rates=dict(start.rates))
        dtypes = ", ".join(sorted({str(array.dtype) for array in start.weights.values()}))
        tree = digest({"weights": structure.weights, "buffers": structure.buffers, "model": settings})
        return Look(source, structure, tree, dtypes, dict(start.rates))


class Plans(NamedTuple):
    """How the trials of one population are made.

    Args:
        builder: of all of them.
        look: at the model for which the population was opened.
        where: the name of the engine, for messages.
    """

    looks: Looks
    builder: Builder
    look: Look
    settings: Mapping[str, Any]
    where: str

    def rates(self) -> dict[str, float]:
        """Those of the model for which the population was opened: for snapshots that were written without."""
        return self.look.rates

    def of(self, recipe: Recipe) -> Source:
        """How a trial's model is made.

        Raises:
            InvalidInput: it is of another structure.
        """
        look = self.looks(self.builder, recipe.model)
        if look.tree != self.look.tree:
            raise InvalidInput(
                f"recipe.model={recipe.model}",
                must=f"a model of the structure of {dict(self.settings)}, for which the population was opened",
                where=self.where,
                remedy="Open a population for each GroupKey",
            )
        return look.source


def check_asked(loss: Loss, mode: str, *, modes: Iterable[str], losses: Iterable[str], where: str) -> None:
    """What the engines of pure functions refuse, whatever the model.

    Args:
        modes, losses: names of those that there are.

    Raises:
        Unsupported: an unknown mode or loss, or one's own loss.
    """
    for word, value, known in (("mode", mode, modes), ("loss", loss.name, losses)):
        if value not in known:
            raise Unsupported(f"{word}={value!r}", must=f"{word} is one of {', '.join(known)}", where=where)


class Programs:
    """The programs that were opened last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The program of this key, made if it is not there."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > PROGRAMS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
