"""`jax.jit`: calls, compilations and what made them, and the arguments of training functions."""

from __future__ import annotations

import functools
import inspect
import re
from types import FrameType
from typing import Any, NamedTuple

from luthier.findings import Place
from luthier.watching.jax import lookups, losses
from luthier.watching.jax.state import (
    NUM_COMPARED,
    SMALL,
    State,
    Trace,
    fingerprint,
    is_readable,
    is_traced,
    key_of,
    name_of,
    numbers,
)
from luthier.watching.lines import is_users
from luthier.watching.programs import Jitted
from luthier.watching.sink import guarded

MAX_CHANGES = 6
STATISTICS = re.compile(r"batch_stats|BatchNorm[^]]*\]\['(mean|var)'\]$")
_OWN_USE = ("flax",)
"""Packages whose own use of `jax.jit` is watched: they jit the person's function."""


def wrap(state: State, original: Any) -> Any:
    """A `jit` whose functions tell of their calls. Functions that installed packages jit are left alone."""

    @functools.wraps(original)
    def jit(*args: Any, **options: Any) -> Any:
        if not args:
            return functools.partial(jit, **options)
        state.settle()
        fun = args[0]
        if not callable(fun) or not _is_persons(inspect.currentframe()):
            return original(*args, **options)
        record = guarded(state.sink, "jax: jit", record_of, state, name_of(fun), state.sink.place())
        if record is None:
            return original(*args, **options)
        trace = Trace(record)
        inner = original(_noting(state, fun, trace), *args[1:], **options)
        donates = bool(options.get("donate_argnums") or options.get("donate_argnames"))
        return Watched(inner, fun, Watching(state, trace, donates))

    return jit


def _is_persons(frame: FrameType | None) -> bool:
    """Was the function of this frame called by the person's code, or by a package that jits the person's function?"""
    caller = frame.f_back if frame is not None else None
    if caller is None:
        return False
    package = str(caller.f_globals.get("__name__", "")).partition(".")[0]
    return package in _OWN_USE or is_users(caller.f_code.co_filename)


def record_of(state: State, name: str, place: Place | None) -> Jitted:
    """The record of the functions of this name that were made at this line, with one more counted."""
    key = key_of(place, name)
    if key not in state.jitted:
        state.jitted[key] = Jitted(name=name, place=place)
        state.add(state.jitted[key])
    state.jitted[key].num_made += 1
    return state.jitted[key]


class Watching(NamedTuple):
    """Where a jitted function tells of its calls; donates: it gives arguments away, which are gone after a call."""

    state: State
    trace: Trace
    donates: bool


class Watched:
    """A jitted function of the person; everything but calls goes to JAX's own object."""

    def __init__(self, inner: Any, fun: Any, watching: Watching) -> None:
        self._inner, self._watching = inner, watching
        self._last: tuple[str, ...] = ()
        self._was_called = False
        functools.update_wrapper(self, fun, updated=())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's own result."""
        state, trace, _ = self._watching
        if state.traces or state.looking:
            return self._inner(*args, **kwargs)
        if trace.statistics is None:
            guarded(state.sink, "jax: arguments", _statistics, trace, args, kwargs)
        flat = guarded(state.sink, "jax: arguments", _flat, args, kwargs) or []
        kept = guarded(state.sink, "jax: arguments", self._kept, flat) or flat
        known, traced = list(trace.programs), trace.num_traced
        result = self._inner(*args, **kwargs)
        guarded(state.sink, "jax: compiled", self._count, flat, trace.num_traced - traced)
        for role in known if known else trace.programs:
            guarded(state.sink, "jax: compare", losses.compare, state, role, kept)
            guarded(state.sink, "jax: changed", losses.changed, role, kept, result)
        guarded(state.sink, "jax: counters", _counters, state, trace, kept)
        guarded(state.sink, "jax: one_hot", lookups.look, trace.lookups, kept)
        if state.num_steps and not trace.jitted.trains:
            state.sink.evaluations_done = True
        if trace.jitted.trains:
            guarded(state.sink, "jax: loss value", _loss, trace, result)
            guarded(state.sink, "jax: statistics", _compare_statistics, trace, kept)
            state.stepped()
        return result

    def _kept(self, flat: list[Any]) -> list[Any]:
        """The arguments as they can be read after the call: copies of those that it gives away."""
        _, trace, donates = self._watching
        first, self._was_called = not self._was_called, True
        if not donates or trace.jitted.num_calls > NUM_COMPARED:
            return flat
        wanted = {
            *trace.counters,
            *(trace.statistics or ()),
            *(i for role in trace.programs for i in (*role.weights, *role.keys)),
            *(i for seen in trace.lookups for i in (seen.position, *seen.masks)),
            *(i for role in trace.programs for seen in role.lookups for i in (seen.position, *seen.masks)),
        }
        return [
            numbers(v).copy() if (first or i in wanted) and is_readable(v) and v.size <= SMALL else v
            for i, v in enumerate(flat)
        ]

    def _count(self, flat: list[Any], num_traced: int) -> None:
        record = self._watching.trace.jitted
        record.num_calls += 1
        if num_traced <= 0:
            return
        record.num_compiled += num_traced
        shapes = tuple(_describe(leaf) for leaf in flat)
        if record.num_calls > 3:
            record.num_late += num_traced
            if len(record.changes) < MAX_CHANGES and self._last:
                record.changes.append(_change(self._last, shapes))
        self._last = shapes


