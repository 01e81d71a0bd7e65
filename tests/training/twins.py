"""Deliberately wrong: what the tests of this folder must notice."""

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
