"""MLflow: one run for the run of luthier, a child run a trial.

Where it goes is MLflow's own business: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME or `mlflow.set_experiment`;
without them its default store and the experiment "luthier". Runs carry the tag `luthier.run`, so that a run that is
resumed or exported again goes on in the runs that are there: nothing is logged twice and nothing is deleted.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from luthier.records import Point, RunRecord, Trial
from luthier.sinks.values import final_score, key, label, measures, results, settings

STATUS = {"finished": "FINISHED", "stopped": "KILLED", "diverged": "FAILED", "failed": "FAILED"}
"""Status of a trial -> of its run; the tag `luthier.status` keeps diverged and failed apart."""
RUN_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
MOST_CHARACTERS = 500
"""Of a parameter: the limit of MLflow's stores."""
PAGE = 1000
MOST_METRICS = 1000
"""In one request: the limit of MLflow's server."""
SEND_S = 2.0


class MLflow:
    """By the client, which keeps no active run: the person's own `mlflow.start_run` is left alone."""

    name = "mlflow"

    def begin(self, run: RunRecord, folder: Path) -> None:
        """The parent run, with its settings."""
        from mlflow import MlflowClient

        self.run, self.folder = run, folder
        self.client = MlflowClient()
        self.experiment = self._experiment()
        self.children: dict[int, str] = {}
        self.logged: dict[int, int] = {}  # trial -> last step that the store has, where it was there before
        self.done: set[int] = set()
        self.noted: dict[str, list[Any]] = {}  # what is sent together: a request takes longer than a report is worth
        self.sent_at = time.monotonic()
        found = self.client.search_runs([self.experiment], f"tags.`luthier.run` = '{key(run)}'", max_results=1)
        if found:
            self.parent = found[0].info.run_id
            self.client.update_run(self.parent, status="RUNNING")
            self._find_children()
            return
        self.parent = self._create(run.name, {"luthier.run": key(run), "luthier.command": run.command})
        plan, facts = run.plan, run.facts
        told: dict[str, Any] = {**run.task, "metric": facts.metric.name if facts else ""}
        if plan is not None:
            told |= {"sampler": plan.sampler, "price": plan.price, "workers": plan.num_workers}
        self._send(self.parent, told)

    def point(self, trial: Trial, point: Point) -> None:
        """Its numbers, by step."""
        if trial.id in self.done or point.step <= self.logged.get(trial.id, -1):
            return
        self._note(self._child(trial), measures(point), point.step)
        if time.monotonic() - self.sent_at > SEND_S:
            for child in list(self.noted):
                self._send(child)
            self.sent_at = time.monotonic()

    def ended(self, trial: Trial) -> None:
        """The final score; the child run ends."""
        if trial.id in self.done:
            return
        child, score = self._child(trial), final_score(trial)
        cost = {"seconds": trial.cost.seconds, "num_parameters": float(trial.cost.num_parameters)}
        self._note(child, cost | ({} if score is None else {"final_score": score}), trial.step)
        self._send(child)
        self.client.set_tag(child, "luthier.status", trial.status)
        if trial.error:
            self.client.set_tag(child, "luthier.error", trial.error)
        self.client.set_terminated(child, STATUS[trial.status])

    def finished(self, run: RunRecord) -> None:
        """The verdict, its figures, and the report as an artifact."""
        self._note(self.parent, {**results(run), "adopted": float(run.adopted)}, 0)
        for noted in list(self.noted):
            self._send(noted)
        for name, words in (("verdict", run.verdict), ("adopted", str(run.adopted)), ("status", run.status)):
            self.client.set_tag(self.parent, f"luthier.{name}", words)
        for file in (self.folder / "report.html", self.folder / "run.json"):
            if file.exists():
                self.client.log_artifact(self.parent, str(file))
        self.client.set_terminated(self.parent, RUN_STATUS.get(run.status, "FINISHED"))

    def close(self) -> None:
        """The client keeps nothing open."""

    # ------------------------------------------------------------------------------------------------ pieces

    def _experiment(self) -> str:
        """The experiment that MLflow's settings name, made if it is not there."""
        if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return number
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "luthier")
        there = self.client.get_experiment_by_name(name)
        return str(there.experiment_id if there else self.client.create_experiment(name))

    def _find_children(self) -> None:
        """The children of a run that is told again, and how far each was told."""
        page: Any = None
        while page is None or page.token:
            page = self.client.search_runs(
                [self.experiment],
                f"tags.`mlflow.parentRunId` = '{self.parent}'",
                max_results=PAGE,
                page_token=page.token if page else None,
            )
            for child in page:
                number = int(child.data.tags["luthier.trial"])
                self.children[number] = child.info.run_id
                if "luthier.status" in child.data.tags:
                    self.done.add(number)
                    continue
                steps = [m.step for name in ("val_loss", "score") for m in self._history(child, name)]
                self.logged[number] = max(steps, default=-1)

    def _history(self, child: Any, name: str) -> Any:
        return self.client.get_metric_history(child.info.run_id, name) if name in child.data.metrics else ()

    def _child(self, trial: Trial) -> str:
        """The run of a trial; a new one begins with the settings."""
        if trial.id not in self.children:
            tags = {
                "mlflow.parentRunId": self.parent,
                "luthier.trial": str(trial.id),
                "luthier.phase": trial.phase,
                "luthier.seed": str(trial.seed),
                "luthier.mode": trial.mode,
                "luthier.origin": trial.origin,
            }
            self.children[trial.id] = self._create(label(trial), tags)
            self._send(self.children[trial.id], settings(self.run, trial))
        return self.children[trial.id]

    def _create(self, name: str, tags: dict[str, str]) -> str:
        made = self.client.create_run(self.experiment, tags=tags, run_name=name)
        return str(made.info.run_id)

    def _note(self, run: str, numbers: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self.noted.setdefault(run, []).extend(Metric(name, value, now, step) for name, value in numbers.items())

    def _send(self, run: str, params: dict[str, Any] | None = None) -> None:
        """What was noted of this run, and its parameters."""
        from mlflow.entities import Param

        metrics = self.noted.pop(run, [])
        words = [Param(name, str(value)[:MOST_CHARACTERS]) for name, value in (params or {}).items()]
        for start in range(0, max(len(metrics), 1), MOST_METRICS):
            self.client.log_batch(run, metrics[start : start + MOST_METRICS], words if start == 0 else ())
