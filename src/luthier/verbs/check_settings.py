"""Which checks are asked for: codes on the command line, and `[tool.luthier.check]` in the project's pyproject.toml.

    [tool.luthier.check]
    select = ["T", "L01"]     # a code, or a letter for its whole family; without it: all
    ignore = ["D05"]

An option on the command line stands in the place of the same key of the file.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from luthier.errors import InvalidInput

KEYS = ("select", "ignore")


class Choice(NamedTuple):
    """Whole codes; an empty `select` means all."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]


def choose(select: Sequence[str], ignore: Sequence[str], *, folder: Path, known: Collection[str]) -> Choice:
    """The codes that are asked for.

    Args:
        select, ignore: as given on the command line, several in one word parted by commas.
        folder: where the program lies; the next pyproject.toml at or above it is read.
        known: all codes.

    Raises:
        InvalidInput: a code or key that does not exist, a file that is no TOML.
    """
    written = {} if select and ignore else _written(folder)
    where = {
        key: "option --" + key if given else "pyproject.toml"
        for key, given in zip(KEYS, (select, ignore), strict=True)
    }
    return Choice(
        expand(select or written.get("select", ()), known, where["select"]),
        expand(ignore or written.get("ignore", ()), known, where["ignore"]),
    )


def expand(words: Sequence[str], known: Collection[str], where: str = "") -> tuple[str, ...]:
    """Codes and families as whole codes.

    >>> expand(["T", "l04"], {"T01", "T02", "L01", "L04"})
    ('L04', 'T01', 'T02')

    Raises:
        InvalidInput: no check has such a code.
    """
    found: set[str] = set()
    for word in (part.strip().upper() for given in words for part in given.split(",") if part.strip()):
        codes = {code for code in known if code == word or (word.isalpha() and code[: len(word)] == word)}
        if not codes:
            near = difflib.get_close_matches(word, sorted(known), 1, 0.5)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise InvalidInput(
                f"code {word!r}",
                must="the code is one of a check, such as T01, or the letter of a family",
                where=where,
                remedy=f"{meant}`luthier checks` lists them",
            )
        found |= codes
    return tuple(sorted(found))


def _written(folder: Path) -> dict[str, list[str]]:
    """Table `[tool.luthier.check]` of the next pyproject.toml at or above a folder."""
    for parent in (folder, *folder.parents):
        file = parent / "pyproject.toml"
        if file.is_file():
            return _table(file)
    return {}


def _table(file: Path) -> dict[str, list[str]]:
    try:
        table: Any = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from None
    for key in ("tool", "luthier", "check"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    for key, value in table.items():
        if key not in KEYS:
            raise InvalidInput(
                f"key {key!r}", must=f"the key is one of {', '.join(KEYS)}", where=f"[tool.luthier.check] in {file}"
            )
        if not (isinstance(value, list) and all(isinstance(word, str) for word in value)):
            raise InvalidInput(
                f"{key}={value!r}", must=f'{key} is a list of codes, ["T01"]', where=f"[tool.luthier.check] in {file}"
            )
    return dict(table)
