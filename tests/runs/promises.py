"""What every journal must keep. Each promise is tried on the real one and on twins that break it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from luthier.errors import RunFolderError

from .twins import KINDS, Kind

EVENTS = [
    ("open", {"task": "digits", "J*": 'J*\n{"c":"é'}),
    ("report", {"c": "deadbeef", "loss": 0.1 + 0.2, "big": 2**62}),
    ("start", {"c": {"c": "J", "list": [1, 2.5, None, True, "*"]}}),
]
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}


def written(kind: Kind, path: Path) -> tuple[bytes, int]:
    """A journal of EVENTS: its bytes, and where the last line begins."""
    journal = kind.create(path)
    for number, (name, data) in enumerate(EVENTS):
        assert journal.append(name, data, number / 4) == (number, number / 4, name, data)
    journal.close()
    data = path.read_bytes()
    return data, data[:-1].rfind(b"\n") + 1


def round_trip(name: str, folder: Path) -> None:
    """What was appended is read back, also after going on."""
    kind, path = KINDS[name], folder / "journal.jsonl"
    written(kind, path)
    journal = kind.open(path)
    assert journal.recovered == 0
    journal.append("end", None, 9.0)
    journal.close()
    lines = kind.read(path)
    assert [(line.kind, line.data) for line in lines] == [*EVENTS, ("end", None)]
    assert [line.number for line in lines] == [0, 1, 2, 3]


def torn_tail_is_recovered(name: str, folder: Path) -> None:
    """Whatever byte of the last line a crash stops at: readers see the lines before it and change nothing;
    the owner cuts the tail off, says so, and goes on."""
    kind, path = KINDS[name], folder / "journal.jsonl"
    whole, start = written(kind, path)
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert len(kind.read(path)) == len(EVENTS) - 1
        assert path.read_bytes() == whole[:end]
        journal = kind.open(path)
        assert journal.recovered == end - start
        assert path.read_bytes() == whole[:start]
        journal.append("again", {"end": end}, 1.0)
        journal.close()
        assert [line.kind for line in kind.read(path)] == ["open", "report", "again"]


def no_flip_passes(name: str, folder: Path) -> None:
    """One flipped bit anywhere: in the last line it is recovered, before it the file is refused."""
    kind, path = KINDS[name], folder / "journal.jsonl"
    whole, start = written(kind, path)
    good = kind.read(path)
    for at in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            if at >= start:
                assert kind.read(path) == good[:-1], (at, bit)
            else:
                with pytest.raises(RunFolderError):
                    kind.read(path)
                with pytest.raises(RunFolderError):
                    kind.open(path)
                assert path.read_bytes() == damaged


def survives_kill(name: str, folder: Path) -> None:
    """kill -9 in the middle of appends: every acknowledged line is there, and the journal goes on."""
    for least in (1, 300, 1500):
        _survives_one_kill(name, folder / f"{least}.jsonl", least)


def _survives_one_kill(name: str, path: Path, least: int) -> None:
    kind = KINDS[name]
    command = [sys.executable, "-m", "runs.twins", name, str(path)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        said = b"".join(writer.stdout.readline() for _ in range(least))
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read()
    assert writer.returncode == -signal.SIGKILL
    acknowledged = said.count(b"\n")
    lines = kind.read(path)
    assert acknowledged <= len(lines) <= acknowledged + 1
    assert [line.data["i"] for line in lines] == list(range(len(lines)))
    journal = kind.open(path)
    assert journal.append("resumed", {}, 1.0).number == len(lines)
    journal.close()


def full_disk_leaves_it_readable(name: str, folder: Path) -> None:
    """`folder` is on a disk of 1 MiB. Appending ends in a RunFolderError; all lines before are there; once
    there is room the same object goes on."""
    kind, path, ballast = KINDS[name], folder / "journal.jsonl", folder / "ballast"
    journal = kind.create(path)
    ballast.write_bytes(b"x" * 4096)
    number = 0
    with pytest.raises(RunFolderError):  # noqa: PT012 - the loop ends by the error
        while True:
            journal.append("report", {"text": "x" * 1500}, 0.0)
            number += 1
    assert number > 100
    assert len(kind.read(path)) == number
    ballast.unlink()
    journal.append("report", {"text": "x" * 1500}, 0.0)
    journal.close()
    assert len(kind.read(path)) == number + 1
