"""What the watch of JAX knows while the program runs: which functions are being traced, and what was seen of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from luthier.findings import Place
from luthier.watching.lines import is_users
from luthier.watching.programs import Draw, Jitted, Lookup, Modes, Program, Rates, Updates
from luthier.watching.sink import Sink

NUM_COMPARED = 20
"""First calls of a training function whose weights and keys are compared."""
SMALL = 1 << 16
"""Entries of an array that is hashed for comparison."""


@dataclass(slots=True)
class Trace:
    """A jitted function that is being traced, and what its first trace showed.

    Args:
        leaves: identity of each traced argument -> its position among the flat arguments.
        programs: losses differentiated inside, with the positions of their weights, keys, inputs and targets.
        counters: positions of optimizers' step counters. num_traced: how often it was traced, once a compilation.
        statistics: positions of running statistics (None: not looked for yet); first_statistics: of its first call.
        lookups: arguments that `one_hot` is given. applies: it applies updates.
        values: traced values of losses; loss_at: position of one among the results.
    """

    jitted: Jitted
    leaves: dict[int, int] = field(default_factory=dict)
    programs: list[Roles] = field(default_factory=list)
    counters: list[int] = field(default_factory=list)
    statistics: list[int] | None = None
    first_statistics: str = ""
    num_traced: int = 0
    lookups: list[Any] = field(default_factory=list)
    applies: bool = False
    values: list[Any] = field(default_factory=list)
    loss_at: int | None = None


@dataclass(slots=True)
class Replay:
    """The operations of a loss, and where each of their constants and arguments is found in a call seen from outside.

    Args:
        sources: of the constants, then of the arguments: a position among the flat arguments, or the value itself.
        weights: positions of the weights among the operations' arguments.
        calls: values of the first calls, in the order of `sources`.
    """

    jaxpr: Any
    sources: list[int | Kept]
    weights: list[int]
    calls: list[list[Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that is the same in every call."""

    value: Any


@dataclass(slots=True)
class Roles:
    """Which arguments of a call play which part for one loss; positions are of the flat arguments."""

    program: Program
    weights: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    first_weights: str = ""
    first_keys: str = ""
    num_applied: int = 0
    matrices: list[Any] = field(default_factory=list)
    replay: Replay | None = None
    lookups: list[Any] = field(default_factory=list)


class Here(threading.local):
    """What one thread is at: the jitted functions that it traces, outermost first; losses that it differentiates."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.in_loss = 0


class State:
    """Everything of one watched program."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.here = Here()
        self.programs: dict[Any, Roles] = {}
        self.jitted: dict[tuple[str, int, str], Jitted] = {}
        self.modes: dict[str, Modes] = {}
        self.lookups: dict[tuple[str, str, int, int], Lookup] = {}
        self.draws: dict[tuple[Any, ...], Draw] = {}
        self.updates = Updates()
        self.num_steps = 0
        self.looking = 0
        self.waiting: list[Callable[[], None]] = []

    def settle(self) -> None:
        """Do what was put off until a module is whole; called where the program makes use of JAX."""
        waiting, self.waiting = self.waiting, []
        for work in waiting:
            work()

    @property
    def traces(self) -> list[Trace]:
        """Jitted functions being traced in this thread, outermost first."""
        return self.here.traces

    @property
    def in_loss(self) -> int:
        """How many losses are being differentiated in this thread."""
        return self.here.in_loss

    def add(self, record: Program | Jitted | Lookup | Modes | Draw | Updates | Rates) -> None:
        """Hand a record to the trace."""
        self.sink.programs.append(record)

    def stepped(self) -> None:
        """One training step was finished, outside compiled code."""
        self.num_steps += 1
        self.sink.stepped(1)


@contextlib.contextmanager
def unnoticed(state: State) -> Iterator[None]:
    """What runs inside is ours: it is not counted, and says nothing."""
    state.looking += 1
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        state.looking -= 1


def innermost(fun: Any) -> Any:
    """The person's own function below partial, wraps and Flax's wrapper."""
    for _ in range(10):
        inner = getattr(fun, "__wrapped__", None) or getattr(fun, "func", None)
        if inner is None and not is_users(getattr(getattr(fun, "__code__", None), "co_filename", "")):
            inner = getattr(fun, "f", None)
        if inner is None or inner is fun:
            return fun
        fun = inner
    return fun


def name_of(fun: Any) -> str:
    """Name of the person's own function."""
    return str(getattr(innermost(fun), "__name__", type(fun).__name__))


def is_traced(value: Any) -> bool:
    """Is it a value inside a trace, without numbers?"""
    from jax.core import Tracer

    return isinstance(value, Tracer)


def is_readable(value: Any) -> bool:
    """Is it an array whose numbers are there: outside a trace, and not given away?"""
    if not hasattr(value, "dtype") or is_traced(value):
        return False
    return not (hasattr(value, "is_deleted") and value.is_deleted())


def fingerprint(values: list[Any]) -> str:
    """Of the small arrays among the values; empty where there is none or one is inside a trace."""
    out, seen = hashlib.blake2b(digest_size=8), 0
    for value in values:
        if is_traced(value):
            return ""
        size = int(getattr(value, "size", 0))
        if not 0 < size <= SMALL or seen > 2 * SMALL:
            continue
        if not is_readable(value):
            return ""
        out.update(numbers(value).tobytes())
        seen += size
    return out.hexdigest() if seen else ""


def numbers(value: Any) -> Any:
    """A NumPy array of the entries; of a random key, its bits."""
    import jax

    if hasattr(value, "dtype") and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    return np.asarray(value)


def key_of(place: Place | None, name: str) -> tuple[str, int, str]:
    """Tells functions apart by the line that made them."""
    return (place.file, place.line, name) if place else ("", 0, name)
