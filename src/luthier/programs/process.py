"""A running program: started, listened to, held, let go on, ended with all that it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from luthier.errors import InvalidInput
from luthier.programs import tree
from luthier.programs.command import Command, Tail

Said = dict[str, Any]
"""{"said": "report", "step", "of", "metrics", "earlier"}, {"said": "error", "event"} or {"said": "returned"}."""
LINGER_S = 10.0
"""A function that has returned, and whose process does not end, is ended after so many seconds."""


class Start(NamedTuple):
    """What a program is started with.

    Args:
        mark: of its processes. `environment`: besides that of the driver.
        values: what there is for the placeholders of a command, or the config of a function, and seed, device,
        places.
        output: where it prints.
    """

    mark: str
    environment: Mapping[str, str]
    values: Mapping[str, Any]
    output: Path
    resumed: bool

    def spawn(self, words: list[str], **more: Any) -> subprocess.Popen[bytes]:
        """The process, leader of a session of its own."""
        environment = {**os.environ, **self.environment, tree.MARK: self.mark, "PYTHONUNBUFFERED": "1"}
        with self.output.open("ab") as stream:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environment,
                start_new_session=True,
                **more,
            )


class FunctionProcess:
    """A function in a process of its own; it waits within `report` where it may not go on."""

    def __init__(self, start: Start, order: Mapping[str, Any], function: str) -> None:
        to_read, self.write_fd = os.pipe()
        self.read_fd, to_write = os.pipe()
        os.set_blocking(self.read_fd, False)
        words = [sys.executable, "-m", "luthier.programs.child", str(to_read), str(to_write)]
        try:
            self.program = start.spawn(words, pass_fds=(to_read, to_write))
        finally:
            os.close(to_read)
            os.close(to_write)
        self.mark, self.buffer, self.returned = start.mark, b"", 0.0
        self._send({**order, "function": function})

    def _send(self, message: Mapping[str, Any]) -> None:
        data = msgspec.json.encode(message) + b"\n"
        with contextlib.suppress(BrokenPipeError):  # its end is noticed by the reader
            while data:
                data = data[os.write(self.write_fd, data) :]

    def read(self) -> list[Said]:
        """What it said since."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.read_fd, 1 << 16):
                self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        told: list[Said] = [msgspec.json.decode(line) for line in lines]
        if not self.returned and any(said["said"] == "returned" for said in told):
            self.returned = time.monotonic()
        return told

    def is_over(self) -> bool:
        """Has it ended?"""
        late = self.returned and time.monotonic() - self.returned > LINGER_S
        return bool(late) or self.program.poll() is not None

    def how(self) -> str:
        """How it ended, where that was not in order: "" or words."""
        return "" if self.returned else ended_how(self.program.poll())

    def hold(self) -> None:
        """It waits by itself."""

    def go_on(self, until: float | None) -> None:
        """Let it train until this position; None: to its end."""
        self._send({"until": until})

    def end(self) -> None:
        """End it and everything that it has started."""
        tree.end(self.mark, self.program.pid)
        self.program.wait()
        os.close(self.write_fd)
        os.close(self.read_fd)


class CommandProcess:
    """A command; it is stopped by a signal where it may not go on.

    Raises:
        InvalidInput: there is no such program.
    """

    read_fd = -1

    def __init__(self, start: Start, command: Command, *, cwd: Path) -> None:
        words = command.filled(start.values)
        name = command.reading.file.format_map({n: str(v) for n, v in start.values.items()})
        file = cwd / name if name else start.output
        self.tail = Tail(file, command.reading, skip=not name)
        self.earlier = self.tail.read() if name else []  # what a process wrote that this one goes on from
        self.tail.rest = b""
        self.mark, self.held, self.last = start.mark, False, False
        try:
            self.program = start.spawn(words, cwd=cwd)
        except OSError as error:
            what = "there is no such program" if isinstance(error, FileNotFoundError) else str(error)
            raise InvalidInput(
                f"{words[0]!r}: {what}", must="a program that can be started", where="command"
            ) from None

    def read(self) -> list[Said]:
        """What it wrote since."""
        over = self.program.poll() is not None
        lines = self.tail.read(last=over and not self.last)
        self.last = over
        told, self.earlier = [(True, x) for x in self.earlier] + [(False, x) for x in lines], []
        return [
            {"said": "report", "step": x.step, "of": x.of, "metrics": x.metrics, "earlier": earlier}
            for earlier, x in told
        ]

    def is_over(self) -> bool:
        """Has it ended, and is all read that it wrote?"""
        return self.last

    def how(self) -> str:
        """How it ended, where that was not in order: "" or words."""
        return ended_how(self.program.poll())

    def hold(self) -> None:
        """Stop all its processes; they keep their memory."""
        self.held = True
        tree.tell(self.mark, signal.SIGSTOP, self.program.pid)

    def go_on(self, until: float | None) -> None:
        """Let it run on."""
        if self.held:
            tree.tell(self.mark, signal.SIGCONT, self.program.pid)
        self.held = False

    def end(self) -> None:
        """End it and everything that it has started."""
        tree.end(self.mark, self.program.pid)
        self.program.wait()


def ended_how(code: int | None) -> str:
    """The end of a process in words; empty where it ended in order."""
    if code is None or code == 0:
        return ""
    if code < 0:
        name = signal.Signals(-code).name
        return f"was ended by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")
    return f"ended with exit code {code}"
