"""What can go wrong, by what the caller can do about it.

A message has four parts in this order: the value with its name, the condition that must hold, where it
happened, what to do. The parts also travel as attributes, so that a program can read them.
"""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str], most: int) -> str:
    """The first names of many, for a message.

    >>> listed(["a", "b", "c"], 2)
    'a, b ...'
    """
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


class LuthierError(Exception):
    """Base of every error that luthier raises on purpose.

    Args:
        fact: the value with its name, or what was seen ("lr=-0.1").
        must: the condition that must hold ("lr > 0"); empty where the fact says it all.
        where: the place ('space "resnet", parameter "lr"').
        remedy: what to do, one sentence.
    """

    exit_code = 1

    def __init__(self, fact: str, *, must: str = "", where: str = "", remedy: str = "") -> None:
        self.fact, self.must, self.where, self.remedy = fact, must, where, remedy
        text = fact
        if must:
            text += f": `{must}` must hold"
        if where:
            text += f" ({where})"
        text = text.rstrip(".") + "."
        if remedy:
            text += " " + (remedy if remedy.endswith("?") else remedy.rstrip(".") + ".")
        super().__init__(text)


class InvalidInput(LuthierError, ValueError):
    """An argument, setting or data set is wrong: change it and call again."""

    exit_code = 2


class BudgetTooSmall(InvalidInput):
    """The budget cannot pay for one trial: give more."""


class Unsupported(InvalidInput):
    """The thing asked for is not offered for this model or framework: ask for another."""


class MissingExtra(LuthierError, ImportError):
    """An optional dependency is missing: install it."""

    exit_code = 2


class RunFolderError(LuthierError, OSError):
    """The run folder cannot be used: locked, unreadable, no permission, disk full."""

    exit_code = 3


class SourceChanged(RunFolderError):
    """The code that built a stored model is not the code in hand: pass `builder=`."""


class TrainingFailed(LuthierError, RuntimeError):
    """Training could not be done: the model raises, every trial diverges, workers cannot start."""

    exit_code = 4


class Interrupted(LuthierError, KeyboardInterrupt):
    """The person asked twice to stop; what was journalled is kept and `--resume` goes on."""

    exit_code = 130
