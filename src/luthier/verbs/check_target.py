"""What `luthier check` was pointed at: a script, a module, or a model to be put to the test."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, NamedTuple

from luthier.errors import InvalidInput
from luthier.verbs.effects import module_file
from luthier.verbs.finding import names_a_file

WHERE = "luthier check"


class Target(NamedTuple):
    """A program or a model.

    Args:
        kind: script and module are run under watch, a model is examined.
        words: as typed; behind a script or a module stand its own arguments.
        file: absolute path of the script or of the module's file; empty for a model, and for a module that does
            not lie below the current folder.
    """

    kind: Literal["script", "module", "model"]
    words: tuple[str, ...]
    file: str = ""

    @property
    def folder(self) -> Path:
        """Where the project's settings are looked for."""
        return Path(self.file).parent if self.file else Path.cwd()


def target_of(words: Sequence[str], *, module: bool, has_data: bool) -> Target:
    """What the words mean.

    Raises:
        InvalidInput: nothing, a file that does not exist, data for a script, arguments for a model.
    """
    if not words:
        raise InvalidInput("no program is named", where=WHERE, remedy="Write luthier check train.py")
    if not module and names_a_model(words[0]):
        if words[1:]:
            raise InvalidInput(f"{words[1]!r} behind {words[0]}", where=WHERE, remedy="A model has no arguments")
        return Target("model", tuple(words))
    if has_data:
        raise InvalidInput(
            "--data or --target without a model",
            where=WHERE,
            remedy="Name FILE.py:FUNCTION; a script reads its own data, and its options stand behind it",
        )
    if module:
        return Target("module", tuple(words), module_file(words[0], os.getcwd()))
    if not Path(words[0]).is_file():
        raise InvalidInput(
            f"{words[0]} does not exist",
            must="the file exists",
            where=WHERE,
            remedy="A module is written -m NAME, a model FILE.py:FUNCTION",
        )
    return Target("script", tuple(words), os.path.abspath(words[0]))


def names_a_model(word: str) -> bool:
    """FILE.py:FUNCTION, or the name of a ready task that is no file."""
    if names_a_file(word):
        return True
    return word.isidentifier() and not Path(word).exists() and word in entry_points(group="luthier.tasks").names
