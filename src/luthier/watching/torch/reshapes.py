"""Calls of view and reshape by the person's own code, in the first steps."""

from __future__ import annotations

import sys
from typing import Any

from luthier.watching.calls import Reshape
from luthier.watching.lines import is_users
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.state import Watch

MOST = 400
SAME = 16
"""Calls of a line with the same shapes that are noted."""


class Reshapes:
    """Functions put in the place of view and reshape until the first steps are over."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._note = watch.recorder.safely("reshape", self._note_)
        self._states: Registry[bool] = Registry()
        self._seen: dict[Any, int] = {}

    def install(self) -> None:
        """Put the functions in."""
        import torch

        for name in ("view", "reshape"):
            self.watch.arithmetic.wrap(torch.Tensor, name, self._around)

    def state(self, output: Any) -> None:
        """A recurrent layer returned its steps and its last state: the state is known again."""
        if isinstance(output, tuple) and len(output) == 2:
            for tensor in output[1] if isinstance(output[1], tuple) else (output[1],):
                if hasattr(tensor, "grad_fn"):
                    self._states.put(tensor, True)

    def _around(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        before, after = args[0].shape, result.shape
        if before != after and 3 <= max(len(before), len(after)) <= 5 and len(before) > 1 and self._looking():
            frame = sys._getframe(2)
            if is_users(frame.f_code.co_filename):
                self._note(args[0], tuple(before), tuple(after), (frame.f_code, frame.f_lineno))
        return result

    def _looking(self) -> bool:
        return not self.watch.inner and self.watch.recorder.looking

    def _note_(self, tensor: Any, before: tuple[int, ...], after: tuple[int, ...], line: Any) -> None:
        trace, recorder = self.watch.trace, self.watch.recorder
        key = (line, before, after)
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen > SAME or len(trace.reshapes) >= MOST:
            return
        trace.reshapes.append(
            Reshape(
                at=recorder.tick(),
                step=trace.num_steps,
                place=recorder.place(4),
                before=before,
                after=after,
                state=bool(self._states.get(tensor)),
            )
        )
