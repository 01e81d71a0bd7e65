"""What the checks of crashes share: the message of the exception, the layer and the loss call it came from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from luthier.checks.reading import shaped
from luthier.findings import Edit, Finding, Place
from luthier.watching.ends import Crash, Flight
from luthier.watching.trace import Trace


def matched(trace: Trace, *patterns: str) -> tuple[Crash, re.Match[str]] | None:
    """The crash and the first pattern found in its message; None: no crash, or another one."""
    if trace.crash is None:
        return None
    for pattern in patterns:
        found = re.search(pattern, trace.crash.message, re.DOTALL)
        if found:
            return trace.crash, found
    return None


def finding(
    crash: Crash,
    code: str,
    title: str,
    text: str,
    *,
    remedy: str,
    cause: str,
    wrong: str = "",
    right: str = "",
    place: Place | None = None,
    edits: tuple[Edit, ...] = (),
    evidence: dict[str, str] | None = None,
) -> Finding:
    """A finding that explains the crash, at the innermost line of the person's code unless another is given."""
    where = place or crash.place or (crash.frames[0] if crash.frames else None)
    others: Sequence[Place] = [f for f in crash.frames[:3] if f != where]
    return Finding(
        code=code,
        title=title,
        n=1,
        text=text,
        remedy=remedy,
        severity="error",
        certain=True,
        place=where,
        others=tuple(others),
        step=crash.step,
        cause=cause,
        wrong=wrong,
        right=right,
        edits=edits,
        evidence={"exception": crash.kind, "message": crash.message[:500], **(evidence or {})},
    )


def innermost(crash: Crash) -> Flight | None:
    """The innermost module that was being called."""
    return crash.modules[-1] if crash.modules else None


def layer_words(crash: Crash) -> str:
    """The innermost module in words.

    >>> layer_words(Crash(modules=[Flight(layer="net.2", kind="Linear", inputs=((4, 3),), weight=(2, 5))]))
    'Linear "net.2" (weight (2, 5)) was given (4, 3)'
    """
    flight = innermost(crash)
    if flight is None:
        return ""
    weight = f" (weight {shaped(flight.weight)})" if flight.weight is not None else ""
    name = f' "{flight.layer}"' if flight.layer else ""
    given = f" was given {shaped(flight.inputs[0])}" if flight.inputs else ""
    return f"{flight.kind}{name}{weight}{given}"


def loss_words(crash: Crash) -> str:
    """The loss call that raised, in words; "the loss" where it is not known."""
    loss = crash.loss
    if loss is None or loss.input is None or loss.target is None:
        return "the loss"
    return (
        f"{loss.name} (input {shaped(loss.input.shape)} {loss.input.dtype}, target {shaped(loss.target.shape)} "
        f"{loss.target.dtype})"
    )
