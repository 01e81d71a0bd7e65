"""The same random numbers again and again: a JAX key that is used more than once.

A key is not a generator: drawing from it does not change it. The same key gives the same numbers. A dropout mask
from one key at every step always drops the same units, so that the others are trained as if there were no dropout;
a permutation from one key is the same order every epoch; two layers drawn from one key start equal.

Evidence: the key among the arguments of the first 20 calls, bit for bit, and whether what is drawn from it goes
through `fold_in` with something that changes; or the same function, key and shape called again. Exact.

Mend: split, or fold the step in.

    keep = jax.random.bernoulli(key, 0.9, x.shape)                      # wrong: every step the same key

    key, mine = jax.random.split(key)                                   # right
    keep = jax.random.bernoulli(mine, 0.9, x.shape)
    # or: jax.random.fold_in(key, step)

It keeps silent for draws outside training that are repeated on purpose, such as fixed noise for pictures.
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Place, Unknown
from luthier.watching.programs import Draw, Program

TITLE = "same random key used again"
TIER = "quick"
CAUSES = ()
MIN_CALLS = 5
_ORDERS = ("permutation", "choice")
_RIGHT = "key, mine = jax.random.split(key)"


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses that draw from a key, and draws outside compiled code."""
    found = []
    for program in trace.programs:
        if isinstance(program, Program) and program.draws:
            same = program.constant_key and program.num_calls >= MIN_CALLS
            if same or MIN_CALLS <= program.num_compared == program.num_same_key:
                text = (
                    f"the loss `{program.name}` draws random numbers from the same key in each of its first "
                    f"{program.num_compared} calls: the same numbers every time."
                )
                at, other = program.drawn_at or program.place, program.place
                found.append(_finding(text, program.num_compared, at, other))
        elif isinstance(program, Draw):
            said = _repeated(program)
            if said:
                found.append(_finding(said, program.count, program.place, program.other))
    return found


def _repeated(draw: Draw) -> str:
    if draw.name in _ORDERS and draw.during >= 2:
        return (
            f"{draw.name} of {draw.shape[0]} was drawn {draw.count} times from the same key during training: the "
            "order is the same every time."
        )
    if draw.name not in _ORDERS and not draw.before and len(draw.shape) > 1:
        return (
            f"{draw.name} of shape {draw.shape} was drawn {draw.count} times from the same key before the first "
            "step: the arrays are equal."
        )
    return ""


def _finding(text: str, n: int, place: Place | None, other: Place | None = None) -> Finding:
    return Finding(
        code="J01",
        title=TITLE,
        number=float(n),
        threshold=1.0,
        n=n,
        text=text,
        remedy="Split the key for every use, or fold the step in: jax.random.fold_in(key, step)",
        severity="warning",
        certain=True,
        place=place,
        others=(other,) if other and other != place else (),
        cause="Drawing from a key does not change it: equal keys give equal numbers.",
        wrong="noise = jax.random.normal(key, shape)   # at every step",
        right=f"{_RIGHT}\nnoise = jax.random.normal(mine, shape)",
    )
