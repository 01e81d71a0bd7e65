"""A jitted function is compiled again and again.

JAX compiles a function for each new shape, type, and static value of its arguments, and anew for each function
object. A compilation takes from a tenth of a second to minutes; a step that compiles each time is a hundred times
slower than it could be.

Evidence: compiled versions counted at every call. At least 4 after the third call, and more than half of those calls;
or the same line made 4 jitted functions or more, and each was compiled. The argument that differed is named.

Mend: pad to one shape (or a few), pass numbers that change as arrays, and call `jax.jit` once, outside the loop.

    for batch in batches:
        step = jax.jit(lambda p, b: ...)   # wrong: a new function each time
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Jitted

TITLE = "compiled again and again"
TIER = "quick"
CAUSES = ()
MANY = 4


def judge(trace: Any) -> list[Finding] | Unknown:
    """Jitted functions, by the line that made them."""
    found = []
    for function in trace.programs:
        if not isinstance(function, Jitted):
            continue
        late = function.num_late >= MANY and function.num_late > 0.5 * (function.num_calls - 3)
        anew = function.num_made >= MANY and function.num_compiled >= function.num_made
        few = function.num_calls <= 2 * function.num_made
        if not late and not (anew and few):
            continue
        if late:
            change = f" An argument was {function.changes[0]}." if function.changes and function.changes[0] else ""
            text = (
                f"`{function.name}` was compiled {function.num_compiled} times in {function.num_calls} calls, "
                f"{function.num_late} of them after the third call.{change}"
            )
            remedy = "Give it one shape (pad the last batch, or drop it), and numbers that change as arrays"
        else:
            text = (
                f"this line made a new jitted `{function.name}` {function.num_made} times, each compiled anew, for "
                f"{function.num_calls} calls in all."
            )
            remedy = "Call jax.jit once, outside the loop"
        found.append(
            Finding(
                code="J02",
                title=TITLE,
                number=float(function.num_compiled),
                threshold=float(MANY),
                n=function.num_calls,
                text=text,
                remedy=remedy,
                severity="warning",
                certain=True,
                place=function.place,
                cause="Compiling takes far longer than running; the time goes into the compiler.",
                evidence={"compiled": function.num_compiled, "calls": function.num_calls},
            )
        )
    return found
