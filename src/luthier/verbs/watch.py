"""`luthier.watch`: the training of a notebook or of one's own loop under watch, without the command line."""

from __future__ import annotations

import gc
import html
import sys
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any

from luthier.errors import InvalidInput
from luthier.findings import Diagnosis, Tier
from luthier.verbs.check import diagnosis_of
from luthier.verbs.check_view import text_of
from luthier.watching.crashes import crash_of
from luthier.watching.recorder import Recorder
from luthier.watching.running import finished
from luthier.watching.running import watch as hooks_of

WHERE = "luthier.watch"
_on: list[Watching] = []


class Watching:
    """A watch that is on, or has ended. `stop()` ends it, and so does the end of a `with` block.

    Printed, it shows the findings.

    Args:
        See `watch`.
    """

    def __init__(
        self, made_before: Sequence[Any], *, tier: Tier, select: Collection[str], ignore: Collection[str]
    ) -> None:
        self._select, self._ignore = select, ignore
        self._recorder = Recorder(tier, full=True, made_before=made_before)
        self._recorder.trace.program = WHERE
        self._watch = hooks_of(self._recorder)
        self._diagnosis: Diagnosis | None = None
        self._watch.__enter__()
        _on.append(self)

    def stop(self) -> Diagnosis:
        """Take the hooks out and judge what was seen; the same diagnosis when called again."""
        if self._diagnosis is None:
            _on.remove(self)
            self._watch.__exit__(None, None, None)
            self._diagnosis = diagnosis_of(finished(self._recorder), select=self._select, ignore=self._ignore)
        return self._diagnosis

    @property
    def diagnosis(self) -> Diagnosis:
        """What was found; ends the watch if it is still on."""
        return self.stop()

    def __enter__(self) -> Watching:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and isinstance(error, Exception) and self._diagnosis is None:
            self._recorder.trace.crash = crash_of(error, self._recorder)
        self.stop()

    def __str__(self) -> str:
        return text_of(self._diagnosis) if self._diagnosis else "luthier: the watch is on; stop() ends it\n"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def watch(
    model: Any = None,
    optimizer: Any = None,
    *,
    tier: Tier = "quick",
    select: Collection[str] = (),
    ignore: Collection[str] = (),
) -> Watching:
    """Watch the training that follows, in PyTorch, Keras or JAX; nothing of it is changed or ended.

    Args:
        model, optimizer: what is trained; several as a list. Models are known from their first call. Optimizers made
            after this call are known, and of those made before, the ones that are handed over here, or, if none is,
            all that are alive.
        tier: how closely to look. select, ignore: codes, or letters for whole families.

    Raises:
        InvalidInput: another watch is on.

    Example:
        >>> with luthier.watch() as seen:      # doctest: +SKIP
        ...     train(model)
        >>> print(seen)                        # doctest: +SKIP
        >>> seen.diagnosis.findings[0].code    # doctest: +SKIP
        'T01'
    """
    if _on:
        raise InvalidInput("a watch is on already", where=WHERE, remedy="End it first: its stop() does")
    given = [*_several(model), *_several(optimizer)]
    made_before = [thing for thing in given if hasattr(thing, "param_groups")] or _living()
    return Watching(made_before, tier=tier, select=select, ignore=ignore)


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _living() -> list[Any]:
    """The optimizers of PyTorch that are alive."""
    module = sys.modules.get("torch.optim")
    if module is None:
        return []
    return [thing for thing in gc.get_objects() if issubclass(type(thing), module.Optimizer)]
