"""A run as an Optuna study, for those who read one: made from the records, in memory."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from luthier.records import RunRecord, Trial
from luthier.reports.reading import averaged_trials, value_of
from luthier.search.optuna import distribution, quiet

STATES = {"finished": "COMPLETE", "stopped": "PRUNED", "paused": "PRUNED", "diverged": "FAIL", "failed": "FAIL"}
"""Status of a trial -> state in Optuna; all others are RUNNING, as is what is paused in a run that goes on. The
attribute `status` keeps the difference."""


@quiet()
def study_of(record: RunRecord, storage: Any, *, times: dict[int, tuple[float, float]] | None = None) -> Any:
    """The study, made in one of Optuna's storages.

    The value of a complete trial is its final score, in the units of the metric; the curve is by step. With folds it
    is the mean over them, and they are no trials of their own. Settings that the run varies are the parameters, also
    those of the baseline, read from its recipe; one that lies outside of its domain is an attribute.

    Args:
        record: with a history.
        storage: of Optuna; it gets one study.
        times: seconds after the beginning of the run at which each trial began and ended.
    """
    import optuna

    assert record.history is not None
    metric = record.history.metric
    study = optuna.create_study(
        storage=storage,
        study_name=record.name,
        direction="maximize" if metric.greater_is_better else "minimize",
    )
    study.set_metric_names([metric.name])
    told = {"verdict": record.verdict, "adopted": record.adopted, "status": record.status, "command": record.command}
    for name, value in {**told, "baseline trial": 0}.items():
        study.set_user_attr(name, value)
    began = datetime.fromisoformat(record.created).astimezone().replace(tzinfo=None)  # as Optuna has it: local
    domains = {name: (domain, distribution(domain)) for name, domain in record.space.domains.items()}
    for trial in averaged_trials(record):
        if trial.phase == "fold":
            continue
        goes_on = trial.status == "paused" and record.status == "running"
        state = "RUNNING" if goes_on else STATES.get(trial.status, "RUNNING")
        study.add_trial(_trial(trial, state, domains, began=began, times=(times or {}).get(trial.id)))
    return study


def _trial(
    trial: Trial, state: str, domains: dict[str, Any], *, began: datetime, times: tuple[float, float] | None
) -> Any:
    """One trial as Optuna's record of it."""
    import optuna

    values = {name: value for name in domains if (value := value_of(trial, name)) is not None}
    params = {name: value for name, value in values.items() if domains[name][0].contains(value)}
    outside = {name: value for name, value in values.items() if name not in params}
    end = trial.at(1.0)
    score = end.score if trial.status == "finished" and end and math.isfinite(end.score) else None
    made = optuna.trial.create_trial(
        state=optuna.trial.TrialState["FAIL" if state == "COMPLETE" and score is None else state],
        value=score,
        params=params,
        distributions={name: domains[name][1] for name in params},
        intermediate_values={p.step: p.score for p in trial.curve if math.isfinite(p.score)},
        user_attrs=_attributes(trial) | {f"outside of its domain: {name}": value for name, value in outside.items()},
    )
    start, stop = times or (0.0, trial.cost.seconds)
    made.datetime_start = began + timedelta(seconds=start)
    made.datetime_complete = None if state == "RUNNING" else began + timedelta(seconds=stop)
    return made


def _attributes(trial: Trial) -> dict[str, Any]:
    known: dict[str, Any] = {
        "role": "baseline" if trial.id == 0 else trial.origin,
        "phase": trial.phase,
        "status": trial.status,
        "seed": trial.seed,
        "mode": trial.mode if trial.P == 1 else f"{trial.mode} P={trial.P}",
        "seconds of training": round(trial.cost.seconds, 3),
        "parameters": trial.cost.num_parameters,
    }
    return known | ({"error": trial.error} if trial.error else {})
