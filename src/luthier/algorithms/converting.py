"""Optimizer settings from one framework to another: the same mathematics, or a refusal that says why.

Settings are read into a neutral form (a rule with its numbers and where they stand in its formula) and written out in
the words of the other. What one of them can not say is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from luthier.errors import InvalidInput, Unsupported

FRAMEWORKS = ("torch", "optax", "keras", "luthier")
NOTHING = 1e-30
"""An eps that changes no number, where one above 0 is asked for."""


class Neutral(NamedTuple):
    """An update rule with the places of its numbers.

    Args:
        rule: "sgd", "adam", "rmsprop", "adagrad", "lion".
        coupled, decay: the weight decay within the gradient, and beside it.
        eps_place: "outside" the root, "inside" it, or "hat": outside, before the correction of Adam's v.
        start: of Adagrad's sum.
    """

    rule: str
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 0.0
    eps_place: str = "outside"
    start: float = 0.0
    coupled: float = 0.0
    decay: float = 0.0


_RULE_OF = {"sgd": "sgd", "adam": "adam", "adamw": "adam", "rmsprop": "rmsprop", "adagrad": "adagrad", "lion": "lion"}
_OTHERS = {
    "nadam": "torch, optax and Keras vary beta1 over the steps in three ways",
    "nadamw": "torch and Keras vary beta1 over the steps, optax does not",
    "muon": "the frameworks scale its steps and correct its mean in different ways",
}
DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "torch": {
        "SGD": {"lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
        "Adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0},
        "AdamW": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
        "RMSprop": {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0},
        "Adagrad": {"lr": 0.01, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10},
    },
    "optax": {
        "sgd": {"learning_rate": None, "momentum": None, "nesterov": False},
        "adam": {"learning_rate": None, "b1": 0.9, "b2": 0.999, "eps": 1e-8},
        "adamw": {"learning_rate": None, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "weight_decay": 1e-4},
        "rmsprop": {"learning_rate": None, "decay": 0.9, "eps": 1e-8, "eps_in_sqrt": True, "momentum": None},
        "adagrad": {"learning_rate": None, "initial_accumulator_value": 0.1, "eps": 1e-7},
        "lion": {"learning_rate": None, "b1": 0.9, "b2": 0.99, "weight_decay": 1e-3},
    },
    "keras": {
        "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": None},
        "Adam": {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": None},
        "AdamW": {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004},
        "RMSprop": {"learning_rate": 1e-3, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "weight_decay": None},
        "Adagrad": {"learning_rate": 1e-3, "initial_accumulator_value": 0.1, "epsilon": 1e-7, "weight_decay": None},
        "Lion": {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.99, "weight_decay": None},
    },
    "luthier": {
        "sgd": {"lr": 1e-3, "momentum": 0.9, "nesterov": False, "weight_decay": 0.01, "l2": 0.0},
        "adamw": {
            "lr": 1e-3,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
            "eps_hat": False,
            "weight_decay": 0.01,
            "l2": 0.0,
        },
        "rmsprop": {
            "lr": 1e-3,
            "beta2": 0.999,
            "eps": 1e-8,
            "eps_root": 0.0,
            "momentum": 0.9,
            "weight_decay": 0.01,
            "l2": 0.0,
        },
        "adagrad": {"lr": 1e-3, "eps": 1e-8, "eps_root": 0.0, "weight_decay": 0.01, "l2": 0.0},
        "lion": {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01, "l2": 0.0},
    },
}
"""Framework -> optimizer -> its settings with their defaults; None for a rate: there is none, it must be given."""
_NEUTRAL_NAME = {
    "learning_rate": "lr",
    "b1": "beta1",
    "b2": "beta2",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "epsilon": "eps",
    "alpha": "beta2",
    "decay": "beta2",
    "rho": "beta2",
    "initial_accumulator_value": "start",
}


def convert(settings: Mapping[str, Any], source: str, target: str, *, constant_lr: bool = False) -> dict[str, Any]:
    """The settings of an optimizer in the words of another framework, with the same steps.

    Args:
        settings: {"optimizer": its name, ...}, keyword arguments as the source spells them; what is missing has the
            source's default.
        source, target: "torch", "optax", "keras", "luthier" (fields of a Recipe; biases decay too unless its `groups`
            say otherwise).
        constant_lr: the learning rate does not change. The velocity of Keras' SGD holds the rate of each step, that
            of the others does not: with momentum they agree at a constant rate only.

    Raises:
        InvalidInput: an unknown framework, optimizer or setting, or a rate that is missing.
        Unsupported: the target has no such mathematics; it says why.

    Example:
        >>> convert({"optimizer": "AdamW", "lr": 3e-4}, "torch", "optax")
        {'optimizer': 'adamw', 'learning_rate': 0.0003, 'b1': 0.9, 'b2': 0.999, 'eps': 1e-08, 'weight_decay': 0.01}
    """
    for name in (source, target):
        if name not in FRAMEWORKS:
            raise InvalidInput(f"framework={name!r}", must=f"one of {', '.join(FRAMEWORKS)}", where="convert")
    neutral = _read(dict(settings), source)
    if (
        neutral.rule == "sgd"
        and neutral.momentum > 0
        and (source == "keras") != (target == "keras")
        and not constant_lr
    ):
        raise _refused(
            "momentum at a rate that changes",
            target,
            "the velocity of Keras holds the rate of each step",
            "Say constant_lr=True if the rate is constant",
        )
    return _write(neutral, target)


def _refused(what: str, target: str, why: str, remedy: str = "") -> Unsupported:
    return Unsupported(f"{what}: {why}", must=f"{target} has the same mathematics", where="convert", remedy=remedy)


def _read(settings: dict[str, Any], source: str) -> Neutral:
    name = str(settings.pop("optimizer", ""))
    if name.lower() in _OTHERS:
        raise _refused(name, "no other framework", _OTHERS[name.lower()])
    known = DEFAULTS[source]
    if name not in known:
        raise InvalidInput(f"optimizer={name!r}", must=f"one of {', '.join(known)} of {source}", where="convert")
    unknown = sorted(set(settings) - set(known[name]))
    if unknown:
        raise Unsupported(
            f"{name}({unknown[0]}={settings[unknown[0]]!r})",
            must=f"one of {', '.join(known[name])}",
            where="convert",
            remedy="It has no counterpart in the other frameworks",
        )
    full = known[name] | settings
    if full.get("learning_rate", 0.0) is None:
        raise InvalidInput("learning_rate is missing", must="optax has no default for it", where="convert")
    if full.pop("dampening", 0.0):
        raise _refused("dampening", "no other framework", "only torch weakens the gradient and not the first one")
    numbers = {_NEUTRAL_NAME.get(key, key): value for key, value in full.items() if value is not None}
    if "betas" in numbers:
        numbers["beta1"], numbers["beta2"] = numbers.pop("betas")
    rule = _RULE_OF[name.lower()]
    given = float(numbers.pop("weight_decay", 0.0))
    if "l2" in numbers:
        numbers["coupled"] = numbers.pop("l2")
    numbers["coupled" if source == "torch" and name != "AdamW" else "decay"] = given
    return _placed(Neutral(rule, **_eps(numbers, source, rule)))


def _eps(numbers: dict[str, Any], source: str, rule: str) -> dict[str, Any]:
    """The numbers, with the place of eps."""
    root, hat = numbers.pop("eps_root", 0.0), numbers.pop("eps_hat", False)
    inside = numbers.pop("eps_in_sqrt", source in {"optax", "keras"} and rule in {"rmsprop", "adagrad"})
    if rule == "adagrad" and root:
        numbers["start"] = root
    elif root:
        if numbers["eps"] > NOTHING:
            raise _refused("eps beside eps_root", "no other framework", "each has one of the two places")
        numbers["eps"], inside = root, True
    place = "inside" if inside else "hat" if hat or (source == "keras" and rule == "adam") else "outside"
    return numbers | {"eps_place": place}


def _placed(n: Neutral) -> Neutral:
    """Forms that are the same: coupled decay without memory is decoupled, an eps inside Adagrad's root its start."""
    if n.rule == "sgd" and n.momentum == 0 and n.coupled:
        return n._replace(decay=n.coupled + n.decay, coupled=0.0)
    if n.rule == "adagrad" and n.eps_place == "outside" and n.eps <= NOTHING:
        return n._replace(eps=0.0, eps_place="inside")
    return n


