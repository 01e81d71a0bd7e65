"""Running numbers for the program's objects, without keeping them alive."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Something known about each living object, by identity. Identities are reused, weak references are not."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], T]] = {}

    def get(self, thing: Any) -> T | None:
        """What is known about an object."""
        entry = self._known.get(id(thing))
        if entry is None or entry[0]() is not thing:
            return None
        return entry[1]

    def put(self, thing: Any, value: T) -> T:
        """Remember something about an object for as long as it lives."""
        key = id(thing)

        def gone(ref: weakref.ref[Any]) -> None:
            entry = self._known.get(key)
            if entry is not None and entry[0] is ref:
                del self._known[key]

        self._known[key] = (weakref.ref(thing, gone), value)
        return value

    def living(self) -> list[tuple[Any, T]]:
        """The living objects and what is known about them."""
        found = [(ref(), value) for ref, value in list(self._known.values())]
        return [(thing, value) for thing, value in found if thing is not None]
