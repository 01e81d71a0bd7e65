"""`jax.grad` and `jax.value_and_grad`: the loss is looked at once as a jaxpr, and each call is counted."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import numpy as np

from luthier.findings import Place
from luthier.watching.jax import lookups
from luthier.watching.jax.jaxpr import analyse
from luthier.watching.jax.known import Findings
from luthier.watching.jax.replay import again, replay_of
from luthier.watching.jax.state import (
    NUM_COMPARED,
    SMALL,
    Roles,
    State,
    fingerprint,
    innermost,
    is_readable,
    is_traced,
    name_of,
    numbers,
    unnoticed,
)
from luthier.watching.programs import Program
from luthier.watching.sink import guarded
from luthier.watching.values import values_of

MAX_PROGRAMS = 24
EVERY = 25
"""After the first calls the loss is kept of every so many."""
MAX_OPERATIONS = 20_000


def wrap(state: State, original: Any, with_value: bool) -> Any:
    """A `grad` or `value_and_grad` that tells of the losses it differentiates."""

    @functools.wraps(original)
    def differentiate(fun: Any, *args: Any, **options: Any) -> Any:
        argnums = options.get("argnums", args[0] if args else 0)
        has_aux = bool(options.get("has_aux", args[1] if len(args) > 1 else False))
        state.settle()
        marked = _marked(state, fun)
        made = original(marked, *args, **options)
        roles: list[Roles | None] = []

        @functools.wraps(made)
        def call(*call_args: Any, **call_kwargs: Any) -> Any:
            place = state.sink.place()
            if not state.looking:
                roles[:] = roles or [
                    guarded(
                        state.sink, "jax: loss", _first_call, state, fun, argnums, Call(place, call_args, call_kwargs)
                    )
                ]
            result = made(*call_args, **call_kwargs)
            mine = roles[0] if roles else None
            if mine is not None and not state.looking:
                guarded(state.sink, "jax: call", _seen, state, mine, call_args, call_kwargs)
                guarded(
                    state.sink, "jax: gradient", _keep_gradient, mine.program, result[1] if with_value else result
                )
                value = (result[0][0] if has_aux else result[0]) if with_value else None
                guarded(state.sink, "jax: loss value", _keep_value, state, mine.program, value)
                if not state.traces and mine.weights and not _inside(call_args, call_kwargs):
                    state.stepped()
            return result

        return call

    return differentiate


def _marked(state: State, fun: Any) -> Any:
    """The loss, with a note on this thread that it is being differentiated."""

    @functools.wraps(fun)
    def loss(*args: Any, **kwargs: Any) -> Any:
        state.here.in_loss = state.in_loss + 1
        try:
            return fun(*args, **kwargs)
        finally:
            state.here.in_loss -= 1

    return loss


def _inside(args: Any, kwargs: Any) -> bool:
    import jax

    return any(is_traced(leaf) for leaf in jax.tree.leaves((args, kwargs)))


class Call(NamedTuple):
    """A call of a differentiated function: where it came from, and its arguments."""

    place: Place | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def _first_call(state: State, fun: Any, argnums: Any, call: Call) -> Roles | None:
    """Look at the loss when it is first called, and note which arguments are its weights."""
    name, (place, args, kwargs) = name_of(fun), call
    key = (getattr(innermost(fun), "__code__", name), place)
    if key in state.programs:
        known = state.programs[key]
        if state.traces and known not in state.traces[-1].programs:
            state.traces[-1].programs.append(known)
        return known
    if len(state.programs) >= MAX_PROGRAMS:
        return None
    import jax

    roles = Roles(Program(name=name, place=place, jitted=bool(state.traces)))
    state.programs[key] = roles
    state.add(roles.program)
    numbered = [argnums] if isinstance(argnums, int) else list(argnums)
    flat: list[Any] = []
    positions: list[int] = []
    names: list[str] = []
    for i, arg in enumerate([*args, kwargs]):
        for path, leaf in jax.tree_util.tree_flatten_with_path(arg)[0]:
            if i in [n % len(args) for n in numbered]:
                positions.append(len(flat))
                names.append(jax.tree_util.keystr(path))
            flat.append(leaf)
    roles.program.num_weights = len(positions)
    found, closed, roles.program.unseen = _operations(state, fun, call, positions)
    constants = list(closed.consts) if closed is not None else []
    if not roles.program.unseen:
        _describe(roles.program, found, positions, names)
    for drawn in found.drawn:
        roles.program.draws = True
        roles.program.drawn_at = roles.program.drawn_at or (None if drawn.varies else drawn.place)
        roles.program.constant_key |= drawn.root < 0 and not drawn.varies and _is_fixed(constants, drawn.root)
    _locate(state, roles, found, Arguments(flat, constants, positions))
    roles.lookups = lookups.of_tables(state, found, flat, constants)
    if closed is not None:
        outside = state.traces[-1].leaves if state.traces else {id(leaf): i for i, leaf in enumerate(flat)}
        roles.replay = replay_of(closed, flat, positions, outside)
    return roles


def _describe(program: Program, found: Findings, positions: list[int], names: list[str]) -> None:
    program.remarks = found.remarks
    lost = [p for p in positions if p not in found.reached]
    program.names = tuple(names)
    program.unreached = tuple(n for p, n in zip(positions, names, strict=True) if p in lost)
    ends = [cut for cut in found.cuts if cut.weights.issuperset(lost)] if lost else []
    if ends:
        program.cut, program.cut_by = ends[-1].place, ends[-1].name
    program.activation, program.bounds = found.activation, found.bounds


def _is_fixed(constants: list[Any], number: int) -> bool:
    """A key that the loss captured as numbers: the same in every call of a compiled function."""
    return 0 <= -1 - number < len(constants) and not is_traced(constants[-1 - number])


def _operations(state: State, fun: Any, call: Call, positions: list[int]) -> tuple[Findings, Any, str]:
    """The loss's closed jaxpr, interpreted, and itself; or why that was not possible."""
    import jax

    if not _is_array_tree((call.args, call.kwargs)):
        return Findings(), None, "it is given arguments that are no arrays"
    try:
        with unnoticed(state):
            own = _for_ourselves(fun)
            closed = jax.make_jaxpr(lambda a, k: own(*a, **k))(call.args, call.kwargs)
    except Exception as error:  # the person's function may not bear being traced a second time
        return Findings(), None, f"it could not be traced by itself ({type(error).__name__})"
    if _count(closed.jaxpr) > MAX_OPERATIONS:
        return Findings(), None, f"it has more than {MAX_OPERATIONS} operations"
    return analyse(closed.jaxpr, positions), closed, ""


