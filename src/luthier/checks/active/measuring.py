"""Taking the measurements of an Exam, the most telling first, until time is up.

Learning rates are tried in a ladder, so that a model is never blamed for one that does not suit it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from luthier.checks.active import scales
from luthier.checks.active.bench import (
    CHUNK,
    Bench,
    batches,
    chance,
    constant_loss,
    course,
    draw,
    first_difference,
    repeated,
    standardised,
    varied,
)
from luthier.checks.active.exam import (
    Exam,
    Fit,
    Learned,
    Mixing,
    Rows,
    Signal,
    Start,
    Twice,
    Weight,
    spread,
)
from luthier.engines.spec import Placed
from luthier.findings import Place
from luthier.recipe import Recipe

Array = npt.NDArray[Any]
FIT_ROWS, FIT_STEPS, FIT_LRS = 32, 300, (1e-3, 1e-2, 1e-1, 1e-4)
LEARN_STEPS, LEARN_LRS = 200, (1e-3, 1e-2)
TRAIN_ROWS, VAL_ROWS = 4096, 1024
"""At most so many rows are looked at; more would not make a finding surer."""
DIVERGED = 1e6
"""A loss that was never finite counts as so many times that of a constant."""
QUICK = ("start", "mixing", "fit", "twice")
FULL = ("start", "mixing", "fit", "twice", "signal", "learned", "scaled", "rescaled", "neighbours")


def take(
    bench: Bench,
    rows: Rows,
    *,
    place: Place | None = None,
    parts: Sequence[str] = FULL,
    seconds: float = math.inf,
) -> Exam:
    """Measure these parts one after another; a part that raises or comes too late is skipped, with the reason."""
    exam = Exam(rows=rows, place=place, num_parameters=_num_parameters(bench))
    skipped: dict[str, str] = {}
    ends = time.monotonic() + seconds
    for part in parts:
        if time.monotonic() >= ends:
            skipped[part] = f"the time of {seconds:.1f} s was up"
            continue
        try:
            exam = replace(exam, **_PARTS[part](bench, exam, ends))
        except _Skipped as reason:
            skipped[part] = str(reason)
        except Exception as error:  # the model's own code may raise anything: that is told, and the others go on
            skipped[part] = f"it raised {type(error).__name__}: {error}"[:300]
    return replace(exam, num_steps=bench.num_steps, skipped=skipped)


class _Skipped(Exception):
    """A part that does not apply, or was not finished in time."""


def _num_parameters(bench: Bench) -> int:
    snapshot = bench.snapshot(bench.plain(1e-3, 1, "sgd"), 0)
    return sum(array.size for name, array in snapshot.items() if name.startswith("optimizer/"))


def _in_time(ends: float) -> None:
    if time.monotonic() > ends:
        raise _Skipped("time was up before it was finished")


# ------------------------------------------------------------------------------------------------- fresh models


def _start(bench: Bench, exam: Exam, ends: float) -> dict[str, Any]:
    rows, recipe = exam.rows, bench.plain(1e-3, FIT_ROWS)
    chosen = draw(rows.train, 256, 0)
    state = bench.fresh(recipe, 0)
    outputs = bench.read(state, chosen)
    loss = bench.losses(state, chosen)
    few = chosen[:64]
    wide = []
    scales = (1.0, -1.0, 1000.0, -1000.0)
    far = bench.placed(
        np.concatenate([rows.prepared[few] * s for s in scales]),
        np.tile(rows.targets[few], 4) if rows.targets.ndim == 1 else np.tile(rows.targets[few], (4, 1)),
    )
    for seed in range(3):
        wide.append(bench.read(bench.fresh(recipe, seed), np.arange(4 * len(few), dtype=np.int32), far))
        _in_time(ends)
    by_chance = chance(rows.targets[chosen], classes=rows.classes)
    return {"start": Start(outputs, loss, by_chance, np.concatenate(wide), len(wide))}


def _twice(bench: Bench, exam: Exam, _ends: float) -> dict[str, Any]:
    rows, recipe = exam.rows, bench.plain(1e-3, min(FIT_ROWS, len(exam.rows.train)))
    one, other = bench.snapshot(recipe, 1), bench.snapshot(recipe, 1)
    builds = first_difference(one, other, [n for n in one if n.startswith(("weights/", "buffers/"))])
    curves = []
    for _ in range(2):
        _, told = bench.advance(
            bench.population.stack([{name: array.copy() for name, array in one.items()}]),
            bench.data,
            course(recipe, rows.train, 0, CHUNK),
        )
        curves.append(told["loss"])
    differ = np.flatnonzero(~((curves[0] == curves[1]) | (np.isnan(curves[0]) & np.isnan(curves[1]))))
    step = int(differ[0]) if len(differ) else None
    gap = float(abs(curves[0][step] - curves[1][step])) if step is not None else 0.0
    return {"twice": Twice(builds.removeprefix("weights/").removeprefix("buffers/"), step, gap, CHUNK)}


# ---------------------------------------------------------------------------------------- after some steps


def _some_steps(bench: Bench, rows: Rows, num: int = CHUNK) -> Any:
    """A model that has taken some steps: heads that begin at zero let something through by then."""
    recipe = bench.plain(1e-3, min(FIT_ROWS, len(rows.train)))
    return bench.advance(bench.fresh(recipe, 2), bench.data, course(recipe, rows.train, 0, num))[0]


def _mixing(bench: Bench, exam: Exam, _ends: float) -> dict[str, Any]:
    """Rows beside two sets of neighbours, and a batch that holds each row twice, in evaluation mode."""
    rows, rng = exam.rows, np.random.default_rng(5)
    num, width = 8, min(32, len(exam.rows.train) // 2)
    if width < 2:
        raise _Skipped("there are fewer than 4 training rows")
    state = _some_steps(bench, rows)
    pool = rng.permutation(rows.train)
    seen = bench.read(state, pool[: min(256, len(pool))])
    scale = float(np.abs(seen - seen.mean(0)).max()) or 1.0
    moved, twins = [], []
    for row in pool[:num]:
        others = rng.choice(pool[pool != row], (2, width - 1))
        # in the middle: a recurrence along the wrong axis sees only what stands on one side
        middle = (width - 1) // 2
        both = [bench.read(state, np.insert(beside, middle, row))[middle] for beside in others]
        moved.append(float(np.abs(both[0] - both[1]).max()) / scale)
        copies = bench.read(state, np.concatenate([others[0], [row, row]]))[-2:]
        twins.append(float(np.abs(copies[0] - copies[1]).max()) / scale)
    limit = Mixing.TOLERANCE
    return {
        "mixing": Mixing(
            num, width, max(moved), max(twins), sum(m > limit for m in moved), sum(t > limit for t in twins)
        )
    }


def _signal(bench: Bench, exam: Exam, ends: float) -> dict[str, Any]:
    rows, num = exam.rows, 4
    size = min(64, len(rows.train))
    chosen = batches(rows.train, num, size, seed=7)
    found: dict[str, list[Array]] = {}
    state = _some_steps(bench, rows)
    for begun in (bench.fresh(bench.plain(1e-3, size), 0), state):
        for grads in bench.gradients(begun, chosen):
            for name, grad in grads.items():
                found.setdefault(name, []).append(grad)
        _in_time(ends)
    now = bench.population.take(state, 0)
    told = {name: _weight(now[f"weights/{name}"], grads) for name, grads in found.items()}
    return {"signal": Signal(told, 2 * num, size)}


def _weight(weight: Array, grads: list[Array]) -> Weight:
    def rms(values: Array) -> float:
        some = values[values != 0].astype(np.float64)
        return float(np.sqrt((some**2).mean())) if some.size else 0.0

    same = any(
        _units_equal(weight, axis) and all(_units_equal(g, axis) for g in grads[len(grads) // 2 :])
        for axis in (0, -1)
    ) and any(g.any() for g in grads)
    return Weight(
        size=weight.size,
        axes=weight.ndim,
        rms=rms(weight),
        grad=float(np.median([rms(grad) for grad in grads])),
        zero=not any(grad.any() for grad in grads),
        symmetric=same,
    )


def _units_equal(values: Array, axis: int) -> bool:
    """Are all slices along an axis the same, up to rounding?"""
    if values.ndim < 2 or values.shape[axis] < 2:
        return False
    flat = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return bool(np.abs(flat - flat[:1]).max() <= 1e-5 * np.abs(flat).max())


def _fit(bench: Bench, exam: Exam, ends: float) -> dict[str, Any]:
    """One batch, learned by heart: learning rates from a ladder; a real target also scaled to size 1."""
    rows = exam.rows
    num = int(np.clip(exam.num_parameters // (4 * rows.num_outputs), 4, FIT_ROWS))
    batch = varied(rows.prepared, rows.targets, rows.train, num=num, classes=rows.classes)
    base = chance(rows.targets[batch], classes=rows.classes)
    if base <= 0:
        raise _Skipped("the targets of the batch are all the same")
    sizes = [1.0]
    if not rows.classes:
        sizes.append(float(np.sqrt((rows.targets[batch].astype(np.float64) ** 2).mean())) or 1.0)
    tried: dict[tuple[float, float], float] = {}
    best = (math.inf, math.nan, math.nan)
    steps, seen = 0, 0.0
    for size in sizes:
        data = bench.data if size == 1.0 else bench.placed(rows.prepared, rows.targets / size)
        for lr in FIT_LRS:
            told = _fit_once(bench, batch, data, lr=lr, goal=0.5 * Fit.REACHED * base / size**2, ends=ends)
            tried[lr, size] = told[0] * size**2
            best = min(best, (told[1] * size**2, told[1] * size**2, told[2] * size**2))
            steps, seen = max(steps, told[3]), max(seen, told[4])
            if tried[lr, size] <= Fit.REACHED * base:
                break
        else:
            continue
        break
    return {"fit": Fit(len(batch), base, tried, best[0], best[1], best[2], steps, seen)}


def _fit_once(
    bench: Bench, batch: Array, data: Placed, *, lr: float, goal: float, ends: float
) -> tuple[float, float, float, int, float]:
    """(lowest loss in evaluation mode, loss in training mode at the end, the same weights in evaluation mode, steps,
    spread of the outputs)."""
    recipe = bench.plain(lr, len(batch))
    state, lowest, trained, evaluated, taken = bench.fresh(recipe, 1), math.inf, math.inf, math.inf, 0
    plan = repeated(recipe, batch, CHUNK)
    while taken < FIT_STEPS and lowest > goal:
        state, told = bench.advance(state, data, plan)
        taken += CHUNK
        trained = float(told["loss"][-10:].mean())
        evaluated = float(bench.losses(state, batch, data).mean())
        if not math.isfinite(trained):
            break
        lowest = min(lowest, evaluated) if math.isfinite(evaluated) else lowest
        _in_time(ends)
    if not math.isfinite(trained):
        trained = math.inf
    return lowest, trained, evaluated, taken, spread(bench.read(state, batch, data))


# -------------------------------------------------------------------------------------------- short trainings


def _learned(bench: Bench, exam: Exam, ends: float) -> dict[str, Any]:
    """With the person's own recipe, and while that does not do well at further learning rates."""
    own = _learn_own(bench, exam.rows, bench.data, exam.rows.targets, ends)
    if own.gain > 0.5 and own.sigmas > 4:
        return {"own": own, "learned": own}
    size = max(2, min(64, len(exam.rows.train)))
    further = [bench.plain(lr, size) for lr in LEARN_LRS]
    other = _learn(bench, exam.rows, bench.data, exam.rows.targets, recipes=further, ends=ends)
    best = min((own, other), key=lambda told: float(told.loss.mean()))
    return {"own": own, "learned": replace(best, tried=(own.lr, *other.tried))}


