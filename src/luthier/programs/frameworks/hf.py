"""A Hugging Face Trainer in a function of a trial: `luthier.hf.Callback(trial)` and `luthier.hf.checkpoint(trial)`.

    def train(trial):
        arguments = TrainingArguments(output_dir=trial.checkpoint_dir, eval_strategy="epoch", save_strategy="epoch",
                                      seed=trial.seed, learning_rate=trial.config["lr"])
        trainer = Trainer(model, arguments, ..., callbacks=[luthier.hf.Callback(trial)])
        trainer.train(resume_from_checkpoint=luthier.hf.checkpoint(trial))

The Trainer's own checkpoints are what a trial goes on from: weights, optimizer, schedule, random numbers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from luthier.errors import MissingExtra
from luthier.programs.trial import RunningTrial

STATE = "trainer_state.json"
"""The Trainer writes it last: a checkpoint without it is half of one."""


def __getattr__(name: str) -> Any:
    """`Callback`, a class that is made when Transformers is wanted.

    Raises:
        MissingExtra: Transformers is not installed.
    """
    if name == "Callback":
        return _kind()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def checkpoint(trial: RunningTrial) -> str | None:
    """The newest whole checkpoint of the trial, for `trainer.train(resume_from_checkpoint=...)`; None: there is
    none."""
    places = [p for p in Path(trial.checkpoint_dir).glob("checkpoint-*") if (p / STATE).exists()]
    return str(max(places, key=lambda p: int(p.name.rpartition("-")[2]))) if places else None


@cache
def _kind() -> Any:
    """The class."""
    try:
        from transformers import TrainerCallback
    except ImportError as error:
        raise MissingExtra(
            f"transformers cannot be imported ({error})",
            where="luthier.hf",
            remedy='Install it: pip install "luthier[hf]"',
        ) from None

    class Callback(TrainerCallback):
        """Reports each evaluation, once the checkpoint of its step is written.

        Args:
            trial: what the function was handed.
        """

        def __init__(self, trial: RunningTrial) -> None:
            self.trial = trial
            self.waiting: tuple[float, float, dict[str, Any]] | None = None

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
            numbers = {n: v for n, v in (metrics or {}).items() if isinstance(v, int | float)}
            self.waiting = (state.global_step, state.max_steps, numbers)
            if not control.should_save:
                self._report()

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._report()

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._report()

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._report()

        def _report(self) -> None:
            if self.waiting is not None:
                (step, of, numbers), self.waiting = self.waiting, None
                self.trial.report(step, of=of, **numbers)

    return Callback
