"""What is known of each value of a loss while its operations are interpreted, and what is found on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from luthier.findings import Place
from luthier.watching.lines import is_users, place_at
from luthier.watching.programs import Remark

Path = frozenset[int]
INF = math.inf
MAX_CUTS = 200


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of one value.

    Args:
        low, high: interval that holds it.
        weights: arguments from which a differentiable path leads to it. touched: it depends on weights at all.
        data: it depends on an argument that is no weight. varies: it can differ from call to call.
        affine: logits, an affine function of weights. activation: what made it of such ("relu", "linear").
        squash: "softmax" or "sigmoid" where it is a probability; squashed_at: where it became one.
        exp: number of the exponential that it is; exp_of: the squash of what was exponentiated.
        sum_of: number of the exponential that it is the sum of.
        over_batch: it comes of exponentials that were summed over the rows of the batch.
        leaf: the argument that it is, but for its shape. origin: shape before broadcasting.
        key: (root argument or -1 for a constant, derivation) of a random key.
        number: its value where it is a literal.
        fed: arguments that met weights on the way to it. discounted: it was multiplied by a number between 0 and 1;
        bootstraps: an output that was, to which then an argument that no weight has touched was added: a reward.
        tops: the value of which it is the largest entry or more. picks: the value of which it is an entry.
        peaked: its largest entry is 0, as of something minus its largest entry.
        part: of the argument `leaf`: () all entries; ("moved",) all, in another shape; (shape, start, limit, strides)
        a slice; None: not known. wrap: number that is added to entries below 0.
        shifted: an argument and the number that was added to it. compared: an argument, the comparison, the number.
        rows: lookups whose rows these are (see `tables`). chance: it depends on no argument but random keys.
    """

    low: float = -INF
    high: float = INF
    weights: Path = frozenset()
    touched: bool = False
    data: bool = False
    affine: bool = False
    squash: str = ""
    squashed_at: Place | None = None
    exp: int = 0
    exp_of: str = ""
    sum_of: int = 0
    over_batch: bool = False
    activation: str = ""
    leaf: int | None = None
    origin: tuple[int, ...] | None = None
    key: tuple[int, str] | None = None
    varies: bool = False
    number: float | None = None
    fed: frozenset[int] = frozenset()
    discounted: bool = False
    bootstraps: bool = False
    tops: Info | None = field(default=None, compare=False, repr=False)
    picks: Info | None = field(default=None, compare=False, repr=False)
    peaked: bool = False
    part: tuple[object, ...] | None = ()
    wrap: float | None = None
    shifted: tuple[Info, float] | None = field(default=None, compare=False, repr=False)
    compared: tuple[int, str, float] | None = None
    rows: frozenset[int] = frozenset()
    chance: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """An operation whose derivative is zero: its name, its line, and the weights whose paths end there."""

    name: str
    place: Place | None
    weights: Path


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random numbers drawn from a key: the argument that the key came from (below 0: a constant), whether it can
    differ from call to call, and the line."""

    root: int
    varies: bool
    place: Place | None


@dataclass(slots=True)
class Findings:
    """The result: remarks, the loss's paths, where paths ended, inputs and targets by argument.

    `batches`: sizes of the first axis of inputs. `low`, `high`: the loss lies between. `supervised`: an output was
    held against something that no weight has touched: a difference, an entry picked, a log-probability weighed.
    `tables`: rows of weights looked up by arguments; `compared`: arguments, and what numbers they are compared with.
    """

    remarks: list[Remark] = field(default_factory=list)
    reached: Path = frozenset()
    cuts: list[Cut] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    activation: str = ""
    bounds: tuple[float, float] = (-INF, INF)
    drawn: list[Drawn] = field(default_factory=list)
    low: float = -INF
    high: float = INF
    supervised: bool = False
    tables: list[Any] = field(default_factory=list)
    compared: list[tuple[int, float | None]] = field(default_factory=list)


@dataclass(slots=True)
class Notes:
    """One pass over the operations.

    Args:
        exps: what was exponentiated, by number, so that a sum is matched with its own terms; the first is none.
        at: the line that called the library's function whose operations are passed over; None: they have their own.
    """

    found: Findings = field(default_factory=Findings)
    exps: list[Info] = field(default_factory=lambda: [Info()])
    at: Place | None = None


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: JAX's equation, what is known of its arguments, and the notes of the pass."""

    eqn: Any
    args: list[Info]
    notes: Notes

    @property
    def name(self) -> str:
        """Of the primitive."""
        return str(self.eqn.primitive.name)

    def shape(self, i: int = 0) -> tuple[int, ...]:
        """Of an argument."""
        return tuple(self.eqn.invars[i].aval.shape)

    @property
    def place(self) -> Place | None:
        """The person's line that it came from."""
        return self.notes.at or place_of(self.eqn)

    def mixed(self) -> Info:
        """A value that depends on all arguments, of which nothing else is known."""
        return mixed(self.args)

    def remark(self, kind: str, *, other: Place | None = None, shapes: Any = (), size: int = 0) -> None:
        """Note something at the line of this operation, once a line."""
        place, remarks = self.place, self.notes.found.remarks
        if not any(r.kind == kind and r.place == place for r in remarks):
            remarks.append(Remark(kind, place, other, tuple(shapes), size))

    def cut(self, weights: Path) -> None:
        """Note that the paths of these weights end here."""
        cuts = self.notes.found.cuts
        if weights and len(cuts) < MAX_CUTS:
            cuts.append(Cut(self.name, self.place, weights))


def mixed(args: list[Info]) -> Info:
    """A value that depends on all of these, of which nothing else is known."""
    return Info(
        weights=frozenset().union(*(a.weights for a in args)) if args else frozenset(),
        touched=any(a.touched for a in args),
        data=any(a.data for a in args),
        varies=any(a.varies for a in args),
        fed=frozenset().union(*(a.fed for a in args)) if args else frozenset(),
        chance=any(a.chance for a in args) and all(a.chance or not a.data for a in args),
    )


def place_of(eqn: Any) -> Place | None:
    """The innermost line of the person's own code that an operation came from."""
    trace = eqn.source_info.traceback
    for frame in trace.frames if trace is not None else ():
        if is_users(frame.file_name):
            return place_at(frame.file_name, frame.line_num, frame.function_name.rpartition(".")[2])
    return None
