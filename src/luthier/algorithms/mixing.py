"""mixup and cutmix: rows of a batch in pairs. What is drawn is a function of (seed, step).

A row's partner is its neighbour in the batch: the rows of a batch are drawn at random, so that is a random pair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from luthier.algorithms.rule import Array
from luthier.recipe import Recipe
from luthier.records import derive_seed


class Mix(NamedTuple):
    """What is mixed at a step, by the names of the plan.

    Args:
        mixup: share of a row's own inputs. cut_side: side of the patch from the partner, as a part of the image's;
            cut_y, cut_x: where its middle lies.
    """

    mixup: float = 1.0
    cut_side: float = 0.0
    cut_y: float = 0.0
    cut_x: float = 0.0


def draw(recipe: Recipe, seed: int, step: int) -> Mix:
    """The mix of a step: where both kinds are on, one of them with equal chance.

    mixup (Zhang et al. 2018, 1710.09412): share ~ Beta(a, a), taken as the larger part. cutmix (Yun et al. 2019,
    1905.04899): area of the patch 1 - share, its middle uniform; a patch ends at the edge of the image.
    """
    if not (recipe.mixup > 0 or recipe.cutmix > 0):
        return Mix()
    rng = np.random.Generator(np.random.Philox(derive_seed(seed, "mix", step)))
    cuts = recipe.cutmix > 0 and (recipe.mixup == 0 or rng.random() < 0.5)
    share = float(rng.beta(*2 * (recipe.cutmix if cuts else recipe.mixup,)))
    if not cuts:
        return Mix(mixup=max(share, 1.0 - share))
    return Mix(1.0, (1.0 - share) ** 0.5, *rng.random(2))


def mixed(
    xp: Any, inputs: Array, partners: Array, mix: Mix, *, axes: tuple[int, int], arange: Callable[[int], Array]
) -> tuple[Array, Any]:
    """(inputs of a batch after mixing, share of a row's own target).

    Args:
        xp: `reshape`, `sum` and `where` of any of the frameworks. arange: numbers on the device.
        inputs: [B, ...]. partners: the same rows, moved on by one.
        mix: see `Mix`; numbers of the framework will do. axes: those of an image's height and width.
    """
    blended = mix.mixup * inputs + (1.0 - mix.mixup) * partners
    if isinstance(mix.cut_side, float) and mix.cut_side == 0.0:
        return blended, mix.mixup
    inside, area = True, 1.0
    for axis, middle in zip(axes, (mix.cut_y, mix.cut_x), strict=True):
        size = inputs.shape[axis]
        place = arange(size) + 0.5
        of_axis = abs(place - middle * size) < mix.cut_side * size / 2.0
        area = area * xp.sum(xp.where(of_axis, 1.0 + 0.0 * place, 0.0 * place)) / size
        shape = [1] * len(inputs.shape)
        shape[axis] = size
        inside = xp.reshape(of_axis, shape) & inside
    own = 1.0 - area
    return xp.where(inside, partners, blended), own * mix.mixup