def _for_ourselves(fun: Any) -> Any:
    """Flax NNX hands its function the parts of the model that are not differentiated in a queue that a call empties:
    ours gets a queue of its own."""
    queue = getattr(fun, "nondiff_states", None)
    return fun if queue is None else dataclasses.replace(fun, nondiff_states=queue.copy())


def _is_array_tree(tree: Any) -> bool:
    import jax

    return all(hasattr(leaf, "dtype") or isinstance(leaf, int | float | complex) for leaf in jax.tree.leaves(tree))


def _count(jaxpr: Any) -> int:
    inner = (e.params.get("jaxpr") for e in jaxpr.eqns)
    return len(jaxpr.eqns) + sum(_count(closed.jaxpr) for closed in inner if hasattr(closed, "jaxpr"))


class Arguments(NamedTuple):
    """All arguments of a call as one list, the constants that the loss captured, positions of the weights."""

    flat: list[Any]
    constants: list[Any]
    weights: list[int]


def _locate(state: State, roles: Roles, found: Findings, arguments: Arguments) -> None:
    """Positions of weights, keys, inputs and targets among the arguments of the call that we see from outside."""
    flat, constants, weights = arguments

    def leaf(number: int) -> Any:
        return flat[number] if number >= 0 else constants[-1 - number] if -1 - number < len(constants) else None

    keys = [drawn.root for drawn in found.drawn if not drawn.varies]
    if not state.traces:
        roles.weights = weights
        roles.keys = [n for n in keys if n >= 0]
        roles.inputs, roles.targets = [n for n in found.inputs if n >= 0], [n for n in found.targets if n >= 0]
        _values(roles, [*((n, leaf(n)) for n in found.inputs)], [*((n, leaf(n)) for n in found.targets)])
        return
    trace = state.traces[-1]
    outside = {n: trace.leaves.get(id(leaf(n))) for n in [*weights, *keys, *found.inputs, *found.targets]}

    def mapped(wanted: list[int]) -> list[int]:
        return [p for n in wanted if (p := outside[n]) is not None]

    roles.weights, roles.keys = mapped(weights), mapped(keys)
    roles.inputs, roles.targets = mapped(found.inputs), mapped(found.targets)
    trace.programs.append(roles)


