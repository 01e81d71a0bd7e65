"""Where the work is done: programs of their own beside the driver, or the driver's own process.

An executor starts workers, carries messages to them and events back, and replaces a worker that dies or
hangs. It knows nothing of trials. Ray actors or remote machines would be further executors.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from luthier.data.mapped import cache_folder
from luthier.errors import TrainingFailed
from luthier.heap import KEPT_MEMORY
from luthier.training.group import Event
from luthier.training.session import Session
from luthier.training.worker import THREAD_SETTINGS

Message = dict[str, Any]
START_ALLOWANCE_S = 180.0
MAX_START_FAILURES = 3


class Executor(Protocol):
    """Workers by number. Events come in the order in which each worker sent them."""

    num_workers: int

    def open(self, message: Message) -> None:
        """Start the workers on a task; each answers "opened". Kept and sent again to a replacement."""
        ...

    def send(self, worker: int, message: Message) -> None:
        """Give a worker something to do."""
        ...

    def poll(self, timeout_s: float) -> list[tuple[int, Event]]:
        """What happened since; waits up to `timeout_s` for something to happen. A worker that was lost
        appears as {"event": "lost", "reason": ...}; its replacement opens by itself."""
        ...

    def rest(self, worker: int) -> None:
        """Nothing more is expected of this worker for now: its silence is no sign of trouble."""
        ...

    def forget(self, trials: Sequence[int]) -> None:
        """These trials wait at a rung and are given up: what is held for them beside snapshots can go."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


class InlineExecutor:
    """One worker in this process: for debugging, simulations and models that cannot leave the process."""

    num_workers = 1

    def __init__(self) -> None:
        self.session = Session()
        self.events: deque[Event] = deque()

    def open(self, message: Message) -> None:
        """See Executor."""
        self.session = Session()
        self.events.extend(self.session.handle(_without_path(message)))

    def send(self, worker: int, message: Message) -> None:
        """See Executor."""
        self.events.extend(self.session.handle(message))

    def poll(self, timeout_s: float) -> list[tuple[int, Event]]:
        """See Executor: trains one chunk if nothing else is to be told."""
        if not self.events and self.session.busy():
            self.events.extend(self.session.advance())
        happened = [(0, event) for event in self.events]
        self.events.clear()
        return happened

    def rest(self, worker: int) -> None:
        """See Executor."""

    def forget(self, trials: Sequence[int]) -> None:
        """See Executor."""

    def close(self) -> None:
        """See Executor."""
        self.session = Session()


def _without_path(message: Message) -> Message:
    return {name: value for name, value in message.items() if name != "sys_path"}


