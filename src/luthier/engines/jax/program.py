"""One compiled program: what every slot of a population runs, whatever its weights and numbers.

Axes: S steps of a chunk, B rows of a batch, G parameter groups, C outputs.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from luthier.algorithms.losses import LOSSES
from luthier.algorithms.updates import RULES
from luthier.engines.jax.model import Structure, Tree, forward, threefry
from luthier.engines.spec import GROUPS, Array
from luthier.errors import InvalidInput

WHOLE_STEP = ("clip_norm", "label_smoothing")
"""Numbers that no group has for itself."""


class Arrays(NamedTuple):
    """What training changes in one slot."""

    weights: Tree
    optimizer: dict[str, Tree]  # {state: {name: array}}
    buffers: Tree


class Placed(NamedTuple):
    """Data on the device: inputs [n, ...] and targets [n] or [n, k]."""

    inputs: Any
    targets: Any


class Chunk(NamedTuple):
    """One slot's share of a plan, and where it goes on."""

    rows: Array  # int32 [S, B]
    hparams: dict[str, Array]  # [S, G]; clip_norm and label_smoothing [S]
    num_steps: np.int32  # data, so that another number compiles nothing
    first_step: np.int32  # steps taken before this chunk
    seed: Array  # uint32 [2]


class Program:
    """The jitted functions of one model structure and one loss; the arrays are handed in.

    Each is compiled once for every S, B and shape of the data. It owns the compiled code, which goes when it
    goes.
    """

    def __init__(self, structure: Structure, loss: str) -> None:
        self.structure, self.loss = structure, loss
        self._advance: dict[str, Any] = {}
        self.predict = jax.jit(self._predict)
        self.evaluate = jax.jit(self._evaluate)
        self.probe = jax.jit(self._probe)

    def advance(self, rule: str, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule; `arrays` is donated."""
        if rule not in self._advance:
            self._advance[rule] = jax.jit(functools.partial(self._chunk, rule), donate_argnums=0)
        after: tuple[Arrays, Any, Any] = self._advance[rule](arrays, data, chunk)
        return after

    def check_targets(self, data: Placed) -> None:
        """Classes are numbers of outputs.

        Raises:
            InvalidInput: cross entropy on targets that are real numbers.
        """
        if self.loss == "cross_entropy" and not jnp.issubdtype(data.targets.dtype, jnp.integer):
            raise InvalidInput(
                f"targets of {data.targets.dtype}",
                must="cross_entropy has class numbers as targets",
                where="plan",
            )

    def _chunk(self, rule: str, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """A loop over the first `num_steps` of the S steps; the others report NaN.

        The bound is data: XLA cannot unroll the loop or treat S = 1 apart, so the steps of chunks of every
        length are computed alike.
        """
        seed_key = threefry(chunk.seed)

        def body(s: Any, carry: tuple[Arrays, Any, Any]) -> tuple[Arrays, Any, Any]:
            arrays, loss_S, norm_S = carry
            step = chunk.first_step + s
            batch = Placed(data.inputs[chunk.rows[s]], data.targets[chunk.rows[s]])
            numbers = {name: values[s] for name, values in chunk.hparams.items()}
            key = jax.random.fold_in(seed_key, step)
            arrays, (loss, norm) = self._step(rule, arrays, batch, numbers=numbers, step=step, key=key)
            return arrays, loss_S.at[s].set(loss), norm_S.at[s].set(norm)

        nan_S = jnp.full(len(chunk.rows), jnp.nan, jnp.float32)
        after: tuple[Arrays, Any, Any] = jax.lax.fori_loop(0, chunk.num_steps, body, (arrays, nan_S, nan_S))
        return after

    def _step(
        self, rule: str, arrays: Arrays, batch: Placed, *, numbers: Tree, step: Any, key: Any
    ) -> tuple[Arrays, tuple[Any, Any]]:
        def mean_loss(weights: Tree) -> tuple[Any, Tree]:
            output, buffers = forward(self.structure, weights, arrays.buffers, batch.inputs, key=key)
            return self._losses(output, batch.targets, numbers["label_smoothing"]).mean(), buffers

        (loss, buffers), grads = jax.value_and_grad(mean_loss, has_aux=True)(arrays.weights)
        norm = l2_norm(grads)
        grads = clip(grads, norm, numbers["clip_norm"])
        weights, optimizer = update(rule, arrays, grads, numbers=numbers, step=step)
        return Arrays(weights, optimizer, buffers), (loss, norm)

    def _losses(self, output: Any, targets: Any, smoothing: Any = 0.0) -> Any:
        return LOSSES[self.loss](jnp, output, targets, smoothing)

    def _predict(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        return forward(self.structure, arrays.weights, arrays.buffers, data.inputs[rows])[0]

    def _evaluate(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        return self._losses(self._predict(arrays, data, rows), data.targets[rows])

    def _probe(self, arrays: Arrays, data: Placed, rows: Any) -> Tree:
        def mean_loss(weights: Tree) -> Any:
            return self._evaluate(arrays._replace(weights=weights), data, rows).mean()

        loss, grads = jax.value_and_grad(mean_loss)(arrays.weights)
        return {"loss": loss, "grad_norm": l2_norm(grads), "weight_norm": l2_norm(arrays.weights)}


def init_optimizer(rule: str, weights: Tree) -> dict[str, Tree]:
    """State of an update rule before the first step: {state: {name: array}}."""
    return _by_state(rule, {name: RULES[rule].init(jnp, weight) for name, weight in weights.items()})


def update(rule: str, arrays: Arrays, grads: Tree, *, numbers: Tree, step: Any) -> tuple[Tree, dict[str, Tree]]:
    """(weights, optimizer state) after one step, each array with the numbers of its group."""
    weights, states = {}, {}
    for name, weight in arrays.weights.items():
        state = {key: tree[name] for key, tree in arrays.optimizer.items()}
        own = {key: value[group(weight)] for key, value in numbers.items() if key not in WHOLE_STEP}
        weights[name], states[name] = RULES[rule].update(jnp, grads[name], state, weight, own, step)
    return weights, _by_state(rule, states)


def _by_state(rule: str, by_name: dict[str, Tree]) -> dict[str, Tree]:
    return {key: {name: state[key] for name, state in by_name.items()} for key in RULES[rule].states}


def group(weight: Any) -> int:
    """Index into GROUPS: weight decay is for arrays of two axes and more."""
    return GROUPS.index("decay" if weight.ndim >= 2 else "no_decay")


def clip(grads: Tree, norm: Any, clip_norm: Any) -> Tree:
    """The gradients, scaled down to the norm `clip_norm` where theirs is larger."""
    factor = jnp.where(norm > clip_norm, clip_norm / norm, 1.0)
    return {name: factor * grad for name, grad in grads.items()}


def l2_norm(tree: Tree) -> Any:
    """L2 norm over all arrays together."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(array)) for array in tree.values()))
