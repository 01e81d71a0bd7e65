"""The program of this folder, forked from a server that has imported what the program and its workers need.

Driver and workers are processes of their own and die of the same signals as those of running.py; all that they are
spared is the import, which is most of a short run. Programs and workers that begin from nothing: test_faults.py.
python -m survival.warm FD MODULES      (requests come over a socket, each with the streams of its program)
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from survival.running import ENVIRONMENT

ALWAYS = (
    "fakes",
    "luthier.training.session",
    "luthier.verbs.tune",
    "luthier.verbs.session",
    "sklearn.datasets",
    "sklearn.metrics",
    "sklearn.model_selection",
    "survival.program",
)
DIGITS = ("torch._dynamo", "luthier.engines.torch", "luthier_tasks.digits")
"""What optimizers import with their first step, and the model."""


class Program:
    """A running program, in the words of subprocess.Popen."""

    def __init__(self, log: Path | None, asked: dict[str, Any]) -> None:
        self.returncode: int | None = None
        self.folder = Path(tempfile.mkdtemp())
        self.streams = (self.folder / "out", log or self.folder / "err")
        self.told, telling = os.pipe()
        modules = ALWAYS if asked["task"].startswith("fake:") else ALWAYS + DIGITS
        with open(self.streams[0], "ab") as out, open(self.streams[1], "ab") as err:
            given = [out.fileno(), err.fileno(), telling]
            socket.send_fds(_server(modules), [json.dumps(asked).encode()], given)
        os.close(telling)
        self.pid = int(self._line())

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self.told, 1)
            assert byte, "the server of the programs has died"
            line += byte
        return line

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        if self.returncode is None and select.select([self.told], [], [], 0)[0]:
            self._end()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """What it said, at its end."""
        if self.returncode is None:
            if not select.select([self.told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("the program", timeout or 0)
            self._end()
        out, err = (path.read_bytes() for path in self.streams)
        shutil.rmtree(self.folder)
        return out, err

    def _end(self) -> None:
        self.returncode = int(self._line())
        os.close(self.told)

    def kill(self) -> None:
        """At once."""
        os.kill(self.pid, signal.SIGKILL)

    def workers(self) -> list[int]:
        """Process numbers of its children."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except FileNotFoundError:
            return []


def start(log: Path, **asked: Any) -> Program:
    """As running.start."""
    return Program(log, asked)


def finish(**asked: Any) -> tuple[int, Any, str]:
    """As running.finish."""
    program = Program(None, asked)
    out, err = program.communicate(300)
    assert program.returncode is not None
    return program.returncode, json.loads(out) if out else None, err.decode()


@cache
def _server(modules: tuple[str, ...]) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = subprocess.Popen(
        [sys.executable, "-m", "survival.warm", str(theirs.fileno()), *modules],
        env=ENVIRONMENT,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    atexit.register(server.kill)
    return ours


# ------------------------------------------------------------------------------------------------ in the server


def _serve(requests: socket.socket, modules: list[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who looks after a program is not waited for
    while True:
        data, streams, _, _ = socket.recv_fds(requests, 1 << 16, 3)
        if not data:
            return
        if not os.fork():
            requests.close()
            _look_after(json.loads(data), *streams)
        for fd in streams:
            os.close(fd)


def _look_after(asked: dict[str, Any], out: int, err: int, telling: int) -> NoReturn:
    """Tells the number of the program's process, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if not pid:
        os.close(telling)
        _program(asked, out, err)
    os.write(telling, f"{pid}\n".encode())
    os.write(telling, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _program(asked: dict[str, Any], out: int, err: int) -> NoReturn:
    from luthier.training import executor
    from survival import program

    code = 0
    try:
        _streams(out, err)
        vars(executor)["subprocess"] = SimpleNamespace(**vars(subprocess) | {"Popen": _Worker})
        program.main(asked)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _streams(out: int, err: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))


class _Worker:
    """A worker program forked from the driver, as far as an executor knows a subprocess.Popen."""

    def __init__(
        self, command: list[str], *, stdout: Any, pass_fds: tuple[int, ...], env: dict[str, str], **more: Any
    ) -> None:
        assert command[1:3] == ["-m", "luthier.training.worker"]
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _work(command[3:], stdout.fileno(), pass_fds, env)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 600.0) -> int:
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("the worker", timeout)
            time.sleep(0.005)
        return code


def _work(words: list[str], log: int, kept: tuple[int, ...], environment: dict[str, str]) -> NoReturn:
    from luthier.training import worker

    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _streams(log, log)
        for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
            if fd > 2 and fd not in kept:  # the lock of the run is the driver's alone
                try:
                    os.close(fd)
                except OSError:  # of the listing itself
                    continue
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["luthier.training.worker", *words]
        worker.main()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
