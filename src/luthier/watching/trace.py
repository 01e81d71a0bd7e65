"""The trace: everything that was seen of one running program, as plain facts.

Hooks write it, checks read it. A list that would grow with the run is a `Series`, which keeps the first and the last
facts and thins out those between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from luthier.findings import Fault, Place, Tier
from luthier.watching.calls import (
    Broadcast,
    Columns,
    Comparison,
    Forward,
    Labels,
    LayerRun,
    LossCall,
    Op,
    PaddingMask,
    Reshape,
    Units,
)
from luthier.watching.ends import Crash, Printed, Score, Seed, Warned
from luthier.watching.facts import Event, Loader, Model, Optimizer, Parameter, Phase, Scheduler, Stored
from luthier.watching.fits import Evaluated, Fit, Taped
from luthier.watching.steps import (
    Backward,
    Clip,
    GradSwitch,
    GraphSign,
    ModeCall,
    RanksCompared,
    ScalerCall,
    SchedulerStep,
    StateTaken,
    StateUsed,
    Step,
    ZeroGrad,
)

E = TypeVar("E")
FIRST = 512
"""Facts of a kind that are kept from the beginning of a run."""
LAST = 256
"""Facts of a kind that are kept from its end."""
BETWEEN = 512
"""At most so many of those between, at even distances."""


class Series(Generic[E]):
    """Facts in order, bounded in number: the first, the last, and some at even distances between them.

    `total` counts all that were ever added. `complete` says that none was left out.
    """

    __slots__ = ("_between", "_first", "_last", "_skip", "_stride", "total")

    def __init__(self, facts: Iterable[E] = ()) -> None:
        self._first: list[E] = []
        self._between: list[E] = []
        self._last: list[E] = []
        self._stride, self._skip, self.total = 1, 0, 0
        for fact in facts:
            self.append(fact)

    def append(self, fact: E) -> None:
        """Add a fact at the end."""
        self.total += 1
        if len(self._first) < FIRST:
            self._first.append(fact)
            return
        self._last.append(fact)
        if len(self._last) >= 2 * LAST:
            for old in self._last[:LAST]:
                self._thin(old)
            del self._last[:LAST]

    def _thin(self, fact: E) -> None:
        if self._skip:
            self._skip -= 1
            return
        self._skip = self._stride - 1
        self._between.append(fact)
        if len(self._between) >= 2 * BETWEEN:
            del self._between[1::2]
            self._stride *= 2
            self._skip = self._stride - 1

    @property
    def complete(self) -> bool:
        """Whether every fact that was added is still there."""
        return self.total == len(self)

    def __len__(self) -> int:
        return len(self._first) + len(self._between) + len(self._last)

    def __iter__(self) -> Iterator[E]:
        yield from self._first
        yield from self._between
        yield from self._last

    def __getitem__(self, index: int) -> E:
        """By position among the facts that are kept; negative from the end."""
        place = index if index >= 0 else len(self) + index
        for part in (self._first, self._between, self._last):
            if 0 <= place < len(part):
                return part[place]
            place -= len(part)
        raise IndexError(index)

    def __repr__(self) -> str:
        return f"Series({len(self)} of {self.total})"


def _series() -> Series[E]:
    return Series()


class Trace(msgspec.Struct, kw_only=True):
    """What was seen of one program.

    Args:
        program: what was run. frameworks: name and version of each that was imported ("torch": "2.13.0").
        tier: quick, full or deep. stopped: why luthier ended the program before its end; empty: it ended by itself.
        num_steps, num_backward, num_forwards: of all optimizers and models, all of them counted.
        parameters, models, optimizers, schedulers, loaders: by number.
        sources: text of the person's files that a fact names, by absolute path.
        seconds: of the program; watch_s: luthier's own part of it.
        compiled: a compiled module or function ran: layers inside it were not looked at.
        rank, world: of a distributed run. num_children: processes that the program started by multiprocessing.
        threads: number of threads the framework uses; cores: of the machine.
        fits, evaluated: calls of Keras' fit and evaluate. taped: layers under tapes of the person's own.
        programs: functions that JAX differentiated.
        faults: hooks that raised. resets: `at` of calls that gave layers new weights after the first step.
    """

    program: str = ""
    frameworks: dict[str, str] = {}
    tier: Tier = "quick"
    stopped: str = ""
    num_steps: int = 0
    num_backward: int = 0
    num_forwards: int = 0
    parameters: dict[int, Parameter] = {}
    models: dict[int, Model] = {}
    optimizers: dict[int, Optimizer] = {}
    schedulers: dict[int, Scheduler] = {}
    loaders: dict[int, Loader] = {}
    forwards: Series[Forward] = msgspec.field(default_factory=_series)
    layer_runs: Series[LayerRun] = msgspec.field(default_factory=_series)
    units: list[Units] = []
    stored: list[Stored] = []
    losses: Series[LossCall] = msgspec.field(default_factory=_series)
    labels: list[Labels] = []
    columns: list[Columns] = []
    ops: Series[Op] = msgspec.field(default_factory=_series)
    comparisons: Series[Comparison] = msgspec.field(default_factory=_series)
    broadcasts: Series[Broadcast] = msgspec.field(default_factory=_series)
    reshapes: list[Reshape] = []
    masks: list[PaddingMask] = []
    signs: list[GraphSign] = []
    resets: list[int] = []
    backwards: Series[Backward] = msgspec.field(default_factory=_series)
    zero_grads: Series[ZeroGrad] = msgspec.field(default_factory=_series)
    ranks: list[RanksCompared] = []
    steps: Series[Step] = msgspec.field(default_factory=_series)
    clips: Series[Clip] = msgspec.field(default_factory=_series)
    scheduler_steps: Series[SchedulerStep] = msgspec.field(default_factory=_series)
    scaler_calls: Series[ScalerCall] = msgspec.field(default_factory=_series)
    mode_calls: Series[ModeCall] = msgspec.field(default_factory=_series)
    grad_switches: Series[GradSwitch] = msgspec.field(default_factory=_series)
    states_taken: Series[StateTaken] = msgspec.field(default_factory=_series)
    states_used: Series[StateUsed] = msgspec.field(default_factory=_series)
    seeds: Series[Seed] = msgspec.field(default_factory=_series)
    warned: list[Warned] = []
    scores: Series[Score] = msgspec.field(default_factory=_series)
    printed: Series[Printed] = msgspec.field(default_factory=_series)
    crash: Crash | None = None
    sources: dict[str, str] = {}
    seconds: float = 0.0
    watch_s: float = 0.0
    compiled: bool = False
    rank: int = 0
    world: int = 1
    num_children: int = 0
    threads: int = 0
    cores: int = 0
    fits: list[Fit] = []
    taped: list[Taped] = []
    evaluated: list[Evaluated] = []
    programs: list[Any] = []
    faults: list[Fault] = []

    def steps_of(self, optimizer: int) -> list[Step]:
        """The steps of one optimizer, in order."""
        return [s for s in self.steps if s.optimizer == optimizer]

    def forwards_in(self, phase: Phase, model: int | None = None) -> list[Forward]:
        """The outermost calls of one phase (of one model), in order."""
        return [f for f in self.forwards if f.phase == phase and model in (None, f.model)]

    def losses_in(self, phase: Phase) -> list[LossCall]:
        """The loss calls of one phase, in order."""
        return [c for c in self.losses if c.phase == phase]

    def trained_models(self) -> list[Model]:
        """Models that a backward pass went through."""
        numbers = {f.model for f in self.forwards if f.trained_by}
        return [m for n, m in self.models.items() if n in numbers]

    def evaluations(self) -> list[Evaluation]:
        """Stretches of evaluation, see `Evaluation`."""
        return evaluations(self)

    def steppers(self, model: int) -> set[int]:
        """Numbers of the optimizers that hold or held a parameter of a model."""
        own = [self.parameters[n] for n in self.models[model].parameters if n in self.parameters]
        return {number for parameter in own for number in parameter.optimizers}

    def optimized(self) -> list[Parameter]:
        """Parameters that some optimizer holds or held."""
        return [p for p in self.parameters.values() if p.optimizers]

    def nearest(self, events: Iterable[Event], at: int) -> Event | None:
        """The last of the events before `at`."""
        return max((e for e in events if e.at < at), key=lambda e: e.at, default=None)


class Evaluation(msgspec.Struct, kw_only=True):
    """Calls of one model in a row, in the phase evaluation, with no training call of any model between them.

    Args:
        model: number. first_at, last_at: of its calls. step: optimizer steps before it. forwards: the calls.
        loader: number of the loader that it read, None where it read none.
    """

    model: int = 0
    first_at: int = 0
    last_at: int = 0
    step: int = 0
    loader: int | None = None
    place: Place | None = None
    forwards: list[Forward] = []


EVALUATION_RUN = 3
"""Calls in a row without a backward pass that are an evaluation even if gradients are recorded in training mode."""


def settle_phases(trace: Trace) -> None:
    """Write the phase of every outermost call and of what happened in it.

    train: a backward pass went through the call's output (the autograd graph says so, exactly).
    evaluation: none did, and the call was made without recording gradients, or in evaluation mode, or is one of
        three or more calls in a row (none of them trained) of the model. Calls after the last backward pass of a
        program that was stopped in the middle of a step are judged by the same rule.
    other: everything else, such as single calls of a model that plays against its environment.
    """
    for run in _runs(trace.forwards):
        for call in run:
            if call.trained_by:
                call.phase = "train"
            elif not call.grad_before or not call.training or len(run) >= EVALUATION_RUN:
                call.phase = "evaluation"
            else:
                call.phase = "other"
    phases = {f.number: f.phase for f in trace.forwards}
    for fact in [*trace.losses, *trace.ops]:
        if fact.trained_by:
            fact.phase = "train"
        else:
            before = phases.get(fact.forward, "other")
            fact.phase = before if before != "train" else ("other" if fact.grad_enabled else "evaluation")
    for comparison in trace.comparisons:
        comparison.phase = phases.get(comparison.forward, "other")


def _runs(forwards: Iterable[Forward]) -> Iterator[list[Forward]]:
    """Consecutive calls that are alike: trained or not, same model, same flag."""
    run: list[Forward] = []
    for call in forwards:
        if run and (bool(run[-1].trained_by), run[-1].model) != (bool(call.trained_by), call.model):
            yield run
            run = []
        run.append(call)
    if run:
        yield run


def evaluations(trace: Trace) -> list[Evaluation]:
    """The evaluations of a trace, in order."""
    found: list[Evaluation] = []
    open_: dict[int, Evaluation] = {}
    for call in trace.forwards:
        if call.phase == "train":
            open_.clear()
        if call.phase != "evaluation":
            continue
        current = open_.get(call.model)
        if current is None or (call.loader is not None and current.loader != call.loader):
            current = open_[call.model] = Evaluation(
                model=call.model, first_at=call.at, step=call.step, loader=call.loader, place=call.place
            )
            found.append(current)
        current.forwards.append(call)
        current.last_at = call.at
    return found
