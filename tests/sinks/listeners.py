"""Sinks that keep what they hear, and such as fail."""

from __future__ import annotations

import threading

from luthier.records import DONE


class Listener:
    """Keeps every call."""

    name = "listener"

    def __init__(self):
        self.run = self.folder = self.verdict = None
        self.points = {}  # trial -> steps, in the order in which they came
        self.ends = []
        self.calls = []

    def begin(self, run, folder):
        self.calls.append("begin")
        self.run, self.folder = run, folder

    def point(self, trial, point):
        self.calls.append("point")
        self.points.setdefault(trial.id, []).append(point)

    def ended(self, trial):
        self.calls.append("ended")
        self.ends.append(trial)

    def finished(self, run):
        self.calls.append("finished")
        self.verdict = run.verdict

    def close(self):
        self.calls.append("close")


class Faulty(Listener):
    """Raises in one of its methods."""

    name = "faulty"

    def __init__(self, method):
        super().__init__()
        self.method = method
        setattr(self, method, self.fall)

    def fall(self, *_told):
        self.calls.append(self.method)
        raise ConnectionError("no answer\nfrom the server")


class Hanging(Listener):
    """Waits for a server that does not answer, until `answer` is set."""

    name = "hanging"

    def __init__(self):
        super().__init__()
        self.answer = threading.Event()

    def point(self, trial, point):
        self.answer.wait(60)


class Forgetful(Listener):
    """A wrong twin: does not hear the first report."""

    def point(self, trial, point):
        if trial.id not in self.points:
            self.points[trial.id] = []
        else:
            super().point(trial, point)


class Hasty(Listener):
    """A wrong twin: hears each end twice."""

    def ended(self, trial):
        super().ended(trial)
        super().ended(trial)


def complaints(heard, record):
    """What a listener heard otherwise than the record has it."""
    found = []
    trials = {trial.id: trial for trial in record.history.trials}
    curves = {number: list(trial.curve) for number, trial in trials.items() if trial.curve}
    if heard.points != curves:
        found.append("points")
    if sorted(t.id for t in heard.ends) != [n for n, t in trials.items() if t.status in DONE]:
        found.append("ends")
    order = [call for call in heard.calls if call not in ("point", "ended")]
    if order != ["begin", "finished", "close"] or heard.calls[0] != "begin":
        found.append("order")
    if heard.verdict != record.verdict:
        found.append("verdict")
    return found
