"""A model's function, or a task, by the file that it stands in: `model.py:net`."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luthier.errors import InvalidInput, LuthierError


def names_a_file(text: str) -> bool:
    """Does it read FILE.py:NAME?"""
    return text.rpartition(":")[0].endswith(".py")


def function_at(place: str) -> Any:
    """The function of a file, or its `Task`; its folder becomes one from which modules are imported, as for a script.

    Args:
        place: "model.py:net". The file is run.

    Raises:
        InvalidInput: there is no such file or name, a module of that name is there already, or the file raises.
        MissingExtra: the file imports a framework that is not installed.
    """
    from luthier.training.task import Task

    file, _, name = place.rpartition(":")
    path = Path(file).resolve()
    if not path.is_file():
        raise InvalidInput(f"{file} does not exist", must="FILE.py:FUNCTION", where="model", remedy="Check the path")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = _imported(path, file)
    found = getattr(module, name, None)
    if not callable(found) and not isinstance(found, Task):
        own = [n for n, f in vars(module).items() if callable(f) and inspect.getmodule(f) is module]
        near = difflib.get_close_matches(name, own, 1)
        raise InvalidInput(
            f"there is no function {name!r} in {file}",
            must=f"one of {', '.join(own) or 'no functions'}",
            where="model",
            remedy=f"Did you mean {near[0]!r}?" if near else "",
        )
    function: Any = found
    return function


def _imported(path: Path, file: str) -> Any:
    try:
        module = importlib.import_module(path.stem)
    except ModuleNotFoundError as error:
        from luthier.engines import missing_extra  # a check of a script does without

        raise missing_extra(file, error) or InvalidInput(
            f"{file} imports {error.name}, which is not installed", where="model", remedy="Install it"
        ) from error
    except Exception as error:  # a person's file may raise anything
        line, said = _line_of(error, path), error.msg if isinstance(error, SyntaxError) else error
        where = f"line {line}" if line else "model"
        if isinstance(error, LuthierError):
            where = f"{file} {where}, {error.where}"
            raise type(error)(error.fact, must=error.must, where=where, remedy=error.remedy) from error
        raise InvalidInput(f"{file} raises {type(error).__name__}: {said}", where=where) from error
    if Path(getattr(module, "__file__", None) or "").resolve() != path:
        raise InvalidInput(
            f"a module named {path.stem!r} is there already",
            must="a file whose name is no other module's",
            where=str(path),
            remedy="Rename the file",
        )
    return module


def _line_of(error: Exception, path: Path) -> int | None:
    """The last line of the file that was run, or cannot be read."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None


def same_text(source: Mapping[str, str]) -> bool:
    """Is the file of a builder there, and to the letter what it was? Nothing of it is run."""
    path = Path(source.get("file") or ".")
    if not path.is_file() or not source.get("module_digest"):
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == source["module_digest"]
