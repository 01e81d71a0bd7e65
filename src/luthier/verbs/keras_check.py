"""`luthier.keras_check`: a callback that watches the call of `fit` it is given to, and says what is wrong with it.

    model.fit(x, y, epochs=20, callbacks=[luthier.keras_check()])

When Keras calls a callback for the first time, `fit` has begun and its arguments are out of reach. So the watch is
put in when the callback is made, which is before; it passes over all calls of `fit` that have no such callback, and
goes when the last one is gone.
"""

from __future__ import annotations

import sys
import traceback
import weakref
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from luthier.findings import Diagnosis, Tier
from luthier.verbs.check_view import text_of
from luthier.watching.recorder import Recorder


def keras_check(*, tier: Tier = "quick", select: Collection[str] = (), ignore: Collection[str] = ()) -> Any:
    """A Keras callback that prints what is wrong with a training when it has ended, also where it has raised.

    Weights, losses and random numbers are those of the same training without it.

    Args:
        tier: how closely to look.
        select, ignore: codes, or letters for whole families; an empty `select` means all.

    Returns:
        A `keras.callbacks.Callback`; its `diagnosis` is that of the last training, None before.
    """
    return _kind()(tier, tuple(select), tuple(ignore))


@cache
def _kind() -> Any:
    """The class, made when Keras is wanted."""
    import keras

    class KerasCheck(keras.callbacks.Callback):
        """See `luthier.keras_check`."""

        def __init__(self, tier: Tier, select: tuple[str, ...], ignore: tuple[str, ...]) -> None:
            super().__init__()
            self.tier, self.select, self.ignore = tier, select, ignore
            self.diagnosis: Diagnosis | None = None
            DESK.open(self)

        def on_train_begin(self, logs: Any = None) -> None:
            if DESK.busy_with is not self:
                sys.stderr.write("luthier: KerasCheck sees nothing of a training that is not made by Model.fit\n")

    return KerasCheck


class Desk:
    """The hooks that serve all callbacks that there are, and the callback whose call of `fit` is being watched."""

    def __init__(self) -> None:
        self.busy_with: Any = None
        self._num_alive = 0
        self._recorder: Recorder | None = None
        self._remove: Callable[[], None] | None = None

    def open(self, check: Any) -> None:
        """Serve one more callback."""
        from luthier.watching.keras import install

        self._num_alive += 1
        weakref.finalize(check, self._close)
        if self._remove is None:
            self._remove = install(Recorder(full=True), self)

    def _close(self) -> None:
        self._num_alive -= 1
        if not self._num_alive and self._remove is not None:
            self._remove()
            self._remove = None

    def taken(self, callbacks: list[Any]) -> Recorder | None:
        """A recorder for a call with one of our callbacks; None for others, and for calls inside such a call."""
        import keras

        check = next((c for c in callbacks if isinstance(c, _kind())), None)
        if check is None or self.busy_with is not None:
            return None
        self.busy_with, self._recorder = check, Recorder(check.tier, full=True)
        self._recorder.trace.program = "fit"
        self._recorder.trace.frameworks["keras"] = keras.__version__
        return self._recorder

    def ended(self) -> None:
        """Judge and print; a fault of ours is said and goes no further."""
        check, recorder = self.busy_with, self._recorder
        self.busy_with, self._recorder = None, None
        try:
            if recorder is not None:
                check.diagnosis = _diagnosis(recorder, check)
                sys.stdout.write(text_of(check.diagnosis))
        except Exception:  # the training that was watched is not ours to end
            sys.stderr.write(f"luthier: KerasCheck failed:\n{traceback.format_exc()}")


DESK = Desk()


def _diagnosis(recorder: Recorder, check: Any) -> Diagnosis:
    from luthier.verbs.check import diagnosis_of
    from luthier.watching.running import finished

    return diagnosis_of(finished(recorder), select=check.select, ignore=check.ignore)
