"""Tells sinks of a run without waiting for them.

The driver's thread leaves the newest trials; a thread a sink takes what its sink has not heard yet. A sink that is
slow gets more at a time, a sink that raises is told of no more, and the run waits for neither: only at its end do
sinks get `LAST_S` seconds to say the rest.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from luthier.findings import Finding
from luthier.records import DONE, RunRecord, Trial
from luthier.sinks.spec import Sink

LAST_S = 30.0
"""Seconds that all sinks together get after the end of a run."""


class Teller:
    """Tells one sink what is new: each report once, each end once."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._seen: dict[int, Trial] = {}
        self._steps: dict[int, int] = {}  # the last report of each trial; one that starts again repeats its reports
        self._ended: set[int] = set()

    def tell(self, trials: Iterable[Trial]) -> None:
        """Records are frozen: a trial that is the same object as before has nothing new."""
        for trial in trials:
            if self._seen.get(trial.id) is trial:
                continue
            self._seen[trial.id] = trial
            for point in trial.curve:
                if point.step > self._steps.get(trial.id, -1):
                    self.sink.point(trial, point)
                    self._steps[trial.id] = point.step
            if trial.status in DONE and trial.id not in self._ended:
                self._ended.add(trial.id)
                self.sink.ended(trial)


def replay(run: RunRecord, folder: Path, sink: Sink) -> None:
    """Tell a sink of a whole run, here and now; what it raises is raised."""
    try:
        sink.begin(run, folder)
        Teller(sink).tell(run.history.trials if run.history else ())
        sink.finished(run)
    finally:
        sink.close()


class Stream:
    """Several sinks of one run that goes on. Without sinks it does nothing.

    Args:
        folder: of the run.
        log: file that gets the whole traceback of a sink's fault.
        say: called with one sentence a fault, in the thread of the run.
        last_s: seconds that the sinks get at the end.
    """

    def __init__(
        self,
        sinks: Sequence[Sink] = (),
        folder: Path = Path(),
        *,
        log: Path | None = None,
        say: Callable[[str], None] | None = None,
        last_s: float = LAST_S,
    ) -> None:
        self.folder, self.say, self.last_s = folder, say, last_s
        self._feeds = [_Feed(sink, log) for sink in sinks]
        self._said: set[str] = set()
        self._begun = self._closed = False

    def begin(self, run: RunRecord) -> None:
        """The run has facts and a plan: start to tell of it."""
        self._begun = True
        for feed in self._feeds:
            feed.begin(run, self.folder)

    def see(self, trials: Mapping[int, Trial]) -> None:
        """How things stand; called often, by the thread that changes `trials`."""
        if self._begun and self._feeds:
            now = dict(trials)
            for feed in self._feeds:
                feed.give(now)
            self._tell_faults()

    def close(self, run: RunRecord) -> list[Finding]:
        """Tell the end, wait for the sinks no longer than `last_s`; one finding a fault."""
        if not self._begun or self._closed:
            return []
        self._closed = True
        trials = {trial.id: trial for trial in run.history.trials} if run.history else {}
        for feed in self._feeds:
            feed.end(run, trials)
        deadline = time.monotonic() + self.last_s
        for feed in self._feeds:
            feed.wait(max(deadline - time.monotonic(), 0.0), self.last_s)
        self._tell_faults()
        return [_finding(feed.sink.name, feed.fault, self.folder) for feed in self._feeds if feed.fault]

    def _tell_faults(self) -> None:
        for feed in self._feeds:
            name = feed.sink.name
            if feed.fault and name not in self._said:
                self._said.add(name)
                if self.say is not None:
                    self.say(f"{_sentence(name, feed.fault)} {_remedy(name, self.folder)}.")


class _Feed:
    """One sink and its thread."""

    def __init__(self, sink: Sink, log: Path | None) -> None:
        self.sink, self.log = sink, log
        self.fault = ""
        self._news = threading.Condition()
        self._trials: Mapping[int, Trial] = {}
        self._fresh = False
        self._last: RunRecord | None = None
        # a daemon: a sink that hangs must not keep the program from ending
        self._thread = threading.Thread(target=self._work, name=f"luthier sink {sink.name}", daemon=True)

    def begin(self, run: RunRecord, folder: Path) -> None:
        self._run, self._folder = run, folder
        self._thread.start()

    def give(self, trials: Mapping[int, Trial]) -> None:
        with self._news:
            self._trials, self._fresh = trials, True
            self._news.notify()

    def end(self, run: RunRecord, trials: Mapping[int, Trial]) -> None:
        with self._news:
            self._trials, self._last = trials or self._trials, run
            self._news.notify()

    def wait(self, seconds: float, allowed: float) -> None:
        self._thread.join(seconds)
        if self._thread.is_alive() and not self.fault:
            self.fault = f"it was not done {allowed:g} s after the end of the run"

    def _work(self) -> None:
        try:
            self._tell_all()
        except BaseException as error:  # a tracker may raise anything, and the run goes on
            self._keep(error)
        try:
            self.sink.close()
        except BaseException as error:  # as above
            self._keep(error)

    def _tell_all(self) -> None:
        self.sink.begin(self._run, self._folder)
        teller = Teller(self.sink)
        while True:
            with self._news:
                self._news.wait_for(lambda: self._fresh or self._last is not None)
                trials, last, self._fresh = self._trials, self._last, False
            teller.tell(trials.values())
            if last is not None:
                self.sink.finished(last)
                return

    def _keep(self, error: BaseException) -> None:
        words = " ".join(str(error).split())[:300]
        self.fault = self.fault or f"{type(error).__name__}{': ' * bool(words)}{words}"
        if self.log is not None:
            try:
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(f"sink {self.sink.name}\n{''.join(traceback.format_exception(error))}\n")
            except OSError:
                self.log = None  # the sentence is told all the same


def _sentence(name: str, fault: str) -> str:
    return f"The sink {name} fell out ({fault.rstrip('.')}); the run went on without it."


def _remedy(name: str, folder: Path) -> str:
    return f"The journal has it all: luthier export {folder} --sink {name}"


def _finding(name: str, fault: str, folder: Path) -> Finding:
    return Finding(
        code="RUN002",
        title="a sink that fell out",
        n=1,
        text=_sentence(name, fault),
        remedy=_remedy(name, folder),
        severity="warning",
        certain=True,
    )
