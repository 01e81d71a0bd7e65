"""Random states of the process, kept while code of the person's own runs for luthier's purposes."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def draws_kept() -> Iterator[None]:
    """The global generators of Python, NumPy and (where it is loaded by then) torch are afterwards as they were."""
    torch = sys.modules.get("torch")
    state = torch.get_rng_state() if torch else None
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if torch:
            torch.set_rng_state(state)


def seed_draws(seed: int) -> None:
    """Seed the global generators of Python, NumPy and (where it is loaded) torch."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed % (1 << 63))
