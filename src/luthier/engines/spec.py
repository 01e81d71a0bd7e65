"""The engine contract: one engine trains P models side by side; one model is P = 1.

Everything else (rungs, schedules, early stop, checkpoints, reports, time limits) exists once, above it, in
`luthier.training`. Axes: S steps of a chunk, P slots, B rows of a batch, G parameter groups, n rows, C outputs.

Randomness is a function of (seed, step, layer) and of nothing else: no generator state is kept, so a trial
that is paused, moved to another slot or resumed goes on bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from luthier.data.streams import Stream
from luthier.data.trees import Tree
from luthier.records import OPTIMIZERS, Recipe

Array = npt.NDArray[Any]
Snapshot = dict[str, Array]
"""A trial outside its engine: numpy only, no P axis, flat names. "weights/<name>", "optimizer/<state>/<name>",
"buffers/<name>" (statistics of BatchNorm), "constants/<layer>.<name>" float64 [] (numbers inside layers that each
slot has for itself: dropout rates, slopes, epsilons), "seed" int64 [], "step" int64 []. Pause, resume, promotion
and files are made of it; it is a copy, never a view of live state."""
State = Any
"""Live state of the slots: opaque, and consumed by `advance` and `put` (torch mutates it, JAX donates it)."""
Placed = Any
"""Data on the device, as returned by `Engine.place`."""

RULES = OPTIMIZERS
"""Update rules by their number in `Plan.kinds`."""
GROUPS = ("decay", "no_decay")
"""Parameter groups by their number on the G axis: tensors of two axes and more, and the others."""
HPARAMS = ("lr", "weight_decay", "momentum", "nesterov", "beta1", "beta2", "eps", "clip_norm", "label_smoothing")
"""Numbers that every plan holds, [S, P] or [S, P, G]; `clip_norm` is inf where nothing is clipped. Where `clip_norm`
and `label_smoothing` have a G axis, group 0 counts: they concern the slot as a whole."""


class Source(NamedTuple):
    """Rows in memory: inputs float32 [n, ...] and targets [n] (class index, or real value(s) [n, k]).

    Args:
        tree: where inputs are a dict or a tuple of arrays: how it is packed into the rows (`luthier.data.trees`). The
            model is called with a dict as keywords, with a tuple as arguments.
        labelled: are there targets? Else they are zeros, and the loss is one's own.
        whole: are the inputs of one array whole numbers, such as tokens? They go to the model as such then.
        stream: where training batches come from, if not from these rows: `rows` of a plan then say only how many.
    """

    inputs: Array
    targets: Array
    tree: Tree | None = None
    labelled: bool = True
    whole: bool = False
    stream: Stream | None = None


class Plan(NamedTuple):
    """What the slots do in one chunk: numpy, a pure function of (seed, step), built above the engine."""

    rows: Array  # int32 [S, P, B]: rows of the placed data to gather for each step
    hparams: dict[str, Array]  # float32 [S, P] or [S, P, G]; schedules are already evaluated
    steps: Array  # int32 [P]; slot p takes steps[p] <= S of them; 0 = frozen, bit for bit
    kinds: Array  # int32 [P]; index into RULES


class GroupKey(NamedTuple):
    """Trials may share a program if their keys are equal. Whether a mode can take their model is said by `open`."""

    tree: str  # digest of the model's structure: all but weights, statistics and lifted numbers
    dtype: str
    batch_size: int


class Mode(NamedTuple):
    """An execution mode and what it promises."""

    name: str
    bit_equal_across_P: bool
    recompiles_on: tuple[str, ...] = ()
    build_s: float = 0.0  # rough seconds until its program is built, at the first step; pays if much more is left


class Loss(NamedTuple):
    """What is minimised: a named loss of `luthier.algorithms.losses` on the model's output, or a function.

    Args:
        name: "cross_entropy", "bce_with_logits", "mse", or OWN_LOSS.
        function: (model, batch) -> a scalar, or a dict of scalars of which "loss" is minimised. A batch is
            (inputs, targets), or the inputs alone where there are no targets.
        evaluate: (model, batch) -> a scalar, a value a row, or a dict of them: what is measured on held-out rows;
            None: what `function` returns.
    """

    name: str
    function: Callable[..., Any] | None = None
    evaluate: Callable[..., Any] | None = None


OWN_LOSS = "own"
MEASURED_ROWS = 64
"""Rows of a block that a function of one's own measures at once: the same whatever the batch size of a trial."""


