"""The trials of a run as the decisions of one phase may see them: outcomes in the order of their jobs."""

from __future__ import annotations

from itertools import takewhile

import msgspec

from luthier.records import Trial
from luthier.training.ledger import Ledger


class View:
    """What a decision may know: each trial as it was when the newest visible job of its ended, and as running where
    a job of its is not visible yet. The jobs of earlier phases are all visible, those of later ones never."""

    def __init__(self, ledger: Ledger, phase: str) -> None:
        self.ledger, self.phase = ledger, phase
        self.jobs = ledger.jobs[phase]
        self.shown: dict[int, Trial] = {}
        for earlier in takewhile(lambda name: name != phase, ledger.jobs):
            for job in ledger.jobs[earlier]:
                if job.trial >= 0:
                    self.shown[job.trial] = ledger.outcomes[job.phase, job.number]
        self.num_started, self.num_seen = 0, 0

    def waits_for(self, number: int) -> bool:
        """Is the outcome of a job up to `number` still missing?"""
        return any(self.ledger.is_open(job) for job in self.jobs[self.num_seen : number + 1])

    def see(self, number: int) -> None:
        """Take in all jobs given out, and the outcomes of those up to `number`."""
        for job in self.jobs[self.num_started :]:
            if job.new is not None:
                self.shown[job.trial] = job.new
        self.num_started = len(self.jobs)
        for job in self.jobs[self.num_seen : max(number + 1, 0)]:
            if job.trial >= 0:
                self.shown[job.trial] = self.ledger.outcomes[job.phase, job.number]
        self.num_seen = max(number + 1, self.num_seen)
        for job in self.jobs[self.num_seen :]:
            if job.trial >= 0:
                self.shown[job.trial] = msgspec.structs.replace(self.shown[job.trial], status="running")

    def trials(self) -> list[Trial]:
        """In the order of their ids."""
        return [self.shown[i] for i in sorted(self.shown)]
