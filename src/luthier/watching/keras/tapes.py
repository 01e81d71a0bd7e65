"""Dropout and batch normalisation under a `tf.GradientTape` of the person's own, outside of `fit`."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

from luthier.watching.fits import Taped
from luthier.watching.lines import user_line
from luthier.watching.sink import Sink, guarded


class _Open(threading.local):
    """How many tapes record in this thread."""

    num = 0


def install(sink: Sink, fits: Callable[[], bool]) -> list[Callable[[], None]]:
    """Wrap the tape and the two layers; returns what puts the originals back.

    Args:
        fits: whether a `fit` is going on, whose own tapes do not count.
    """
    import keras

    tensorflow = sys.modules.get("tensorflow")
    if keras.backend.backend() != "tensorflow" or tensorflow is None:
        return []
    now, seen = _Open(), {}
    put_back = []

    def put(owner: Any, name: str, new: Any) -> None:
        original = vars(owner)[name]
        setattr(owner, name, new)
        put_back.append(lambda: setattr(owner, name, original))

    def note(kind: str, training: bool) -> None:
        if kind not in seen:
            seen[kind] = Taped(kind)
            sink.taped.append(seen[kind])
        record = seen[kind]
        record.train += training
        record.infer += not training
        record.place = record.place if training or record.place else user_line()

    tape = tensorflow.GradientTape
    enter, leave = tape.__enter__, tape.__exit__

    @functools.wraps(enter)
    def entered(self: Any) -> Any:
        now.num += not fits()
        return enter(self)

    @functools.wraps(leave)
    def left(self: Any, *args: Any) -> Any:
        now.num = max(0, now.num - (not fits()))
        return leave(self, *args)

    put(tape, "__enter__", entered)
    put(tape, "__exit__", left)
    for layer in (keras.layers.Dropout, keras.layers.BatchNormalization):
        put(layer, "call", _noting(layer.call, layer.__name__, now, sink, note))
    return put_back


def _noting(original: Any, kind: str, now: _Open, sink: Sink, note: Callable[[str, bool], None]) -> Any:
    @functools.wraps(original)
    def call(self: Any, inputs: Any, training: Any = False, *args: Any, **kwargs: Any) -> Any:
        if now.num and getattr(self, "rate", 1) and isinstance(training, bool | None) and self.trainable:
            guarded(sink, "keras: tape", note, kind, bool(training))
        return original(self, inputs, training, *args, **kwargs)

    return call
