"""Functions put in the place of the framework's own, and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Patches:
    """Replaced attributes of modules and classes, put back by `restore`."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, str, Any, bool, Any]] = []

    def put(self, owner: Any, name: str, new: Any) -> None:
        """Put `new` in the place of `owner.name`."""
        inherited = isinstance(owner, type) and name not in owner.__dict__
        self._held.append((owner, name, owner.__dict__.get(name, getattr(owner, name, None)), inherited, new))
        setattr(owner, name, new)

    def restore(self) -> None:
        """Put everything back, last first; what the program has replaced itself meanwhile stays as it is."""
        while self._held:
            _put_back(*self._held.pop())

    def lifted(self) -> Callable[[], None]:
        """Put the originals back for a while; the function that is returned puts the replacements in again."""
        held = list(self._held)
        for one in reversed(held):
            _put_back(*one)

        def again() -> None:
            for owner, name, _original, _inherited, new in held:
                setattr(owner, name, new)

        return again


def _put_back(owner: Any, name: str, original: Any, inherited: bool, new: Any) -> None:
    if getattr(owner, name, None) is not new:
        return
    if inherited:
        delattr(owner, name)
    else:
        setattr(owner, name, original)