def _write(n: Neutral, target: str) -> dict[str, Any]:
    if target == "luthier":
        return _for_luthier(n, _decay(n, target))
    names = {name.lower(): name for name in DEFAULTS[target]}
    wanted = "adamw" if n.rule == "adam" and n.decay else n.rule
    if wanted not in names:
        raise _refused(n.rule, target, "it has none of its own")
    decay = _decay(n, target)
    own = DEFAULTS[target][names[wanted]]
    place = {
        ("torch", "adagrad"): "outside",
        ("optax", "adagrad"): "inside",
        ("keras", "adagrad"): "inside",
        ("torch", "rmsprop"): "outside",
        ("keras", "rmsprop"): "inside",
        ("keras", "adam"): "hat",
        ("torch", "adam"): "outside",
        ("optax", "adam"): "outside",
    }.get((target, n.rule))
    if place is not None and n.eps_place != place and n.eps > NOTHING:
        where = {"outside": "outside of the root", "inside": "inside the root", "hat": "before the bias correction"}
        raise _refused(
            f"eps={n.eps:g} {where[n.eps_place]}", target, f"its eps stands {where[place]}", "luthier has every place"
        )
    numbers: dict[str, Any] = n._asdict() | decay | {"betas": (n.beta1, n.beta2)}
    numbers["eps_in_sqrt"] = n.eps_place == "inside"
    found = {key: numbers[_NEUTRAL_NAME.get(key, key)] for key in own if key not in {"weight_decay", "dampening"}}
    if "weight_decay" in own:
        found["weight_decay"] = decay.get("weight_decay", 0.0)
    return {"optimizer": names[wanted], **found}


