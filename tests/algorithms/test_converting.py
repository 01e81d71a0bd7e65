"""Converted settings take the same steps; what can not be said is refused with its reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.algorithms.peers import LEVEL, by_keras, by_rule, gradients, start

import luthier
from luthier.algorithms.converting import DEFAULTS
from luthier.errors import InvalidInput, Unsupported


def steps(settings: dict[str, Any], framework: str) -> np.ndarray:
    """Weights after 100 steps of the optimizer, float64, at the rate of the settings."""
    given = dict(settings)
    name = given.pop("optimizer")
    if framework == "torch":
        import torch

        param = torch.nn.Parameter(torch.from_numpy(start()))
        optimizer = getattr(torch.optim, name)([param], **given)
        for grad in gradients():
            param.grad = torch.from_numpy(grad)
            optimizer.step()
        return param.detach().numpy()
    if framework == "keras":
        return by_keras(f"{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})")
    if framework == "optax":
        import jax
        import jax.numpy as jnp
        import optax

        with jax.enable_x64(True):
            make, param = getattr(optax, name)(**given), jnp.asarray(start())
            state = make.init(param)
            for grad in gradients():
                change, state = make.update(jnp.asarray(grad), state, param)
                param = optax.apply_updates(param, change)
            return np.asarray(param)
    return by_luthier(name, **given)


def by_luthier(name: str, *, lr: float, l2: float = 0.0, eps_hat: bool = False, **numbers: Any) -> np.ndarray:
    assert l2 == 0.0, "the comparison feeds gradients that know no weights"
    if eps_hat:
        eps, beta2 = numbers["eps"], numbers["beta2"]
        numbers["eps"] = lambda step: eps / np.sqrt(1 - beta2 ** (step + 1))
    return by_rule(name, rates=[lr for _ in LEVEL], **(numbers | {"nesterov": float(numbers.get("nesterov", 0.0))}))


CASES = [
    ({"optimizer": "AdamW", "lr": 0.01, "eps": 1e-6}, "torch", "optax"),
    ({"optimizer": "AdamW", "lr": 0.01}, "torch", "luthier"),
    ({"optimizer": "Adam", "lr": 0.01}, "torch", "optax"),
    ({"optimizer": "SGD", "lr": 0.01, "momentum": 0.9, "nesterov": True}, "torch", "optax"),
    ({"optimizer": "SGD", "lr": 0.01, "weight_decay": 0.1}, "torch", "luthier"),
    ({"optimizer": "RMSprop", "momentum": 0.5}, "torch", "optax"),
    ({"optimizer": "rmsprop", "learning_rate": 0.01}, "optax", "luthier"),
    ({"optimizer": "adagrad", "learning_rate": 0.01}, "optax", "luthier"),
    ({"optimizer": "Adagrad"}, "torch", "luthier"),
    ({"optimizer": "lion", "learning_rate": 0.01}, "optax", "luthier"),
    ({"optimizer": "rmsprop", "lr": 0.01, "eps": 1e-30, "eps_root": 1e-7, "weight_decay": 0.0}, "luthier", "optax"),
]
WITH_KERAS = [
    ({"optimizer": "SGD", "momentum": 0.9}, "keras", "torch"),
    ({"optimizer": "AdamW"}, "keras", "luthier"),
    ({"optimizer": "adagrad", "learning_rate": 0.01}, "optax", "keras"),
    ({"optimizer": "Lion", "weight_decay": 0.1}, "keras", "optax"),
]


@pytest.mark.parametrize(("settings", "source", "target"), CASES + WITH_KERAS)
def test_converted_optimizer_takes_the_same_steps(settings: dict[str, Any], source: str, target: str) -> None:
    """100 steps in float64."""
    converted = luthier.convert(settings, source, target, constant_lr=True)
    full = DEFAULTS[source][settings["optimizer"]] | settings
    given = {key: value for key, value in full.items() if value is not None}
    np.testing.assert_allclose(steps(converted, target), steps(given, source), rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "source", "target", "says"),
    [
        ({"optimizer": "Adam"}, "keras", "torch", "before the bias correction"),
        ({"optimizer": "Adam", "weight_decay": 0.1}, "torch", "keras", "beside the gradient"),
        ({"optimizer": "RMSprop"}, "torch", "keras", "inside the root"),
        ({"optimizer": "Adagrad"}, "torch", "optax", "inside the root"),
        ({"optimizer": "SGD", "momentum": 0.9}, "torch", "keras", "constant_lr=True"),
        ({"optimizer": "SGD", "dampening": 0.5}, "torch", "optax", "dampening"),
        ({"optimizer": "SGD", "momentum": 0.9, "weight_decay": 0.1}, "keras", "luthier", "constant_lr"),
        ({"optimizer": "NAdam"}, "torch", "optax", "vary beta1"),
        ({"optimizer": "Muon"}, "torch", "keras", "scale its steps"),
        ({"optimizer": "lion", "learning_rate": 0.1}, "optax", "torch", "none of its own"),
        ({"optimizer": "Adam", "amsgrad": True}, "torch", "optax", "no counterpart"),
    ],
)
def test_what_has_no_equal_is_refused_with_the_reason(settings: Any, source: str, target: str, says: str) -> None:
    """Not carried across as if the names meant the same."""
    with pytest.raises(Unsupported, match=says):
        luthier.convert(settings, source, target)


def test_unknown_words_are_answered() -> None:
    """Frameworks, optimizers, a rate that is missing."""
    for settings, source in (
        ({"optimizer": "Adam"}, "mxnet"),
        ({"optimizer": "adam"}, "torch"),
        ({"optimizer": "sgd"}, "optax"),
    ):
        with pytest.raises(InvalidInput):
            luthier.convert(settings, source, "luthier")


def test_coupled_decay_becomes_l2() -> None:
    """Adam with weight_decay in torch is not AdamW."""
    found = luthier.convert({"optimizer": "Adam", "weight_decay": 0.1}, "torch", "luthier")
    assert (found["optimizer"], found["l2"], found["weight_decay"]) == ("adamw", 0.1, 0.0)


def test_defaults_are_those_of_the_frameworks() -> None:
    """As the installed versions have them."""
    import inspect

    import optax
    import torch

    for framework, module in (("torch", torch.optim), ("optax", optax)):
        for name, settings in DEFAULTS[framework].items():
            parameters = inspect.signature(getattr(module, name)).parameters
            for key, value in settings.items():
                theirs = parameters[key].default
                assert (None if theirs is inspect.Parameter.empty else theirs) == value, f"{framework} {name} {key}"
