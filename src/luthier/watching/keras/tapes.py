"""Dropout and batch normalisation under a `tf.GradientTape` of the person's own, outside of `fit`."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

from luthier.watching.fits import Taped
from luthier.watching.lines import user_line
from luthier.watching.patching import Patches
from luthier.watching.sink import Sink, guarded


class _Open(threading.local):
    """How many tapes record in this thread."""

    num = 0


class Tapes:
    """Which layers were called under a tape.

    Args:
        fits: whether a `fit` is going on, whose own tapes do not count.
    """

    def __init__(self, sink: Sink, fits: Callable[[], bool]) -> None:
        self.sink, self.fits, self.open = sink, fits, _Open()

    def install(self, patches: Patches) -> None:
        """Wrap the tape and the two layers."""
        import keras

        tensorflow = sys.modules.get("tensorflow")
        if keras.backend.backend() == "tensorflow" and tensorflow is not None:
            tape = tensorflow.GradientTape
            patches.put(tape, "__enter__", self._entered(tape.__enter__))
            patches.put(tape, "__exit__", self._left(tape.__exit__))
            for layer in (keras.layers.Dropout, keras.layers.BatchNormalization):
                patches.put(layer, "call", self._called(layer.call, layer.__name__))

    def _entered(self, original: Any) -> Any:
        @functools.wraps(original)
        def entered(tape: Any) -> Any:
            self.open.num += not self.fits()
            return original(tape)

        return entered

    def _left(self, original: Any) -> Any:
        @functools.wraps(original)
        def left(tape: Any, *args: Any) -> Any:
            self.open.num = max(0, self.open.num - (not self.fits()))
            return original(tape, *args)

        return left

    def _called(self, original: Any, kind: str) -> Any:
        @functools.wraps(original)
        def call(layer: Any, inputs: Any, training: Any = False, *args: Any, **kwargs: Any) -> Any:
            if self.open.num and getattr(layer, "rate", 1) and isinstance(training, bool | None) and layer.trainable:
                guarded(self.sink, "keras: tape", self._note, kind, bool(training))
            return original(layer, inputs, training, *args, **kwargs)

        return call

    def _note(self, kind: str, training: bool) -> None:
        record = next((taped for taped in self.sink.taped if taped.kind == kind), None)
        if record is None:
            record = Taped(kind)
            self.sink.taped.append(record)
        record.train += training
        record.infer += not training
        record.place = record.place if training or record.place else user_line()
