"""One process works on a run at a time: `flock` on the file `lock` of its folder.

The kernel gives the lock back when its owner dies, however it dies. No child may keep it alive: the file is
closed on exec, and in a child of a plain fork at once (flock belongs to the open file, which a fork shares).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import weakref
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec

from luthier.codec import Record
from luthier.errors import RunFolderError
from luthier.runs.folder import folder_errors


class Holder(Record, frozen=True, kw_only=True):
    """Who holds the lock, written into the lock file for those who come second."""

    pid: int
    host: str
    since: str  # ISO 8601, UTC


class Lock:
    """Exclusive use of a run's folder: a context manager, or `acquire` and `release`."""

    def __init__(self, folder: Path | str) -> None:
        self.path = Path(folder) / "lock"
        self._fd = -1

    def acquire(self) -> Lock:
        """Take the lock or refuse at once; the same process may not take it twice either.

        Raises:
            RunFolderError: somebody works on the run, with the pid and since when; or the disk refuses.
        """
        if self._fd >= 0:
            raise self._refusal(_read_holder(self._fd))
        with folder_errors(self.path, "lock the run"):
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise self._refusal(_read_holder(fd)) from None
                now = datetime.now(UTC).isoformat(timespec="seconds")
                os.ftruncate(fd, 0)
                os.pwrite(fd, msgspec.json.encode(Holder(pid=os.getpid(), host=socket.gethostname(), since=now)), 0)
            except BaseException:
                os.close(fd)
                raise
        self._fd = fd
        _held.add(self)
        return self

    def release(self) -> None:
        """Give the lock back; a second call does nothing. The file stays: deleting it would let two in."""
        fd, self._fd = self._fd, -1
        _held.discard(self)
        if fd >= 0:
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)

    def forget(self) -> None:
        """Close the file without giving the lock back: in a forked child, whose parent holds it on."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _refusal(self, holder: Holder | None) -> RunFolderError:
        if holder is None:
            who = "another process"
        elif holder.pid == os.getpid() and holder.host == socket.gethostname():
            who = f"this process itself ({holder.pid}) since {holder.since}"
        else:
            who = f"process {holder.pid} on {holder.host} since {holder.since}"
        return RunFolderError(
            f"run {self.path.parent.name!r} is being worked on by {who}",
            where=str(self.path.parent),
            remedy="Wait for it or stop it, or choose another --name",
        )

    def __enter__(self) -> Lock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in list(_held):
        lock.forget()
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


def _read_holder(fd: int) -> Holder | None:
    """What the lock file says; None in the instant between the lock and its words."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(os.pread(fd, 4096, 0), type=Holder)
    return None
