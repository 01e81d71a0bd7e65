"""`luthier.lightning_check()`: the training of a Lightning module under watch."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from typing import Any

from luthier.errors import MissingExtra
from luthier.findings import Tier
from luthier.verbs.watch import Watching, watch


def lightning_check(*, tier: Tier = "quick") -> Any:
    """A callback for `Trainer(callbacks=[...])` that watches `fit` and prints what was found when it ends.

    Args:
        tier: how closely to look.

    Returns:
        a `lightning.pytorch.Callback`; its `diagnosis` holds the findings once `fit` has ended.

    Raises:
        MissingExtra: Lightning is not installed.
    """
    base: Any = _callback()

    class Check(base):
        """Watches from before the optimizers are made until training has ended or failed."""

        def __init__(self) -> None:
            self.diagnosis: Any = None
            self._watching: Watching | None = None

        def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
            """Put the hooks in."""
            if stage == "fit":
                self._watching = watch(tier=tier)

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            """End the watch, with the exception."""
            self._end(exception)

        def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
            """End the watch."""
            self._end(None)

        def _end(self, error: BaseException | None) -> None:
            watching, self._watching = self._watching, None
            if watching is not None:
                watching.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
                self.diagnosis = watching.diagnosis
                sys.stderr.write(str(watching))

    return Check()


def _callback() -> Any:
    """Lightning's base class, of whichever of its two packages is there."""
    for name in ("lightning.pytorch", "pytorch_lightning"):
        with contextlib.suppress(ImportError):
            return import_module(name).Callback
    raise MissingExtra("Lightning is not installed", where="luthier.lightning_check", remedy="pip install lightning")
