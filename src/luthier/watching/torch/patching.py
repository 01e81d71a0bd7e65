"""Functions put in the place of the framework's own, and back again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class Patches:
    """Replaced attributes of modules and classes, put back by `restore`."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, str, Any, bool, Any]] = []

    def wrap(self, owner: Any, name: str, around: Callable[..., Any]) -> None:
        """Put `around(original, *args, **kwargs)` in the place of `owner.name`, where there is such a name."""
        original = getattr(owner, name, None)
        if original is None or getattr(original, "__luthier__", False):
            return
        self.put(owner, name, _wrapper(original, around))

    def put(self, owner: Any, name: str, new: Any) -> None:
        """Put `new` in the place of `owner.name`."""
        inherited = isinstance(owner, type) and name not in owner.__dict__
        self._held.append((owner, name, owner.__dict__.get(name, getattr(owner, name, None)), inherited, new))
        setattr(owner, name, new)

    def restore(self) -> None:
        """Put everything back, last first; what the program has replaced itself meanwhile stays as it is."""
        while self._held:
            owner, name, original, inherited, new = self._held.pop()
            if getattr(owner, name, None) is not new:
                continue
            if inherited:
                delattr(owner, name)
            else:
                setattr(owner, name, original)

    def lifted(self) -> Callable[[], None]:
        """Put the originals back for a while; the function that is returned puts the replacements in again."""
        held = list(self._held)
        for owner, name, original, inherited, new in reversed(held):
            if getattr(owner, name, None) is new:
                if inherited:
                    delattr(owner, name)
                else:
                    setattr(owner, name, original)

        def again() -> None:
            for owner, name, _original, _inherited, new in held:
                setattr(owner, name, new)

        return again


def _wrapper(original: Any, around: Callable[..., Any]) -> Any:
    from torch.compiler import is_compiling

    @functools.wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            return original(*args, **kwargs)
        return around(original, *args, **kwargs)

    known: Any = watched
    known.__luthier__ = True  # so that nothing is wrapped twice
    return known
