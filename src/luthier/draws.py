"""Random states of the process: kept while code of the person's own runs for luthier, and saved with a trial."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

MERSENNE_TWISTER = "MT19937"


@contextmanager
def draws_kept() -> Iterator[None]:
    """The global generators of Python, NumPy and (where it is loaded by then) torch are afterwards as they were."""
    states = draw_states()
    try:
        yield
    finally:
        set_draw_states(states)


def draw_states() -> dict[str, np.ndarray]:
    """Where the global generators of Python, NumPy and (where it is loaded) torch stand, on the CPU and on each GPU
    in use: arrays by name, which a file holds without pickle."""
    version, numbers, spare = random.getstate()
    _, keys, place, has_spare, spare_normal = np.random.get_state()
    states = {
        "python/numbers": np.array([version, *numbers]),
        "python/spare": np.array(np.nan if spare is None else spare),
        "numpy/keys": np.asarray(keys),
        "numpy/place": np.array([place, has_spare]),
        "numpy/spare": np.array(spare_normal),
    }
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy()
        on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        states |= {f"cuda/{index}": state.numpy() for index, state in enumerate(on_gpu)}
    return states


def set_draw_states(states: Mapping[str, Any]) -> None:
    """Put the generators back to where `draw_states` found them; one that it did not find stays as it is."""
    version, *numbers = states["python/numbers"].tolist()
    spare = float(states["python/spare"])
    random.setstate((version, tuple(numbers), None if np.isnan(spare) else spare))
    place, has_spare = map(int, states["numpy/place"])
    np.random.set_state((MERSENNE_TWISTER, states["numpy/keys"], place, has_spare, float(states["numpy/spare"])))
    if (torch := sys.modules.get("torch")) and "torch" in states:
        torch.set_rng_state(torch.from_numpy(states["torch"]))
        for index in range(sum(name.startswith("cuda/") for name in states)):
            torch.cuda.set_rng_state(torch.from_numpy(states[f"cuda/{index}"]), index)


def seed_draws(seed: int) -> None:
    """Seed the global generators of Python, NumPy and (where it is loaded) torch."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed % (1 << 63))