def _values(roles: Roles, inputs: list[tuple[int, Any]], targets: list[tuple[int, Any]]) -> None:
    program = roles.program
    if not program.inputs:
        program.inputs = [values_of(numbers(v), "x") for _, v in inputs if v is not None and not is_traced(v)]
    if not program.targets:
        program.targets = [values_of(numbers(v), "y") for _, v in targets if v is not None and not is_traced(v)]


def _seen(state: State, roles: Roles, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A call outside compiled code: compare weights and keys with the first one's."""
    if state.traces:
        return
    import jax

    compare(state, roles, jax.tree.leaves([*args, kwargs]))


def compare(state: State, roles: Roles, flat: list[Any]) -> None:
    """Are the weights and the key of this call those of the first one? `flat`: the call's arguments."""
    program = roles.program
    program.num_calls += 1
    if roles.replay is not None and not again(state, roles.replay, program, flat):
        roles.replay = None
    if program.num_calls > NUM_COMPARED:
        return
    lookups.look(roles.lookups, flat)
    given = [flat[i] for i in roles.weights if i < len(flat)]
    weights = fingerprint(given)
    _keep_change(roles, given)
    keys = fingerprint([flat[i] for i in roles.keys if i < len(flat)])
    if program.num_calls == 1:
        roles.first_weights, roles.first_keys = weights, keys
        _values(
            roles,
            [(i, flat[i]) for i in roles.inputs if i < len(flat)],
            [(i, flat[i]) for i in roles.targets if i < len(flat)],
        )
    program.num_compared += 1
    program.num_updated += state.updates.num_applied > roles.num_applied
    roles.num_applied = state.updates.num_applied
    program.num_same_weights += bool(weights) and weights == roles.first_weights
    program.num_same_key += bool(keys) and keys == roles.first_keys


def _keep_change(roles: Roles, weights: list[Any]) -> None:
    """How far the weight matrices are from where they were at the call before, as a share of their size."""
    kept = [numbers(w).astype(np.float64) for w in weights if is_matrix(w)]
    before, roles.matrices = roles.matrices, kept
    if len(before) != len(kept) or any(a.shape != b.shape for a, b in zip(before, kept, strict=True)):
        return
    size = math.sqrt(sum(float((a**2).sum()) for a in before))
    moved = math.sqrt(sum(float(((a - b) ** 2).sum()) for a, b in zip(before, kept, strict=True)))
    if size > 0:
        roles.program.changes.append(moved / size)


def is_matrix(weight: Any) -> bool:
    """A small array of floating numbers with two axes or more, that can be read."""
    if not is_readable(weight) or not 0 < int(getattr(weight, "size", 0)) <= SMALL:
        return False
    return getattr(weight, "ndim", 0) > 1 and str(weight.dtype).startswith(("float", "bfloat"))


def _keep_gradient(program: Program, gradient: Any) -> None:
    """Has there been a gradient that is not zero?"""
    import jax

    if not program.moves and program.num_calls <= NUM_COMPARED:
        leaves = [leaf for leaf in jax.tree.leaves(gradient) if not is_traced(leaf) and 0 < leaf.size <= SMALL]
        program.moves = any(numbers(leaf).any() for leaf in leaves)


def changed(roles: Roles, before: list[Any], result: Any) -> None:
    """Did a jitted call return weights other than it was given, or a gradient that is not zero?

    Any array of the result counts that has the shape of a weight, differs from it and is not all zero.
    """
    import jax

    program = roles.program
    if program.moves or program.num_calls > NUM_COMPARED:
        return
    given = [before[i] for i in roles.weights if i < len(before) and is_readable(before[i])]
    small = [numbers(weight) for weight in given if 0 < weight.size <= SMALL]
    leaves = [leaf for leaf in jax.tree.leaves(result) if 0 < getattr(leaf, "size", 0) <= SMALL]
    for weight in small:
        for leaf in leaves:
            if leaf.shape == weight.shape and leaf.ndim:
                entries = numbers(leaf)
                program.moves |= bool(entries.any()) and not np.array_equal(entries, weight)


def _keep_value(state: State, program: Program, value: Any) -> None:
    if state.traces and is_traced(value):
        state.traces[-1].values.append(value)
    wanted = program.num_calls <= NUM_COMPARED or program.num_calls % EVERY == 0
    if wanted and getattr(value, "shape", None) == () and not is_traced(value):
        program.losses.append((program.num_calls, float(value)))
