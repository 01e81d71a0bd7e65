"""The recorder: what the hooks of all frameworks share. It numbers events, finds the person's line, decides which
steps are looked at closely, keeps luthier's own faults away from the program, and ends the program in time.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any

import numpy as np

from luthier.findings import Fault, Place, Tier
from luthier.watching.calls import LossCall
from luthier.watching.fits import Evaluated, Fit, Taped
from luthier.watching.lines import is_users, place_at
from luthier.watching.trace import Trace

DENSE = 20
"""Steps at the beginning that are looked at one by one."""
EVERY = {"quick": 50, "full": 10, "deep": 5}
"""Afterwards every so many steps, by tier."""
BUDGET = {"quick": 0.02, "full": 0.2, "deep": 1.0}
"""Share of the time that luthier's own part may take before it looks less often, by tier."""
CALM = {"quick": 300, "full": 2000, "deep": 1 << 62}
"""Steps after which training is looked at in stretches only, by tier: all that happens at every step was seen."""
AWAKE = 10
"""Steps of a stretch. It begins with a step that is looked at closely."""
GRACE_S = 5.0
"""A program that goes on for so long after it was told to end is ended by force."""


_RECORDERS: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _in_child() -> None:
    """Nothing is recorded in a process that the program forks."""
    for recorder in _RECORDERS:
        recorder.off = True


os.register_at_fork(after_in_child=_in_child)  # once: a handler cannot be taken back


class Stopped(SystemExit):
    """Ends the program when enough was seen; `finally` blocks and context managers of the program run."""


