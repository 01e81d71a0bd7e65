"""The driver: gives out jobs, journals what comes back, survives the loss of workers and of itself.

A *job* trains one trial until a fraction of its own schedule. The jobs of a phase are numbered, and the
decision on job k sees exactly the outcomes of the jobs up to k - lag, whatever has arrived meanwhile. Hence the
same decisions on one worker or eight, slow or fast, interrupted or not. Every choice that depends on a clock is
journalled (`once`, and the job that ends a phase), and a resumed run takes the journalled answer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from luthier.codec import convert
from luthier.errors import RunFolderError
from luthier.records import Facts, ModeSpeed, Progress, RunPlan, Trial
from luthier.runs.journal import Journal
from luthier.space import structure_of
from luthier.training import modes
from luthier.training.batches import step_at
from luthier.training.executor import Executor
from luthier.training.faults import as_error
from luthier.training.group import Event
from luthier.training.ledger import Job, Ledger, is_asked
from luthier.training.placement import Guest, choose_worker, most_held, next_mode
from luthier.training.progress import Rate, progress_of
from luthier.training.view import View, segments

MAX_ATTEMPTS = 3
"""A trial whose worker is lost so often is given up: it may be what kills them."""
ALONE_AFTER = 2
"""A trial whose worker was lost so often is given to a worker of its own: its neighbours may be innocent."""
MEASURES = ("speed", "mode", "trying", "structural")
"""Events that tell of a measurement."""
POLL_S = 0.2
SHOW_S = 0.25
Source = Callable[[list[Trial], int], Job | None]
"""(trials as the decision may see them, number of the job) -> job, or None: the phase ends here."""


class Driver:
    """Runs phases of jobs on an executor and keeps the ledger.

    Args:
        journal: open for writing; its lines are already folded into `ledger`.
        snapshots: folder of the snapshot files.
        watch: called with a Progress a few times a second.
    """

    def __init__(self, journal: Journal, ledger: Ledger, executor: Executor, snapshots: Path, *,
                 watch: Callable[[Progress], None] | None = None) -> None:  # fmt: skip
        self.journal, self.ledger, self.executor, self.snapshots = journal, ledger, executor, snapshots
        self.watch = watch
        self.before_s, self.began = ledger.t, time.monotonic()
        self.interrupted = False  # set by a signal handler: end the search in order
        self.plan: RunPlan | None = None
        self.ready: set[int] = set()  # workers that have opened the task
        self.pending: deque[Job] = deque()
        self.ending = False  # time is up: a trial that falls off its worker does not begin again
        self.at_work: dict[int, tuple[int, Job]] = {}  # trial -> (worker, job)
        self.questions: deque[Event] = deque()
        self.asked: dict[int, Event] = {}  # worker -> question
        self.opened: Facts | None = None
        self.measuring: int | None = None  # the worker whose speed is measured
        self.measured: list[Event] = []
        self.ladder: tuple[tuple[str, int], ...] = ()  # (mode, P) in which the search may train, the fastest first
        self.rate = Rate()
        self.given: dict[int, float] = {}  # trial -> clock when given out, less its training time until then
        self.beside: deque[float] = deque(maxlen=20)
        self.shown_at = 0.0

    # ------------------------------------------------------------------------------------- time and journal

    def elapsed_s(self) -> float:
        """Seconds of budget used, those before a crash included."""
        return self.before_s + time.monotonic() - self.began

    def beside_s(self) -> float:
        """Seconds that a job takes beside its training (building, snapshots, messages): mean of the last ones."""
        return sum(self.beside) / len(self.beside) if self.beside else 0.0

    def write(self, kind: str, data: Any) -> None:
        """Journal a line, then fold it: what the ledger knows is in the file."""
        line = self.journal.append(kind, data, self.elapsed_s())
        self.ledger.apply(line.kind, line.data, line.t)

    def once(self, name: str, decide: Callable[[], Any]) -> Any:
        """The journalled answer to a question, asked at most once in the life of a run, as plain data."""
        if name not in self.ledger.decisions:
            self.write("decision", {"name": name, "value": decide()})
            self.journal.sync()
        return self.ledger.decisions[name]

    def begin(self, phase: str) -> None:
        """Account the time from here on to `phase`."""
        self.write("phase", {"phase": phase})
        self.journal.sync()
        self.show(force=True)

    # -------------------------------------------------------------------------------------------- opening

    def open(self, message: dict[str, Any]) -> Facts:
        """Start the workers, wait until the first has opened the task, return its facts.

        Raises:
            RunFolderError: the run is resumed, and the data or the model are not what they were.
        """
        self.executor.open({"do": "open", "probe": True, **message})
        while self.opened is None:
            self._poll()
        facts = convert(self.once("facts", lambda: self.opened), Facts)
        for name in ("test_hash", "num_train", "num_parameters", "engine", "mode"):
            now, then = getattr(self.opened, name), getattr(facts, name)
            if now != then:
                raise RunFolderError(f"{name}={now!r}", must=f"{name} == {then!r}, as when the run began",
                                     where="resume", remedy="Start a new run under another name")  # fmt: skip
        return facts

    def measure_speed(self, batch_sizes: list[int]) -> list[Event]:
        """Ask a worker for its training speed at rising batch sizes; what it did not survive is missing."""
        return self._measure({"do": "speed", "batch_sizes": batch_sizes})

    def measure_modes(self, **message: Any) -> tuple[tuple[ModeSpeed, ...], tuple[str, ...]]:
        """Ask a worker which modes take the model and how fast each is; (modes, structural settings).

        Raises:
            InvalidInput: a mode that the engine does not have.
        """
        return modes.told(self._measure({"do": "modes", **message}))

    def _measure(self, message: Event) -> list[Event]:
        self.measured = []
        self.measuring = min(self.ready)
        self.ready.discard(self.measuring)
        self.executor.send(self.measuring, message)
        while self.measuring is not None:
            self._poll()
        return self.measured

    # --------------------------------------------------------------------------------------------- phases

    def run_phase(self, phase: str, source: Source, plan: RunPlan, *, time_is_up: Callable[[], bool]) -> None:
        """Give out the jobs of a phase until its source ends it or time is up, and wait for their outcomes.

        When time is up, trials at work are taken off their workers and count as stopped.
        """
        self.plan = plan
        self.begin(phase.split(maxsplit=1)[0])
        recorded = self.ledger.jobs.setdefault(phase, [])
        view = self._view(phase)
        number = 0
        while True:
            if number == len(recorded):
                self.write("job", self._decide(view, source, number, time_is_up=time_is_up))
            job = recorded[number]
            if job.action == "end":
                break
            if self.ledger.is_open(job):
                self.pending.append(job)
            number += 1
        self._work_while(lambda: bool(self.pending or self.at_work), time_is_up)
        self._drop_all()

    def _view(self, phase: str) -> View:
        """Where workers hold several trials the jobs of more than mean length are seen later, so that few slots wait
        for them."""
        plan = self.plan
        assert plan is not None
        if plan.slots == 1 or not phase.startswith("search"):
            return View(self.ledger, phase)
        parts = segments(plan)
        mean = sum(num * part for num, part in parts) / sum(num for num, _ in parts)
        return View(self.ledger, phase, unit_steps=mean * self.ledger.trials[0].num_steps, lag=plan.lag)

    def _decide(self, view: View, source: Source, number: int, *, time_is_up: Callable[[], bool]) -> Job:
        """The next job, decided when a worker is about to be free and every outcome that counts is there."""
        plan = self.plan
        assert plan is not None
        newest = number - plan.lag
        self._work_while(lambda: bool(self.pending) or view.waits_for(newest), time_is_up)
        job = None
        if not time_is_up():
            view.see(newest)
            job = source(view.trials(), number)
        return job or Job(phase=view.phase, number=number, action="end")

    def _work_while(self, busy: Callable[[], bool], time_is_up: Callable[[], bool]) -> None:
        while busy() and not time_is_up():
            self._poll()

    def _drop_all(self) -> None:
        """Take the trials at work off their workers, and forget the jobs that wait: time is up."""
        self.ending = True
        self._forget_pending()
        for trial, (worker, _) in self.at_work.items():
            self.executor.send(worker, {"do": "drop", "trial": trial})
        while self.at_work:
            self._poll()
            self._forget_pending()
        self.ending = False

    def _forget_pending(self) -> None:
        while self.pending:
            job = self.pending.popleft()
            self.write("dropped", {"trial": job.trial, "phase": job.phase, "job": job.number})

    def stop(self, trials: Iterable[int]) -> None:
        """Give up paused trials and delete their snapshots."""
        numbers = list(trials)
        if numbers:
            self.write("stopped", {"trials": numbers})
            self.executor.forget(numbers)
        for trial in set(numbers) & set(self.ledger.stored):
            self._delete(self.ledger.stored[trial].file)

    def ask_all(self, questions: Iterable[Event]) -> list[Event]:
        """Put "evaluate" messages to whichever worker is free; answers in the order of the questions."""
        asked = list(questions)
        self.questions.extend(q for q in asked if _name(q) not in self.ledger.evaluated)
        while self.questions or self.asked:
            self._poll()
        return [self.ledger.evaluated[_name(q)] for q in asked]

    # ----------------------------------------------------------------------------------------------- work

    def _poll(self) -> None:
        self._assign()
        for worker, event in self.executor.poll(POLL_S):
            self._hear(worker, event)
        self._assign()
        self.show()

    def _assign(self) -> None:
        held: dict[int, list[Guest]] = {worker: [] for worker in sorted(self.ready - set(self.asked))}
        for trial, (worker, _) in self.at_work.items():
            if worker in held:
                held[worker].append(self._guest(trial))
        while self.pending and not self.ending:
            guest = self._guest(self.pending[0].trial)
            chosen = choose_worker(held, guest, self._room(self.pending[0]))
            if chosen is None:
                break
            held[chosen].append(guest)
            self._give(chosen, self.pending.popleft())
        for worker in [w for w, guests in held.items() if not guests]:
            if self.questions:
                self.asked[worker] = self.questions.popleft()
                self.executor.send(worker, self.asked[worker])

    def _guest(self, trial: int) -> Guest:
        assert self.plan is not None
        known = self.ledger.trials[trial]
        alone = self.plan.slots > 1 and self.ledger.lost.get(trial, 0) >= ALONE_AFTER
        return Guest((known.mode, known.P, structure_of(known.config, self.plan.structural)), alone)

    def _room(self, job: Job) -> int:
        """How many trials a worker holds at once: several in the search, one where evidence is made."""
        assert self.plan is not None
        if self.ledger.trials[job.trial].phase not in ("search", "fold"):
            return 1
        return most_held(min(self.plan.slots, self.ledger.widest.get(self.plan.mode, self.plan.slots)))

    def _give(self, worker: int, job: Job) -> None:
        assert self.plan is not None
        trial, stored = self.ledger.trials[job.trial], self.ledger.stored.get(job.trial)
        place: Event = {}
        if stored is not None and (self.snapshots / stored.file).exists():
            place = {"snapshot": stored.file, "checksum": stored.checksum}
        until = step_at(job.until, trial.num_steps, self.plan.num_reports)
        take = until < trial.num_steps or is_asked(trial)
        self.at_work[job.trial] = (worker, job)
        self.given[job.trial] = time.monotonic() - trial.cost.seconds
        put = {"do": "put", "trial": trial.id, "recipe": trial.recipe, "seed": trial.seed,
               "split_seed": trial.split_seed, "num_reports": self.plan.num_reports, "mode": trial.mode, "P": trial.P,
               **place}  # fmt: skip
        self.executor.send(worker, put)
        self.executor.send(worker, {"do": "advance", "trial": trial.id, "until": until, "take": take})

    def _hear(self, worker: int, event: Event) -> None:
        kind, trial = event.pop("event"), event.get("trial")
        if kind == "opened":
            self.ready.add(worker)
            if worker == 0:  # the one that was asked for its speed
                self.opened = self.opened or convert(event["facts"], Facts)
            self.executor.rest(worker)
        elif kind == "lost":
            self._lost(worker, event["reason"])
        elif worker == self.measuring:
            self._of_measuring(worker, kind, event)
        elif kind == "error" and (event["doing"] in ("open", "evaluate") or event["class"] == "RunFolderError"):
            raise as_error(event)
        elif kind == "evaluated" and worker in self.asked:
            del self.asked[worker]
            self.write("evaluated", event)
            self.executor.rest(worker)
        elif kind == "crowded":
            self._move(event["trials"], event["reason"], mode=event["mode"], P=event["P"] // 2, for_all=True)
            self._rest(worker)
        elif kind == "refused":
            assert self.opened is not None
            mode, P = next_mode(self.ladder, event["mode"], self.opened.mode)
            self._move(event["trials"], event["reason"], mode=mode, P=min(P, self.ledger.widest.get(mode, P)))
            self._rest(worker)
        elif trial in self.at_work:
            self._of_trial(trial, kind, event)

    def _of_measuring(self, worker: int, kind: str, event: Event) -> None:
        if kind in MEASURES:
            self.measured.append({"event": kind, **event})
            return
        self.measuring = None  # "measured", or an error: what was told until then counts
        self.ready.add(worker)
        self.executor.rest(worker)
        if kind == "error" and event["doing"] == "modes" and not event["memory"]:
            raise as_error(event)

    def _of_trial(self, trial: int, kind: str, event: Event) -> None:
        worker, job = self.at_work[trial]
        if kind == "at":
            self.rate.count(trial, event["step"])
        elif kind == "report":
            self.write("report", event)
        elif kind in ("snapshot", "reached", "diverged", "dropped", "error"):
            old = self.ledger.stored.get(trial)
            if kind == "error":
                kind, event = "failed", {"trial": trial, "error": str(as_error(event))}
            self.write(kind, {**event, "phase": job.phase, "job": job.number})
            if old is not None and old.file != event.get("file"):
                self._delete(old.file)
            if kind == "reached" and self._room(job) == 1:  # else it waited for its neighbours too
                self.beside.append(time.monotonic() - self.given[trial] - event["seconds"])
            if kind != "snapshot":
                del self.at_work[trial]
                self._rest(worker)

    def _rest(self, worker: int) -> None:
        """Nothing is expected of a worker that holds no trial."""
        if all(w != worker for w, _ in self.at_work.values()):
            self.executor.rest(worker)

    def _move(self, trials: list[int], reason: str, *, mode: str, P: int, for_all: bool = False) -> None:
        """Trials go back to their last snapshots and train on in another mode or width.

        `for_all`: nothing is begun in a larger width of this mode from here on.
        """
        mine = [self.at_work.pop(trial)[1] for trial in trials if trial in self.at_work]
        told, widest = [job.trial for job in mine], {"mode": mode, "P": P} if for_all else None
        self.write("moved", {"trials": told, "mode": mode, "P": P, "reason": reason, "widest": widest})
        self.pending.extendleft(sorted(mine, key=lambda job: -job.number))

    def _lost(self, worker: int, reason: str) -> None:
        """A worker is gone, and a new one starts by itself: its trials go back to their last snapshots."""
        self.ready.discard(worker)
        if worker == self.measuring:
            self.measuring = None
            self.measured.append({"event": "lost", "reason": reason})
        if worker in self.asked:
            self.questions.appendleft(self.asked.pop(worker))
        mine = [job for w, job in self.at_work.values() if w == worker]
        self.write("lost", {"worker": worker, "trials": [job.trial for job in mine], "reason": reason})
        again = [self.ledger.trials[job.trial] for job in mine if self.ledger.lost[job.trial] == ALONE_AFTER]
        twice = [t for t in again if "SIGKILL" in reason and t.P > 1]
        if twice:  # what Linux does when memory is short
            self._move([t.id for t in twice], reason, mode=twice[0].mode, P=twice[0].P // 2, for_all=True)
        for job in sorted((job for job in mine if job.trial in self.at_work), key=lambda job: -job.number):
            del self.at_work[job.trial]
            if self.ledger.lost[job.trial] >= MAX_ATTEMPTS:
                self.write("failed", {"trial": job.trial, "phase": job.phase, "job": job.number,
                                      "error": f"its worker {reason}, {MAX_ATTEMPTS} times"})  # fmt: skip
            else:
                self.pending.appendleft(job)

    def _delete(self, file: str) -> None:
        (self.snapshots / file).unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------- progress

    def show(self, *, force: bool = False) -> None:
        """Tell the watcher where the run stands."""
        now = time.monotonic()
        if self.watch is None or (not force and now - self.shown_at < SHOW_S):
            return
        self.shown_at = now
        metric, rate = self.opened.metric if self.opened else None, self.rate.per_s()
        running, elapsed_s = len(self.at_work), self.elapsed_s()
        self.watch(
            progress_of(
                self.ledger, metric=metric, plan=self.plan, elapsed_s=elapsed_s, running=running, steps_per_s=rate
            )
        )


def _name(question: Event) -> str:
    return f"{question['rows']}/{question['trial']}"