def _learn_own(bench: Bench, rows: Rows, data: Placed, targets: Array, ends: float) -> Learned:
    recipe = _constant(bench.recipe, max(2, min(64, len(rows.train))))
    return _learn(bench, rows, data, targets, recipes=[recipe], ends=ends)


def _learn(
    bench: Bench, rows: Rows, data: Placed, targets: Array, *, recipes: Sequence[Recipe], ends: float
) -> Learned:
    """Train for some steps with each recipe; the moment that is best on the validation rows counts."""
    val = draw(rows.val, VAL_ROWS, 11)
    constant = constant_loss(targets[rows.train], targets[val], classes=rows.classes)
    tried = tuple(r.lr for r in recipes)
    nothing = np.full(len(val), DIVERGED * constant.mean())
    best = Learned(
        nothing, np.zeros((len(val), rows.num_outputs)), constant, targets[val], tried[0], 0, LEARN_STEPS, tried
    )
    for recipe in recipes:
        state = bench.fresh(recipe, 1)
        for step in range(0, LEARN_STEPS, CHUNK):
            state, _ = bench.advance(state, data, course(recipe, rows.train, step, LEARN_STEPS))
            _in_time(ends)
            if (step // CHUNK) % 2 == 0:
                continue
            loss = bench.losses(state, val, data).astype(np.float64)
            if np.isfinite(loss).all() and loss.mean() < best.loss.mean():
                outputs = bench.read(state, val, data)
                best = replace(best, loss=loss, outputs=outputs, lr=recipe.lr, step=step + CHUNK)
    return best


def _constant(recipe: Recipe, size: int) -> Recipe:
    return msgspec.structs.replace(recipe, schedule="constant", warmup=0.0, batch_size=size)


def _scaled(bench: Bench, exam: Exam, ends: float) -> dict[str, Any]:
    """The short training again with standardised columns, where theirs ask for it and learning is not good."""
    rows = exam.rows
    if not scales.columns_ask(rows):
        raise _Skipped("the columns are of similar scale")
    inputs = standardised(rows.prepared, rows.train)
    return {"scaled": _learn_own(bench, rows, bench.placed(inputs, rows.targets), rows.targets, ends)}


def _rescaled(bench: Bench, exam: Exam, ends: float) -> dict[str, Any]:
    """The short training again with a standardised target, where its scale asks for it."""
    rows = exam.rows
    if not scales.target_asks(rows):
        raise _Skipped("the target is of moderate scale, or names classes")
    targets = standardised(rows.targets, rows.train)
    return {"rescaled": _learn_own(bench, rows, bench.placed(rows.prepared, targets), targets, ends)}


def _neighbours(_bench: Bench, exam: Exam, _ends: float) -> dict[str, Any]:
    """What 10 nearest neighbours know of the validation rows: is there anything to be learned at all?"""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    rows = exam.rows
    train, val = draw(rows.train, TRAIN_ROWS, 12), draw(rows.val, VAL_ROWS, 11)
    table = standardised(rows.prepared.reshape(len(rows.prepared), -1), train)
    num = min(10, len(train))
    model = (KNeighborsClassifier if rows.classes else KNeighborsRegressor)(num).fit(
        table[train], rows.targets[train]
    )
    score = float(model.score(table[val], rows.targets[val]))
    base = float(np.bincount(rows.targets[val]).max() / len(val)) if rows.classes else 0.0
    return {"neighbours": score, "neighbours_chance": base}


_PARTS: dict[str, Callable[[Bench, Exam, float], dict[str, Any]]] = {
    "start": _start,
    "mixing": _mixing,
    "fit": _fit,
    "twice": _twice,
    "signal": _signal,
    "learned": _learned,
    "scaled": _scaled,
    "rescaled": _rescaled,
    "neighbours": _neighbours,
}
