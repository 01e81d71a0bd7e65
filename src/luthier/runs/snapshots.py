"""Snapshots on the disk: safetensors, whole or not at all, never pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput, RunFolderError
from luthier.runs.folder import folder_errors, write_bytes_atomic

Array = npt.NDArray[Any]
DTYPES = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))
DTYPES += ("float16", "float32", "float64")
"""What a snapshot may hold: numpy's own plain types."""


def write_snapshot(path: Path, snapshot: Mapping[str, Array], meta: Mapping[str, str]) -> str:
    """Write arrays of any shape, 0-d and empty ones too, as a whole; returns the SHA-256 of the file.

    Args:
        path: of the file; an older one is replaced.
        snapshot: flat names -> arrays of `DTYPES`.
        meta: words to go with them.

    Raises:
        InvalidInput: an array of another type; nothing is written.
        RunFolderError: the disk refuses; an older file stays.
    """
    from safetensors.numpy import save

    # the library reads an array's memory as if it were contiguous (0.8), so strided ones are copied first
    arrays = {name: np.asarray(array, order="C") for name, array in snapshot.items()}
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise InvalidInput(
                f"{name!r} has dtype {array.dtype}",
                must="a snapshot holds bool, int, uint or float arrays of 16 to 64 bits",
                where=str(path),
                remedy="Convert it first (bfloat16 to float32 loses nothing)",
            )
    data = save(arrays, dict(meta))
    write_bytes_atomic(path, data)
    return hashlib.sha256(data).hexdigest()


def read_snapshot(path: Path, checksum: str | None = None) -> dict[str, Array]:
    """The arrays written by `write_snapshot`, as fresh writable copies.

    Raises:
        RunFolderError: missing, damaged, or not the file that `checksum` names.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    with folder_errors(path, "read the snapshot"):
        data = Path(path).read_bytes()
    if checksum is not None and (found := hashlib.sha256(data).hexdigest()) != checksum:
        raise _damaged(path, f"its SHA-256 begins with {found[:12]}, {checksum[:12]} was written")
    try:
        arrays = load(data)
    # besides its own error the library lets bad type names and lengths through as these
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _damaged(path, str(error)) from None
    return {name: array if array.flags.writeable else np.array(array) for name, array in arrays.items()}


def _damaged(path: Path, why: str) -> RunFolderError:
    return RunFolderError(
        f"the snapshot is damaged: {why}",
        where=str(path),
        remedy="Bring the file back from a copy, or delete it and --resume: its trial starts again",
    )
