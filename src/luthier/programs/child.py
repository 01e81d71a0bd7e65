"""The program in which a function trains: `python -m luthier.programs.child IN OUT`.

The order comes in on file descriptor IN: a JSON object that holds the function too; later lines say how far the
training may go. Reports go out on OUT (docs/protocol.md, "Programs"). What the function prints goes to the trial's
output.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from luthier.programs.store import Report, keep
from luthier.programs.trial import RunningTrial

CLOSE = 1e-6
"""Positions are whole numbers of reports, or fractions of them."""


class Link:
    """The two pipes, and how far the training may go before it waits."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self.fd_out = fd_out
        self.lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(fd_in,), daemon=True).start()
        self.order = self.lines.get()
        self.count, self.last = self.order["num_known"], self.order["last_step"]
        self.until, self.began = self.order["until"], self.order["began"]  # the start of this process is paid for too

    def _read(self, fd: int) -> None:
        """Lines from the driver; its end is ours, and that of all processes of our group."""
        with os.fdopen(fd, "rb") as stream:
            for line in stream:
                self.lines.put(msgspec.json.decode(line))
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def send(self, **said: Any) -> None:
        """One line to the driver."""
        data = msgspec.json.encode(said) + b"\n"
        while data:
            data = data[os.write(self.fd_out, data) :]

    def report(self, step: float, of: float | None, metrics: dict[str, float]) -> None:
        """Keep a report and pass it on, and wait where the trial is to pause."""
        report = Report.of_numbers(step, of, metrics, self.order["base_s"] + time.monotonic() - self.began)
        if self.order["metric"] not in metrics:
            self.send(said="report", step=step, of=of, metrics=report.metrics)
            return
        if self.last is None or step > self.last:
            keep(Path(self.order["file"]), report)
            self.count, self.last = self.count + 1, step
        self.send(said="report", step=step, of=of, metrics=report.metrics, seconds=report.seconds)
        self._wait(step / of * self.order["num_steps"] if of else self.count)

    def _wait(self, position: float) -> None:
        waits_from = time.monotonic()
        while self.until is not None and position >= self.until - CLOSE:
            self.until = self.lines.get()["until"]
        self.began += time.monotonic() - waits_from  # waiting is no training


def main() -> None:
    """Train as ordered."""
    link = Link(int(sys.argv[1]), int(sys.argv[2]))
    order = link.order
    sys.path[:0] = [path for path in order["sys_path"] if path not in sys.path]
    try:
        from luthier.training.packing import unpacked

        function = unpacked(order.pop("function"))
        trial = RunningTrial(
            order["config"],
            seed=order["seed"],
            device=order["device"],
            checkpoint_dir=order["checkpoint_dir"],
            resumed=order["resumed"],
            tell=link.report,
        )
        function(trial, **{name: trial.config[name] for name in order["arguments"] if name in trial.config})
    except BaseException as error:  # whatever the person's code raises is the trial's result
        _failed(link, error)
    link.send(said="returned")


def _failed(link: Link, error: BaseException) -> NoReturn:
    if isinstance(error, SystemExit) and not error.code:
        link.send(said="returned")
        sys.exit(0)
    from luthier.training.faults import error_event

    known = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
    known = known.with_traceback(error.__traceback__)
    link.send(said="error", event=error_event(known, doing="train", trial=None))
    sys.exit(1)


if __name__ == "__main__":
    main()
