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

from luthier.algorithms.rule import AVERAGE
from luthier.data.streams import Stream
from luthier.data.trees import Tree
from luthier.engines.grouping import Grouping
from luthier.errors import InvalidInput
from luthier.groups import GROUPS, SPARED
from luthier.recipe import OPTIMIZERS, Recipe

Array = npt.NDArray[Any]
Snapshot = dict[str, Array]
"""A trial outside its engine: numpy only, no P axis, flat names. "weights/<name>", "optimizer/<state>/<name>",
"optimizer/<state>/" what a rule keeps once for the slot, "optimizer/average/<name>" weights to evaluate with,
"foreign/..." the state of an optimizer of a library,
"buffers/<name>" (statistics of BatchNorm), "constants/<layer>.<name>" float64 [] (numbers inside layers that each
slot has for itself: dropout rates, slopes, epsilons), "seed" int64 [], "step" int64 []. Pause, resume, promotion
and files are made of it; it is a copy, never a view of live state."""
AVERAGED = f"optimizer/{AVERAGE}/"
State = Any
"""Live state of the slots: opaque, and consumed by `advance` and `put` (torch mutates it, JAX donates it)."""
Placed = Any
"""Data on the device, as returned by `Engine.place`."""

NOT_BY_ELEMENT = ("schedule_free", "prodigy", "muon")
"""Rules that need a weight's own shape, all weights at once, or other weights to evaluate with."""
RULES = OPTIMIZERS
"""Update rules by their number in `Plan.kinds`."""
WHOLE_STEP = (
    "clip_norm",
    "label_smoothing",
    "sam_rho",
    "accumulate",
    "mixup",
    "cut_side",
    "cut_y",
    "cut_x",
)
"""Numbers that concern the slot as a whole: where they have a G axis, group 0 counts."""
HPARAMS = (
    "lr",
    "weight_decay",
    "momentum",
    "nesterov",
    "beta1",
    "beta2",
    "eps",
    "eps_root",
    "d0",
    "d_coef",
    "l1",
    "l2",
    "max_norm",
    "clip_value",
    "group_clip_norm",
    "averaging",
    *WHOLE_STEP,
)
"""Numbers that every plan holds, [S, P] or [S, P, G]; `luthier.engines.grouping` says where a weight stands on the
G axis. Off means: `clip_norm`, `group_clip_norm`, `clip_value`, `max_norm` inf; `sam_rho`, `averaging`, `cut_side`,
`l1`, `l2` 0; `accumulate`, `mixup` 1.

`group_clip_norm` is a bound on the norm of all weights of a named group together, before `clip_norm`.
`averaging` is how far averaged weights go towards the new ones; where it is 0, none are kept. `mixup` is the share
of a row's own inputs, the rest comes from its neighbour in the batch; `cut_side` is the side of the patch that comes
from there, as a part of the image's, `cut_y` and `cut_x` where its middle lies.
"""


