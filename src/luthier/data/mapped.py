"""Numbers in a file, read by row as memory: for tables larger than memory, and so that workers share one copy.

A file of the cache is written once, whole or not at all, and named by what it was made of; its checksum stands
beside it. Pages are read when a row is asked for, and the system gives them back when memory is short.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from luthier.codec import Record, from_json, to_json
from luthier.errors import InvalidInput, RunFolderError

Array = npt.NDArray[Any]
RESIDENT_BYTES = 64 << 20
"""Numbers of more bytes lie in a file: what is smaller goes to the workers with the task."""


class Entry(Record, frozen=True, kw_only=True):
    """What stands beside a file of the cache."""

    shape: tuple[int, ...]
    checksum: str
    about: dict[str, Any] = {}


def cache_folder() -> Path:
    """$LUTHIER_CACHE, else $XDG_CACHE_HOME/luthier, else ~/.cache/luthier."""
    named = os.environ.get("LUTHIER_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "luthier"


def key_of(*facts: Any) -> str:
    """A name for what a file is made of: 32 hex digits."""
    return hashlib.sha256(msgspec.json.encode(facts, enc_hook=str)).hexdigest()[:32]


def stamp(path: Path) -> tuple[str, int, int]:
    """What tells that a file is still the same: its place, size and time."""
    told = path.stat()
    return str(path.resolve()), told.st_size, told.st_mtime_ns


def mapped(path: str | Path, shape: tuple[int, ...]) -> Array:
    """The float32 numbers of a file, to be read only: memory is taken for what is looked at, whatever the limits.

    Raises:
        RunFolderError: it is gone, or not as long as it was.
    """
    try:
        whole = Path(path).stat().st_size == 4 * int(np.prod(shape))
        numbers = np.memmap(path, np.float32, "r", shape=shape) if whole else None
    except OSError as error:
        numbers, told = None, error.strerror or str(error)
    else:
        told = "its length has changed"
    if numbers is None:
        raise RunFolderError(
            f"the cache of the data cannot be read ({told})", where=str(path), remedy="Start again: it is made anew"
        )
    return numbers


def find(key: str) -> tuple[Array, dict[str, Any]] | None:
    """The numbers of the cache under this name with what was written beside them, if whole; else None."""
    data, about = cache_folder() / f"{key}.f32", cache_folder() / f"{key}.json"
    with contextlib.suppress(OSError, InvalidInput, RunFolderError):
        entry = from_json(about.read_bytes(), Entry)
        if checksum_of(data) == entry.checksum:
            return mapped(data, entry.shape), entry.about
    return None


def write(key: str, parts: Iterable[Array], about: dict[str, Any]) -> Array:
    """Write parts one after another along the first axis under this name; "" is a file that no other run finds, and
    that is gone when the numbers of this process are.

    Raises:
        RunFolderError: the disk refuses.
    """
    folder = cache_folder()
    digest, rows, rest = hashlib.sha256(), 0, ()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".f32", "luthier-", folder)
        try:
            with os.fdopen(handle, "wb") as file:
                for part in parts:
                    block = np.ascontiguousarray(part, np.float32)
                    rows, rest = rows + len(block), block.shape[1:]
                    digest.update(block.data)
                    file.write(block.data)
            shape = (rows, *rest)
            if not key:
                numbers = mapped(name, shape)
                weakref.finalize(numbers, _gone, name)
                return numbers
            Path(name).replace(folder / f"{key}.f32")
            _beside(folder / f"{key}.json", Entry(shape=shape, checksum=digest.hexdigest(), about=about))
        except BaseException:
            _gone(name)
            raise
    except OSError as error:
        raise RunFolderError(
            f"the cache of the data cannot be written ({error.strerror or error})",
            where=str(folder),
            remedy="Free some space, or set LUTHIER_CACHE to a folder on another disk",
        ) from None
    return mapped(folder / f"{key}.f32", shape)


def _beside(path: Path, entry: Entry) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(to_json(entry))
    new.replace(path)


def _gone(name: str) -> None:
    Path(name).unlink(missing_ok=True)


def checksum_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scratch(parts: Iterable[Array]) -> Array:
    """Parts one after another in a file without a name: its room is free again when the numbers are let go, however
    this process ends."""
    numbers = write("", parts, {})
    assert isinstance(numbers, np.memmap)
    _gone(str(numbers.filename))
    return numbers


def held(parts: Iterable[Array], *, num_bytes: float, key: str = "", about: dict[str, Any] | None = None) -> Array:
    """Parts one after another: in memory where they are small, else in a file. float32 [n, ...]."""
    if num_bytes <= RESIDENT_BYTES:
        return np.concatenate([np.asarray(part, np.float32) for part in parts])
    return write(key, parts, about or {})
