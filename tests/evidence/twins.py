"""Deliberately wrong protocols: each breaks a promise of test_adoption.py, which must notice."""

from luthier import stats
from luthier.evidence import paired
from luthier.records import Evidence


def reuses_selection_seeds():
    """The final comparison runs on the seeds that chose the winner."""
    honest = paired.Bench.trial

    def trial(self, number, phase, entry):
        if entry.path[0] == "final":
            entry = entry._replace(path=("confirm", entry.path[1] % max(self.plan.num_fresh, 1)))
        return honest(self, number, phase, entry)

    paired.Bench.trial = trial


def never_adopts():
    """Nothing is ever good enough."""
    honest = paired.judge

    def judge(*args, **more) -> Evidence:
        import msgspec

        return msgspec.structs.replace(honest(*args, **more), verdict="not shown")

    paired.judge = judge


def standard_error_as_interval():
    """One standard error to each side is called a 95 % interval."""
    honest = stats.mean_interval

    def mean_interval(values, confidence=0.95):
        return honest(values, 0.65)

    stats.mean_interval = mean_interval


TWINS = {twin.__name__: twin for twin in (reuses_selection_seeds, never_adopts, standard_error_as_interval)}