def _noting(state: State, fun: Any, trace: Trace) -> Any:
    """The person's function, with a note that it is being traced and of its traced arguments."""

    @functools.wraps(fun)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if state.looking or state.traces or is_off():
            return fun(*args, **kwargs)
        guarded(state.sink, "jax: trace", _arguments, trace, args, kwargs)
        state.traces.append(trace)
        try:
            result = fun(*args, **kwargs)
            guarded(state.sink, "jax: results", _results, trace, result)
            return result
        finally:
            state.traces.pop()
            trace.num_traced += 1
            trace.jitted.trains |= bool(trace.programs)
            trace.leaves.clear()
            trace.values.clear()

    return traced


def is_off() -> bool:
    """Has the program switched compiling off?"""
    import jax

    return bool(jax.config.jax_disable_jit)


def _arguments(trace: Trace, args: Any, kwargs: Any) -> None:
    import jax

    leaves = jax.tree.leaves((args, kwargs))
    trace.leaves = {id(leaf): i for i, leaf in enumerate(leaves) if is_traced(leaf)}


def _results(trace: Trace, result: Any) -> None:
    """Is the value of a loss among the results?"""
    import jax

    values = {id(value) for value in trace.values}
    trace.loss_at = next((i for i, leaf in enumerate(jax.tree.leaves(result)) if id(leaf) in values), None)


def _flat(args: Any, kwargs: Any) -> list[Any]:
    import jax

    return list(jax.tree.leaves((args, kwargs)))


def _statistics(trace: Trace, args: Any, kwargs: Any) -> None:
    """Which arguments are running statistics of batch normalisation, by the names that Flax Linen gives them."""
    import jax

    paths, _ = jax.tree_util.tree_flatten_with_path((args, kwargs))
    names = [jax.tree_util.keystr(path) for path, _ in paths]
    trace.statistics = [i for i, name in enumerate(names) if STATISTICS.search(name)]


def _compare_statistics(trace: Trace, flat: list[Any]) -> None:
    record = trace.jitted
    if not trace.statistics or record.num_calls > NUM_COMPARED:
        return
    now = fingerprint([flat[i] for i in trace.statistics if i < len(flat)])
    if trace.first_statistics and now:
        record.num_statistics += 1
        record.num_same_statistics += now == trace.first_statistics
    trace.first_statistics = trace.first_statistics or now


def _counters(state: State, trace: Trace, flat: list[Any]) -> None:
    """The optimizer's step counter among the arguments: is it still at its first value?"""
    updates = state.updates
    updates.num_applied += trace.applies
    counts = [flat[i] for i in trace.counters if i < len(flat) and is_readable(flat[i])]
    if counts and updates.num_counts < NUM_COMPARED:
        updates.num_counts += 1
        updates.num_first += all(int(numbers(count)) == 0 for count in counts)


def _loss(trace: Trace, result: Any) -> None:
    """The value of the loss among the results of a training function; where its own value is not there, the first
    scalar of floating type is taken to be the loss."""
    import jax

    leaves = jax.tree.leaves(result)
    for leaf in leaves if trace.loss_at is None else leaves[trace.loss_at : trace.loss_at + 1]:
        if getattr(leaf, "shape", None) == () and str(getattr(leaf, "dtype", "")).startswith(("float", "bfloat")):
            program = trace.programs[0].program
            if program.num_calls <= 20 or program.num_calls % 25 == 0:
                program.losses.append((program.num_calls, float(leaf)))
            return


def _describe(leaf: Any) -> str:
    if hasattr(leaf, "shape"):
        weak = " weak" if getattr(leaf, "weak_type", False) else ""
        return f"{leaf.dtype}{list(leaf.shape)}{weak}"
    return f"{type(leaf).__name__} {leaf!r}"[:40]


def _change(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """The first argument that differs between two calls."""
    if len(before) != len(after):
        return f"{len(before)} arrays, then {len(after)}"
    return next((f"{a}, then {b}" for a, b in zip(before, after, strict=True) if a != b), "")
