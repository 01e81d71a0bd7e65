"""All processes of a trial: found by a mark in their environment, which every child inherits.

A program may start helpers in sessions of their own (data loaders, launchers), and a helper whose parent has died is
nobody's child. Only the mark finds them all. It is read from /proc, so on Linux; elsewhere the process group is what
is reached.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

MARK = "LUTHIER_TRIAL"
ROUNDS = 50
"""A tree that starts processes faster than they are ended is given up after so many rounds."""


def mark_of(folder: Path, trial: int | None = None) -> str:
    """The mark of a trial, or what the marks of all trials of a run begin with."""
    run = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return f"{run}/" if trial is None else f"{run}/{trial};"


def members(mark: str) -> list[int]:
    """Processes that bear this mark, or one that begins with it. Zombies have none left."""
    if sys.platform != "linux":
        return []
    wanted, found = f"{MARK}={mark}".encode(), []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            with contextlib.suppress(OSError):
                if any(word.startswith(wanted) for word in (place / "environ").read_bytes().split(b"\0")):
                    found.append(int(place.name))
    return found


def tell(mark: str, number: signal.Signals, leader: int | None = None) -> None:
    """A signal to every process of a mark; `leader`: the process group of the one that was started."""
    if leader is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)
    for pid in members(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end(mark: str, leader: int | None = None) -> None:
    """Kill every process of a mark, also those that are started meanwhile."""
    tell(mark, signal.SIGKILL, leader)
    for _ in range(ROUNDS):
        if not members(mark):
            return
        tell(mark, signal.SIGKILL)
        time.sleep(0.01)


def bytes_of(mark: str) -> int:
    """Resident bytes of the processes of a mark; what they share counts once for each."""
    return sum(_status(pid, "VmRSS") for pid in members(mark))


def peak_bytes(pid: int) -> int:
    """The largest resident size that a process had so far; 0 where the system does not tell."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
