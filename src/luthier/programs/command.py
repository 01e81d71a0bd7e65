"""A command line with places for settings, and where its metric is read."""

from __future__ import annotations

import csv
import difflib
import io
import re
import shlex
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from luthier.errors import InvalidInput
from luthier.records import Metric
from luthier.training.directions import metric_of, parted

OWN = ("seed", "dir", "checkpoint_dir", "device")
"""Placeholders that are no settings."""
NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)"
STEPS = ("step", "epoch", "iteration")
"""Columns and fields that say how far the training is, the first that is there."""


class Reading(NamedTuple):
    """Where a metric stands: in the file of a name with placeholders (""; standard output), found by a pattern
    there."""

    file: str
    metric: Metric
    pattern: str = ""


@dataclass(frozen=True)
class Command:
    """A command that trains.

    Args:
        words: the program and its arguments, each with placeholders {name}; no shell looks at them.
        reading: where the metric is read.
    """

    words: tuple[str, ...]
    reading: Reading

    def filled(self, values: Mapping[str, Any]) -> list[str]:
        """The words with the values put in."""
        return [word.format_map({n: _text(v) for n, v in values.items()}) for word in self.words]


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def words_of(text: str, settings: Iterable[str], varied: Iterable[str]) -> tuple[str, ...]:
    """The words of a command line, its placeholders checked.

    Args:
        settings: all names that there are values for.
        varied: those of the space; each must stand in the command, else it would be varied for nothing.

    Raises:
        InvalidInput: a quote or brace without its partner, a placeholder that is no setting, a setting without a
        place.

    >>> words_of("python train.py --lr {lr}", ["lr"], ["lr"])
    ('python', 'train.py', '--lr', '{lr}')
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInput(f"command={text!r}", must="every quote is closed", where="command") from error
    if not words:
        raise InvalidInput("command=''", must="a program and its arguments", where="command")
    known, used = [*settings, *OWN], {name for word in words for name in placeholders(word)}
    for name in sorted(used - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        raise InvalidInput(
            f"the command has a place for {{{name}}}",
            must=f"one of {', '.join(known)}",
            where="command",
            remedy=f"Did you mean {{{near[0]}}}?" if near else "Add it to the space, or double braces that are meant",
        )
    for name in varied:
        if name not in used:
            raise InvalidInput(
                f"the space varies {name!r}, and the command does not use it",
                must=f"{{{name}}} stands in the command",
                where="command",
                remedy=f"Write {{{name}}} where the command takes it, or take it out of the space",
            )
    return words


def placeholders(word: str) -> list[str]:
    """Names in braces of a word.

    Raises:
        InvalidInput: a brace without its partner, or something that is no name.
    """
    try:
        names = [(name, form) for _, name, form, _ in string.Formatter().parse(word) if name is not None]
    except ValueError:
        names = [("", "")]
    for name, form in names:
        if not name.replace(".", "_").isidentifier() or form:
            raise InvalidInput(
                f"{word!r} in the command",
                must="each { has its }, with a name between them",
                where="command",
                remedy="Write {lr}; a brace that is meant as one is doubled: {{",
            )
    return [name for name, _ in names]


def reading_of(text: str) -> Reading:
    """Where a command's metric is read: "{dir}/log.jsonl:val_acc", "log.csv:loss", "stdout:acc", or a named pattern,
    "stdout:accuracy is (?P<acc>[0-9.]+)". "min:" or "max:" before it says the direction.

    Raises:
        InvalidInput: no name, a pattern that is none, or a name that says no direction.
    """
    way, rest = parted(text)
    file, colon, name = rest.rpartition(":")
    if rest.startswith("stdout:"):
        file, colon, name = "stdout", ":", rest.removeprefix("stdout:")
    if not colon or file == "stdout":
        return _on_stdout(name, way)
    placeholders(file)
    return Reading(file, metric_of(name, way))


def _on_stdout(text: str, way: str) -> Reading:
    if "(?P<" not in text:
        pattern = rf"(?<![\w.]){re.escape(text)}\s*[=:\s]\s*(?P<value>{NUMBER})"
        return Reading("", metric_of(text, way), pattern)
    try:
        names = [n for n in re.compile(text).groupindex if n not in (*STEPS, "of")]
    except re.error as error:
        names = []
        raise InvalidInput(
            f"pattern {text!r}", must="a regular expression", where="metric", remedy=str(error)
        ) from None
    if len(names) != 1:
        raise InvalidInput(
            f"pattern {text!r} has {len(names)} named groups",
            must="one named group, the metric, beside step and of",
            where="metric",
            remedy="Write for example stdout:accuracy is (?P<accuracy>[0-9.]+)",
        )
    return Reading("", metric_of(names[0], way), text)


class Line(NamedTuple):
    """What a line of a file or of the output says: numbers by name, `step` and `of` where it says them."""

    step: float | None
    of: float | None
    metrics: dict[str, float]


class Tail:
    """Reads a file that grows: the lines that were added since, as what they say.

    Args:
        skip: begin behind what is there now: it was written by an earlier process.
    """

    def __init__(self, path: Path, reading: Reading, *, skip: bool) -> None:
        self.path, self.reading = path, reading
        self.position = path.stat().st_size if skip and path.exists() else 0
        self.columns = self._header() if self.position else []
        self.rest = b""

    def _header(self) -> list[str]:
        with self.path.open("rb") as file:
            return _cells(file.readline().decode(errors="replace"))

    def read(self, *, last: bool = False) -> list[Line]:
        """The lines since; `last`: also one that has no end yet."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self.position:  # it was begun anew
                    self.position, self.rest, self.columns = 0, b"", []
                file.seek(self.position)
                data = file.read()
        except FileNotFoundError:
            return []
        self.position += len(data)
        *whole, self.rest = re.split(rb"[\r\n]+", self.rest + data)
        if last and self.rest:
            whole, self.rest = [*whole, self.rest], b""
        said = (self._said(line.decode(errors="replace")) for line in whole if line.strip())
        return [line for line in said if line is not None]

    def _said(self, text: str) -> Line | None:
        if self.reading.pattern:
            return _matched(self.reading, text)
        if text.lstrip().startswith("{"):
            return _of_json(text)
        cells = _cells(text)
        if not self.columns:
            self.columns = cells
            return None
        return _line(dict(zip(self.columns, cells, strict=False)))


def _cells(text: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(io.StringIO(text)), [])]


def _of_json(text: str) -> Line | None:
    try:
        found = msgspec.json.decode(re.sub(r"(?<=[:\s,\[])(-?Infinity|NaN)\b", r'"\1"', text))
    except msgspec.DecodeError:
        return None
    return _line(found) if isinstance(found, dict) else None


def _matched(reading: Reading, text: str) -> Line | None:
    found = re.search(reading.pattern, text)
    if found is None:
        return None
    groups = found.groupdict()
    if "value" in groups and reading.metric.name not in groups:
        groups[reading.metric.name] = groups.pop("value")
    return _line(groups)


def _line(cells: Mapping[str, Any]) -> Line | None:
    numbers = {}
    for name, value in cells.items():
        try:
            numbers[str(name)] = float(value)
        except (TypeError, ValueError):
            continue
    step = next((numbers[name] for name in STEPS if name in numbers), None)
    of = numbers.get("of")
    metrics = {n: v for n, v in numbers.items() if n not in (*STEPS, "of")}
    return Line(step, of, metrics) if metrics else None