def _decay(n: Neutral, target: str) -> dict[str, float]:
    """The decay in the target's words."""
    if target == "luthier":
        return {"weight_decay": n.decay, "l2": n.coupled}
    if not n.coupled and not n.decay:
        return {}
    coupled_here = target == "torch"
    if n.coupled and not coupled_here:
        raise _refused(
            "weight decay within the gradient", target, "its decay stands beside the gradient", "luthier has it as l2"
        )
    if n.coupled and n.decay:
        raise _refused("two kinds of decay", target, "it has one")
    if n.decay and target == "torch" and n.rule != "adam":
        if n.rule == "sgd" and n.momentum == 0:
            return {"weight_decay": n.decay}
        raise _refused("decoupled weight decay", target, "its decay is added to the gradient")
    if n.decay and target == "optax" and n.rule not in {"adam", "lion"}:
        raise _refused("weight decay", target, f"its {n.rule} has none", "Chain optax.add_decayed_weights")
    return {"weight_decay": n.coupled or n.decay}


def _for_luthier(n: Neutral, decay: dict[str, float]) -> dict[str, Any]:
    rule = "adamw" if n.rule == "adam" else n.rule
    numbers: dict[str, Any] = n._asdict() | decay | {"eps_hat": n.eps_place == "hat", "eps_root": 0.0}
    if n.rule == "adagrad":
        numbers["eps_root"] = n.start + (n.eps if n.eps_place == "inside" else 0.0)
    elif n.eps_place == "inside":
        numbers["eps_root"] = n.eps
    if n.eps_place == "inside" or n.eps == 0:
        numbers["eps"] = NOTHING
    return {"optimizer": rule} | {key: numbers[key] for key in DEFAULTS["luthier"][rule]}
