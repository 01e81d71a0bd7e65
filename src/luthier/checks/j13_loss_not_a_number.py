"""The loss of a JAX program became NaN or infinite, or ran away.

Evidence: the loss's value after each of the first 20 calls and every 25th later. It has run away where it is a
hundred times its first value at the end.

Where the first gradient that is no number came through a `jnp.where`, that is said: the loss is evaluated once more
on the last call that was finite, with and without what flows back into that choice; exact. The derivative of
`jnp.where(n > 0, x / n, 0)` is 0 times infinity where n is 0. Give the operation a number that it bears:

    jnp.where(n > 0, x / n, 0)                            # wrong
    jnp.where(n > 0, x / jnp.where(n > 0, n, 1), 0)       # right

Mend otherwise: a learning rate a tenth as high, or `optax.clip_by_global_norm(1.0)` before the optimizer; for a
logarithm see the other findings.
"""

from __future__ import annotations

import math
from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Program, Remark

TITLE = "loss is NaN or runs away"
TIER = "quick"
CAUSES = ("J08", "J11", "J17", "J19")
AWAY = 100.0
MIN_CALLS = 3


def judge(trace: Any) -> list[Finding] | Unknown:
    """The curve of each loss."""
    return [f for p in trace.programs if isinstance(p, Program) and (f := _judge(p)) is not None]


def _judge(program: Program) -> Finding | None:
    curve = program.losses
    if len(curve) < MIN_CALLS:
        return None
    bad = next(((call, value) for call, value in curve if not math.isfinite(value)), None)
    first, last = curve[0][1], curve[-1][1]
    if bad is not None:
        text, number, step = f"the loss `{program.name}` is {bad[1]} in call {bad[0]}.", bad[1], bad[0]
    elif first > 0 and last > AWAY * first:
        text = f"the loss `{program.name}` went from {first:.4g} to {last:.4g} in {curve[-1][0]} calls."
        number, step = last / first, curve[-1][0]
    else:
        return None
    choice = program.not_taken if bad is not None else None
    if choice is not None:
        return _behind_where(program, choice, text, step)
    return Finding(
        code="J13",
        title=TITLE,
        number=number,
        threshold=AWAY,
        n=len(curve),
        text=text,
        remedy="Divide the learning rate by 10, or put optax.clip_by_global_norm(1.0) before the optimizer",
        severity="error",
        certain=bad is not None,
        place=program.place,
        step=step,
        cause="Once the loss is not a number, neither are the weights.",
    )


def _behind_where(program: Program, choice: Remark, text: str, step: int) -> Finding:
    operation = choice.kind.partition(": ")[2]
    return Finding(
        code="J13",
        title=TITLE,
        number=math.nan,
        n=len(program.losses),
        text=f"{text} In the call before, {operation}, in the branch that a where did not take, made the gradient "
        "not a number.",
        remedy="Give the operation a number that it bears, by another jnp.where inside",
        severity="error",
        certain=True,
        place=choice.place or program.place,
        others=(program.place,) if choice.place and program.place else (),
        step=step,
        cause="The gradient of the branch not taken is 0 times infinity, which is not a number.",
        wrong="jnp.where(n > 0, x / n, 0)",
        right="jnp.where(n > 0, x / jnp.where(n > 0, n, 1), 0)",
    )
