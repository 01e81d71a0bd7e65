"""What a function that trains is handed: the settings to train with, and `report`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from luthier.errors import InvalidInput

Tell = Callable[[float, float | None, dict[str, float]], None]
"""(step, of, metrics): takes a report on; returns when the training may go on."""


class RunningTrial:
    """One trial, as the function that trains it sees it.

    Args:
        config: the settings, by their names in the space.
        seed: of this trial; trials that are compared have equal seeds, so let everything random follow from it.
        device: "cpu", "cuda:0" ...
        checkpoint_dir: a folder of the trial's own, which outlives the process. What lies there when the function
        begins
            is what an earlier process of the same trial left.
        tell: takes the reports; does nothing where the function is called by hand.

    Example:
        >>> trial = RunningTrial({"lr": 0.1}, seed=0)
        >>> trial.report(1, of=20, val_loss=0.7)
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        seed: int = 0,
        device: str = "cpu",
        checkpoint_dir: str | Path = ".",
        resumed: bool = False,
        tell: Tell = lambda _step, _of, _metrics: None,
    ) -> None:
        self.config, self.seed, self.device = dict(config), seed, device
        self.checkpoint_dir, self.resumed = Path(checkpoint_dir), resumed
        self._tell, self._last = tell, -math.inf

    def report(self, step: float, *, of: float | None = None, **metrics: Any) -> None:
        """Say how good the model is now. At a rung this returns when, and only if, the trial may go on.

        Save a checkpoint before: what is reported is what can be gone back to.

        Args:
            step: how far the training is, in units of your own; each report is of a later step.
            of: the step at which the training will end; None: as many reports as the baseline made.
            metrics: numbers by name, the one that is compared among them.

        Raises:
            InvalidInput: a step that is not later, no metrics, or one that is no number.
        """
        number = _number("step", step)
        if number <= self._last:
            raise InvalidInput(
                f"trial.report(step={step:g}) after step {self._last:g}",
                must="each report is of a later step",
                where="report",
                remedy="Count the steps on, for example epoch + 1",
            )
        end = None if of is None else _number("of", of)
        if end is not None and end <= 0:
            raise InvalidInput(f"of={of}", must="of > 0", where="report", remedy="Give the last step of the training")
        if not metrics:
            raise InvalidInput(
                f"trial.report(step={step:g}) without a metric",
                where="report",
                remedy="Write for example trial.report(step, val_loss=loss)",
            )
        self._last = number
        self._tell(number, end, {name: _number(name, value) for name, value in metrics.items()})


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"trial.report({name}={value!r})", must=f"{name} is a number", where="report", remedy="Pass a float"
        ) from None