def compiled_once() -> dict[str, str]:
    """Settings by which JAX keeps what it has compiled on the disk, for other workers and later runs; what a person
    has set in the environment counts instead."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache_folder() / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }


class _Worker:
    """One worker program and its pipes."""

    def __init__(self, number: int, log: Path, num_threads: int) -> None:
        to_read, self.write_fd = os.pipe()
        self.read_fd, to_write = os.pipe()
        os.set_blocking(self.read_fd, False)
        environment = {
            **compiled_once(),
            **KEPT_MEMORY,
            **os.environ,
            **dict.fromkeys(THREAD_SETTINGS, str(num_threads)),
            "PYTHONUNBUFFERED": "1",
        }
        with log.open("ab") as stream:
            self.program = subprocess.Popen(
                [sys.executable, "-m", "luthier.training.worker", str(to_read), str(to_write)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                pass_fds=(to_read, to_write),
                env=environment,
                start_new_session=True,  # a Ctrl-C at the terminal is the driver's to answer
            )
        os.close(to_read)
        os.close(to_write)
        self.number, self.buffer = number, b""
        self.opened = False
        self.unanswered = 1
        self.heard = time.monotonic()

    def send(self, message: Message) -> None:
        data = msgspec.json.encode(message) + b"\n"
        try:
            while data:
                data = data[os.write(self.write_fd, data) :]
        except BrokenPipeError:
            return  # its end is noticed by the reader

    def read(self) -> tuple[list[Event], bool]:
        """(events, is the pipe closed?)"""
        closed = False
        while True:
            try:
                data = os.read(self.read_fd, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                closed = True
                break
            self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        if lines:
            self.heard = time.monotonic()
        return [msgspec.json.decode(line) for line in lines], closed

    def end(self, kill: bool = True) -> None:
        """End the program and everything that it started."""
        os.close(self.write_fd)
        if not kill:
            try:
                self.program.wait(2.0)
            except subprocess.TimeoutExpired:
                kill = True
        if kill or self.program.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.program.pid, signal.SIGKILL)
            self.program.wait()
        os.close(self.read_fd)


class ProcessExecutor:
    """Worker programs on this machine, one thread each by default.

    Args:
        num_workers: one a core with one thread each beats one with all threads for small models.
        logs: folder for what the workers and the user's code print.
        num_threads: of each worker's arithmetic.
        hang_s: a worker with something to do that says nothing for so long is taken for hung and replaced.
    """

    def __init__(self, num_workers: int, logs: Path, *, num_threads: int = 1, hang_s: float = 300.0) -> None:
        self.num_workers, self.logs, self.num_threads, self.hang_s = num_workers, logs, num_threads, hang_s
        self.workers: dict[int, _Worker] = {}
        self.selector = selectors.DefaultSelector()
        self.open_message: Message = {}
        self.failures = 0
        self.told: deque[tuple[int, Event]] = deque()

    def open(self, message: Message) -> None:
        """See Executor."""
        self.open_message = {**message, "sys_path": [os.getcwd(), *sys.path]}
        for number in range(self.num_workers):
            self._start(number)

    def send(self, worker: int, message: Message) -> None:
        """See Executor."""
        self.workers[worker].unanswered += 1
        self.workers[worker].send(message)

    def poll(self, timeout_s: float) -> list[tuple[int, Event]]:
        """See Executor."""
        ready = self.selector.select(timeout_s)
        for key, _ in ready:
            self._hear(self.workers[key.data])
        for worker in list(self.workers.values()):
            allowed = self.hang_s if worker.opened else max(self.hang_s, START_ALLOWANCE_S)
            if worker.unanswered and time.monotonic() - worker.heard > allowed:
                self._replace(worker, f"said nothing for {allowed:.0f} s")
        happened = list(self.told)
        self.told.clear()
        return happened

    def close(self) -> None:
        """See Executor."""
        for worker in self.workers.values():
            self.selector.unregister(worker.read_fd)
            worker.end(kill=True)
        self.workers = {}

    def rest(self, worker: int) -> None:
        """See Executor."""
        self.workers[worker].unanswered = 0

    def forget(self, trials: Sequence[int]) -> None:
        """See Executor."""

    def _start(self, number: int) -> None:
        worker = _Worker(number, self.logs / f"worker-{number}.log", self.num_threads)
        self.workers[number] = worker
        self.selector.register(worker.read_fd, selectors.EVENT_READ, number)
        worker.send({**self.open_message, "probe": self.open_message.get("probe", False) and number == 0})

    def _hear(self, worker: _Worker) -> None:
        events, closed = worker.read()
        for event in events:
            if event["event"] == "opened":
                worker.opened, self.failures = True, 0
            self.told.append((worker.number, event))
        if closed:
            self._replace(worker, _how_it_ended(worker.program))

    def _replace(self, worker: _Worker, reason: str) -> None:
        self.selector.unregister(worker.read_fd)
        worker.end()
        if not worker.opened:
            self.failures += 1
            if self.failures >= MAX_START_FAILURES:
                del self.workers[worker.number]
                raise TrainingFailed(
                    f"worker {worker.number} {reason} before it was ready, {self.failures} times",
                    remedy=f"Its last words are in {self.logs / f'worker-{worker.number}.log'}: "
                    + _last_words(self.logs / f"worker-{worker.number}.log"),
                )
        self.told.append((worker.number, {"event": "lost", "reason": reason}))
        self._start(worker.number)


def _how_it_ended(program: subprocess.Popen[bytes]) -> str:
    try:
        code = program.wait(2.0)
    except subprocess.TimeoutExpired:
        return "closed its pipe"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"was ended by {name}{hint}"
    return f"ended with exit code {code}"


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "nothing"
