"""A second journal, short and obvious, with one deliberate flaw each: the promises must fail on every one.

Run as a program (`python -m runs.twins NAME PATH`) it appends for ever and says each acknowledged number.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from luthier.errors import RunFolderError
from luthier.runs import journal
from luthier.runs.journal import Line


class Kind(NamedTuple):
    """A journal under test: how to make one, go on with one, read one."""

    create: Callable[[Path], Any]
    open: Callable[[Path], Any]
    read: Callable[[Path], list[Line]]


class Twin:
    """The journal in the plainest words; `flaw` switches one promise off, "" none."""

    def __init__(self, path: Path, flaw: str, lines: list[Line]) -> None:
        self.path, self.flaw, self.number = path, flaw, len(lines)
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        self.waiting = b""  # what the flaw "buffers" holds in user space
        self.recovered = 0

    def append(self, kind: str, data: Any, t: float) -> Line:
        rest = json.dumps({"n": self.number, "t": t, "k": kind, "d": data}, separators=(",", ":"))[1:].encode()
        text = b'{"c":"%08x",' % zlib.crc32(rest) + rest + b"\n"
        before = self.path.stat().st_size
        try:
            self._write(text)
        except OSError as error:
            if self.flaw != "leaves half a line":
                os.truncate(self.path, before)
            raise RunFolderError(str(error)) from None
        self.number += 1
        return Line(self.number - 1, t, kind, data)

    def _write(self, text: bytes) -> None:
        if self.flaw == "buffers":
            self.waiting += text
            return
        rest = text
        while rest:
            rest = rest[os.write(self.fd, rest) :]

    def close(self) -> None:
        os.write(self.fd, self.waiting)
        os.close(self.fd)


def _line(text: bytes, flaw: str) -> Line | None:
    if flaw != "ignores checksums" and text[:16] != b'{"c":"%08x",' % zlib.crc32(text[16:]):
        return None
    try:
        body = json.loads(text)
        return Line(body["n"], body["t"], body["k"], body["d"])
    except (ValueError, KeyError, TypeError):
        return None


def _read(path: Path, flaw: str) -> tuple[list[Line], bytes]:
    lines: list[Line] = []
    tail = path.read_bytes()
    while b"\n" in tail and (line := _line(tail.split(b"\n", 1)[0], flaw)) is not None:
        lines.append(line)
        tail = tail.split(b"\n", 1)[1]
    glued = any(_line(tail[:end], flaw) for end in range(len(tail) - 6) if tail[end + 1 :].startswith(b'{"c":"'))
    if flaw != "drops what follows damage" and (b'\n{"c":"' in tail or glued):
        raise RunFolderError("damaged")
    return lines, tail


def _twin(flaw: str) -> Kind:
    def create(path: Path) -> Twin:
        path.touch(exist_ok=False)
        return Twin(path, flaw, [])

    def go_on(path: Path) -> Twin:
        lines, tail = _read(path, flaw)
        if tail and flaw != "keeps the torn tail":
            os.truncate(path, path.stat().st_size - len(tail))
        twin = Twin(path, flaw, lines)
        twin.recovered = len(tail)
        return twin

    return Kind(create, go_on, lambda path: _read(path, flaw)[0])


FLAWS = {
    "buffers": "survives_kill",
    "ignores checksums": "no_flip_passes",
    "drops what follows damage": "no_flip_passes",
    "keeps the torn tail": "torn_tail_is_recovered",
    "leaves half a line": "full_disk_leaves_it_readable",
}
"""Each flaw and the promise that must notice it."""
KINDS = {"real": Kind(journal.Journal.create, journal.Journal.open, journal.read), "twin": _twin("")}
KINDS |= {flaw: _twin(flaw) for flaw in FLAWS}


def main(name: str, path: str) -> None:
    writer = KINDS[name].create(Path(path))
    number = 0
    while True:
        writer.append("report", {"i": number, "text": "x" * (number % 300)}, float(number))
        os.write(1, b"%d\n" % number)
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