def evaluated(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the weights that its trial is evaluated with: the averaged ones, where it keeps them."""
    averaged = {f"weights/{n.removeprefix(AVERAGED)}": a for n, a in snapshot.items() if n.startswith(AVERAGED)}
    return {name: a for name, a in snapshot.items() if not name.startswith(AVERAGED)} | averaged


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
    kinds: Array  # int32 [P]; index into RULES, -1: the optimizer of a library with which the population was opened
    weights: Array | None = None  # float32 [S, P, B] of the rows in the loss, mean 1 over the training rows; None: 1


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
        name: one of recipe.LOSSES, or OWN_LOSS.
        function: (model, batch) -> a scalar, or a dict of scalars of which "loss" is minimised. A batch is
            (inputs, targets), or the inputs alone where there are no targets.
        evaluate: (model, batch) -> a scalar, a value a row, or a dict of them: what is measured on held-out rows;
            None: what `function` returns.
        gamma: of focal. delta: of huber.
    """

    name: str
    function: Callable[..., Any] | None = None
    evaluate: Callable[..., Any] | None = None
    gamma: float = 2.0
    delta: float = 1.0

    @property
    def settings(self) -> dict[str, float]:
        """The keyword arguments of its function in the rulebook."""
        return {"focal": {"gamma": self.gamma}, "huber": {"delta": self.delta}}.get(self.name, {})

    def of(self, recipe: Recipe) -> Loss:
        """The loss that the recipe asks for; this one where it asks for none.

        Raises:
            InvalidInput: the recipe asks a function of one's own for what only named losses have.
        """
        if self.function is None:
            named = recipe.loss or self.name
            return self._replace(name=named, gamma=recipe.focal_gamma, delta=recipe.huber_delta)
        for name in OF_NAMED_LOSSES:
            if getattr(recipe, name):
                raise InvalidInput(
                    f"{name}={getattr(recipe, name)!r}",
                    must="a named loss",
                    where="recipe",
                    remedy="Leave it out, or do it inside your own loss",
                )
        return self


OWN_LOSS = "own"
OF_NAMED_LOSSES = ("loss", "class_weights", "label_smoothing", "mixup", "cutmix")
"""Settings of a recipe that a loss of one's own has no use for."""
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
    """The recipe's numbers for one step before any schedule: {name: float32 [G]}, names of HPARAMS.

    Order of what is said: the recipe, a named group, a group of GROUPS; `lr_factor` comes last. Nothing is mixed.
    A group that is frozen is not held within `max_norm` either.
    """
    base = {name: getattr(recipe, name, 0.0) for name in HPARAMS}
    for name in ("clip_norm", "clip_value", "max_norm"):
        base[name] = np.inf if base[name] is None else base[name]
    averages = recipe.swa_start is not None or recipe.optimizer == "schedule_free"
    base["averaging"] = 1.0 if averages else 1.0 - recipe.ema_decay if recipe.ema_decay else 0.0
    base |= {"nesterov": float(recipe.nesterov), "mixup": 1.0, "group_clip_norm": np.inf}
    block_NG = np.repeat(np.array(list(base.values()), np.float64)[:, None], Grouping.of(recipe).num, 1)
    table = dict(zip(base, block_NG, strict=True))
    at = {group: slice(2 * k, 2 * k + 2) for k, group in enumerate(recipe.named_groups, 1)}
    at |= {group: slice(half, None, 2) for half, group in enumerate(GROUPS)}
    factors = np.ones_like(table["lr"])
    for group, places in at.items():
        spared = dict.fromkeys(SPARED, 0.0) if group == "no_decay" else {}
        for name, value in (spared | recipe.groups.get(group, {})).items():
            if name == "lr_factor":
                factors[places] *= value
            else:
                table["group_clip_norm" if name == "clip_norm" else name][places] = value
    table["lr"] *= factors
    table["max_norm"][table["lr"] == 0] = np.inf
    return dict(zip(base, block_NG.astype(np.float32), strict=True))


def kind_of(recipe: Recipe) -> int:
    """The number of its update rule in a plan."""
    return -1 if recipe.foreign else RULES.index(recipe.optimizer)


def program_of(recipe: Recipe) -> dict[str, Any]:
    """Settings that trials of one program must share, beside the model: what belongs into a GroupKey."""
    loss = {"loss": recipe.loss} | Loss("").of(recipe).settings if recipe.loss else {}
    looped = reasons_for_loop(recipe)
    options = {"options": recipe.optimizer_options} if recipe.foreign else {}
    groups = {"groups": recipe.named_groups} if recipe.named_groups else {}
    return loss | options | groups | ({"loop": looped} if looped else {})


def reasons_for_loop(recipe: Recipe) -> list[str]:
    """Settings for which a program of many slots has no form: a mode that fuses slots refuses these trials."""
    asked = {
        f"optimizer={recipe.optimizer!r}": recipe.foreign or recipe.optimizer in NOT_BY_ELEMENT,
        "sam_rho": recipe.sam_rho > 0,
        "ema_decay": recipe.ema_decay > 0,
        "swa_start": recipe.swa_start is not None,
        "accumulate": recipe.accumulate > 1,
        "mixup": recipe.mixup > 0,
        "cutmix": recipe.cutmix > 0,
        "l1": _said(recipe, "l1"),
        "l2": _said(recipe, "l2"),
        "clip_value": _said(recipe, "clip_value"),
        "max_norm": _said(recipe, "max_norm"),
        "class_weights": bool(recipe.class_weights),
        "loss": recipe.loss in ("mae", "huber", "focal"),
    }
    return [name for name, on in asked.items() if on]


def _said(recipe: Recipe, name: str) -> bool:
    """Does the recipe, or one of its groups, switch a number on?"""
    return any(numbers.get(name) for numbers in (*recipe.groups.values(), {name: getattr(recipe, name)}))
