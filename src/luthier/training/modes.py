"""Which execution modes take a model, and how fast each is on it: measured on the person's own step.

A mode is used only if losses, gradients and buffers equal those of the reference. The gradient is read without any
help of the engine: after the first step of SGD with momentum the momentum is the gradient.

Nothing here knows a framework; the engine is asked through its contract.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from luthier.codec import convert
from luthier.engines.spec import Placed, Population, Snapshot
from luthier.errors import LuthierError
from luthier.recipe import TRAINING_SETTINGS, Recipe
from luthier.records import ModeSpeed
from luthier.space import Config, Float, Space
from luthier.training import memory
from luthier.training.batches import Course, make_plan
from luthier.training.faults import out_of_memory
from luthier.training.group import peak_bytes
from luthier.training.pace import Clock, Pace

Array = npt.NDArray[Any]
TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}
"""Largest difference of a tensor's numbers, relative to its largest one, by the type in which it is computed.

Two right programs add in another order. A sum of n numbers then moves by about sqrt(n) roundings (6e-8, 5e-4, 4e-3 of
a number in 32, 16 and brain-float 16 bits): n = 10,000 gives 6e-6 in 32 bits. What was measured over 20 steps is at
most 4e-6. A wrong rule (another batch's statistics, a mask of another slot) shows at 1e-2 and more. 64 bits: what the
constants of a formula are rounded to.
"""
SMALL = 1e-2
"""A tensor whose gradient is nowhere so large as this part of the model's largest is compared on that scale."""
NOISE = 1e-3
"""A bias whose gradient is in both programs below this part of its own layer's is not compared. In front of BatchNorm
its true gradient is zero, and what is computed is the rounding of a sum of many numbers: 1e-4 was seen."""
CHECKED = 3
"""Slots that are compared, each with a seed and numbers of its own."""
LOSING = 0.7
"""A mode slower than this part of the reference, or of its narrower self, is not tried at a larger width."""
PAYS = 10.0
"""A program is built if at least so many times its building time is left."""
VARIANTS = 5
"""Structures that a search has at least, where the space has structural settings: each is built anew."""
ROUNDS = 3
"""The reference and the fastest of each width are timed again in turn, so that a slow moment of the machine meets all
alike."""
NO_ROOM = "it needs more memory than there is"
Event = dict[str, Any]
Open = Callable[[str, int], Population]
"""(mode, P) -> a population of the model in hand."""


class Bench(NamedTuple):
    """What modes are measured on: the model, its data, the training rows, and up to three recipes of one program."""

    open: Open
    data: Placed
    rows: Array
    recipes: Sequence[Recipe]
    clock: Clock = time.perf_counter


# --------------------------------------------------------------------------------------------------- equality


def difference(
    reference: Population, candidate: Population, data: Placed, recipes: Sequence[Recipe], *, rows: Array
) -> str | None:
    """What differs after one step, in words; None where loss, gradients and buffers are equal.

    Args:
        reference: of any width. candidate: recipes go into its first slots, as many at once as it has.
        recipes: of one program (equal keys), each compared with a seed of its own.
        rows: training rows.
    """
    plain = [_plain(recipe) for recipe in recipes]
    for first in range(0, len(plain), candidate.P):
        group = plain[first : first + candidate.P]
        seeds = range(first, first + len(group))
        theirs = _one_step(candidate, data, group, seeds, rows)
        for recipe, seed, (loss, snapshot) in zip(group, seeds, theirs, strict=True):
            [(true_loss, truth)] = _one_step(reference, data, [recipe], [seed], rows)
            told = _loss_differs(true_loss, loss, truth) or _differs(truth, snapshot)
            if told:
                return told
    return None


def _plain(recipe: Recipe) -> Recipe:
    """The recipe with an optimizer whose state is the gradient."""
    return msgspec.structs.replace(
        recipe,
        optimizer="sgd",
        lr=1e-3,
        momentum=0.9,
        nesterov=False,
        weight_decay=0.0,
        schedule="constant",
        warmup=0.0,
        clip_norm=None,
        groups={name: {} for name in recipe.named_groups},
    )


def _one_step(
    population: Population, data: Placed, recipes: Sequence[Recipe], seeds: Sequence[int], rows: Array
) -> list[tuple[float, Snapshot]]:
    """(loss, snapshot) of each recipe after a step in its own slot; further slots rest."""
    fresh = [population.fresh(recipe, seed) for recipe, seed in zip(recipes, seeds, strict=True)]
    spare = population.P - len(fresh)
    state = population.stack(fresh + fresh[:1] * spare)
    courses = [Course(recipe, seed, rows, 100, 0, 1) for recipe, seed in zip(recipes, seeds, strict=True)]
    state, out = population.advance(state, data, make_plan([*courses, *[None] * spare], 1))
    return [(float(out["loss"][0, p]), population.take(state, p)) for p in range(len(fresh))]


def _loss_differs(truth: float, loss: float, snapshot: Snapshot) -> str:
    allowed = max(TOLERANCE.get(str(a.dtype), 1e-4) for n, a in snapshot.items() if n.startswith("weights/"))
    if np.isclose(loss, truth, rtol=allowed, atol=allowed, equal_nan=True):
        return ""
    return f"the loss is {loss:.6g}, and {truth:.6g} in the reference"


def _differs(truth: Snapshot, found: Snapshot) -> str:
    """The first tensor that differs, and by how much."""
    kinds = {"optimizer/momentum/": "the gradient of ", "buffers/": "the buffer "}
    for prefix, words in kinds.items():
        names = [name for name in truth if name.startswith(prefix)]
        largest = max((_size(truth[name]) for name in names), default=0.0)
        for name in names:
            if _is_noise(name, truth, found):
                continue
            allowed = TOLERANCE.get(str(truth[name].dtype), 1e-4)
            scale = max(_size(truth[name]), SMALL * largest, np.finfo(np.float64).tiny)
            apart = _size(np.asarray(found[name], np.float64) - np.asarray(truth[name], np.float64)) / scale
            if not apart <= allowed and np.isfinite(truth[name]).all():
                tensor = words + name.removeprefix(prefix)
                return f"{tensor} differs by {apart:.1e} of its size ({allowed:g} is allowed)"
    return ""


def _is_noise(name: str, truth: Snapshot, found: Snapshot) -> bool:
    """Is it the gradient of a bias that is nothing beside the others of its layer?"""
    layer = name.removesuffix("bias")
    beside = max((_size(a) for n, a in truth.items() if n.startswith(layer) and n != name), default=0.0)
    return layer != name and max(_size(truth[name]), _size(found[name])) < NOISE * beside


def _size(array: Array) -> float:
    return float(np.abs(np.asarray(array, np.float64)).max(initial=0.0))


# ---------------------------------------------------------------------------------------------------- structure


def structural(key_of: Callable[[Recipe], Hashable], baseline: Recipe, space: Space) -> tuple[str, ...]:
    """Settings that must agree between trials of one program, in the order of the space.

    A setting is structural if recipes that differ in it alone have different keys, or if one of them does not build.
    The baseline's own value of a real number does not count: an engine may take the builder's default in a simpler
    program.
    """
    return tuple(name for name in space if _may_matter(name) and _changes_program(key_of, baseline, space, name))


def _may_matter(name: str) -> bool:
    """Numbers of the training are in the plan, never in the program."""
    bare = name.removeprefix("one_minus_").rpartition(".")[2]
    return name == "batch_size" or bare not in TRAINING_SETTINGS


def _changes_program(key_of: Callable[[Recipe], Hashable], baseline: Recipe, space: Space, name: str) -> bool:
    domain, parents = space.domains[name], _parents(space, name)
    values = [domain.decode(u) for u in (0.0, 0.5, 1.0)]
    if not isinstance(domain, Float):
        values = [domain.decode(u) for u in np.linspace(0.0, 1.0, 9)]
        values += [v for v in [baseline.model.get(name.removeprefix("model."))] if domain.contains(v)]
    try:
        keys = {key_of(baseline.with_config({**parents, name: value})) for value in values}
    except Exception:  # the user's builder: such a setting must at least not share a program
        return True
    return len(keys) > 1


def _parents(space: Space, name: str) -> Config:
    """Values of the settings that switch this one on."""
    config: Config = {}
    for parent, values in space.domains[name].when.items():
        config |= {**_parents(space, parent), parent: values[0]}
    return config


def variants(
    key_of: Callable[[Recipe], Hashable], baseline: Recipe, space: Space, names: Sequence[str]
) -> list[Recipe]:
    """Recipes of one program whose other numbers differ, for `difference`: as many as are compared."""
    free = [name for name in space if name not in names and _may_matter(name) and not space.domains[name].when]
    found = []
    for k in range(CHECKED):
        config = {name: space.domains[name].decode((k + 0.5) / CHECKED) for name in free}
        with contextlib.suppress(Exception):  # the user's builder: what does not build is not compared
            recipe = baseline.with_config(config)
            found += [recipe] if key_of(recipe) == key_of(baseline) else []
    return found or [baseline]


# -------------------------------------------------------------------------------------------------- measurement


class Limits(NamedTuple):
    """What measuring may take: `seconds` in all (0: only check that the modes are right), of the memory the part
    `share`; `remaining_s` is what is left to train with one program, for those that have to be built."""

    widths: Sequence[int]
    seconds: float
    remaining_s: float = 0.0
    share: float = 1.0


def measure(bench: Bench, names: Sequence[str], limits: Limits) -> Iterator[Event]:
    """Rows a second of each mode, the reference (the first name) first, narrow widths before wide ones.

    Told one by one, each announced: what does not fit into memory may end this process.
    """
    yield from _Measuring(bench, names, limits).run()


def told(events: Sequence[Event]) -> tuple[tuple[ModeSpeed, ...], tuple[str, ...]]:
    """(modes, structural settings) from the events of a measurement, whole or cut off by the end of its worker."""
    found: dict[tuple[str, int], ModeSpeed] = {}
    names: tuple[str, ...] = ()
    tried: Event = {}
    for event in events:
        kind, rest = event["event"], {name: value for name, value in event.items() if name != "event"}
        if kind == "structural":
            names = tuple(rest["names"])
        elif kind == "trying":
            tried = rest
        elif kind == "mode":
            speed = convert(rest, ModeSpeed)
            found[speed.mode, speed.P], tried = speed, {}
        elif kind == "lost" and tried:
            found[tried["mode"], tried["P"]] = ModeSpeed(**tried, refused=f"its worker {rest['reason']}")
    return tuple(found.values()), names


class _Measuring:
    """See `measure`."""

    def __init__(self, bench: Bench, names: Sequence[str], limits: Limits) -> None:
        self.bench, self.limits = bench, limits
        self.reference_name, *self.names = names
        self.each_s = limits.seconds / (1 + len(self.names) * len(limits.widths))
        self.paces: dict[tuple[str, int], Pace] = {}
        self.need = memory.Need(0)
        self.until = time.perf_counter() + 2 * limits.seconds
        self.to_build: list[tuple[str, float]] = []  # (mode, seconds): tried last

    def run(self) -> Iterator[Event]:
        """See `measure`."""
        if not self.names:
            return
        self.reference = self.bench.open(self.reference_name, 1)
        fresh = self.reference.fresh(self.bench.recipes[0], 0)
        with memory.watched() as peak:
            rate = self._timed(self.reference)
        self.need = memory.need_of(fresh, peak.grown)
        yield _event(ModeSpeed(mode=self.reference_name, rows_per_s=rate))
        for P in self.limits.widths:
            for name in list(self.names):
                yield from self._try(name, P)
        for name, _ in self.to_build:
            yield from self._try(name, self._best_width())
        yield from self._again()

    def _try(self, name: str, P: int) -> Iterator[Event]:
        """One mode at one width; it goes off the list where a larger width is not worth trying."""
        yield {"event": "trying", "mode": name, "P": P}
        try:
            speed = self._measured(name, P)
        except Exception as error:  # a mode that can not take the model, whatever it says
            speed = self._off(ModeSpeed(mode=name, P=P, refused=_why(error)))
        if speed is not None:
            yield _event(speed)

    def _off(self, speed: ModeSpeed) -> ModeSpeed:
        """The mode is not tried again."""
        self.names = [name for name in self.names if name != speed.mode]
        return speed

    def _best_width(self) -> int:
        """The width that was fastest so far."""
        wide = {P: pace.rows_per_s for (_, P), pace in self.paces.items() if P > 1}
        return max(wide, key=lambda P: wide[P], default=self.limits.widths[0])

    def _measured(self, name: str, P: int) -> ModeSpeed | None:
        """None: its turn comes later."""
        population = self.bench.open(name, P)
        build_s = population.mode.build_s if self.limits.seconds else 0.0
        if build_s and name in self.names:
            self._off(ModeSpeed(mode=name))
            if build_s * PAYS <= self.limits.remaining_s:
                self.to_build.append((name, build_s))
                return None
            left_s = self.limits.remaining_s
            why = f"building it takes about {build_s:.0f} s, which {left_s:.0f} s of training do not pay back"
            return ModeSpeed(mode=name, P=P, refused=why)
        if population.mode.bit_equal_across_P and P > 1:  # slot by slot: a larger width brings nothing
            P = 1
            population = self.bench.open(name, 1)
        refused = self._refused(population)
        if refused:
            return self._off(ModeSpeed(mode=name, P=P, refused=refused))
        speed = ModeSpeed(mode=name, P=P, rows_per_s=self._timed(population))
        last = self._is_last(name, P, speed.rows_per_s, per_slot=population.mode.bit_equal_across_P)
        return self._off(speed) if last else speed

    def _refused(self, population: Population) -> str:
        late = self.limits.seconds and not population.mode.build_s and time.perf_counter() > self.until
        available = memory.available_bytes()
        share = None if available is None else int(available * self.limits.share)
        return (
            memory.why_not(self.need, population.P, share)
            or ("the time for measuring was up" if late else "")
            or difference(self.reference, population, self.bench.data, self.bench.recipes, rows=self.bench.rows)
            or ""
        )

    def _timed(self, population: Population) -> float:
        if not self.limits.seconds:
            return float("nan")
        pace = Pace(
            population,
            self.bench.data,
            self.bench.recipes,
            rows=self.bench.rows,
            chunk_s=self.each_s / 3,
            first=1,
            clock=self.bench.clock,
        )
        self.paces[population.mode.name, population.P] = pace
        return pace.run(self.each_s)

    def _is_last(self, name: str, P: int, rate: float, *, per_slot: bool) -> bool:
        reference = self.paces[self.reference_name, 1].rows_per_s if self.paces else 0.0
        narrower = max((p.rows_per_s for (n, w), p in self.paces.items() if n == name and w < P), default=0.0)
        return per_slot or rate < LOSING * max(reference, narrower)

    def _again(self) -> Iterator[Event]:
        """The reference and the fastest of each width once more, in turn: speed alone does not decide the width."""
        if not self.paces:
            return
        reference = (self.reference_name, 1)
        least = LOSING * self.paces[reference].rows_per_s
        fastest: dict[int, str] = {}
        for name, P in sorted(self.paces, key=lambda key: self.paces[key].rows_per_s):
            if name != self.reference_name and self.paces[name, P].rows_per_s >= least:
                fastest[P] = name
        finalists = [reference, *((name, P) for P, name in fastest.items())] if fastest else []
        for _ in range(ROUNDS):
            for key in finalists:
                self.paces[key].chunk()
        for name, P in finalists:
            yield _event(ModeSpeed(mode=name, P=P, rows_per_s=self.paces[name, P].rows_per_s))


def _event(speed: ModeSpeed) -> Event:
    told = msgspec.to_builtins(msgspec.structs.replace(speed, peak_bytes=peak_bytes()))
    return {"event": "mode", **told}


def _why(error: Exception) -> str:
    """The mode's own words, without the name of the place in the code."""
    if isinstance(error, LuthierError):
        return " ".join(part.rstrip(".") + "." for part in (error.fact, error.remedy) if part)
    if out_of_memory(error):
        return NO_ROOM
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
