"""Which training settings are tuned when nobody names any: more of them the more trials there are.

Playbook, "What should I do if I have a budget of N trials": with fewer than 10 trials only the learning
rate, up to 25 also beta1, and so on (P15). The order after beta1 and the ranges are those of the AlgoPerf
tuning spaces (mlcommons/algorithmic-efficiency, Apache-2.0) and of the update rules' papers. The batch size
is chosen by throughput (P06), the seed by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from luthier.errors import InvalidInput
from luthier.playbook.wording import setting
from luthier.recipe import SCHEDULES, Recipe
from luthier.space import Choice, Domain, Float, Scalar, Space

BETA1_TRIALS = 10
DECAY_TRIALS = 25
SCHEDULE_TRIALS = 60
OPTIMIZER_TRIALS = 120
MAX_DECADES = 3.5  # of a learning-rate range; a baseline farther off gets a range of its own

_LR = {
    "adamw": (1e-4, 1e-2),
    "nadamw": (1e-4, 1e-2),
    "rmsprop": (1e-4, 1e-2),
    "sgd": (1e-2, 3.0),
    "gd": (1e-2, 3.0),
    "adagrad": (1e-3, 0.1),
    "lion": (1e-5, 1e-3),
    "schedule_free": (5e-4, 2e-2),
    "prodigy": (0.5, 2.0),
    "muon": (1e-4, 1e-2),
}
"""Lion wants a rate 3 to 10 times below AdamW's (2302.06675); Prodigy's is a factor of its own estimate; Muon's steps
are as long as those of AdamW."""
_MOMENTUM = {
    "adamw": ("one_minus_beta1", 0.02, 0.5),
    "nadamw": ("one_minus_beta1", 4e-3, 0.1),
    "sgd": ("one_minus_momentum", 0.01, 0.3),
    "rmsprop": ("one_minus_momentum", 0.02, 1.0),
    "lion": ("one_minus_beta1", 0.02, 0.3),
    "schedule_free": ("one_minus_beta1", 0.02, 0.1),
    "prodigy": ("one_minus_beta1", 0.02, 0.5),
    "muon": ("one_minus_momentum", 0.02, 0.1),
}
"""Rules without a memory of the direction are not here."""
_DECAY = {
    "adamw": (5e-3, 0.5),
    "nadamw": (5e-3, 0.5),
    "rmsprop": (1e-5, 5e-2),
    "sgd": (1e-5, 5e-2),
    "gd": (1e-5, 5e-2),
    "adagrad": (1e-5, 5e-2),
    "lion": (5e-2, 5.0),
    "schedule_free": (5e-3, 0.5),
    "prodigy": (1e-3, 0.1),
    "muon": (5e-3, 0.5),
}
_ADAPTIVE = ("adamw", "nadamw", "rmsprop")

_FORBIDDEN = {
    "seed": "The best of several seeds is luck, not a setting: its score does not come back on other seeds",
    "split_seed": "The best of several splits is an easy validation set, not a better setting",
    "batch_size": "Every batch size reaches the same quality when the rest is tuned again (Shallue et al., "
    "JMLR 2019), so it is chosen by throughput; give batch_size in the recipe to hold one",
}


def default_space(kind: str, num_trials: float, baseline: Recipe) -> Space:
    """The training settings worth tuning with so many trials, around the baseline.

    Args:
        kind: of the task (`records.Facts`). num_trials: complete trainings that the search can pay
        for; a fraction where a budget of time is meant. baseline: its optimizer is the one that is tuned;
        its learning rate lies within the range.

    From 0 trials: lr. From 10: one minus beta1 (momentum). From 25: weight decay, and label smoothing for
    classification. From 60: warm-up, schedule, one minus beta2 and eps. From 120: the choice of the
    optimizer, each with settings of its own, named "sgd.lr", "adamw.lr" ...: they are different dimensions
    (P11). An optimizer of a library stays the one that it is.
    """
    domains: dict[str, Domain]
    if num_trials >= OPTIMIZER_TRIALS and not baseline.foreign:
        options = tuple(dict.fromkeys((baseline.optimizer, "adamw", "sgd")))
        domains = {"optimizer": Choice(options)}
        for optimizer in options:
            domains |= _of_optimizer(optimizer, num_trials, baseline, conditional=True)
    else:
        domains = _of_optimizer(baseline.optimizer, num_trials, baseline, conditional=False)
    if num_trials >= DECAY_TRIALS and kind not in ("regression", "own"):
        domains["label_smoothing"] = Float(0.0, max(0.2, baseline.label_smoothing))
    if num_trials >= SCHEDULE_TRIALS:
        domains["warmup"] = Float(0.0, max(0.1, baseline.warmup))
        domains["schedule"] = Choice(tuple(s for s in SCHEDULES if s in ("linear", "cosine", baseline.schedule)))
    return Space(domains)


def _of_optimizer(optimizer: str, num_trials: float, baseline: Recipe, *, conditional: bool) -> dict[str, Domain]:
    """The settings of one update rule."""
    own = baseline if baseline.optimizer == optimizer else None
    prefix = f"{optimizer}." if conditional else ""
    when: dict[str, list[Scalar]] = {"optimizer": [optimizer]} if conditional else {}
    domains: dict[str, Domain] = {}

    def add(name: str, low: float, high: float) -> None:
        value = _value(own, name) if own else 0.0
        if value > 0:  # the baseline lies within, unless it is off the log scale
            low, high = min(low, value), max(high, value)
        domains[prefix + name] = Float(low, high, log=True, when=when)

    add("lr", *_lr_range(optimizer, own))
    if num_trials >= BETA1_TRIALS and optimizer in _MOMENTUM:
        add(*_MOMENTUM[optimizer])
    if num_trials >= DECAY_TRIALS and optimizer in _DECAY:
        add("weight_decay", *_DECAY[optimizer])
    if num_trials >= DECAY_TRIALS and optimizer not in _DECAY and baseline.weight_decay > 0:
        add("weight_decay", baseline.weight_decay / 10, baseline.weight_decay * 10)
    if num_trials >= SCHEDULE_TRIALS and optimizer in _ADAPTIVE:
        add("one_minus_beta2", 5e-4, 0.4)  # speech models want beta2 = .63 to .88 (AlgoPerf)
        add("eps", 1e-10, 1e-4)
    return domains


def _value(recipe: Recipe, name: str) -> float:
    """The recipe's number under the name that the space gives it."""
    field = name.removeprefix("one_minus_")
    number = float(getattr(recipe, field))
    return number if field == name else 1.0 - number


