"""Settings that served well elsewhere, fitted into the space in hand: the first trials of a search.

AlgoPerf gives every submission five trials a study; its baseline and its winners submitted a fixed list of five
points rather than a space (Kasimbeg et al. 2025, arXiv 2502.15015). A list costs five trainings, and spares a
search from finding out that beta2 = 0.999 or no warm-up does not suit the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luthier.groups import group_in, number_of
from luthier.recipe import OPTIMIZERS, OPTION, TRAINING_SETTINGS, Recipe
from luthier.space import Choice, Config, Domain, Int, Space

Point = dict[str, float]

_NADAMW = ("dropout", "label_smoothing", "lr", "one_minus_beta1", "beta2", "weight_decay", "warmup")
_SGD = ("lr", "one_minus_momentum", "weight_decay", "warmup")
POINTS: dict[str, tuple[Point, ...]] = {
    # AlgoPerf's five points of its NAdamW baseline (mlcommons/algorithmic-efficiency @2c90454, Apache-2.0).
    "nadamw": tuple(
        dict(zip(_NADAMW, values, strict=True))
        for values in (
            (0.0, 0.1, 1.308e-3, 0.0269, 0.9981, 0.1638, 0.10),
            (0.0, 0.2, 8.445e-4, 0.1104, 0.99785, 0.0814, 0.05),
            (0.0, 0.0, 1.308e-3, 0.0269, 0.9981, 0.1638, 0.10),
            (0.0, 0.0, 4.958e-3, 0.1363, 0.629, 0.1147, 0.02),
            (0.1, 0.0, 1.749e-3, 0.0673, 0.9955, 0.0812, 0.02),
        )
    ),
    # BC-ResNet (lr 0.1, L2 1e-3); AlgoPerf's fastMRI U-Net (lr 0.0286, L2 5.8e-4); timm's ResNeXt (lr 0.6 at a
    # batch of 8 x 192, here for 128, L2 1e-4). L2 in the gradient of SGD with momentum m takes
    # lr * l2 / (1 - m) * weight off a step in the long run: that is the decoupled weight decay given here.
    "sgd": tuple(
        dict(zip(_SGD, values, strict=True))
        for values in ((0.1, 0.1, 1e-2, 0.025), (0.0286, 0.02, 2.9e-2, 0.05), (0.05, 0.1, 1e-3, 0.05))
    ),
}
FAMILY = {"nadamw": "nadamw", "adamw": "nadamw", "sgd": "sgd"}
"""Whose points an optimizer can use: NAdamW is AdamW with Nesterov's look-ahead, in the same units."""


def known_points(space: Space, baseline_config: Mapping[str, Any], *, optimizer: str = "adamw") -> list[Config]:
    """The points of `POINTS` as configurations of this space, without repeats and without the baseline.

    Values are clamped into their domains. A setting that a point does not name has the baseline's value where
    that lies in its domain, else the middle. Where the optimizer is a setting, its options give the points,
    the baseline's own optimizer first.

    Args:
        baseline_config: the baseline's values for the settings of the space, as far as known.
        optimizer: the baseline's optimizer, where the space does not vary it.
    """
    found: list[Config] = []
    baseline = _fit(space, {}, "", baseline_config)[0]
    for name in _optimizers(space, str(baseline_config.get("optimizer", optimizer))):
        for point in POINTS.get(FAMILY.get(name, ""), ()):
            config, num_used = _fit(space, point, name, baseline_config)
            if num_used and config != baseline and config not in found:
                found.append(config)
    return found


def _optimizers(space: Space, own: str) -> list[str]:
    """Optimizers that the search can choose, the baseline's first, one of a family."""
    domain = space.domains.get("optimizer")
    names = [str(option) for option in domain.options] if isinstance(domain, Choice) else [own]
    names.sort(key=lambda name: name != own)  # stable: the others keep their order
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(FAMILY.get(name, name), name)
    return list(first.values())


def _fit(space: Space, point: Point, optimizer: str, baseline: Mapping[str, Any]) -> tuple[Config, int]:
    """A point as a configuration, and how many of its values the space has a place for."""
    full: Config = {}
    used = set()
    for name, domain in space.domains.items():
        value = _value_for(name, point, optimizer)
        fitted = None if value is None else _nearest(domain, value)
        if fitted is not None:
            full[name] = fitted
            used.add(name)
        elif name == "optimizer" and domain.contains(optimizer):
            full[name] = optimizer
        else:
            full[name] = (
                baseline[name] if name in baseline and domain.contains(baseline[name]) else domain.decode(0.5)
            )
    config = {name: value for name, value in full.items() if space.active(name, full)}
    return config, len(used & set(config))


def _value_for(name: str, point: Point, optimizer: str) -> float | None:
    """The value of a point for a setting: `lr`, `nadamw.lr`, `model.dropout`, `beta1` or `one_minus_beta1`."""
    owner, _, rest = name.rpartition(".")
    if owner not in ("", "model", optimizer):
        return None
    if rest in point:
        return point[rest]
    mirror = rest.removeprefix("one_minus_") if rest.startswith("one_minus_") else f"one_minus_{rest}"
    return round(1.0 - point[mirror], 12) if mirror in point else None


def _nearest(domain: Domain, value: float) -> Any:
    """The value of a domain next to a number; None for a choice among things that are not numbers."""
    if not isinstance(domain, Choice):
        inside = min(max(value, domain.low), domain.high)
        return round(inside) if isinstance(domain, Int) else float(inside)
    numbers = [o for o in domain.options if isinstance(o, int | float) and not isinstance(o, bool)]
    return min(numbers, key=lambda option: abs(option - value)) if numbers else None


def settings_of(space: Space, recipe: Recipe, config: Mapping[str, Any]) -> Config:
    """The values that a trial has for the settings of a space: from its configuration, else from its recipe.

    The baseline's configuration is empty, and an earlier round may have varied other settings. A builder's
    argument that the recipe does not name is left out: its default is not known here.
    """
    full = {**_from_recipe(space, recipe), **config}
    return {name: full[name] for name in space if name in full and space.active(name, full)}


def _from_recipe(space: Space, recipe: Recipe) -> Config:
    """The inverse of `Recipe.with_config`."""
    if recipe.program:
        return {name: recipe.model[name] for name in space if name in recipe.model}
    found: Config = {}
    for key in space:
        owner, _, rest = key.partition(".")
        if owner in OPTIMIZERS and rest and owner != recipe.optimizer:
            continue
        name = rest if owner in OPTIMIZERS and rest else key
        if name.removeprefix(OPTION) in recipe.optimizer_options and name.startswith(OPTION):
            found[key] = recipe.optimizer_options[name.removeprefix(OPTION)]
        elif group := group_in(name, recipe.groups):
            value = number_of(recipe, group, name.removeprefix(f"{group}."))
            found |= {} if value is None else {key: value}
        elif name in TRAINING_SETTINGS:
            found[key] = getattr(recipe, name)
        elif name.removeprefix("one_minus_") in TRAINING_SETTINGS and name.startswith("one_minus_"):
            found[key] = round(1.0 - getattr(recipe, name.removeprefix("one_minus_")), 12)
        elif name.removeprefix("prepare_") in recipe.preparation and name.startswith("prepare_"):
            found[key] = recipe.preparation[name.removeprefix("prepare_")]
        elif name.removeprefix("model.") in recipe.model:
            found[key] = recipe.model[name.removeprefix("model.")]
    return found
