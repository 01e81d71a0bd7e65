"""Places for programs: an executor of the driver's own process, with a process for each trial.

It answers the messages of docs/protocol.md as a worker does. What waits at a rung is parked: its process stays,
holds its memory and goes on at once. Where there are too many, the one that has waited longest is ended, and its
trial goes on later from `checkpoint_dir`, or begins again.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luthier.errors import LuthierError
from luthier.programs import faults, tree
from luthier.programs.attempt import Attempt, Course
from luthier.programs.command import Command
from luthier.programs.devices import visible_devices
from luthier.programs.facts import facts_of
from luthier.programs.process import CommandProcess, FunctionProcess, Start
from luthier.programs.program import Program
from luthier.programs.store import TrialFolder
from luthier.recipe import Recipe
from luthier.records import Facts
from luthier.runs.folder import RunFolder
from luthier.training.faults import as_error, parts
from luthier.training.group import Event
from luthier.training.memory import available_bytes
from luthier.training.packing import packed
from luthier.training.worker import THREAD_SETTINGS

Message = dict[str, Any]
LISTEN_S = 0.05
"""Files and ends of processes are looked at so often."""
PARKED_SHARE = 0.5
"""Of the memory that is free, so much may be held by what waits."""


class ProgramExecutor:
    """Runs trials of a program, `num_workers` at a time.

    Args:
        folder: of the run.
        first_seed: of trial 0. Its run is made first: how long it is says how trials are compared.
        known: facts of an earlier process of this run; then nothing is run to find them.
        budget_s: seconds after which the first run is given up.
    """

    def __init__(
        self,
        program: Program,
        folder: RunFolder,
        num_workers: int,
        *,
        first_seed: int,
        known: Facts | None = None,
        budget_s: float | None = None,
    ) -> None:
        self.program, self.folder, self.num_workers = program, folder, num_workers
        self.first_seed, self.facts, self.budget_s = first_seed, known, budget_s
        self.attempts: dict[int, Attempt] = {}
        self.parked: list[int] = []  # trials, the longest wait first
        self.events: deque[tuple[int, Event]] = deque()
        self.selector = selectors.DefaultSelector()
        self.devices = visible_devices()
        self.first: Attempt | None = None
        self.function = ""
        self.path: list[str] = []
        self.keeper: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------------------------------------- the protocol

    def open(self, message: Message) -> None:
        """See Executor. What an earlier driver of this run left running is ended."""
        run = tree.mark_of(self.folder.path)
        tree.end(run)
        words = [sys.executable, "-m", "luthier.programs.keeper", run]
        self.keeper = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
        self.path = [os.getcwd(), *sys.path]
        if not isinstance(self.program.what, Command):
            self.function = packed(self.program.what)
        if self.facts is not None:
            self._opened()
            return
        self.first = self._attempt(0, self.program.settings, self.first_seed, Course(self.program.metric.name, 0, 0))
        if self.first.folder.finished:
            self._first_is_over(self.first)
        else:
            self._run(self.first)

    def send(self, worker: int, message: Message) -> None:
        """See Executor."""
        getattr(self, f"_{message['do']}")(worker, message)

    def poll(self, timeout_s: float) -> list[tuple[int, Event]]:
        """See Executor."""
        until = time.monotonic() + timeout_s
        while not self.events:
            self._listen()
            left = until - time.monotonic()
            if self.events or left <= 0:
                break
            self.selector.select(min(left, LISTEN_S))
        happened = list(self.events)
        self.events.clear()
        return happened

    def rest(self, worker: int) -> None:
        """See Executor: the silence of a program is no sign of trouble, its time limit is."""

    def forget(self, trials: Sequence[int]) -> None:
        """See Executor."""
        for trial in trials:
            if trial in self.attempts:
                self._remove(self.attempts[trial])

    def close(self) -> None:
        """See Executor."""
        for attempt in [*self.attempts.values(), *([self.first] if self.first else [])]:
            self._end(attempt)
        if self.keeper is not None:
            assert self.keeper.stdin is not None
            self.keeper.stdin.close()
            self.keeper.wait()
            self.keeper = None

    def _put(self, worker: int, message: Message) -> None:
        trial = message["trial"]
        recipe = message["recipe"]
        assert isinstance(recipe, Recipe)
        if trial not in self.attempts:
            course = Course(self.program.metric.name, recipe.steps or 1, message["num_reports"])
            self.attempts[trial] = self._attempt(trial, recipe.model, message["seed"], course)
        attempt = self.attempts[trial]
        attempt.worker = worker
        self._say(attempt, event="put", step=attempt.step, num_steps=attempt.course.num_steps)

    def _advance(self, worker: int, message: Message) -> None:
        attempt = self.attempts[message["trial"]]
        attempt.until, attempt.take = message["until"], message["take"]
        if attempt.trial in self.parked:
            self.parked.remove(attempt.trial)
        self._tell(attempt)
        if attempt.worker is not None:  # its job is not done by what is known
            self._run(attempt)

    def _drop(self, worker: int, message: Message) -> None:
        attempt = self.attempts[message["trial"]]
        self._say(attempt, event="dropped", step=attempt.step, seconds=attempt.seconds(), used=self._used(attempt))
        self._remove(attempt)

    # ------------------------------------------------------------------------------------------- processes

    def _attempt(self, trial: int, settings: dict[str, Any], seed: int, course: Course) -> Attempt:
        folder = TrialFolder(self.folder.trials / f"{trial:05d}")
        folder.open({"config": self.program.config(settings), "seed": seed})
        return Attempt(trial, folder, course, settings={**self.program.settings, **settings}, seed=seed)

    def _run(self, attempt: Attempt) -> None:
        """Let the program of a trial train on; start it where none waits."""
        until = attempt.until if 0 < attempt.until < attempt.course.num_steps else None
        attempt.start_clock()
        if attempt.process is None:
            try:
                self._start(attempt, until)
            except LuthierError as error:
                self._fail(attempt, error)
        else:
            self._listen_to(attempt.process)
            attempt.process.go_on(until)

    def _listen_to(self, process: FunctionProcess | CommandProcess) -> None:
        if process.read_fd >= 0:
            self.selector.register(process.read_fd, selectors.EVENT_READ)

    def _unlisten(self, process: FunctionProcess | CommandProcess) -> None:
        """What waits, or is ended, must not wake us."""
        if process.read_fd >= 0 and process.read_fd in self.selector.get_map():
            self.selector.unregister(process.read_fd)

    def _start(self, attempt: Attempt, until: int | None) -> None:
        folder = attempt.folder
        attempt.resumed, attempt.last_step = folder.prepare(), None
        attempt.device = self._device()
        threads = str(max(1, len(os.sched_getaffinity(0)) // self.num_workers)) if self._is_linux() else "1"
        places = {
            "seed": attempt.seed,
            "device": attempt.device,
            "dir": str(folder.files.resolve()),
            "checkpoint_dir": str(folder.checkpoint.resolve()),
        }
        start = Start(
            tree.mark_of(self.folder.path, attempt.trial),
            dict.fromkeys(THREAD_SETTINGS, threads),
            {**attempt.settings, **places},
            folder.output,
            attempt.resumed,
        )
        what = self.program.what
        if isinstance(what, Command):
            attempt.process = CommandProcess(start, what, cwd=Path.cwd())
            return
        order = {
            **places,
            "config": self.program.config(attempt.settings),
            "arguments": self.program.arguments(),
            "resumed": attempt.resumed,
            "sys_path": self.path,
            "metric": attempt.course.metric,
            "num_known": len(folder.known),
            "file": str(folder.file.resolve()),
            "base_s": attempt.base_s,
            "began": time.monotonic(),
            "last_step": folder.known[-1].step if folder.known else None,
            "num_steps": attempt.course.num_steps,
            "until": until,
        }
        attempt.process = FunctionProcess(start, order, self.function)
        self._listen_to(attempt.process)

    def _is_linux(self) -> bool:
        return hasattr(os, "sched_getaffinity")

    def _device(self) -> str:
        """The device that the fewest processes use."""
        if not self.devices:
            return "cpu"
        used = [a.device for a in self.attempts.values() if a.process is not None]
        return min(self.devices, key=lambda device: (used.count(device), self.devices.index(device)))

    def _end(self, attempt: Attempt) -> None:
        """End what runs for a trial."""
        if attempt.process is not None:
            attempt.stop_clock()
            self._unlisten(attempt.process)
            attempt.process.end()
            attempt.process = None

    def _remove(self, attempt: Attempt, *, keep: bool = False) -> None:
        """Nothing more is done for a trial."""
        self._end(attempt)
        attempt.worker = None
        self.attempts.pop(attempt.trial, None)
        if attempt.trial in self.parked:
            self.parked.remove(attempt.trial)
        if not keep:
            attempt.folder.clear_checkpoint()

    def _park(self, attempt: Attempt) -> None:
        attempt.worker = None
        attempt.stop_clock()
        if attempt.process is not None:
            self._unlisten(attempt.process)
            attempt.process.hold()
            self.parked.append(attempt.trial)
        while self.parked and self._is_crowded():
            self._end(self.attempts[self.parked.pop(0)])

    def _is_crowded(self) -> bool:
        if self.program.parked is not None:
            return len(self.parked) > self.program.parked
        free = available_bytes()
        held = sum(tree.bytes_of(tree.mark_of(self.folder.path, trial)) for trial in self.parked)
        return free is not None and held > PARKED_SHARE * (free + held)

    # ------------------------------------------------------------------------------------------- listening

    def _listen(self) -> None:
        """Take in what the programs said since."""
        for attempt in [*self.attempts.values(), *([self.first] if self.first else [])]:
            if attempt.process is not None and attempt.trial not in self.parked:
                self._hear(attempt, attempt.process)
                self._watch_time(attempt)

    def _hear(self, attempt: Attempt, process: FunctionProcess | CommandProcess) -> None:
        over = process.is_over()
        attempt.peak_bytes = max(attempt.peak_bytes, tree.peak_bytes(process.program.pid))
        for said in process.read():
            if said["said"] == "error":
                if not self._begin_again(attempt):
                    self._fail(attempt, as_error(said["event"]))
                return
            wrong = attempt.hear(said) if said["said"] == "report" else ""
            if wrong:
                self._fail(attempt, faults.backwards(wrong))
                return
        how = process.how() if over else ""
        if how:
            self._died(attempt, how)
            return
        if over and not attempt.folder.known:
            self._fail(attempt, faults.silent(self.program, attempt))
            return
        if over and not attempt.folder.finished:
            attempt.folder.end()
        if attempt is self.first:
            self._hear_first(attempt)
        else:
            self._tell(attempt)

    def _tell(self, attempt: Attempt) -> None:
        """Pass on what is known, and end the job where it is done."""
        for event in attempt.tell():
            if event["event"] == "diverged":
                self._say(attempt, event="diverged", step=attempt.step, **self._cost(attempt))
                self._remove(attempt)
                return
            self.events.append((attempt.worker or 0, event))
        if attempt.is_there():
            self._say(attempt, event="reached", step=attempt.step, **self._cost(attempt))
            self._park(attempt)
        elif attempt.folder.finished:
            self.events.extend((attempt.worker or 0, event) for event in attempt.close())
            self._say(attempt, event="reached", step=attempt.course.num_steps, **self._cost(attempt))
            self._remove(attempt, keep=attempt.take)

    def _cost(self, attempt: Attempt) -> Event:
        return {
            "seconds": attempt.seconds(),
            "num_parameters": 0,
            "peak_bytes": attempt.peak_bytes,
            "used": self._used(attempt),
        }

    def _used(self, attempt: Attempt) -> Event:
        """Reports since this was asked last."""
        new, attempt.told_steps = attempt.num_told - attempt.told_steps, attempt.num_told
        return {"mode": "program", "P": 1, "steps": new, "slot_steps": new, "refills": 0, "refill_s": 0.0}

    def _say(self, attempt: Attempt, **event: Any) -> None:
        self.events.append((attempt.worker or 0, {"trial": attempt.trial, **event}))

    def _watch_time(self, attempt: Attempt) -> None:
        limit, seconds = self.program.time_limit_s, attempt.seconds()
        if limit is not None and attempt.process is not None and seconds > limit and attempt.trial not in self.parked:
            self._fail(attempt, faults.too_long(attempt, limit))
        elif attempt is self.first and self.budget_s is not None and seconds > self.budget_s:
            self._fail(attempt, faults.over_budget(attempt, self.budget_s))

    def _begin_again(self, attempt: Attempt) -> bool:
        """A process that ends by a fault before it has said anything could not go on from its checkpoint, which
        may be half of one: it is ended at any moment. Then the trial begins again, once."""
        if not attempt.resumed or attempt.last_step is not None:
            return False
        self._end(attempt)
        attempt.folder.clear_checkpoint()
        self._run(attempt)
        return True

    def _fail(self, attempt: Attempt, error: LuthierError) -> None:
        doing = "open" if attempt is self.first else "train"
        self._say(attempt, event="error", doing=doing, memory=False, peak_bytes=attempt.peak_bytes, **parts(error))
        self._remove(attempt)
        if attempt is self.first:
            self.first = None

    def _died(self, attempt: Attempt, how: str) -> None:
        """A program that was killed is begun again, as that of a worker is; whatever else ends it is its own
        fault."""
        if "SIGKILL" not in how or attempt is self.first:
            if self._begin_again(attempt):
                return
            self._fail(attempt, faults.died(attempt, how))
            return
        worker = attempt.worker or 0
        self._end(attempt)
        self.attempts.pop(attempt.trial)
        self.events.append((worker, {"event": "lost", "reason": how}))
        self.events.append((worker, {"event": "opened", "facts": self.facts}))

    # ------------------------------------------------------------------------------------------- the first run

    def _hear_first(self, attempt: Attempt) -> None:
        """The baseline's first run; a metric that is no number ends it."""
        report = attempt.folder.known[-1] if attempt.folder.known else None
        name = attempt.course.metric
        if report is not None and faults.is_bad(report.number(name)):
            self._fail(attempt, faults.diverged(name, report))
        elif attempt.folder.finished:
            self._first_is_over(attempt)

    def _first_is_over(self, attempt: Attempt) -> None:
        self._end(attempt)
        self.first = None
        self.facts = facts_of(self.program, attempt.folder, self.devices)
        self._opened()

    def _opened(self) -> None:
        for worker in range(self.num_workers):
            self.events.append((worker, {"event": "opened", "facts": self.facts}))