Builder = Callable[..., Any]
"""Returns a fresh, randomly initialised model; keyword arguments are its hyperparameters, plus `inputs` and
`outputs` (ints) where it asks for them, plus `rngs` for Flax NNX."""


@runtime_checkable
class Population(Protocol):
    """P slots of one program. `state` goes in and comes out; the object itself holds no trial."""

    mode: Mode
    P: int

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0: the same weights whenever recipe.model and seed are the same."""
        ...

    def stack(self, snapshots: Sequence[Snapshot]) -> State:
        """Live state of P trials, slot p from snapshots[p]."""
        ...

    def take(self, state: State, slot: int) -> Snapshot:
        """A copy of one slot; the state stays usable. stack/put of it goes on bit for bit."""
        ...

    def put(self, state: State, slot: int, snapshot: Snapshot) -> State:
        """Refill, promote, resume: replace one slot; the other slots stay bit-equal."""
        ...

    def advance(self, state: State, data: Placed, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Take plan.steps[p] optimizer steps in each slot.

        Returns the new state and {"loss": mean loss of each step's batch, "grad_norm": L2 norm before
        clipping}, float32 [S, P], NaN where s >= steps[p]. A slot whose loss is NaN harms no other.
        """
        ...

    def predict(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Model outputs in evaluation mode (no dropout, running statistics): float32 [slots, len(rows), C].
        rows is int32 [n] for all slots, or [slots, n]."""
        ...

    def evaluate(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Loss of each example without label smoothing, in evaluation mode: float32 [slots, len(rows)].
        Computed slot by slot: its value may not depend on P."""
        ...

    def measure(
        self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None
    ) -> dict[str, Array]:
        """What functions of one's own say of rows, in evaluation mode: {name: float32 [slots, len(rows)]}, "loss"
        among them. A value of a whole block of MEASURED_ROWS rows stands at each of its rows.

        Raises:
            Unsupported: the engine takes named losses only.
        """
        ...

    def module(self, state: State, slot: int) -> Any:
        """The framework's own model with the weights of a slot, in evaluation mode: to be called, not trained."""
        ...

    def probe(self, state: State, data: Placed, rows: Array) -> dict[str, Array]:
        """Statistics for checks on one batch in evaluation mode, rows int32 [B]; changes nothing:
        {"loss": [P], "grad_norm": [P],
        "weight_norm": [P]}, float32."""
        ...


@runtime_checkable
class Engine(Protocol):
    """One framework on one device."""

    name: str
    framework: str

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on."""
        ...

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> Population:
        """A population of width P for all trials with the key of `recipe`. Modes by name; the first of
        `modes()` is the reference.

        Raises:
            Unsupported: the mode can not take this model; it names the module and the mend. What shows only in
                training is raised by the first `advance`, before any slot has moved.
        """
        ...

    def place(self, source: Source) -> Placed:
        """Put data on the device, once."""
        ...

    def modes(self) -> tuple[str, ...]:
        """Names of the execution modes that this engine offers, the reference first."""
        ...


def optimizer_numbers(recipe: Recipe) -> dict[str, Array]:
    """The recipe's numbers for one step before any schedule: {name: float32 [G]}, names of HPARAMS."""
    base = {name: getattr(recipe, name) for name in HPARAMS}
    base["clip_norm"] = np.inf if recipe.clip_norm is None else recipe.clip_norm
    base["nesterov"] = float(recipe.nesterov)
    table = {name: np.full(len(GROUPS), value, np.float32) for name, value in base.items()}
    for group, numbers in recipe.groups.items():
        for name, value in numbers.items():
            table[name][GROUPS.index(group)] = value
    return table
