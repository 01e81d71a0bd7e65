"""Which `jnp.where` a gradient that is not a number came through: the branch that it did not take has one too.

The derivative of `where(keep, a / n, 0)` is 0 times that of `a / n` where `keep` is false, and 0 times infinity is no
number. The operations of the loss are evaluated once more on the arguments of the last call whose loss was finite. A
choice is the cause if the gradient is not finite, and is finite when nothing flows back into the branch not taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from luthier.findings import Place
from luthier.watching.jax.known import place_of
from luthier.watching.jax.state import Replay
from luthier.watching.programs import Program, Remark

NAMES = {
    "div": "a division by 0",
    "sqrt": "a square root of 0",
    "rsqrt": "a square root of 0",
    "log": "a logarithm of 0",
}
PASSED = ("broadcast_in_dim", "reshape", "squeeze", "convert_element_type", "neg", "mul", "add", "sub", "copy")
MAX_CHOICES = 16
MAX_OPERATIONS = 4000
"""They are evaluated one by one, as often as there are choices."""
Visit = Callable[["Here", Any, list[Any]], list[Any]]


class Here(NamedTuple):
    """The jaxpr that is evaluated, and the line that called it where it is `jnp.where` itself."""

    jaxpr: Any
    at: Place | None = None


def not_taken(replay: Replay, program: Program) -> Remark | None:
    """The choice that turned the first gradient that is no number; None where that is not certain."""
    bad = next((call for call, value in program.losses if not math.isfinite(value)), 0)
    if not 2 <= bad <= len(replay.calls) or all(call != bad - 1 for call, _ in program.losses):
        return None
    given = replay.calls[bad - 2]
    choices = _Choices()
    value = _run(replay.jaxpr, given, choices.visit)
    if choices.num_operations > MAX_OPERATIONS or not choices.found:
        return None
    if not np.isfinite(np.asarray(value)).all() or _is_finite(replay, given, -1):
        return None
    for number, (name, place) in list(choices.found.items())[:MAX_CHOICES]:
        if _is_finite(replay, given, number):
            return Remark(f"not taken: {name}", place)
    return None


class _Choices:
    """The choices of one evaluation: those whose branch not taken is a division, a root or a logarithm at its end."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[str, Any]] = {}
        self.made: dict[int, tuple[Any, list[Any], Any]] = {}
        self.num = -1
        self.num_operations = 0

    def visit(self, here: Here, eqn: Any, given: list[Any]) -> list[Any]:
        """Note where a value came from, and a choice."""
        name = str(eqn.primitive.name)
        self.num_operations += 1
        results = _bind(here.jaxpr, eqn, given)
        if name in NAMES or name in PASSED:
            self.made[id(results[0])] = (eqn, given, results[0])
        elif name == "select_n":
            self.num += 1
            chooser = np.asarray(given[0])
            for i, case in enumerate(given[1:]):
                end, bad = self._end(case)
                if end and bad.ndim == chooser.ndim and np.shape(case) == chooser.shape:
                    wrong = np.broadcast_to(bad, chooser.shape)
                    if wrong.any() and not wrong[chooser == i].any():
                        self.found.setdefault(self.num, (NAMES[end], here.at or place_of(eqn)))
        return results

    def _end(self, value: Any) -> tuple[str, Any]:
        """The operation that made a value, and where it was given what it has no derivative at."""
        for _ in range(8):
            eqn, given, _ = self.made.get(id(value), (None, [], None))
            name = str(eqn.primitive.name) if eqn is not None else ""
            if name in NAMES:
                operand = np.asarray(given[-1])
                return name, operand == 0 if name == "div" else operand <= 0
            if name not in PASSED:
                break
            value = next((v for v in given if id(v) in self.made), given[0])
        return "", None


def _is_finite(replay: Replay, given: list[Any], number: int) -> bool:
    """Is the gradient finite, if nothing flows back through the choice of this number (below 0: as it is)?"""
    import jax

    places = [len(replay.jaxpr.constvars) + i for i in replay.weights]

    def loss(weights: list[Any]) -> Any:
        values, num = list(given), -1
        for place, weight in zip(places, weights, strict=True):
            values[place] = weight

        def visit(here: Here, eqn: Any, args: list[Any]) -> list[Any]:
            nonlocal num
            if eqn.primitive.name == "select_n":
                num += 1
                if num == number:
                    args = [jax.lax.stop_gradient(a) for a in args]
            return _bind(here.jaxpr, eqn, args)

        return _run(replay.jaxpr, values, visit)

    slopes = jax.grad(loss)([jax.numpy.asarray(given[place]) for place in places])
    return all(bool(np.isfinite(np.asarray(slope)).all()) for slope in slopes)


def _run(jaxpr: Any, given: list[Any], visit: Visit) -> Any:
    """The first result of a jaxpr; `given`: its constants, then its arguments."""
    return _results(Here(jaxpr), given, visit)[0]


def _results(here: Here, given: list[Any], visit: Visit) -> list[Any]:
    jaxpr = here.jaxpr
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], given, strict=True))

    def read(var: Any) -> Any:
        return var.val if hasattr(var, "val") else known[var]

    for eqn in jaxpr.eqns:
        args = [read(v) for v in eqn.invars]
        if eqn.primitive.name in ("jit", "pjit"):
            inner = eqn.params["jaxpr"]
            at = place_of(eqn) if eqn.params.get("name") == "_where" else None
            results = _results(Here(inner.jaxpr, at), [*inner.consts, *args], visit)
        else:
            results = visit(here, eqn, args)
        for var, result in zip(eqn.outvars, results, strict=True):
            known[var] = result
    return [read(v) for v in jaxpr.outvars]


def _bind(jaxpr: Any, eqn: Any, given: list[Any]) -> list[Any]:
    """The results of one operation of a jaxpr."""
    import jax

    known = [(var, value) for var, value in zip(eqn.invars, given, strict=True) if not hasattr(var, "val")]
    alone = jaxpr.replace(constvars=[], invars=[v for v, _ in known], outvars=list(eqn.outvars), eqns=[eqn])
    return list(jax.core.eval_jaxpr(alone, [], *(value for _, value in known)))
