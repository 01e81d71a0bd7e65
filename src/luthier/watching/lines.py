"""Which line of the person's own code is running, and what is not the person's code."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import sys
import sysconfig
from functools import lru_cache
from types import FrameType

from luthier.findings import Place

_FOREIGN = tuple(
    os.path.realpath(p) + os.sep
    for p in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
)
_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@lru_cache(maxsize=4096)
def is_users(file: str) -> bool:
    """Does a source file belong to the person: neither Python's, nor an installed package's, nor luthier's?"""
    if file.startswith("<ipython-input"):
        return True
    if file.startswith("<") or not file:
        return False
    path = os.path.realpath(file)
    return not path.startswith((*_FOREIGN, _OWN)) and "site-packages" not in path and "dist-packages" not in path


def is_own(file: str) -> bool:
    """Is a source file luthier's own?"""
    return file.startswith(_OWN)


def place_at(file: str, line: int, function: str = "") -> Place:
    """A place with the text of its line."""
    return Place(
        file=file if file.startswith("<") else os.path.abspath(file),
        line=line,
        function="" if function == "<module>" else function,
        text=linecache.getline(file, line).strip(),
    )


def assigned(place: Place | None) -> str:
    """The name that a line gives its value to, "self.net" in `self.net = Net()`; empty where it gives none."""
    found = re.match(r"([A-Za-z_][\w.]*)\s*(?::[^=]+)?=[^=]", place.text) if place else None
    return found.group(1) if found else ""


def names_of(thing: object, most: int = 4) -> tuple[str, ...]:
    """Names of the variables that hold something in the person's functions that are on, innermost first."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < most:
        if is_users(frame.f_code.co_filename):
            found += [name for name, value in list(frame.f_locals.items()) if value is thing and name not in found]
        frame = frame.f_back
    return tuple(found[:most])


def user_line(frame: FrameType | None = None) -> Place | None:
    """The innermost line of the person's code on the stack; None where there is none."""
    at: FrameType | None = frame or sys._getframe(1)
    while at is not None:
        if is_users(at.f_code.co_filename):
            return place_at(at.f_code.co_filename, at.f_lineno, at.f_code.co_name)
        at = at.f_back
    return None


def called_by_user(depth: int = 2) -> bool:
    """Is the frame so many above this one the person's own code?"""
    frame = inspect.currentframe()
    for _ in range(depth):
        frame = frame.f_back if frame is not None else None
    return frame is not None and is_users(frame.f_code.co_filename)
