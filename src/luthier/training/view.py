"""The trials of a run as the decisions of one phase may see them: outcomes in the order of their jobs."""

from __future__ import annotations

import math
from itertools import pairwise, takewhile

import msgspec

from luthier.records import RunPlan, Trial
from luthier.training.ledger import Job, Ledger

LATE = 0.3
"""How much later a long job is seen for its length: at 1 hardly a slot ever waits for it, at 0 many do. On modelled
learning curves a search at 0.3 made a tenth fewer trainings than at 1 and found more, as what long jobs tell steers
the rest (benchmarks/README.md, "Does it cost quality to train side by side?")."""


def segments(plan: RunPlan) -> list[tuple[float, float]]:
    """(part of the trials that train so far, part of a schedule from the rung before): one in eta goes on."""
    return [(plan.eta**-i, b - a) for i, (a, b) in enumerate(pairwise((0.0, *plan.rungs)))]


class View:
    """What a decision may know: each trial as it was when the newest visible job of its ended, and as running where
    a job of its is not visible yet. The jobs of earlier phases are all visible, those of later ones never.

    Args:
        unit_steps: where a job has k times as many steps as this, it becomes visible 1 + LATE (k - 1) times as late
            as others: a long job must not hold up all decisions for which the outcomes of many short ones suffice.
            None: all alike.
        lag: a job of `unit_steps` is visible to the decisions that come so many numbers later, or more.
    """

    def __init__(self, ledger: Ledger, phase: str, *, unit_steps: float | None = None, lag: int = 0) -> None:
        self.ledger, self.phase, self.unit_steps, self.lag = ledger, phase, unit_steps, lag
        self.jobs = ledger.jobs[phase]
        self.shown: dict[int, Trial] = {}
        self.until: dict[int, float] = {}  # trial -> where its newest job ends, as a fraction of its schedule
        for earlier in takewhile(lambda name: name != phase, ledger.jobs):
            for job in ledger.jobs[earlier]:
                if job.trial >= 0:
                    self.shown[job.trial] = ledger.outcomes[job.phase, job.number]
                    self.until[job.trial] = job.until
        self.num_known = 0
        self.unseen: list[tuple[Job, int]] = []  # (job, from which number on it is visible)

    def waits_for(self, number: int) -> bool:
        """Is an outcome still missing that is visible at this number?"""
        self._learn()
        return any(due <= number and self.ledger.is_open(job) for job, due in self.unseen)

    def see(self, number: int) -> None:
        """Take in all jobs given out, and the outcomes that are visible at this number."""
        self._learn()
        for job, due in self.unseen:
            if due <= number and job.trial >= 0:
                self.shown[job.trial] = self.ledger.outcomes[job.phase, job.number]
        self.unseen = [(job, due) for job, due in self.unseen if due > number]
        for job, _ in self.unseen:
            if job.trial >= 0:
                self.shown[job.trial] = msgspec.structs.replace(self.shown[job.trial], status="running")

    def _learn(self) -> None:
        for job in self.jobs[self.num_known :]:
            if job.new is not None:
                self.shown[job.trial] = job.new
            self.unseen.append((job, job.number + self._later(job)))
        self.num_known = len(self.jobs)

    def _later(self, job: Job) -> int:
        """How many numbers later than a job of `unit_steps` it is visible."""
        if self.unit_steps is None or job.trial < 0:
            return 0
        part = job.until - self.until.get(job.trial, 0.0)
        self.until[job.trial] = job.until
        units = part * self.ledger.trials[job.trial].num_steps / self.unit_steps
        return math.ceil(LATE * self.lag * max(units - 1.0, 0.0) - 1e-9)

    def trials(self) -> list[Trial]:
        """In the order of their ids."""
        return [self.shown[i] for i in sorted(self.shown)]