def _lr_range(optimizer: str, own: Recipe | None) -> tuple[float, float]:
    """The rule's usual range, stretched to hold the baseline with half a decade to spare.

    A baseline so far off that the range would span more than 3.5 decades knows something that we don't: then
    the range is a decade to either side of it. So it is where nothing is known of the rule.
    """
    if optimizer not in _LR:
        assert own is not None, "an optimizer of a library is that of the baseline"
        return own.lr / 10, own.lr * 10
    low, high = _LR[optimizer]
    if own is None:
        return low, high
    low, high = min(low, own.lr / math.sqrt(10)), max(high, own.lr * math.sqrt(10))
    if math.log10(high / low) > MAX_DECADES:
        return own.lr / 10, own.lr * 10
    return low, high


def combine(default: Space, named: Space, fixed: Mapping[str, Any]) -> Space:
    """The default space with what a person says about it: settings of their own, and settings held fixed.

    A setting that is named or fixed replaces each default form of itself: "beta1" replaces
    "one_minus_beta1", and "lr" replaces "sgd.lr" and "adamw.lr"; "sgd.lr" replaces itself and keeps its
    condition. `fixed` wins over `named`.
    """
    said = {*named, *fixed}
    fields = {_field(name) for name in said if "." not in name or name.startswith("model.")}
    kept = {n: d for n, d in default.domains.items() if n in said or _field(n) not in fields}
    own = {n: replace(d, when=d.when or kept[n].when) if n in kept else d for n, d in named.domains.items()}
    return Space(kept).merge(own).without(fixed)


def _field(name: str) -> str:
    return setting(name).removeprefix("one_minus_")


def forbidden(space: Space) -> None:
    """Refuse a space that searches what no search may: the seed, the split, the batch size.

    Raises:
        InvalidInput: names the setting and the trap.
    """
    for name in space:
        if reason := _FORBIDDEN.get(setting(name)):
            raise InvalidInput(
                f"{name} in the search space",
                where=f"space, parameter {name!r}",
                remedy=f"{reason}. Take it out of the space",
            )
