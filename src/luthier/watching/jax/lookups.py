"""Whole numbers by which a program looks up rows: those given to `one_hot`, those that index a table of weights."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from luthier.findings import Place
from luthier.watching.jax import tables
from luthier.watching.jax.known import Findings
from luthier.watching.jax.state import NUM_COMPARED, State, is_readable, is_traced, numbers
from luthier.watching.lines import called_by_user
from luthier.watching.programs import Lookup
from luthier.watching.sink import guarded

MAX_ENTRIES = 1 << 20
MAX_LOOKUPS = 64
MAX_COUNTS = 4096


class Watched(NamedTuple):
    """A lookup, the position of its numbers among the flat arguments of a call, which part of them, and masks."""

    lookup: Lookup
    position: int
    part: tuple[Any, ...] = ()
    masks: tuple[int, ...] = ()


def wrap_one_hot(state: State, original: Any) -> Any:
    """A `one_hot` that tells what numbers it is given."""

    @functools.wraps(original)
    def one_hot(x: Any, num_classes: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(x, num_classes, *args, **kwargs)
        if not state.looking and called_by_user():
            guarded(state.sink, "jax: one_hot", _one_hot, state, x, num_classes)
        return result

    return one_hot


def _one_hot(state: State, x: Any, num_classes: Any) -> None:
    size = int(num_classes)
    lookup = _lookup(state, "one_hot", state.sink.place(), size)
    if lookup is None:
        return
    if not is_traced(x):
        note(lookup, np.asarray(x) if isinstance(x, list | tuple | int) else x)
    elif state.traces:
        trace = state.traces[-1]
        position = trace.leaves.get(id(x))
        if position is not None and Watched(lookup, position) not in trace.lookups:
            trace.lookups.append(Watched(lookup, position))


def _lookup(state: State, kind: str, place: Place | None, size: int) -> Lookup | None:
    """The record of this line, one for each number of rows."""
    key = (kind, place.file if place else "", place.line if place else 0, size)
    if key not in state.lookups and len(state.lookups) < MAX_LOOKUPS:
        state.lookups[key] = Lookup(kind=kind, place=place, size=size)
        state.add(state.lookups[key])
    return state.lookups.get(key)


def of_tables(state: State, found: Findings, flat: list[Any], constants: list[Any]) -> list[Watched]:
    """The tables of a loss whose indices are arguments of the call as we see it from outside.

    Args:
        flat: arguments of the loss. constants: what it captured.
    """
    watched: list[Watched] = []

    def position(number: int) -> int | None:
        if number < 0:
            value = constants[-1 - number] if -1 - number < len(constants) else None
        elif not state.traces:
            return number
        else:
            value = flat[number]
        return state.traces[-1].leaves.get(id(value)) if state.traces else None

    for table in found.tables:
        if tables.is_hidden(table, found.compared):
            continue
        lookup = _lookup(state, "table", table.place, table.size)
        at, masks = position(table.leaf), [position(mask) for mask in table.masks]
        if lookup is None or None in masks:
            continue
        lookup.fills = table.fills
        if at is not None:
            watched.append(Watched(lookup, at, table.part, tuple(mask for mask in masks if mask is not None)))
        elif table.leaf < 0 and not masks and not is_traced(constants[-1 - table.leaf]):
            note(lookup, constants[-1 - table.leaf], table.part)
    return watched


def look(watched: list[Watched], flat: list[Any]) -> None:
    """Note the numbers of a call. flat: its arguments."""
    for lookup, position, part, masks in watched:
        if all(i < len(flat) and is_readable(flat[i]) for i in (position, *masks)):
            note(lookup, flat[position], part, [flat[i] for i in masks])


def note(lookup: Lookup, given: Any, part: tuple[Any, ...] = (), masks: Any = ()) -> None:
    """Count the numbers of one call, the first 20 of them."""
    size = int(getattr(given, "size", 0))
    if lookup.num_calls >= NUM_COMPARED or not 0 < size <= MAX_ENTRIES or not is_readable(given):
        return
    entries = numbers(given)
    if entries.dtype.kind not in "iu":
        return
    if part and part != tables.MOVED:
        shape, start, limit, strides = part
        if entries.shape != shape:
            return
        entries = entries[tuple(map(slice, start, limit, strides))]
    if not entries.size:
        return
    out = entries >= lookup.size
    for mask in masks:
        weights = numbers(mask)
        if weights.size != entries.size:
            return
        out = out & (weights.reshape(entries.shape) != 0)
    _count(lookup, entries, out)


def _count(lookup: Lookup, entries: Any, out: Any) -> None:
    lookup.num_calls += 1
    lookup.n += int(entries.size)
    lookup.num_low += int((entries < 0).sum())
    lookup.num_high += int(out.sum())
    lookup.num_inside += _num_inside(out) if entries.ndim else 0
    low, high = int(entries.min()), int(entries.max())
    first = lookup.num_calls == 1
    lookup.low, lookup.high = (low, high) if first else (min(lookup.low, low), max(lookup.high, high))
    lookup.flat &= entries.ndim == 1
    values, counts = np.unique(entries, return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        if value in lookup.counts or len(lookup.counts) < MAX_COUNTS:
            lookup.counts[value] = lookup.counts.get(value, 0) + count


def _num_inside(out: Any) -> int:
    """Of the numbers that are out of range, how many have one in range before and behind them in their row?"""
    fine = ~out.reshape(-1, out.shape[-1])
    before = np.logical_or.accumulate(fine, axis=1)
    behind = np.logical_or.accumulate(fine[:, ::-1], axis=1)[:, ::-1]
    return int((~fine & before & behind).sum())
