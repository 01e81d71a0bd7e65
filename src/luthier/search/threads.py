"""One core for the search: what it computes is small, and the other cores train."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Linear algebra of numpy and scipy on one thread, in this block.

    With one thread a core they wait for each other while trainings hold the cores: a decision of 25 ms took 290 ms
    beside two workers on two cores. It also takes the number of cores out of the last digits of what is proposed.
    """
    limited: AbstractContextManager[Any] = _libraries().limit(limits=1)
    return limited


@cache
def _libraries() -> Any:
    """The linear algebra of both: it is found where it is loaded, so scipy, which needs numpy, is imported first."""
    importlib.import_module("scipy.linalg")
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
