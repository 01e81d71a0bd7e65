"""A trial's folder: what it reported, what it printed, what it left to go on from.

    reports.jsonl   the first line says which trial it is, then a line a report, and "end" when it came to its end
    output.txt      what it printed
    checkpoint/     its own, to go on from
    files/          its own, where a command writes: {dir}

A report that stands here is never asked for again: a trial that goes on, or begins again, after a crash is judged by
what it reported first.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


class Report(msgspec.Struct, frozen=True):
    """One report of a program: `seconds` of training so far; a metric that was no number is None."""

    step: float
    of: float | None
    metrics: dict[str, float | str | None]
    seconds: float

    @classmethod
    def of_numbers(cls, step: float, of: float | None, metrics: Mapping[str, Any], seconds: float) -> Report:
        """A report of numbers, or of what stands for them in JSON."""
        return cls(step, of, {name: _plain(value) for name, value in metrics.items()}, seconds)

    def number(self, name: str) -> float:
        """A metric; NaN where it is none or was not reported."""
        value = self.metrics.get(name)
        return math.nan if value is None else float(value)


def _plain(value: Any) -> float | str | None:
    """A number, or the words of one that JSON does not have; None for NaN."""
    number = math.nan if value is None else float(value)
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else str(number)


def keep(file: Path, report: Report) -> None:
    """Add a report to a file of reports. A function's process does this itself, so that none is lost on the way to a
    driver that has just died."""
    with file.open("ab") as stream:
        stream.write(msgspec.json.encode(report) + b"\n")


class TrialFolder:
    """The folder of a trial. `open` reads what is known of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.checkpoint, self.files = path, path / "checkpoint", path / "files"
        self.output, self.file = path / "output.txt", path / "reports.jsonl"
        self.known: list[Report] = []
        self.seconds = 0.0
        self.finished = False

    def open(self, identity: dict[str, Any]) -> None:
        """Read the reports of this trial; what lies there of another one is removed."""
        first = msgspec.json.encode(identity, order="sorted")
        lines: list[bytes] = []
        with contextlib.suppress(OSError):
            lines = self.file.read_bytes().split(b"\n")
        if not lines or lines[0] != first:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True)
            self.file.write_bytes(first + b"\n")
            return
        for line in lines[1:-1]:  # what follows the last line end was cut off by a crash
            with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError):
                if line == b'"end"':
                    self.finished = True
                else:
                    self.known.append(msgspec.json.decode(line, type=Report))
        self.file.write_bytes(b"\n".join(lines[:-1]) + b"\n")
        self.seconds = self.known[-1].seconds if self.known else 0.0

    def add(self, report: Report, *, kept: bool) -> None:
        """Take in a report; `kept`: it is in the file."""
        self.known.append(report)
        if not kept:
            keep(self.file, report)

    def end(self) -> None:
        """Note that the program came to its end."""
        self.finished = True
        with self.file.open("ab") as file:
            file.write(b'"end"\n')

    def prepare(self) -> bool:
        """Make the folders for a process; is there something to go on from? If not, what lies there goes."""
        resumed = self.has_checkpoint()
        if not resumed:
            shutil.rmtree(self.files, ignore_errors=True)
        self.checkpoint.mkdir(exist_ok=True)
        self.files.mkdir(exist_ok=True)
        return resumed

    def has_checkpoint(self) -> bool:
        """Is there something to go on from?"""
        return self.checkpoint.is_dir() and any(self.checkpoint.iterdir())

    def clear_checkpoint(self) -> None:
        """Nobody will go on from here."""
        shutil.rmtree(self.checkpoint, ignore_errors=True)

    def last_words(self) -> str:
        """The last line that was printed."""
        text = ""
        with contextlib.suppress(OSError):
            text = self.output.read_bytes()[-4096:].decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""
