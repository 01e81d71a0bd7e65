"""What a run knows, folded from its journal line by line: the only truth, also after a crash.

Live events and a journal read back go through the same `fold`, so a resumed run stands where the old one
stood. Kinds of lines: run, decision, phase, job, report, snapshot, reached, diverged, failed, dropped, stopped,
moved, lost, evaluated, resumed, end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from luthier.codec import Record, convert
from luthier.errors import RunFolderError
from luthier.records import DONE, Cost, Point, Trial, Used
from luthier.runs.journal import Line


class Job(Record, frozen=True, kw_only=True):
    """One decision of a phase, numbered: start a trial, resume one, look again later, or end the phase.

    `until` is the fraction of the trial's own schedule at which it stops; `new` the trial that it starts.
    """

    phase: str
    number: int
    action: Literal["start", "resume", "wait", "end"]
    trial: int = -1
    until: float = 1.0
    new: Trial | None = None


class Stored(NamedTuple):
    """The newest snapshot of a trial."""

    file: str
    checksum: str
    step: int


@dataclass
class Ledger:
    """The state of a run. `apply` is its only way to change."""

    header: dict[str, Any] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)
    jobs: dict[str, list[Job]] = field(default_factory=dict)  # by phase, in order
    outcomes: dict[tuple[str, int], Trial] = field(default_factory=dict)  # (phase, number) -> trial then
    stored: dict[int, Stored] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    evaluated: dict[str, Any] = field(default_factory=dict)  # "rows/trial" -> event
    lost: dict[int, int] = field(default_factory=dict)  # trial -> times its worker was lost
    widest: dict[str, int] = field(default_factory=dict)  # mode -> P that memory has room for, where less was found
    used: dict[tuple[str, int], Used] = field(default_factory=dict)  # (mode, P) -> what its programs did
    spent: dict[str, float] = field(default_factory=dict)  # seconds of budget by phase
    phase: str = "open"
    t: float = 0.0  # seconds of budget used at the last line
    ended: bool = False

    def apply(self, kind: str, data: dict[str, Any], t: float) -> None:
        """Fold one line, written when `t` seconds of the budget were used."""
        self.spent[self.phase] = self.spent.get(self.phase, 0.0) + t - self.t
        self.t = t
        handler = getattr(self, f"_on_{kind}", None)
        if handler is None:
            raise RunFolderError(f"journal line of kind {kind!r}", must="a kind that this luthier knows",
                                 remedy="Upgrade luthier")  # fmt: skip
        handler(data)

    def replay(self, lines: list[Line]) -> None:
        """Fold a whole journal."""
        for line in lines:
            self.apply(line.kind, line.data, line.t)

    def is_open(self, job: Job) -> bool:
        """Was the job given out, and has no outcome yet?"""
        return job.action in ("start", "resume") and (job.phase, job.number) not in self.outcomes

    def files(self) -> set[str]:
        """Snapshots that somebody may still want: of trials that may go on, and of those asked at the end."""
        return {
            stored.file
            for number, stored in self.stored.items()
            if is_asked(self.trials[number]) or self.trials[number].status not in DONE
        }

    def _on_run(self, data: dict[str, Any]) -> None:
        self.header = data

    def _on_decision(self, data: dict[str, Any]) -> None:
        self.decisions[data["name"]] = data["value"]

    def _on_job(self, data: dict[str, Any]) -> None:
        job = convert(data, Job)
        self.jobs.setdefault(job.phase, []).append(job)
        if job.new is not None:
            self.trials[job.trial] = job.new
        if job.trial >= 0:
            trial = self.trials[job.trial]
            self._change(job.trial, status="running", P=min(trial.P, self.widest.get(trial.mode, trial.P)))

    def _on_report(self, data: dict[str, Any]) -> None:
        trial = self.trials[data["trial"]]
        point = convert(data["point"], Point)
        kept = tuple(p for p in trial.curve if p.fraction < point.fraction - 1e-9)
        self._change(trial.id, curve=(*kept, point), step=point.step)

    def _on_snapshot(self, data: dict[str, Any]) -> None:
        self.stored[data["trial"]] = Stored(data["file"], data["checksum"], data["step"])

    def _on_reached(self, data: dict[str, Any]) -> None:
        trial = self.trials[data["trial"]]
        if data.get("file"):
            self._on_snapshot(data)
        done = data["step"] >= trial.num_steps
        self._close(data, status="finished" if done else "paused", rung=trial.rung + 1)

    def _on_diverged(self, data: dict[str, Any]) -> None:
        self._close(data, status="diverged")

    def _on_failed(self, data: dict[str, Any]) -> None:
        self._close(data, status="failed", error=data["error"])

    def _close(self, data: dict[str, Any], **changes: Any) -> None:
        """A job has its outcome."""
        trial = self.trials[data["trial"]]
        cost = Cost(
            seconds=data.get("seconds", trial.cost.seconds),
            peak_bytes=data.get("peak_bytes", 0),
            num_parameters=data.get("num_parameters", trial.cost.num_parameters),
        )
        self._change(trial.id, step=data.get("step", trial.step), cost=cost, **changes)
        self.outcomes[data["phase"], data["job"]] = self.trials[trial.id]
        if "used" in data:
            self._count(convert(data["used"], Used))

    def _count(self, more: Used) -> None:
        key = (more.mode, more.P)
        so_far = self.used.get(key, Used(mode=more.mode, P=more.P))
        sums = {n: getattr(so_far, n) + getattr(more, n) for n in ("steps", "slot_steps", "refills", "refill_s")}
        self.used[key] = msgspec.structs.replace(so_far, **sums)

    def _on_stopped(self, data: dict[str, Any]) -> None:
        for trial in data["trials"]:
            self._change(trial, status="stopped")

    def _on_dropped(self, data: dict[str, Any]) -> None:
        """A running trial was taken off its worker, in order, with its snapshot."""
        if data.get("file"):
            self._on_snapshot(data)
        self._close(data, status="stopped")

    def _on_moved(self, data: dict[str, Any]) -> None:
        """Trials at work go on in another mode or width; `widest` is for all that start or go on from here on."""
        for trial in data["trials"]:
            self._change(trial, mode=data["mode"], P=data["P"])
        if data.get("widest"):
            self.widest[data["widest"]["mode"]] = data["widest"]["P"]

    def _on_lost(self, data: dict[str, Any]) -> None:
        for trial in data["trials"]:
            self.lost[trial] = self.lost.get(trial, 0) + 1

    def _on_evaluated(self, data: dict[str, Any]) -> None:
        self.evaluated[f"{data['rows']}/{data['trial']}"] = data
        trial = self.trials[data["trial"]]
        self._change(trial.id, cost=msgspec.structs.replace(trial.cost, latency_s=data["latency_s"]))

    def _on_resumed(self, data: dict[str, Any]) -> None:
        """Its time is what counts."""

    def _on_phase(self, data: dict[str, Any]) -> None:
        self.phase = data["phase"]

    def _on_end(self, data: dict[str, Any]) -> None:
        self.ended = True

    def _change(self, trial: int, **changes: Any) -> None:
        self.trials[trial] = msgspec.structs.replace(self.trials[trial], **changes)


def is_asked(trial: Trial) -> bool:
    """Is the trained model asked about rows at the end of the run? The baseline, also of its folds, and the final
    ones are."""
    return trial.id == 0 or trial.phase == "final" or (trial.phase == "noise" and trial.fold_of is not None)
