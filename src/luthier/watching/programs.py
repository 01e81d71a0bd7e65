"""What a JAX program shows: the losses it differentiates, its jitted functions, its layers' modes and its keys.

A loss is looked at as its jaxpr, the list of operations that JAX traces it into: what is found there is exact and
costs nothing at run time. Values come from the arguments of calls, outside compiled code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from luthier.findings import Place
from luthier.watching.values import Values


@dataclass(slots=True)
class Remark:
    """One thing found in the operations of a loss.

    Args:
        kind: "softmax twice", "sigmoid twice", "softmax of one", "argmax of one", "log of logits", "log of zero",
            "softmax over the batch", "bootstrapped", "broadcast", "same key twice".
        place: of the operation; other: of the one that it does not go with.
        shapes: of the operands. size: of the axis.
    """

    kind: str
    place: Place | None = None
    other: Place | None = None
    shapes: tuple[tuple[int, ...], ...] = ()
    size: int = 0


@dataclass(slots=True)
class Program:
    """A function that was differentiated.

    Args:
        name: of the function; place: where its first call came from; jitted: inside a jitted function.
        remarks: see `Remark`. unseen: why its operations could not be looked at.
        num_weights: arrays that it is differentiated by; unreached: of these, no differentiable path leads from them
            to the loss (names; `names`: of all); cut: where the last of these paths end, cut_by: the operation.
        activation, bounds: of the prediction that meets the target ("relu", (0, inf)); "" where unknown.
        inputs: arrays that meet the weights unscaled; targets: that meet the prediction.
        num_calls: outside compiled code, or of the jitted function around it.
        num_same_weights: calls in a row from the first one that were given exactly the same weights;
            num_compared: calls compared. num_same_key: the same of the random key that is drawn from.
        num_updated: calls compared between which `apply_updates` ran.
        moves: new weights that differ, or a gradient that is not zero, were seen.
        draws: it draws random numbers from a key; drawn_at: where, of the first key that its own operations do not
            change. constant_key: one that it captured, so that it never changes.
        losses: (call, value) where the value was seen.
        changes: of the weight matrices between calls, root of the sums of squares as a share of before; first 20.
        uphill: see `Uphill`; None: not known. not_taken: the choice whose branch that was not taken made the first
            gradient that is no number; its kind names the operation.
    """

    name: str = ""
    place: Place | None = None
    jitted: bool = False
    remarks: list[Remark] = field(default_factory=list)
    unseen: str = ""
    num_weights: int = 0
    names: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    cut: Place | None = None
    cut_by: str = ""
    activation: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    inputs: list[Values] = field(default_factory=list)
    targets: list[Values] = field(default_factory=list)
    num_calls: int = 0
    num_same_weights: int = 0
    num_same_key: int = 0
    num_updated: int = 0
    num_compared: int = 0
    moves: bool = False
    draws: bool = False
    drawn_at: Place | None = None
    constant_key: bool = False
    losses: list[tuple[int, float]] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    uphill: Uphill | None = None
    not_taken: Remark | None = None


@dataclass(slots=True)
class Uphill:
    """Steps that were held against the gradient of a loss whose sign is known from its operations.

    Args:
        sign: 1: it cannot be negative; -1: it cannot be positive: it is minus a loss.
        num_steps: steps that moved the weights; num_grown: of these, that made the errors of their own batch larger.
        num_against: steps whose inner product with the direction in which the errors grow was not positive.
        first_is: every array moved that way in the first of them. arrays: that moved; arrays_up: of these, those that
            moved that way, taken over all steps.
        first, last: the loss of the first batch at the first weights and at the last ones.
    """

    sign: int = 0
    num_steps: int = 0
    num_grown: int = 0
    num_against: int = 0
    first_is: bool = False
    arrays: int = 0
    arrays_up: int = 0
    first: float = math.nan
    last: float = math.nan


@dataclass(slots=True)
class Jitted:
    """A jitted function of the person.

    Args:
        name, place: of the function and of the line that made it. num_made: how often that line made one.
        num_calls: of all made there; num_compiled: versions compiled; late: of these, after the third call.
        changes: what differed between calls that compiled ("shape (32, 8) -> (7, 8)").
        trains: it differentiates a loss. remarks: found in its operations.
        num_statistics: calls beside the first one that were given running statistics ("batch_stats");
            num_same_statistics: of these, that were given exactly those of the first call.
    """

    name: str = ""
    place: Place | None = None
    num_made: int = 0
    num_calls: int = 0
    num_compiled: int = 0
    num_late: int = 0
    changes: list[str] = field(default_factory=list)
    trains: bool = False
    remarks: list[Remark] = field(default_factory=list)
    num_statistics: int = 0
    num_same_statistics: int = 0


@dataclass(slots=True)
class Lookup:
    """Whole numbers by which rows are looked up, in the first 20 calls from one line.

    Args:
        kind: "one_hot", or "table": rows of weights. size: columns of the rows, or rows of the table.
        n: numbers seen; num_low: below 0; num_high: `size` or more, and not masked. low, high: of all.
        counts: how often each number was seen, of the first 4096 different ones.
        num_inside: of num_high, those with numbers in range before and behind them in their row.
        flat: only arrays with one axis were seen. fills: rows out of range are NaN; otherwise the last row.
    """

    kind: str
    place: Place | None = None
    size: int = 0
    num_calls: int = 0
    n: int = 0
    num_low: int = 0
    num_high: int = 0
    low: int = 0
    high: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    num_inside: int = 0
    flat: bool = True
    fills: bool = False


@dataclass(slots=True)
class Modes:
    """How often layers that differ between training and evaluation were traced or run, by mode.

    Args:
        kind: "Dropout" or "BatchNorm". in_loss_train, in_loss_eval: while a loss was differentiated.
        outside_train, outside_eval: elsewhere, after the first training step and not while weights are made.
        place: of the first call that counts as `outside_train`; loss_place: of the first inside a loss.
        left: while a loss was differentiated, in evaluation mode after it had been in training mode, and never in
            training mode again; left_after: training steps before the first of these.
    """

    kind: str
    in_loss_train: int = 0
    in_loss_eval: int = 0
    outside_train: int = 0
    outside_eval: int = 0
    place: Place | None = None
    loss_place: Place | None = None
    left: int = 0
    left_after: int = 0


@dataclass(slots=True)
class Rates:
    """A learning rate of optax that is a schedule.

    Args:
        place: where the optimizer was made. counts, rates: the schedule at these steps, the first is 0.
        multiplied: several steps of the program make one of the optimizer (MultiSteps).
    """

    place: Place | None = None
    counts: tuple[int, ...] = ()
    rates: tuple[float, ...] = ()
    multiplied: bool = False


@dataclass(slots=True)
class Draw:
    """The same random numbers were drawn several times: same function, key and shape.

    Args:
        name: "normal", "permutation" ... count: how often; during: steps were taken between.
        place, other: of the first and the last of them.
    """

    name: str
    shape: tuple[int, ...] = ()
    count: int = 1
    during: int = 0
    before: int = 0
    place: Place | None = None
    other: Place | None = None


@dataclass(slots=True)
class Updates:
    """Calls of the optimizer: num_applied (`apply_updates`), num_counts: of its step counter that were seen,
    num_first: of these, still at its first value."""

    num_applied: int = 0
    num_counts: int = 0
    num_first: int = 0
    place: Place | None = None
