"""Functions put around torch's own, which torch.compile does not see."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from luthier.watching.patching import Patches


class TorchPatches(Patches):
    """Wrapped functions and methods of torch."""

    def wrap(self, owner: Any, name: str, around: Callable[..., Any]) -> None:
        """Put `around(original, *args, **kwargs)` in the place of `owner.name`, where there is such a name."""
        original = getattr(owner, name, None)
        if original is None or getattr(original, "__luthier__", False):
            return
        self.put(owner, name, _wrapper(original, around))


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