class Recorder:
    """Writes the trace of one program.

    Args:
        tier: how closely to look.
        steps: optimizer steps after which the program is ended, once an evaluation was seen as well.
        seconds: the same by time, counted from the first call of a model. full: it runs to its own end.
        made_before: optimizers that the program made before the watch began.
    """

    def __init__(
        self,
        tier: Tier = "quick",
        *,
        steps: int = 300,
        seconds: float = 90.0,
        full: bool = False,
        made_before: Sequence[Any] = (),
    ) -> None:
        self.trace = Trace(tier=tier, cores=os.cpu_count() or 0)
        self.steps, self.seconds, self.full = steps, seconds, full
        self.made_before = made_before
        self.off = False
        self.busy = False
        self.sampled = True
        self.resting = self.can_rest = False
        self.on_wake: list[Callable[[], None]] = []
        self.at = 0
        self.pid = os.getpid()
        self.on_survived: Callable[[], None] = lambda: None
        self.agree: Callable[[str], str] = lambda reason: reason
        self.finishers: list[Callable[[], None]] = []
        self.on_step: list[Callable[[], None]] = []
        self.evaluations_done = False
        self.last_loss: LossCall | None = None
        self.num_losses = 0
        self._every, self._budget, self._calm = EVERY[tier], BUDGET[tier], CALM[tier]
        self._awake_until = 0
        self._next_sampled = 0
        self._started_s = time.perf_counter()
        self._first_call_s = 0.0
        self._stopped_s = 0.0
        self._own_s = 0.0
        self._broken: dict[str, int] = {}
        self._users: dict[str, bool] = {}
        self._places: dict[tuple[CodeType, int], Place] = {}
        _RECORDERS.add(self)

    @property
    def looking(self) -> bool:
        """Whether what happens in training is noted: the watch is on, awake, and not at work itself."""
        return not (self.off or self.busy or self.resting)

    # ---- events ----

    def tick(self) -> int:
        """The number of the next event."""
        self.at += 1
        return self.at

    def place(self, depth: int = 2) -> Place | None:
        """The innermost line of the person's own code on the stack, from `depth` frames above this one."""
        frame: FrameType | None = sys._getframe(depth)
        while frame is not None:
            code = frame.f_code
            users = self._users.get(code.co_filename)
            if users is None:
                users = self._users[code.co_filename] = is_users(code.co_filename)
            if users:
                key = (code, frame.f_lineno)
                place = self._places.get(key)
                if place is None:
                    place = self._places[key] = place_at(code.co_filename, frame.f_lineno, code.co_name)
                return place
            frame = frame.f_back
        return None

    @property
    def places(self) -> list[Place]:
        """All places that were named so far."""
        return list(self._places.values())

    # ---- own work, kept away from the program ----

    def safely(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, timed, never entered from within itself, and None instead of an exception, which becomes a fault.

        A part that has raised three times is switched off.
        """

        def run(*args: Any) -> Any:
            if self.off or self.busy or self._broken.get(part, 0) > 2:
                return None
            self.busy = True
            begun_s = time.perf_counter()
            try:
                with np.errstate(all="ignore"):  # what we compute warns nobody
                    return work(*args)
            except Exception as error:  # whatever goes wrong in here, the program goes on
                self.fault(part, error)
                return None
            finally:
                self._own_s += time.perf_counter() - begun_s
                self.busy = False

        return run

    def fault(self, part: str, error: BaseException) -> None:
        """Note an exception of our own."""
        self._broken[part] = self._broken.get(part, 0) + 1
        if len(self.trace.faults) < 50 and self._broken[part] == 1:
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__)[-4:])
            self.trace.faults.append(Fault(part=part, error=f"{type(error).__name__}: {error}", trace=trace))

    # ---- what to look at, when to end ----

    def trained_with(self, call: LossCall) -> None:
        """A loss was computed with gradients recorded."""
        self.last_loss = call
        self.num_losses += 1

    def called(self) -> None:
        """A model was called: the clock starts at the first time, and may have run out."""
        if not self._first_call_s:
            self._first_call_s = time.perf_counter()

    def stepped(self, num_steps: int = 1) -> None:
        """Optimizer steps were taken: choose what to look at next; may end the program."""
        self.called()
        self.trace.num_steps += num_steps
        self.choose()
        self._rest()
        for listener in self.on_step:
            listener()
        self.stop_if_due()

    def choose(self) -> None:
        """Decide whether the next step is looked at closely, within the budget of time."""
        done = self.trace.num_steps
        if done < DENSE:
            self.sampled = True
            return
        self.sampled = done >= self._next_sampled
        if self.sampled:
            spent = self._own_s / max(time.perf_counter() - self._started_s, 1e-9)
            if spent > self._budget and self._every < 1600:
                self._every *= 2
            self._next_sampled = (done // self._every + 1) * self._every

    def _rest(self) -> None:
        """Look away between stretches; evaluations are always looked at."""
        done = self.trace.num_steps
        if not self.can_rest or done < self._calm:
            return
        if self.sampled:
            self._awake_until = done + AWAKE
            self.wake()
        elif done >= self._awake_until:
            self.resting = True

    def wake(self) -> None:
        """Look again; what was known of gradients is no longer true."""
        if self.resting:
            self.resting = False
            for listener in self.on_wake:
                listener()

    def stop_if_due(self) -> None:
        """End the program when the evidence is in or the time is up.

        Raises:
            Stopped: then, and again each time, should the program catch it; after a while it is ended by force.
        """
        if self.full or self.off or os.getpid() != self.pid:
            return
        now = time.perf_counter()
        if self._stopped_s:
            if now - self._stopped_s > GRACE_S:
                self.on_survived()
            raise Stopped(0)
        reason = self.agree(self._due(now))
        if reason:
            self.trace.stopped = reason
            self._stopped_s = now
            raise Stopped(0)

    def _due(self, now: float) -> str:
        if self.trace.num_steps >= self.steps and self.evaluations_done:
            return f"{self.trace.num_steps} training steps and an evaluation were seen"
        if self._first_call_s and now - self._first_call_s > self.seconds:
            return f"{self.seconds:g} s of running were seen"
        return ""

    def finish(self) -> Trace:
        """The finished trace."""
        for finisher in self.finishers:
            self.safely("finish", finisher)()
        now = time.perf_counter()
        self.trace.seconds = now - self._started_s
        self.trace.watch_s = self._own_s
        return self.trace

    # ---- what the watches of Keras and JAX write to ----

    @property
    def fits(self) -> list[Fit]:
        """Keras' fit calls."""
        return self.trace.fits

    @property
    def evaluated(self) -> list[Evaluated]:
        """Keras' evaluate calls."""
        return self.trace.evaluated

    @property
    def taped(self) -> list[Taped]:
        """Layers of Keras called under tapes of the person's own."""
        return self.trace.taped

    @property
    def programs(self) -> list[Any]:
        """Functions that JAX differentiated."""
        return self.trace.programs
