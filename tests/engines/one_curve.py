"""A program: the loss curves of one small MLP on one engine, from weights, rows and numbers that a file gives.

    python tests/engines/one_curve.py torch|jax|keras IN.npz OUT.npz

Keras takes the backend of KERAS_BACKEND; JAX computes in float64 only where JAX_ENABLE_X64 says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from luthier.engines import engine_for
from luthier.engines.spec import RULES, Loss, Plan, Source, optimizer_numbers
from luthier.recipe import Recipe

LAYERS = ("first", "second", "head")
RECIPES = {
    "adamw": Recipe("adamw", lr=1e-3, weight_decay=0.1, clip_norm=1.0, label_smoothing=0.1, batch_size=32),
    "sgd": Recipe("sgd", lr=0.03, weight_decay=0.01, batch_size=32),
    "sgd in groups": Recipe(
        "sgd",
        lr=0.05,
        weight_decay=0.01,
        batch_size=32,
        clip_norm=2.0,
        groups={
            "first": {"lr_factor": 0.3, "clip_norm": 0.2, "momentum": 0.8},
            "head": {"lr": 0.02, "weight_decay": 0.1, "clip_value": 0.05},
            "no_decay": {"lr_factor": 2.0},
        },
    ),
    "sgd at 1.01 times its rate": Recipe("sgd", lr=0.0303, weight_decay=0.01, batch_size=32),
}


def torch_net(dtype: str) -> tuple[Callable[..., Any], dict[str, str]]:
    """(builder, {layer: its name}); the weights of torch are transposed."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.type = getattr(torch, dtype)
            self.first, self.second, self.head = nn.Linear(inputs, 32), nn.Linear(32, 32), nn.Linear(32, outputs)
            self.to(self.type)

        def forward(self, x: Any) -> Any:
            return self.head(torch.relu(self.second(torch.relu(self.first(x.to(self.type))))))

    return Net, {layer: layer for layer in LAYERS}


def jax_net(dtype: str) -> tuple[Callable[..., Any], dict[str, str]]:
    """(builder, {layer: its name})."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, inputs: int, outputs: int, rngs: Any) -> None:
            def linear(a: int, b: int) -> Any:
                return nnx.Linear(a, b, rngs=rngs, param_dtype=dtype, dtype=dtype)

            self.first, self.second, self.head = linear(inputs, 32), linear(32, 32), linear(32, outputs)

        def __call__(self, x: Any) -> Any:
            return self.head(nnx.relu(self.second(nnx.relu(self.first(x)))))

    return Net, {layer: layer for layer in LAYERS}


def keras_net(dtype: str) -> tuple[Callable[..., Any], dict[str, str]]:
    """(builder, {layer: its name})."""

    def net(inputs: int, outputs: int) -> Any:
        import keras
        from keras.layers import Dense

        return keras.Sequential(
            [
                keras.Input((inputs,)),
                Dense(32, "relu", dtype=dtype),
                Dense(32, "relu", dtype=dtype),
                Dense(outputs, "softmax", dtype=dtype),
            ]
        )

    return net, dict(zip(LAYERS, ("sequential.dense", "sequential.dense_1", "sequential.dense_2"), strict=True))


def curve(framework: str, dtype: str, rule: str, given: dict[str, Any]) -> Any:
    """Losses float32 [S] of the given start."""
    builder, names = {"torch": torch_net, "jax": jax_net, "keras": keras_net}[framework](dtype)
    rows_SB, groups = given["rows"], {names.get(group, group): own for group, own in RECIPES[rule].groups.items()}
    recipe = msgspec.structs.replace(RECIPES[rule], groups=groups)
    S = len(rows_SB)
    engine = engine_for(builder, inputs=given["inputs"].shape[1], outputs=10)
    population = engine.open(builder, recipe, Loss("cross_entropy"), engine.modes()[0], 1)
    snapshot = population.fresh(recipe, 0)
    for layer, name in names.items():
        kernel = given[f"{layer}.kernel"].astype(dtype)
        here = {"weight": kernel.T} if framework == "torch" else {"kernel": kernel}
        for part, value in {**here, "bias": given[f"{layer}.bias"].astype(dtype)}.items():
            stands = snapshot[f"weights/{name}.{part}"]
            assert (stands.shape, stands.dtype) == (value.shape, value.dtype)
            snapshot[f"weights/{name}.{part}"] = value
    numbers = {name: np.repeat(v[None, None], S, axis=0) for name, v in optimizer_numbers(recipe).items()}
    plan = Plan(
        rows_SB[:, None], numbers, np.array([S], np.int32), np.array([RULES.index(recipe.optimizer)], np.int32)
    )
    data = engine.place(Source(given["inputs"], given["targets"]))
    _, report = population.advance(population.stack([snapshot]), data, plan)
    return report["loss"][:, 0]


if __name__ == "__main__":
    framework, source, out = sys.argv[1:]
    with np.load(source) as file:
        given = dict(file)
    np.savez(
        out,
        **{
            f"{dtype} {rule}": curve(framework, dtype, rule, given)
            for dtype in ("float32", "float64")
            for rule in RECIPES
        },
    )
