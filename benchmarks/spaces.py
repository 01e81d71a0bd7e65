"""A space in the words of an Optuna trial, for the benchmarks that run Optuna."""

from __future__ import annotations

from typing import Any

from luthier.space import Choice, Config, Int, Space


def suggest(trial: Any, space: Space) -> Config:
    """What the trial's study suggests for every setting, in the order of the space."""
    config: Config = {}
    for name, d in space.domains.items():
        if isinstance(d, Choice):
            config[name] = trial.suggest_categorical(name, d.options)
        elif isinstance(d, Int):
            config[name] = trial.suggest_int(name, d.low, d.high, log=d.log)
        else:
            config[name] = trial.suggest_float(name, d.low, d.high, log=d.log)
    return config
