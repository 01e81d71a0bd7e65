"""Flax NNX models and the loops that their users write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks.engines.cost import BATCH, Contestant, plans_of
from flax import nnx

from luthier.engines.spec import Source

PACKAGES = ("jax", "flax", "optax")


class Mlp(nnx.Module):
    """64-128-128-10 with two dropouts."""

    def __init__(self, *, rngs: nnx.Rngs) -> None:
        self.first, self.second = nnx.Linear(64, 128, rngs=rngs), nnx.Linear(128, 128, rngs=rngs)
        self.head = nnx.Linear(128, 10, rngs=rngs)
        self.drops = nnx.List([nnx.Dropout(0.1, rngs=rngs) for _ in range(2)])

    def __call__(self, x: Any) -> Any:
        """Logits."""
        x = self.drops[0](nnx.relu(self.first(x)))
        return self.head(self.drops[1](nnx.relu(self.second(x))))


class Cnn(nnx.Module):
    """Two 3 x 3 convolutions (16, 32 channels) with BatchNorm and pooling, on 8 x 8 pixels."""

    def __init__(self, *, rngs: nnx.Rngs) -> None:
        def conv(a: int, b: int) -> nnx.Conv:
            return nnx.Conv(a, b, (3, 3), use_bias=False, rngs=rngs)

        self.convs = nnx.List([conv(1, 16), conv(16, 32)])
        self.norms = nnx.List([nnx.BatchNorm(16, rngs=rngs), nnx.BatchNorm(32, rngs=rngs)])
        self.drop, self.head = nnx.Dropout(0.1, rngs=rngs), nnx.Linear(128, 10, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        """Logits."""
        x = x.reshape(len(x), 8, 8, 1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = nnx.max_pool(nnx.relu(norm(conv(x))), (2, 2), strides=(2, 2))
        return self.head(self.drop(x.reshape(len(x), -1)))


def _schedule(num_steps: int) -> Any:
    plans = plans_of(BATCH, num_steps, 1)
    rates = jnp.array(np.concatenate([plan.hparams["lr"][:, 0, 0] for plan in plans]))
    return lambda step: rates[step % num_steps]


def _rows(source: Source, num_steps: int) -> Any:
    return jnp.array(np.concatenate([plan.rows[:, 0] for plan in plans_of(len(source.inputs), num_steps, 1)]))


def by_nnx(build: Callable[..., Any], source: Source, num_steps: int) -> Contestant:
    """`nnx.jit` and `nnx.Optimizer`, as the documentation of Flax has it."""
    model = build(rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adamw(_schedule(num_steps), weight_decay=0.01), wrt=nnx.Param)
    inputs, targets, rows = jnp.array(source.inputs), jnp.array(source.targets), _rows(source, num_steps)

    @nnx.jit
    def step(model: Any, optimizer: Any, x: Any, y: Any) -> Any:
        def loss_of(model: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

        loss, grads = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, grads)
        return loss

    def train() -> None:
        losses = [step(model, optimizer, inputs[rows[s]], targets[rows[s]]) for s in range(num_steps)]
        np.asarray(jnp.stack(losses))

    return train


def by_jit(build: Callable[..., Any], source: Source, num_steps: int) -> Contestant:
    """A jitted step on split arrays, which it donates; rows are gathered within."""
    model = build(rngs=nnx.Rngs(0))
    graph, weights, rest = nnx.split(model, nnx.Param, ...)
    rule = optax.adamw(_schedule(num_steps), weight_decay=0.01)
    inputs, targets, rows = jnp.array(source.inputs), jnp.array(source.targets), _rows(source, num_steps)
    held = [(weights, rest, rule.init(weights))]

    def step(state: Any, s: Any) -> Any:
        weights, rest, kept = state

        def loss_of(weights: Any) -> Any:
            model = nnx.merge(graph, weights, jax.tree.map(jnp.asarray, rest))  # variables of this trace
            output = model(inputs[rows[s]])
            loss = optax.softmax_cross_entropy_with_integer_labels(output, targets[rows[s]]).mean()
            return loss, nnx.state(model, nnx.Not(nnx.Param))

        (loss, rest), grads = jax.value_and_grad(loss_of, has_aux=True)(weights)
        moves, kept = rule.update(grads, kept, weights)
        return (optax.apply_updates(weights, moves), rest, kept), loss

    one = jax.jit(step, donate_argnums=0)

    def train() -> None:
        losses = []
        for s in range(num_steps):
            held[0], loss = one(held[0], np.int32(s))
            losses.append(loss)
        np.asarray(jnp.stack(losses))

    return train


MODELS: dict[str, Callable[..., Any]] = {"mlp": Mlp, "cnn8": Cnn}
PEERS = {"a jitted step": by_jit, "nnx.jit": by_nnx}


def modes() -> tuple[str, ...]:
    """Of the engine."""
    from luthier.engines.jax import JaxEngine

    return JaxEngine(64, 10).modes()
