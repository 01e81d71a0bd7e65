"""How often were these test rows looked at? A second look makes the first one's honesty doubtful: it shows.

One file for all runs of a root, `test_looks.jsonl`: a line a look, only ever appended to. A line that cannot
be read counts as a look at every set of rows: the count may be too high, never too low.
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from luthier.codec import Record
from luthier.runs.folder import folder_errors

FILE = "test_looks.jsonl"


class Look(Record, frozen=True, kw_only=True):
    """One look at the rows with this hash."""

    rows: str
    run: str
    at: str  # ISO 8601, UTC


def record_look(root: Path, rows_hash: str, run: str) -> int:
    """Count one look at the test rows, before it happens; safe for several processes.

    Args:
        root: the folder of runs; is made if need be.
        rows_hash: of the test rows.
        run: who looks. A run that repeats its own look (it was resumed) is counted once, so the word must
            stay the same for one run and differ between runs: name and time of creation, not the name
            alone, which is free again once its folder is deleted.

    Returns:
        How many runs have looked at these rows in this root, this one included.

    Raises:
        RunFolderError: the disk refuses; then the rows must not be looked at.
    """
    path = Path(root) / FILE
    with folder_errors(path, "count the look at the test rows"):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            size = os.fstat(fd).st_size
            data = os.pread(fd, size, 0)
            whole = data.rfind(b"\n") + 1
            if whole < size:  # the half line of a writer that died: its look was never granted
                os.ftruncate(fd, whole)
            looks = [_decode(line) for line in data[:whole].splitlines()]
            runs = {look.run for look in looks if look is not None and look.rows == rows_hash}
            if run not in runs:
                _append(
                    fd,
                    whole,
                    Look(rows=rows_hash, run=run, at=datetime.now(UTC).isoformat(timespec="seconds")),
                )
            return len(runs | {run}) + sum(look is None for look in looks)
        finally:
            os.close(fd)  # gives the lock back too


def _decode(line: bytes) -> Look | None:
    try:
        return msgspec.json.decode(line, type=Look)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _append(fd: int, size: int, look: Look) -> None:
    rest = msgspec.json.encode(look) + b"\n"
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, size)
        raise
