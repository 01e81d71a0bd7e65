"""Weights & Biases: one run for the run of luthier, with its trials as a table and their curves as a chart.

One run a trial would fill a project with hundreds of runs of a minute each. So every report is a row of the run's
history, with the number of its trial; the end of a trial moves the curve of the best score so far.

Where it goes is W&B's own business: WANDB_PROJECT (default "luthier"), WANDB_MODE, `wandb login`. Its files lie in
the run's folder (WANDB_DIR changes that); an offline run is sent by `wandb sync`.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from luthier.errors import InvalidInput
from luthier.records import Point, RunRecord, Trial
from luthier.sinks.values import final_score, key, measures, results, settings

COLUMNS = ("trial", "phase", "status", "origin", "seed", "mode", "step", "final_score", "seconds")
CURVES = ("trial", "step", "fraction", "train_loss", "val_loss", "score")


class WeightsAndBiases:
    """Made only where W&B would not stop to ask for a key.

    Raises:
        InvalidInput: W&B is online and nobody is logged in.
    """

    name = "wandb"

    def __init__(self) -> None:
        import wandb

        self.run: Any = None
        self.failed = False
        online = wandb.setup().settings.mode not in ("offline", "dryrun", "disabled")
        if online and not wandb.login(prompt=False):
            raise InvalidInput(
                "nobody is logged in to Weights & Biases",
                where="sink 'wandb'",
                remedy="Run: wandb login, or set WANDB_MODE=offline and send the run later by wandb sync",
            )

    def begin(self, run: RunRecord, folder: Path) -> None:
        """The run of W&B. A run that is told again has the same id: W&B writes over what it had of it."""
        import wandb

        for old in (folder / "wandb").glob(f"offline-run-*-{key(run)}"):
            shutil.rmtree(old)

        self.record, self.folder = run, folder
        self.trials: dict[int, Trial] = {}
        self.best = math.nan
        metric = run.facts.metric.name if run.facts else ""
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "luthier"),
            name=run.name,
            id=key(run),
            reinit="create_new",  # the person's own run goes on
            job_type="tune",
            dir=os.environ.get("WANDB_DIR", str(folder)),
            config={
                **run.task,
                "metric": metric,
                "command": run.command,
                "baseline": msgspec.to_builtins(run.baseline),
            },
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
        )
        self.run.define_metric("trial/number")
        self.run.define_metric("trial/*", step_metric="trial/number")

    def point(self, trial: Trial, point: Point) -> None:
        """A row of the history."""
        self.run.log({"trial": trial.id, "step": point.step, "fraction": point.fraction, **measures(point)})

    def ended(self, trial: Trial) -> None:
        """The final score of a trial, and the best so far."""
        self.trials[trial.id] = trial
        score = final_score(trial)
        if score is None or self.record.facts is None:
            return
        utility = self.record.facts.metric.utility
        self.best = score if math.isnan(self.best) else max(self.best, score, key=utility)
        self.run.log({"trial/number": trial.id, "trial/final_score": score, "trial/best_score": self.best})

    def finished(self, run: RunRecord) -> None:
        """Tables, the chart of the curves, the verdict, the report."""
        import wandb

        self.failed = run.status == "failed"
        trials = [self.trials[number] for number in sorted(self.trials)]
        names = list(dict.fromkeys(name for trial in trials for name in settings(run, trial)))
        rows = [[*_facts(trial), *(settings(run, trial).get(name) for name in names)] for trial in trials]
        curves = wandb.Table(columns=list(CURVES), data=[row for trial in trials for row in _curve(trial)])
        shown: dict[str, Any] = {
            "trials": wandb.Table(columns=[*COLUMNS, *names], data=rows, allow_mixed_types=True),
            "curves": wandb.plot.line(curves, "fraction", "score", stroke="trial", title="Learning curves"),
        }
        report = self.folder / "report.html"
        if report.exists():
            shown["report"] = wandb.Html(str(report), inject=False)
        self.run.log(shown)
        self.run.summary.update({**results(run), "adopted": run.adopted, "verdict": run.verdict})

    def close(self) -> None:
        """Everything is written, and sent where W&B is online."""
        if self.run is not None:
            self.run.finish(exit_code=int(self.failed))


def _facts(trial: Trial) -> list[Any]:
    """The row of a trial under `COLUMNS`."""
    known = [trial.id, trial.phase, trial.status, trial.origin, trial.seed, trial.mode, trial.step]
    return [*known, final_score(trial), trial.cost.seconds]


def _curve(trial: Trial) -> list[list[Any]]:
    """Rows of a trial under `CURVES`; None for what is not finite."""
    numbers = [(point, measures(point)) for point in trial.curve]
    return [[trial.id, p.step, p.fraction, *(known.get(n) for n in CURVES[3:])] for p, known in numbers]
