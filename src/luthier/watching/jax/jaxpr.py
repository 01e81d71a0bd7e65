"""What the operations of a loss say: an abstract interpretation of its jaxpr.

For every value we keep an interval, whether it is an affine function of weights (logits), whether it is a
probability, from which weights a differentiable path leads to it, and which argument it is if nothing but its shape
has changed. A rule per operation; operations without a rule pass on what they depend on and know nothing else.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from typing import Any

from luthier.watching.jax.known import INF, Findings, Info, Notes, Op, mixed
from luthier.watching.jax.rules import rule_of
from luthier.watching.lines import is_users

LOOPS = ("scan", "while", "cond")


def analyse(jaxpr: Any, weights: Iterable[int], shares: Container[int] = ()) -> Findings:
    """Interpret a jaxpr.

    Args:
        weights: positions among its arguments that it is differentiated by.
        shares: numbers of arguments (below 0: of constants) that are known to lie in [0, 1].
    """
    notes, wanted = Notes(), set(weights)
    known = [
        Info(weights=frozenset([i]), touched=True) if i in wanted else _argument(v, i, i in shares)
        for i, v in enumerate(jaxpr.invars)
    ]
    held = [_argument(v, -1 - i, -1 - i in shares) for i, v in enumerate(jaxpr.constvars)]
    out = _run(jaxpr, [*held, *known], notes)
    if out:
        notes.found.reached, notes.found.low, notes.found.high = out[0].weights, out[0].low, out[0].high
    return notes.found


def _argument(var: Any, number: int, share: bool) -> Info:
    is_key = "key<" in str(var.aval.dtype) or (str(var.aval.dtype) == "uint32" and var.aval.shape == (2,))
    low, high = (0.0, 1.0) if share else (-INF, INF)
    return Info(data=True, leaf=number, key=(number, "") if is_key else None, varies=not is_key, low=low, high=high)


def _run(jaxpr: Any, given: list[Info], notes: Notes) -> list[Info]:
    """What is known of the results, from what is known of the constants and arguments."""
    known: dict[Any, Info] = dict(zip([*jaxpr.constvars, *jaxpr.invars], given, strict=True))

    def info(var: Any) -> Info:
        return _literal(var) if hasattr(var, "val") else known[var]

    for eqn in jaxpr.eqns:
        op = Op(eqn, [info(v) for v in eqn.invars], notes)
        results = _results(op)
        for i, var in enumerate(eqn.outvars):
            known[var] = results[i] if i < len(results) else op.mixed()
    return [info(v) for v in jaxpr.outvars]


def _results(op: Op) -> list[Info]:
    inner = _inner(op.eqn, len(op.args))
    if inner is not None:
        return _call(op, inner)
    rule = rule_of(op.name)
    return [op.mixed() if rule is None else rule(op)] * len(op.eqn.outvars)


def _call(op: Op, inner: Any) -> list[Info]:
    """A nested jaxpr: a jitted function, a custom derivative."""
    held = [Info()] * len(inner.jaxpr.constvars)
    for i, const in enumerate(inner.consts):
        held[i] = Info(varies=False) if not hasattr(const, "aval") else Info(data=True)
    args, outside = op.args, op.notes.at
    if _is_librarys(inner.jaxpr):
        op.notes.at = op.place  # its operations may tell of another call, the one that it was first traced for
    results = _run(inner.jaxpr, [*held, *args], op.notes)
    op.notes.at = outside
    name = str(op.eqn.params.get("name", ""))
    if op.name.startswith("custom_vjp"):
        results = [replace(r, weights=mixed(args).weights) for r in results]  # its gradient is its own
    if name == "relu" and results:
        results = [replace(results[0], activation="relu")]
    return results


def _is_librarys(jaxpr: Any) -> bool:
    """Is it a function that is not the person's own? JAX says "name at file:line"."""
    source = str(getattr(getattr(jaxpr, "debug_info", None), "func_src_info", ""))
    file = source.rpartition(" at ")[2].rpartition(":")[0]
    return bool(file) and not is_users(file)


def _literal(var: Any) -> Info:
    try:
        value = float(var.val)
    except (TypeError, ValueError):
        return Info()
    return Info(low=value, high=value, number=value)


def _inner(eqn: Any, num_args: int) -> Any:
    """The nested closed jaxpr of a call with as many arguments; None for loops and plain operations."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        found = eqn.params.get(name)
        if found is None:
            continue
        if not hasattr(found, "jaxpr"):
            from jax.extend import core

            found = core.ClosedJaxpr(found, ())
        if len(found.jaxpr.invars) == num_args and eqn.primitive.name not in LOOPS:
            return found
    return None
