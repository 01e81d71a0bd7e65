"""Which way the first steps went: a loss that we trace for ourselves is evaluated again on the arguments of calls.

That is only done where the operations of a loss say that it is one (an error that cannot be negative, or minus such
an error) and where the errors have not become smaller after some calls: a program that learns pays nothing for it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from luthier.watching.jax.jaxpr import analyse
from luthier.watching.jax.state import Kept, Replay, State, is_readable, is_traced, numbers, unnoticed
from luthier.watching.jax.unused import not_taken
from luthier.watching.programs import Program, Remark, Uphill

STEPS = 8
"""Steps from the first one that are looked at."""
MAX_ENTRIES = 1 << 20
"""Of all arguments of a call together: those of so many calls are kept for a while."""
SLACK = 1e-3
"""A small number inside a logarithm lets an error fall so far below 0."""


def replay_of(closed: Any, flat: list[Any], weights: list[int], outside: dict[int, int]) -> Replay | None:
    """Where the constants and arguments of a loss come from; None where one is made inside the compiled function.

    Args:
        flat: arguments of the loss. weights: positions among them.
        outside: identity of each argument of the call as we see it -> its position.
    """
    sources: list[int | Kept] = []
    for leaf in (*closed.consts, *flat):
        position = outside.get(id(leaf))
        if position is None and (is_traced(leaf) or (not np.isscalar(leaf) and not hasattr(leaf, "dtype"))):
            return None
        sources.append(Kept(leaf) if position is None else position)
    if not closed.jaxpr.outvars or closed.jaxpr.outvars[0].aval.shape != ():
        return None
    return Replay(closed.jaxpr, sources, weights) if len(weights) > 1 else None


def again(state: State, replay: Replay, program: Program, flat: list[Any]) -> bool:
    """Keep the arguments of a call; after the last of the first steps, look at where they went.

    Returns:
        whether there is more to keep.
    """
    if any(source >= len(flat) for source in replay.sources if not isinstance(source, Kept)):
        return False
    values = [source.value if isinstance(source, Kept) else flat[source] for source in replay.sources]
    if sum(int(getattr(v, "size", 1)) for v in values) > MAX_ENTRIES:
        return False
    replay.calls.append([np.array(v) if isinstance(v, np.ndarray) else v for v in values])
    if len(replay.calls) <= STEPS:
        return True
    if all(is_readable(v) or not hasattr(v, "dtype") for call in replay.calls for v in call):
        with unnoticed(state):
            program.not_taken = _not_taken(replay, program)
        sign = _sign(replay)
        if sign and _stays_bad([value for _, value in program.losses], sign):
            with unnoticed(state):
                program.uphill = _uphill(replay, sign)
    return False


def _not_taken(replay: Replay, program: Program) -> Remark | None:
    try:
        return not_taken(replay, program)
    except Exception:  # operations that another version of JAX wants otherwise
        return None


def _sign(replay: Replay) -> int:
    """1: the loss is an error, which cannot be negative; -1: it is minus one; 0: that is not known."""
    num = len(replay.jaxpr.constvars)
    shares = {(-1 - i if i < num else i - num) for i, v in enumerate(replay.calls[0]) if _is_share(v)}
    found = analyse(replay.jaxpr, replay.weights, shares)
    if not found.supervised or len(found.inputs) > 1:
        return 0  # an attack on inputs: its arguments are the weights of several layers
    if found.low >= -SLACK and found.high == math.inf:
        return 1
    return -1 if found.high <= SLACK and found.low == -math.inf else 0


def _is_share(value: Any) -> bool:
    """Are all entries between 0 and 1, as those of labels are?"""
    if not str(getattr(value, "dtype", "")).startswith(("float", "bfloat", "int", "uint", "bool")):
        return False
    entries = numbers(value)
    return bool(entries.size) and float(entries.min()) >= 0 and float(entries.max()) <= 1


def _stays_bad(curve: list[float], sign: int) -> bool:
    """Are the last errors seen larger than the first one? True as well where none was seen."""
    late = [sign * value for value in curve[-3:]]
    return len(curve) < STEPS // 2 or not float(np.median(late)) <= sign * curve[0]


def _uphill(replay: Replay, sign: int) -> Uphill | None:
    import jax

    shift = len(replay.jaxpr.constvars)
    places = [shift + i for i in replay.weights]

    def loss(weights: list[Any], rest: list[Any]) -> Any:
        given = list(rest)
        for place, weight in zip(places, weights, strict=True):
            given[place] = weight
        return jax.core.eval_jaxpr(replay.jaxpr, given[:shift], *given[shift:])[0]

    weights = [[call[place] for place in places] for call in replay.calls]
    first, *shapes = [[np.shape(value) for value in call] for call in replay.calls]
    alike = [0, *(i for i, each in enumerate(shapes[:-1], 1) if each == first)]  # one size of batch
    try:
        graded = jax.jit(jax.value_and_grad(loss))
        steps = []
        for i in alike:
            before, slopes = graded(weights[i], replay.calls[i])
            after, _ = graded(weights[i + 1], replay.calls[i])
            steps.append(Step(float(before), float(after), _products(sign, weights[i], weights[i + 1], slopes)))
        last = float(graded(weights[-1], replay.calls[0])[0])
    except Exception:  # operations that another version of JAX wants otherwise, or a gradient that is not defined
        return None
    found = Uphill(sign=sign, first=steps[0].before, last=last)
    _compare(found, steps)
    return found


class Step(NamedTuple):
    """The loss of a step's own batch before and after it, and `_products`."""

    before: float
    after: float
    products: dict[int, float]


def _products(sign: int, old: list[Any], new: list[Any], slopes: list[Any]) -> dict[int, float]:
    """Of each array that moved, the inner product of its step and of the way in which errors grow."""
    moves = [numbers(b).astype(np.float64) - numbers(a).astype(np.float64) for a, b in zip(old, new, strict=True)]
    ways = [sign * numbers(slope).astype(np.float64) for slope in slopes]
    return {i: float((m * w).sum()) for i, (m, w) in enumerate(zip(moves, ways, strict=True)) if m.any()}


def _compare(found: Uphill, steps: list[Step]) -> None:
    """Fill in what the inner products and the losses say."""
    totals: dict[int, float] = {}
    for start, end, moved in steps:
        if not moved:
            continue
        if not found.num_steps:
            found.first_is = all(p > 0 for p in moved.values())
        found.num_steps += 1
        found.num_grown += found.sign * end > found.sign * start
        found.num_against += not sum(moved.values()) > 0
        for i, product in moved.items():
            totals[i] = totals.get(i, 0.0) + product
    found.arrays, found.arrays_up = len(totals), sum(total > 0 for total in totals.values())
