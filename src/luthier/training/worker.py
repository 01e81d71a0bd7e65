"""The worker program: `python -m luthier.training.worker IN OUT`, a session behind two pipes.

Messages come in on file descriptor IN and events go out on OUT, one JSON object a line (docs/protocol.md).
Whatever the user's code prints goes to the log. The program ends when its driver ends: the pipe closes, and
on Linux the kernel kills it too, in case it hangs in code that never returns to Python.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterable
from typing import Any

import msgspec

PROTOCOL = 1
THREAD_SETTINGS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def main() -> None:
    """Read messages and train until the pipe closes."""
    fd_in, fd_out = int(sys.argv[1]), int(sys.argv[2])
    _die_with_driver()
    messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(fd_in, messages), daemon=True).start()
    first = messages.get()
    sys.path[:0] = [path for path in first.pop("sys_path", []) if path not in sys.path]

    from luthier.training.session import Session

    session = Session()
    _send(fd_out, [{"event": "ready", "pid": os.getpid(), "protocol": PROTOCOL}])
    _send(fd_out, session.handle(first))
    while True:
        while not session.busy() or not messages.empty():
            _send(fd_out, session.handle(messages.get()))
        _send(fd_out, session.advance())


def _read(fd: int, messages: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Lines from the driver; its end is ours, at once, whatever the main thread does."""
    with os.fdopen(fd, "rb") as stream:
        for line in stream:
            message = msgspec.json.decode(line)
            if message["do"] == "close":
                break
            messages.put(message)
    os._exit(0)


def _send(fd: int, events: Iterable[Any]) -> None:
    for event in events:
        data = msgspec.json.encode(event) + b"\n"
        while data:
            data = data[os.write(fd, data) :]


def _die_with_driver() -> None:
    """Ask the Linux kernel for SIGKILL when the driver dies."""
    if sys.platform != "linux":
        return
    import ctypes
    import signal

    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
