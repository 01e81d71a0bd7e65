"""Deliberately wrong, what the tests of this folder must notice; and workers whose speeds are always the same."""

from luthier.training.executor import InlineExecutor
from luthier.training.view import View


class ArrivalView(View):
    """Shows every outcome that has arrived, whatever its number, and waits for none."""

    def waits_for(self, number):
        lag = len(self.jobs) - number
        at_work = sum(self.ledger.is_open(job) for job in self.jobs)
        nothing_to_do = bool(self.jobs) and self.jobs[-1].action == "wait"
        return at_work >= (1 if nothing_to_do else lag)

    def see(self, number):
        for job in self.jobs:
            if job.trial >= 0:
                outcome = self.ledger.outcomes.get((job.phase, job.number))
                self.shown[job.trial] = outcome or self.ledger.trials[job.trial]


class UnevenExecutor(InlineExecutor):
    """Two workers in this process, of which the second trains a chunk where the first trains four. So what
    arrives when is the same on every machine."""

    num_workers = 2

    def __init__(self):
        self.workers = [InlineExecutor(), InlineExecutor()]
        self.polls = 0

    def open(self, message):
        for worker in self.workers:
            worker.open(message)

    def send(self, worker, message):
        self.workers[worker].send(worker, message)

    def poll(self, timeout_s):
        self.polls += 1
        at_work = self.workers if self.polls % 4 == 0 else self.workers[:1]
        return [(number, event) for number, worker in enumerate(at_work) for _, event in worker.poll(timeout_s)]

    def close(self):
        for worker in self.workers:
            worker.close()
