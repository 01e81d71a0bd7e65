"""Measuring a loss of the person's own: against central differences, a doubled batch, and dealt targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.checks.active.exam import OwnLoss, Start
from luthier.engines.own_loss import Read, reader

Array = npt.NDArray[Any]
ROWS, DRAWS, STEP, WRONG, LARGEST = 8, 3, 1e-6, 1e-3, 80.0


def measure(
    framework: str, loss: Callable[..., Any], targets: Array, *, start: Start | None, num_outputs: int
) -> OwnLoss:
    """All facts of the loss on drawn outputs for real targets, and on outputs of fresh models.

    Args:
        targets: [n] or [n, C] of training rows.
    """
    name = getattr(loss, "__qualname__", repr(loss))
    rng = np.random.default_rng(21)
    rows = min(ROWS, len(targets))
    batch = _different(targets, rng)[:rows]
    read = reader(framework, loss)
    try:
        outputs = _like(start, rng, rows, num_outputs)
        told = read(outputs, batch)
    except Exception as error:  # the person's own code may raise anything: that is the finding
        return OwnLoss(name, rows, error=f"{type(error).__name__}: {error}"[:300])
    entries, wrong, worst = _against_differences(read, batch, start, rng, num_outputs) if told.double else (0, 0, 0.0)
    twice = read(np.concatenate([outputs, outputs]), np.concatenate([batch, batch])).value
    places = [outputs] if np.issubdtype(targets.dtype, np.integer) else [outputs, _near(targets, rng, outputs.shape)]
    deals = [rng.permutation(rows) for _ in range(6)]
    dealt = [_moves(read, place, batch, batch[deal]) for place in places for deal in deals]
    return OwnLoss(
        name=name,
        rows=rows,
        double=told.double,
        has_gradient=told.gradient is not None and bool(np.any(told.gradient)),
        entries=entries,
        wrong=wrong,
        worst=worst,
        finite=_finite(read, None if start is None else start.outputs, targets),
        wide_finite=_finite(read, None if start is None else start.wide, targets),
        doubled=twice / told.value if told.value else 1.0,
        pairs_matter=any(dealt),
        targets_matter=any(_moves(read, outputs, batch, rng.choice(targets, rows)) for _ in range(6)),
    )


def _like(start: Start | None, rng: np.random.Generator, rows: int, num_outputs: int) -> Array:
    """Outputs as the model gives them, else drawn: a loss of probabilities is not asked about logits."""
    if start is None or not np.isfinite(start.outputs).all():
        return rng.standard_normal((rows, num_outputs))
    drawn: Array = rng.permutation(start.outputs)[:rows].astype(np.float64)
    return drawn


def _different(targets: Array, rng: np.random.Generator) -> Array:
    """The targets in an order that begins with different ones: dealing equal targets would change nothing."""
    order = rng.permutation(len(targets))
    _, first = np.unique(targets[order], axis=0, return_index=True)
    some = first[: ROWS // 2]
    return np.asarray(targets[np.concatenate([order[some], np.delete(order, some)])])


def _near(targets: Array, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Outputs of the targets' own size: beyond all targets an absolute error is linear, and no deal changes it."""
    drawn = rng.choice(targets.reshape(len(targets), -1).ravel(), shape).astype(np.float64)
    return np.asarray(drawn + 0.01 * targets.std() * rng.standard_normal(shape))


def _moves(read: Read, outputs: Array, batch: Array, other: Array) -> bool:
    """Does the loss differ for other targets beyond rounding?"""
    one, two = read(outputs, batch).value, read(outputs, other).value
    return not np.isclose(one, two, rtol=1e-9, atol=0.0)


def _finite(read: Read, outputs: Array | None, targets: Array) -> bool:
    """Is the loss finite, with its gradient, for all of these outputs in batches of ROWS?

    In float32, as in training. Outputs beyond +-80 are scaled down to it: exp(80) is finite, exp(-160) is 0.
    """
    if outputs is None or not np.isfinite(outputs).all():
        return True
    outputs = np.asarray(outputs * min(1.0, LARGEST / max(float(np.abs(outputs).max()), 1e-30)), np.float32)
    for at in range(0, min(len(outputs), 64 * ROWS), ROWS):
        part = outputs[at : at + ROWS]
        told = read(part, np.resize(targets, (len(part), *targets.shape[1:])))
        if not np.isfinite(told.value) or (told.gradient is not None and not np.isfinite(told.gradient).all()):
            return False
    return True


def _against_differences(
    read: Read, batch: Array, start: Start | None, rng: np.random.Generator, num_outputs: int
) -> tuple[int, int, float]:
    """(derivatives compared, wrong ones, largest relative error).

    (f(x + h) - f(x - h)) / 2h against the gradient, in float64 with h = 1e-6 max(1, |x|). At a kink the two one-sided
    differences disagree: such entries say nothing and are left out.
    """
    compared = wrong = 0
    worst = 0.0
    for _ in range(DRAWS):
        x = _like(start, rng, len(batch), num_outputs)
        here = read(x, batch)
        if here.gradient is None:
            return 0, 0, 0.0
        size = float(np.abs(here.gradient).max())
        for index in np.ndindex(*x.shape):
            if index[1] >= 16:  # as many columns are enough
                continue
            h = STEP * max(1.0, abs(float(x[index])))
            up, down = (read(_moved(x, index, s * h), batch).value for s in (1, -1))
            central, kink = (up - down) / (2 * h), abs((up - here.value) - (here.value - down)) / h
            scale = max(abs(central), abs(float(here.gradient[index])), 1e-3 * size, 1e-6)
            if kink > 0.01 * scale:
                continue
            off = abs(central - float(here.gradient[index])) / scale
            compared, wrong, worst = compared + 1, wrong + (off > WRONG), max(worst, off)
    return compared, wrong, worst


def _moved(x: Array, index: tuple[int, ...], by: float) -> Array:
    moved = x.copy()
    moved[index] += by
    return moved
