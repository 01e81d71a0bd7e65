"""The parameter groups of a recipe as lines of `train.py`, in plain PyTorch."""

from __future__ import annotations

from typing import Any

from luthier.engines.grouping import Grouping
from luthier.engines.spec import optimizer_numbers
from luthier.groups import GROUPS
from luthier.recipe import Recipe

SAID = frozenset(("lr", "lr_factor", "weight_decay", "momentum", "beta1", "beta2", "eps", "clip_value", "clip_norm"))
"""Numbers of a group for which the script has words."""


def unsaid(recipe: Recipe) -> list[str]:
    """Numbers of the recipe's groups for which the script has no words, as "backbone.l2"."""
    return [f"{group}.{name}" for group, own in recipe.groups.items() for name in own if name not in SAID]


def groups_code(recipe: Recipe, *, decoupled: bool) -> str:
    """The list `groups` for the optimizer. Weights are in the lists `decay` and `no_decay` where no module is named,
    else in `parts` by (path, has it two axes).

    Args:
        decoupled: is the optimizer's own weight_decay the decoupled one? Else the script takes "decay" off itself.
    """
    table = {name: [_short(v) for v in values] for name, values in optimizer_numbers(recipe).items()}
    grouping = Grouping.of(recipe)
    named, lines = grouping.named, []
    for at in range(grouping.num):
        part, half = divmod(at, len(GROUPS))
        own = {name: values[at] for name, values in table.items()}
        params = GROUPS[half]
        if named:
            path = named[part - 1] if part else ""
            params = f'parts["{path}", {half == 0}]'
        entries = [f'"params": {params}', *_entries(recipe, own, decoupled=decoupled)]
        lines.append("        {" + ", ".join(entries) + "},")
    return "    groups = [\n" + "\n".join(lines) + "\n    ]"


def _entries(recipe: Recipe, own: dict[str, float], *, decoupled: bool) -> list[str]:
    """What stands in a group beside its weights: the factor of its rate, its decay, and what is not the recipe's."""
    factor, decay = _short(own["lr"] / recipe.lr), own["weight_decay"]
    written = "WEIGHT_DECAY" if decay == _short(recipe.weight_decay) else repr(decay)
    word = "weight_decay" if decoupled else "decay"
    found = [f'"factor": {factor}', f'"{word}": {written}']
    differing = {name for name in ("beta1", "beta2", "momentum", "eps") if own[name] != _short(getattr(recipe, name))}
    if recipe.optimizer == "adamw" and differing & {"beta1", "beta2"}:
        found.append(f'"betas": ({own["beta1"]}, {own["beta2"]})')
    if recipe.optimizer == "rmsprop" and "beta2" in differing:
        found.append(f'"alpha": {own["beta2"]}')
    if recipe.optimizer != "adamw" and "momentum" in differing:
        found.append(f'"momentum": {own["momentum"]}')
    if recipe.optimizer != "sgd" and "eps" in differing:
        found.append(f'"eps": {own["eps"]}')
    return found


def _short(value: float) -> float:
    """To the six digits that a number of a plan has for certain."""
    return float(f"{value:.6g}")


def clips_code(recipe: Recipe) -> list[str]:
    """Lines that clip the gradients of the groups, by value and then by the norm of each module's."""
    table, named = optimizer_numbers(recipe), Grouping.of(recipe).named
    lines = []
    for at, limit in enumerate(table["clip_value"]):
        if limit < float("inf"):
            lines.append(f'torch.nn.utils.clip_grad_value_(groups[{at}]["params"], {_short(limit)})')
    for part, group in enumerate(named, 1):
        limit = table["group_clip_norm"][len(GROUPS) * part]
        if limit < float("inf"):
            both = f'parts["{group}", True] + parts["{group}", False]'
            lines.append(f"torch.nn.utils.clip_grad_norm_({both}, {_short(limit)})")
    return lines


def variables(recipe: Recipe, *, decoupled: bool) -> dict[str, Any]:
    """What the template asks for: the paths, the groups, the clipping, and the step with decay."""
    step = ["optimizer.step()"]
    if not decoupled:
        step = [
            "with torch.no_grad():  # decoupled weight decay",
            "    for group in optimizer.param_groups:",
            '        for weight in group["params"]:',
            '            weight.mul_(1 - group["lr"] * group["decay"])',
            *step,
        ]
    return {
        "parts": list(recipe.named_groups),
        "factors": True,
        "groups": groups_code(recipe, decoupled=decoupled),
        "group_clips": clips_code(recipe),
        "step": "\n        ".join(step),
    }
