"""Structure drawn in cohorts: few variants of the model, many numeric settings each.

Trials train in one program only where their structure agrees (width, channels, activation, preparation); learning
rate, decay or dropout are free in each slot. So a structure, once drawn, is kept for a few trials. Any sampler
does it: it draws on the whole space where a cohort begins, and on what is left of the space within one.

Within a cohort the sampler is shown all trials, those of other structures too: a learning rate that was good
for one width says something about the next, and sequences go on where they stood. A sampler with a model is told
the structure, so that it knows what is its own and what the others'. On modelled learning curves showing it the
trials of its own structure only was no better and no worse (`benchmarks/README.md`).

Every suggestion within a cohort carries `MEMBER` in its origin. Samplers that count their own trials to find
their place (Halton's sequence, the generations of CMA-ES) thus keep one count for structures and one for the
settings within: every eighth point of a Halton sequence alone would stay in an eighth of the range.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from luthier.errors import InvalidInput
from luthier.recipe import Recipe
from luthier.records import History, Trial, derive_seed
from luthier.search.spec import Foreseer, Sampler, Suggestion, WithinSampler
from luthier.space import Choice, Config, Float, Space, Structure, structure_of

MEMBER = " in cohort"
"""Ends the origin of a trial whose structure was there before."""
KNOWN = "known"
"""Origin of configurations that no sampler drew: they open no cohort and break none."""
LEVELS = 4
"""Values of a structural number that cohorts are drawn from: widths 32, 64, 128 and 256 of a range from 32 to 256."""
BLOCK = 256
"""Trials that are compared at once: of 10,000 few change from one decision to the next."""
_ABSENT = object()
"""The value of a structural setting that a condition switches off: equal to no other."""


class Cohort(NamedTuple):
    """Consecutive trials of one structure, by id."""

    structure: Structure
    trials: tuple[int, ...]


def cohorts_of(history: History, structural: Sequence[str], size: int) -> list[Cohort]:
    """The search's trials in cohorts: runs of consecutive starts of one structure, cut after every `size`.

    The baseline belongs to none. A known configuration belongs to the cohort that is open when it starts, where
    it has its structure, and is passed over elsewhere.
    """
    out = []
    for run in [*_runs(sorted(history.trials, key=attrgetter("id"), reverse=True), structural)][::-1]:
        ids = [trial.id for trial in run[::-1]]
        structure = structure_of(run[0].config, structural)
        out += [Cohort(structure, tuple(ids[i : i + size])) for i in range(0, len(ids), size)]
    return out


def _runs(newest_first: Iterable[Trial], structural: Sequence[str]) -> Iterator[list[Trial]]:
    """Runs of trials of one structure, the latest run first, the latest trial of a run first."""
    run: list[Trial] = []
    structure: Structure = ()
    known: list[Trial] = []  # later than the trial at hand
    for trial in newest_first:
        if trial.phase != "search" or trial.id == 0:
            continue
        if trial.origin == KNOWN:
            known.append(trial)
            continue
        before, structure = structure, structure_of(trial.config, structural)
        if run and structure != before:
            yield run
            run = []
        run += [k for k in known if structure_of(k.config, structural) == structure]
        run.append(trial)
        known = []
    if run:
        yield run


class Cohorts:
    """A sampler whose suggestions share their structural settings, `size` at a time.

    Which cohort is open is read off the history, so the answer is a function of the same things as the inner
    sampler's. A cohort ends early where nothing new is left in it.

    Args:
        sampler: draws structures and settings; it is copied, once for each space that is left to it.
        structural: settings that trials must share to train in one program. What they depend on counts too.
        size: the most trials that share one draw; with 1, or where the space has no structural setting, the
            suggestions are the inner sampler's own.

    Raises:
        InvalidInput: size < 1.
    """

    def __init__(self, sampler: Sampler, structural: Sequence[str], size: int) -> None:
        if size < 1:
            raise InvalidInput(f"size={size}", must="size >= 1", where="cohorts")
        self.name = sampler.name
        self._sampler, self._structural, self._size = sampler, tuple(structural), size
        self._whole = copy.deepcopy(sampler)
        self._within = copy.deepcopy(sampler) if isinstance(sampler, WithinSampler) else None
        self._inner: dict[bytes, Sampler] = {}
        self._view = _View()

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """`n` suggestions: the rest of the open cohort first, then whole cohorts."""
        names = _with_parents(space, self._structural)
        if self._size == 1 or not names:
            return self._whole.suggest(space, history, key, n)
        out: list[Suggestion] = []
        while len(out) < n:
            now = _begun(history, out, key)
            own_key = derive_seed(key, "cohort", len(out)) if out else key
            out += self._members(space, names, now, own_key, most=n - len(out)) or self._opening(
                space, names, now, own_key
            )
        return out

    def upper_bounds(self, space: Space, history: History) -> dict[int, float]:
        """Those of the inner sampler, where it has a model."""
        return self._whole.upper_bounds(space, history) if isinstance(self._whole, Foreseer) else {}

    def _opening(self, space: Space, names: tuple[str, ...], history: History, key: int) -> list[Suggestion]:
        """The first of a new cohort. Its structure is one of few, so that trials of later cohorts join it."""
        made = self._whole.suggest(space, history, key, 1)
        rest = space.without(dict.fromkeys(names, _ABSENT))
        if made[0].origin == KNOWN or not _is_infinite(rest):
            return made
        return [Suggestion(_on_grid(space, names, made[0].config), made[0].origin)]

    def _members(
        self, space: Space, names: tuple[str, ...], history: History, key: int, *, most: int
    ) -> list[Suggestion]:
        """What the open cohort has room for, at most `most`; empty where none is open or nothing new is left."""
        self._view.update(history)
        run = next(_runs(self._view.newest_first(), names), [])
        room = -len(run) % self._size
        structure = dict(structure_of(run[0].config, names)) if room else {}
        if not room or not _fits(space, names, structure):
            return []
        rest = space.without({name: structure.get(name, _ABSENT) for name in names})
        if not len(rest):
            return []
        shown, num, infinite = self._view.shown(), min(room, most), _is_infinite(rest)
        if infinite and self._within:
            return _joined(space, structure, self._within.within(space, shown, key, num, given=structure, rest=rest))
        made = _joined(space, structure, self._lane(rest).suggest(rest, shown, key, num))
        if infinite:
            return made
        return self._new_of(history, made) or self._last_of(space, structure, rest, history, key)

    def _lane(self, rest: Space) -> Sampler:
        """The copy of the inner sampler that keeps its cache for this space."""
        name = msgspec.json.encode(rest)
        if name not in self._inner:
            self._inner[name] = copy.deepcopy(self._sampler)
        return self._inner[name]

    def _last_of(self, space: Space, structure: Config, rest: Space, history: History, key: int) -> list[Suggestion]:
        """One more, if any is left, in a finite rest whose settings were all tried in other structures.

        Without the baseline: its settings are not those of this structure.
        """
        own = [t for t in history.trials if structure.items() <= t.config.items()]
        shown = msgspec.structs.replace(history, trials=tuple(own))
        made = _joined(space, structure, copy.deepcopy(self._sampler).suggest(rest, shown, key, 1))
        return self._new_of(history, made)

    @staticmethod
    def _new_of(history: History, made: list[Suggestion]) -> list[Suggestion]:
        """Those that were not tried, each once."""
        tried = [trial.config for trial in history.trials]
        new: list[Suggestion] = []
        for suggestion in made:
            if suggestion.config not in tried:
                tried.append(suggestion.config)
                new.append(suggestion)
        return new


class _View:
    """A history as the sampler within a cohort sees it: trials of its own have their own origin, others another.

    Seeds are other ones too: two sequences that one seed scrambles would share their numbers. A cache: a trial
    is renamed once, so that what the sampler keeps of it stays valid, and 10,000 trials of which few are new take
    a fraction of a millisecond.
    """

    def __init__(self) -> None:
        self._history: History | None = None
        self._shown: list[Trial] = []
        self._ids: list[int] = []

    def update(self, history: History) -> None:
        """Look at a history."""
        seen, trials = self._history.trials if self._history else (), history.trials
        for start in range(0, len(trials), BLOCK):
            part = slice(start, start + BLOCK)
            if seen[part] != trials[part]:
                rows = zip_longest(trials[part], seen[part], self._shown[part])
                self._shown[part] = [shown if new is was else _renamed(new) for new, was, shown in rows if new]
                self._ids[part] = [trial.id for trial in trials[part]]
        self._history = history
        del self._shown[len(trials) :], self._ids[len(trials) :]

    def shown(self) -> History:
        """The history with its origins changed."""
        assert self._history is not None
        return msgspec.structs.replace(self._history, trials=tuple(self._shown))

    def newest_first(self) -> Iterator[Trial]:
        """The trials from the highest id down; they need not have come in order."""
        assert self._history is not None
        in_order = self._ids == sorted(self._ids)
        trials = self._history.trials
        return reversed(trials if in_order else sorted(trials, key=attrgetter("id")))


def _renamed(trial: Trial) -> Trial:
    origin = trial.origin.removesuffix(MEMBER)
    if origin == trial.origin and origin not in (KNOWN, "baseline"):
        origin = f"{origin} of structure"
    return msgspec.structs.replace(trial, origin=origin, seed=trial.seed + 1)


def _with_parents(space: Space, structural: Sequence[str]) -> tuple[str, ...]:
    """The structural settings of the space and those that switch them on, in the order of the space."""
    found = {name for name in structural if name in space.domains}
    while more := {parent for name in found for parent in space.domains[name].when} - found:
        found |= more
    return tuple(name for name in space if name in found)


def _fits(space: Space, names: tuple[str, ...], structure: Config) -> bool:
    """Is it a structure of this space, which may have changed since the cohort began?"""
    return {name for name in names if space.active(name, structure)} == set(structure) and all(
        space.domains[name].contains(value) for name, value in structure.items()
    )


def _on_grid(space: Space, names: tuple[str, ...], config: Config) -> Config:
    """Structural numbers at the nearest of `LEVELS` values, evenly spread over their range with both its ends."""

    def nearest(name: str, value: Any) -> Any:
        domain = space.domains[name]
        if name not in names or isinstance(domain, Choice):
            return value
        return domain.decode(round(domain.encode(value) * (LEVELS - 1)) / (LEVELS - 1))

    return {name: nearest(name, value) for name, value in config.items()}


def _is_infinite(space: Space) -> bool:
    """Does every configuration hold a real number? Then the sampler finds a new one by itself."""
    return any(isinstance(domain, Float) and not domain.when for domain in space.domains.values())


def _joined(space: Space, structure: Config, made: list[Suggestion]) -> list[Suggestion]:
    """Suggestions for the rest of a space as suggestions for the space."""
    whole = [{**structure, **suggestion.config} for suggestion in made]
    return [
        Suggestion({name: config[name] for name in space if name in config}, suggestion.origin + MEMBER)
        for config, suggestion in zip(whole, made, strict=True)
    ]


def _begun(history: History, made: list[Suggestion], key: int) -> History:
    """The history in which what was suggested so far is being tried."""
    if not made:
        return history
    first = max((trial.id for trial in history.trials), default=0) + 1
    recipe = min(history.trials, key=attrgetter("id")).recipe if history.trials else Recipe()
    trial = Trial(
        id=0, phase="search", config={}, recipe=recipe, seed=key, split_seed=0, num_steps=1, status="running"
    )
    new = (
        msgspec.structs.replace(trial, id=first + i, config=suggestion.config, origin=suggestion.origin)
        for i, suggestion in enumerate(made)
    )
    return msgspec.structs.replace(history, trials=(*history.trials, *new))
