"""The journal: a run's only truth, JSON lines with a checksum a line.

    {"c":"9a3e01f7","n":17,"t":12.345,"k":"report","d":{...}}

c: CRC-32 of the bytes after `"c":"........",` up to the closing brace, 8 hex digits; n: number of the line,
from 0; t: seconds of budget used so far; k: kind; d: data. One `write(2)` a line to a file opened with
O_APPEND, so a process that is killed loses no acknowledged line; `sync` guards against a loss of power.

What a crash can leave is a piece of the last line, without its end: a torn tail. Readers ignore it, `open`
cuts it off. Damage before the last line is no work of a crash and is refused. JSON text holds no raw newline,
so newline + `{"c":"` marks the start of a line even where bytes around it are damaged.
"""

from __future__ import annotations

import contextlib
import math
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec
import numpy as np

from luthier.errors import InvalidInput, RunFolderError
from luthier.runs.folder import explained, folder_errors, sync_folder

_HEAD = b'{"c":"'
_PREFIX = len(b'{"c":"00000000",')  # the checksum covers what follows


class Line(NamedTuple):
    """One event. Data is plain (as JSON gives it back: `luthier.codec.convert` makes records of it)."""

    number: int
    t: float
    kind: str
    data: Any


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    c: str
    n: int
    t: float
    k: str
    d: Any


def _plain(value: Any) -> Any:
    """numpy numbers as Python numbers; nothing else is plain data."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no plain data")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder(_Body)


class Journal:
    """The one writer of a journal; the run's lock is held by its owner. Not for several threads at once.

    `recovered` is the number of bytes of a torn tail that `open` cut off, 0 where the file was whole.
    """

    def __init__(self, path: Path, fd: int, lines: list[Line], size: int) -> None:
        self.path = path
        self.recovered = 0
        self._fd = fd
        self._end = (size, len(lines))  # length of the good part, number of the next line: assigned together
        self._unsettled = False  # the file may hold more than the good part

    @classmethod
    def create(cls, path: Path) -> Journal:
        """A new, empty journal.

        Raises:
            RunFolderError: there is one already, or the disk refuses.
        """
        with folder_errors(path, "make the journal"):
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
            sync_folder(path.parent)
        return cls(path, fd, [], 0)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Go on with a journal; a torn tail is cut off on the disk and counted in `recovered`.

        Raises:
            RunFolderError: damage before the last line, no journal, or the disk refuses.
        """
        with folder_errors(path, "open the journal"):
            fd = os.open(path, os.O_RDWR | os.O_APPEND)
            try:
                data = path.read_bytes()
                lines, size = _scan(path, data)
                journal = cls(path, fd, lines, size)
                if size < len(data):
                    os.ftruncate(fd, size)
                    os.fsync(fd)
                    journal.recovered = len(data) - size
            except BaseException:
                os.close(fd)
                raise
        return journal

    def append(self, kind: str, data: Any, t: float) -> Line:
        """Write one line; when this returns, killing the process cannot lose it.

        Args:
            kind: of the event.
            data: plain data or a record.
            t: seconds of budget used so far, finite.

        Returns:
            The line as `read` gives it back.

        Raises:
            InvalidInput: data that JSON cannot hold; nothing is written.
            RunFolderError: the disk refuses (full, quota, limit); the journal stays as it was before.
        """
        if self._unsettled:
            self._settle()
        size, number = self._end
        text = _encode(number, kind, data, t)
        line = _decode(text[:-1])
        if line is None:
            raise InvalidInput(f"{kind}: a line that does not read back", where="journal", remedy="Give plain data")
        self._unsettled = True  # also where a signal handler raises between here and the end
        rest = text
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._settle()
            raise explained(error, self.path, "write to the journal") from None
        self._end = (size + len(text), number + 1)
        self._unsettled = False
        return line

    def _settle(self) -> None:
        """Cut off what an append left that failed or was interrupted."""
        with folder_errors(self.path, "cut off half a line of the journal"):
            os.ftruncate(self._fd, self._end[0])
        self._unsettled = False

    def sync(self) -> None:
        """Force every line to the disk: from here on a loss of power cannot lose them."""
        with folder_errors(self.path, "force the journal to the disk"):
            os.fsync(self._fd)

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read(path: Path) -> list[Line]:
    """Every whole line, also while another process writes; changes nothing, ignores a torn tail.

    Raises:
        RunFolderError: damage before the last line, or the file cannot be read.
    """
    with folder_errors(path, "read the journal"):
        data = Path(path).read_bytes()
    return _scan(path, data)[0]


def _encode(number: int, kind: str, data: Any, t: float) -> bytes:
    if not math.isfinite(t):
        raise InvalidInput(f"t={t}", must="t is finite", where="journal")
    try:
        rest = _encoder.encode({"n": number, "t": float(t), "k": kind, "d": data})[1:]
    except (TypeError, UnicodeEncodeError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{kind}: {error}", where="journal", remedy="Give plain data or a record") from None
    return b'{"c":"%08x",%b\n' % (zlib.crc32(rest), rest)


def _decode(text: bytes) -> Line | None:
    """The line without its newline; None if it is damaged in any byte."""
    rest = text[_PREFIX:]
    if text[:_PREFIX] != b'{"c":"%08x",' % zlib.crc32(rest):
        return None
    try:
        body = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Line(body.n, body.t, body.k, body.d)


def _scan(path: Path, data: bytes) -> tuple[list[Line], int]:
    """The whole lines and the length of the good part; what follows it is a torn tail.

    Raises:
        RunFolderError: what follows the good part holds another line, so it is damage and no torn tail.
    """
    lines: list[Line] = []
    start = 0
    while (end := data.find(b"\n", start)) >= 0 and (line := _decode(data[start:end])) is not None:
        if line.number != len(lines):
            raise _damaged(path, len(lines), f"carries number {line.number}")
        lines.append(line)
        start = end + 1
    tail = data[start:]
    if b"\n" + _HEAD in tail or _glued(tail):
        raise _damaged(path, len(lines), "does not match its checksum")
    return lines, start


def _glued(tail: bytes) -> bool:
    """Does the tail begin with a whole line whose newline is damaged, followed by another line?"""
    at = tail.find(_HEAD, 1)
    while at > 0:
        if _decode(tail[: at - 1]) is not None:
            return True
        at = tail.find(_HEAD, at + 1)
    return False


def _damaged(path: Path, number: int, what: str) -> RunFolderError:
    remedy = f"Bring the file back from a copy, or keep only the lines before it (head -n {number}) and --resume"
    return RunFolderError(f"journal line {number} is damaged: it {what}", where=str(path), remedy=remedy)
