"""An import hook: work of ours that is done when the program imports a module, or at once where it has."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any


class Arrivals:
    """Calls ours after a module was executed.

    Args:
        works: name of the module -> what is done when it is there; it must not raise.
    """

    def __init__(self, works: Mapping[str, Callable[[], Any]]) -> None:
        self._works = dict(works)
        self._local = threading.local()

    def install(self) -> None:
        """Do what can be done now, wait for the rest."""
        for name, work in self._works.items():
            if name in sys.modules:
                work()
        sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The module as the other finders know it, with ours behind its execution."""
        if name not in self._works or getattr(self._local, "asking", False):
            return None
        self._local.asking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._local.asking = False
        if spec is None or spec.loader is None:
            return spec
        loader: Any = spec.loader
        execute = loader.exec_module

        def then(module: Any) -> None:
            execute(module)
            self._works[name]()

        loader.exec_module = then  # this spec's own loader
        return spec
