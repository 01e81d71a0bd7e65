"""Where a report goes while somebody else's program writes to stdout and stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from luthier.errors import InvalidInput


@contextlib.contextmanager
def report_stream(*, machine: bool) -> Iterator[TextIO]:
    """A stream for the report that stays open whatever the program does to its own.

    Args:
        machine: a program reads the report: it gets stdout for itself, and what the checked program writes to
            stdout goes to stderr. Otherwise the report goes to stderr, and the program's stdout is untouched.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1 if machine else 2)
    if machine:
        os.dup2(2, 1)
    encoding = "utf-8" if machine else sys.stderr.encoding
    with os.fdopen(kept, "w", encoding=encoding, errors="replace", closefd=False) as stream:
        try:
            yield stream
        finally:
            with contextlib.suppress(OSError, ValueError):  # the program may have closed its stdout
                sys.stdout.flush()
            if machine:
                os.dup2(kept, 1)
    os.close(kept)


def writable(path: Path) -> Path:
    """The absolute path of a file that can be written, told before minutes are spent.

    Raises:
        InvalidInput: its folder does not exist or may not be written, or it is a folder.
    """
    whole = path.absolute()
    able = os.access(whole if whole.exists() else whole.parent, os.W_OK)
    if whole.is_dir() or not whole.parent.is_dir() or not able:
        raise InvalidInput(
            f"--output {path} cannot be written", remedy="Name a file in a folder that exists and is yours"
        )
    return whole


def in_colour(stream: TextIO) -> bool:
    """Is it a terminal that has not asked for plain text (NO_COLOR, TERM=dumb)?"""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
