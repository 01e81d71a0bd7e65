"""A LightningModule class and its data as a function of a trial: its own step, optimizers and schedulers.

Trial, report and checkpoint meet at the end of each epoch that validated: the trainer's own checkpoint holds weights,
optimizers, schedulers and loops, and is written before the report.
"""

from __future__ import annotations

import difflib
import inspect
import os
import sys
from collections.abc import Sequence
from typing import Any

from luthier.draws import draw_states, set_draw_states
from luthier.errors import InvalidInput
from luthier.programs.trial import RunningTrial

CHECKPOINT = "last.ckpt"
QUIET = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def is_module(model: Any) -> bool:
    """Is it a LightningModule class? Nothing is imported for the question."""
    kinds = [getattr(sys.modules.get(name), "LightningModule", None) for name in PACKAGES]
    return inspect.isclass(model) and any(kind is not None and issubclass(model, kind) for kind in kinds)


class LightningTraining:
    """Trains a LightningModule.

    Args:
        module: the class; settings that its `__init__` takes are its arguments.
        data: a LightningDataModule, its class, a pair of loaders for training and validation, or a function that
            returns one of these.
        trainer: arguments of the Trainer. Settings that neither class takes are arguments of the Trainer too.
    """

    def __init__(self, module: Any, data: Any, trainer: dict[str, Any]) -> None:
        self.module, self.data, self.trainer = module, data, trainer

    def check(self, settings: Sequence[str]) -> None:
        """Refuse settings that nothing takes.

        Raises:
            InvalidInput: names the first.
        """
        known = [*_arguments(self.module), *_arguments(self.data), *_arguments(_package().Trainer)]
        for name in settings:
            if name not in known and not _takes_any(self.module):
                near = difflib.get_close_matches(name, known, 1)
                raise InvalidInput(
                    f"space names {name!r}",
                    must=f"an argument of {self.module.__name__}, of its data or of the Trainer",
                    where="space",
                    remedy=f"Did you mean {near[0]!r}?" if near else f"Add it to {self.module.__name__}.__init__",
                )

    def __call__(self, trial: RunningTrial) -> None:
        """Train as the trial says."""
        package = _package()
        package.seed_everything(trial.seed, workers=True, verbose=False)
        own = _taken(self.module, trial.config)
        data, of_data = self._data(trial.config)
        rest = {n: v for n, v in trial.config.items() if n not in own and n not in of_data}
        wanted = {**self.trainer, **rest}
        on_cpu = trial.device == "cpu"
        usual = {
            **dict.fromkeys(QUIET, False),
            "num_sanity_val_steps": 0,
            "accelerator": "cpu" if on_cpu else "gpu",
            "devices": 1 if on_cpu else [int(trial.device.rpartition(":")[2])],
            "default_root_dir": str(trial.checkpoint_dir),
        }
        callbacks = [*wanted.pop("callbacks", []), _reporter(trial, package)]
        trainer = package.Trainer(**{**usual, **wanted}, callbacks=callbacks)
        place = trial.checkpoint_dir / CHECKPOINT
        found: dict[str, Any] = {"ckpt_path": str(place)} if place.exists() else {}
        if found and "weights_only" in inspect.signature(trainer.fit).parameters:
            found["weights_only"] = False  # our own checkpoint of this trial
        loaders = {"datamodule": data} if isinstance(data, package.LightningDataModule) else _loaders(data)
        trainer.fit(self.module(**own), **loaders, **found)

    def _data(self, config: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The data, and the settings that it takes."""
        package = _package()
        if isinstance(self.data, package.LightningDataModule) or not callable(self.data):
            return self.data, {}
        own = _taken(self.data, config)
        return self.data(**own), own


def _package() -> Any:
    """Whichever of the two packages is loaded; else the one that can be."""
    from importlib import import_module

    name = next((n for n in PACKAGES if n in sys.modules), PACKAGES[0])
    return import_module(name)


def _arguments(thing: Any) -> list[str]:
    if not callable(thing):
        return []
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


def _takes_any(thing: Any) -> bool:
    kinds = [p.kind for p in inspect.signature(thing).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _taken(thing: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The settings that a class or function takes; all where it takes any and is the only one."""
    named = _arguments(thing)
    return {n: v for n, v in config.items() if n in named}


def _loaders(data: Any) -> dict[str, Any]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InvalidInput(
            f"data={type(data).__name__}",
            must="a LightningDataModule or a pair of loaders, for training and validation",
            where="tune",
        )
    return {"train_dataloaders": data[0], "val_dataloaders": data[1]}


def _reporter(trial: RunningTrial, package: Any) -> Any:
    """The callback that saves and reports after each validation, where the trainer's state is whole."""

    class Reporter(package.Callback):
        """See the module."""

        def __init__(self) -> None:
            self.due = False

        def state_dict(self) -> dict[str, Any]:
            return {"random": draw_states()}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            set_draw_states(state["random"])

        def on_validation_end(self, trainer: Any, _module: Any) -> None:
            self.due = not trainer.sanity_checking

        def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
            self._report(trainer)  # a validation within an epoch

        def on_train_epoch_end(self, trainer: Any, _module: Any) -> None:
            self._report(trainer)

        def _report(self, trainer: Any) -> None:
            if not self.due:
                return
            self.due = False
            whole, new = trial.checkpoint_dir / CHECKPOINT, trial.checkpoint_dir / "next.ckpt"
            trainer.save_checkpoint(str(new))
            os.replace(new, whole)
            values = {name: float(value) for name, value in trainer.callback_metrics.items() if _is_number(value)}
            of = trainer.estimated_stepping_batches
            trial.report(trainer.global_step, of=of if of != float("inf") and of > 0 else None, **values)

    return Reporter()


def _is_number(value: Any) -> bool:
    return getattr(value, "numel", lambda: 1)() == 1
