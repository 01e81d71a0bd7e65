"""Warnings that are shown and losses that are printed, noted on their way."""

from __future__ import annotations

import builtins
import re
import warnings
from typing import Any

from luthier.findings import Place
from luthier.watching.ends import Printed, Warned
from luthier.watching.lines import is_users, place_at
from luthier.watching.recorder import Recorder

MAX_WARNED = 200
MAX_TEXT = 2000
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.\d+(?:[eE][-+]?\d+)?")
DIGITS = 3
"""Significant digits that a printed number must share with the loss."""


class Messages:
    """What the program says: both functions pass everything on unchanged."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.trace = recorder, recorder.trace
        self._warned = recorder.safely("warnings", self._warned_)
        self._printed = recorder.safely("print", self._printed_)
        self._known: dict[tuple[Place | None, str], Warned] = {}
        self._counts: dict[Place | None, int] = {}

    def install(self) -> None:
        """Put the functions in."""
        module: Any = warnings
        self._show: Any = getattr(module, "_showwarnmsg", None)
        self._print = builtins.print

        def show(message: Any) -> None:
            self._warned(message)
            self._show(message)

        def printing(*args: Any, **kwargs: Any) -> None:
            self._printed(args)
            self._print(*args, **kwargs)

        self._own = show, printing
        if self._show is not None:
            module._showwarnmsg = show  # what C and Python show warnings by
        builtins.print = printing

    def remove(self) -> None:
        """Put the originals back, unless the program has put in others."""
        show, printing = self._own
        module: Any = warnings
        if getattr(warnings, "_showwarnmsg", None) is show:
            module._showwarnmsg = self._show
        if builtins.print is printing:
            builtins.print = self._print

    def _warned_(self, message: Any) -> None:
        text = str(message.message)[:MAX_TEXT]
        place = self.recorder.place(4)
        if place is None and is_users(message.filename):
            place = place_at(message.filename, message.lineno)
        known = self._known.get((place, text))
        if known is not None:
            known.count += 1
        elif len(self.trace.warned) < MAX_WARNED:
            known = self._known[place, text] = Warned(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=place,
                category=message.category.__name__,
                message=text,
            )
            self.trace.warned.append(known)

    def _printed_(self, args: tuple[Any, ...]) -> None:
        """A print that shows the value of the last training loss."""
        last = self.recorder.last_loss
        if last is None:
            return
        text = " ".join(_shown(a) for a in args)
        if not any(_same(number, last.result) for number in _NUMBER.findall(text)):
            return
        place = self.recorder.place(4)
        before = self._counts.get(place, 0)
        self._counts[place] = self.recorder.num_losses
        self.trace.printed.append(
            Printed(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=place,
                text=text[:200],
                loss=last.number,
                num_losses_since=self.recorder.num_losses - before,
            )
        )


def _shown(value: Any) -> str:
    """A number or a text as print shows it; of anything else nothing, for its text may be long."""
    if isinstance(value, str | int | float):
        return str(value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return repr(float(value))
    return ""


def _same(text: str, number: float) -> bool:
    """Is a printed number the given one, to the digits that it was printed with?

    >>> _same("0.6931", 0.69314718), _same("0.69", 0.69314718)
    (True, False)
    """
    mantissa = text.lower().partition("e")[0]
    if len(mantissa.lstrip("-+0.").replace(".", "")) < DIGITS:
        return False
    decimals = len(mantissa.partition(".")[2])
    exponent = int(text.lower().partition("e")[2] or 0)
    return abs(float(text) - number) <= 0.501 * 10.0 ** (exponent - decimals)
