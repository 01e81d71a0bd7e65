"""Does a model that is to say the next token look at it? Asked with one batch, in the scope of the look."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.watching.fits import Fit
from luthier.watching.keras import inside

_ROWS, _MIN_TOKENS = 4, 4
_SHIFTED = 0.9


def ask(fit: Fit, model: Any, x: Any, y: Any, outputs: Any) -> None:
    """Fill in `ahead` where the target is the input shifted by one: the largest change of an output before the last
    token, when another one stands there, divided by the outputs' spread."""
    import keras

    flat = [a for a in keras.tree.flatten(x) if a is not None]
    if len(flat) != 1 or not keras.ops.is_tensor(outputs) or not keras.ops.is_tensor(y):
        return
    given, goal = (np.asarray(keras.ops.convert_to_numpy(a)) for a in (flat[0], y))
    goal = goal[..., 0] if goal.ndim == 3 and goal.shape[-1] == 1 else goal
    whole = np.equal(np.mod(given, 1), 0).all() if given.ndim == 2 else False
    if not whole or goal.shape != given.shape or given.shape[1] < _MIN_TOKENS or len(outputs.shape) != 3:
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
    change = float(np.abs(after - before)[differs, :-1].max()) if differs.any() else math.nan
    fit.ahead = change / spread if spread > 0 else math.nan
