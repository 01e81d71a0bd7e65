"""Does a model that is to say the next token look at it? Asked with one batch, in the scope of the look."""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.watching.fits import Fit
from luthier.watching.keras import inside

_ROWS, _MIN_TOKENS = 4, 4
_SHIFTED = 0.9


def ask(fit: Fit, model: Any, x: Any, y: Any, *, outputs: Any) -> None:
    """Fill in `ahead` where the target is the input shifted by one: the largest change of an output before the last
    token, when another one stands there, divided by the outputs' spread."""
    import keras

    given, goal = _tokens(x), _tokens(y)
    if given is None or goal is None or given.shape != goal.shape or len(getattr(outputs, "shape", ())) != 3:
        return
    if np.mean(goal[:, :-1] == given[:, 1:]) < _SHIFTED or len(np.unique(given)) < _MIN_TOKENS:
        return
    some, other = given[:_ROWS], given[:_ROWS].copy()
    other[:, -1] = np.where(other[:, -1] == other[:, 0], other[:, 1], other[:, 0])
    before, after = (
        np.asarray(keras.ops.convert_to_numpy(inside.called(model, keras.ops.convert_to_tensor(tokens))))
        for tokens in (some, other)
    )
    differs = (some != other).any(axis=1)
    spread = float(before.std())
    if spread > 0 and differs.any():
        fit.ahead = float(np.abs(after - before)[differs, :-1].max()) / spread


def _tokens(value: Any) -> Any:
    """Whole numbers [B, T], of inputs or targets [B, T] or [B, T, 1]; None where they are something else."""
    import keras

    flat = [a for a in keras.tree.flatten(value) if a is not None]
    if len(flat) != 1 or not hasattr(flat[0], "shape"):
        return None
    read = np.asarray(keras.ops.convert_to_numpy(flat[0]))
    read = read[..., 0] if read.ndim == 3 and read.shape[-1] == 1 else read
    is_whole = read.ndim == 2 and read.shape[1] >= _MIN_TOKENS and bool(np.equal(np.mod(read, 1), 0).all())
    return read if is_whole else None
