"""How `train.py` makes an optimizer that luthier did not write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from luthier.engines.outside import OWN, Maker
from luthier.errors import Unsupported
from luthier.recipe import Recipe


class OfALibrary(NamedTuple):
    """Lines of the script.

    Args:
        own: functions of the person's that it needs, to be written beside the model's.
        made: the lines that make the optimizer and the share of each of its groups in the learning rate.
    """

    own: tuple[Callable[..., Any], ...]
    imports: tuple[str, ...]
    made: str


def of_a_library(recipe: Recipe) -> OfALibrary:
    """The lines for the optimizer of a recipe.

    Raises:
        Unsupported: a function whose weight decay differs between the groups of weights.
    """
    maker = Maker.of(recipe, given=1, fits=("torch",), where="train.py")
    is_own = maker.name.startswith(OWN)
    decays = recipe.weight_decay > 0 and bool(maker.weight_decay)
    if is_own and decays:
        raise Unsupported(
            "the optimizer of your own is told a weight decay, which the script has no words for",
            must="a weight decay of its own, or none",
            where="train.py",
        )
    module, _, name = maker.name.rpartition(".")
    weights = "[p for p in model.parameters() if p.requires_grad]"
    groups = '[{"params": decay, "weight_decay": WEIGHT_DECAY}, {"params": no_decay, "weight_decay": 0.0}]'
    numbers = {maker.lr: "LR", maker.weight_decay: "WEIGHT_DECAY"} if not decays else {maker.lr: "LR"}
    told = [f"{key}={value}" for key, value in numbers.items() if key]
    told += [f"{key}={value!r}" for key, value in maker.options.items()]
    called = getattr(maker.make, "__name__", "") if is_own else f"{module}.{name}"
    made = (
        f"    optimizer = {called}({', '.join([groups if decays else weights, *told])})\n"
        f'    rates = [group["lr"]{" / LR" if maker.lr else ""} for group in optimizer.param_groups]'
    )
    imports = () if is_own or module.partition(".")[0] == "torch" else (f"import {module}",)
    return OfALibrary((maker.make,) if is_own else (), imports, made)
