"""`luthier.lr_range`: where to look for a learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from luthier.errors import InvalidInput
from luthier.recipe import Recipe
from luthier.records import derive_seed
from luthier.training import lr_range as test
from luthier.training.lr_range import LrRange
from luthier.training.rows import Rows
from luthier.verbs.opening import opened
from luthier.verbs.request import resolve


def lr_range(
    model: Any,
    data: Any = None,
    *,
    target: str | Sequence[str] = "",
    loss: Callable[..., Any] | None = None,
    optimizer: Any = None,
    baseline: Recipe | None = None,
    num_seeds: int = 3,
    num_steps: int = 100,
    seed: int = 0,
) -> LrRange:
    """A learning rate range test: the centre of a range that is worth searching.

    Args:
        model, data, target, loss, optimizer: as for `luthier.tune`.
        baseline: optimizer, batch size, decay and clipping of the test.
        num_seeds: trainings of `num_steps` steps each, with initial weights, order and dropout of their own.

    Returns:
        `.center`, `.each` seed's, `.domain` (a factor of ten to both sides, for `space={"lr": ...}`), and the curves.

    Raises:
        InvalidInput: what `tune` refuses, or no seed. TrainingFailed: the loss does not fall.

    Example:
        >>> found = luthier.lr_range(net, data=(X, y))                   # doctest: +SKIP
        >>> luthier.tune(net, data=(X, y), space={"lr": found.domain})   # doctest: +SKIP
    """
    if num_seeds < 1 or num_steps < 30:
        raise InvalidInput(
            f"num_seeds={num_seeds}, num_steps={num_steps}", must="num_seeds >= 1, num_steps >= 30", where="lr_range"
        )
    task, _ = resolve(model, {}, data, target, goal={"loss": loss, "optimizer": optimizer})
    build, recipe, rows, held_out, engine, minimised = opened(task, baseline or task.baseline, seed=seed)
    population = engine.open(build, recipe, minimised, engine.modes()[0], 1)
    kept = Rows(rows, held_out, engine.place)
    seeds = tuple(derive_seed(seed, "range", i) for i in range(num_seeds))
    placed, train = kept.placed(0, recipe), kept.split(0)[0]
    return test.lr_range(population, placed, recipe, rows=train, seeds=seeds, num_steps=num_steps)
