"""One compiled program: what every slot of a population runs, whatever its weights and numbers.

Axes: S steps of a chunk, B rows of a batch, G parameter groups, C outputs.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from luthier.algorithms.gradients import climbed, norm_of
from luthier.algorithms.losses import LOSSES
from luthier.algorithms.rule import AVERAGE, step_all
from luthier.algorithms.updates import RULES
from luthier.engines.checks import check_targets
from luthier.engines.jax.model import Structure, Tree, forward, threefry
from luthier.engines.jax.step import OUTPUTS, Batch, How, Placed, finish, numbers_by_name, prepare
from luthier.engines.spec import Array, Loss


class Arrays(NamedTuple):
    """What training changes in one slot."""

    weights: Tree
    optimizer: dict[str, Tree]  # {state: {name: array}}
    buffers: Tree


class StepOf(NamedTuple):
    """A step: its numbers, which one it is, its random key."""

    numbers: Tree
    step: Any
    key: Any


class Chunk(NamedTuple):
    """One slot's share of a plan, and where it goes on."""

    rows: Array  # int32 [S, B]
    hparams: dict[str, Array]  # [S, G]; those of WHOLE_STEP [S]
    num_steps: np.int32  # data, so that another number compiles nothing
    first_step: np.int32  # steps taken before this chunk
    seed: Array  # uint32 [2]
    weights: Array | None = None  # float32 [S, B]


class Program:
    """The jitted functions of one model structure and one loss; the arrays are handed in.

    Each is compiled once for every S, B and shape of the data. It owns the compiled code, which goes when it
    goes.
    """

    def __init__(self, structure: Structure, loss: Loss) -> None:
        self.structure, self.loss = structure, loss
        self._advance: dict[How, Any] = {}
        self.predict = jax.jit(self._predict)
        self.evaluate = jax.jit(self._evaluate)
        self.probe = jax.jit(self._probe)

    def advance(self, how: How, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule; `arrays` is donated."""
        if how not in self._advance:
            self._advance[how] = jax.jit(functools.partial(self._chunk, how), donate_argnums=0)
        after: tuple[Arrays, Any, Any] = self._advance[how](arrays, data, chunk)
        return after

    def check_targets(self, data: Placed) -> None:
        """Classes are numbers of outputs.

        Raises:
            InvalidInput: a loss of classes on targets that are real numbers.
        """
        dtype = data.targets.dtype
        check_targets(bool(jnp.issubdtype(dtype, jnp.integer)), dtype, self.loss)

    def _chunk(self, how: How, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """A loop over the first `num_steps` of the S steps; the others report NaN.

        The bound is data: XLA cannot unroll the loop or treat S = 1 apart, so the steps of chunks of every
        length are computed alike.
        """
        seed_key = threefry(chunk.seed)

        def body(s: Any, carry: tuple[Arrays, Any, Any]) -> tuple[Arrays, Any, Any]:
            arrays, loss_S, norm_S = carry
            step = chunk.first_step + s
            numbers = {name: values[s] for name, values in chunk.hparams.items()}
            weights = None if chunk.weights is None else chunk.weights[s]
            batch = Batch.of(data, chunk.rows[s], weights, how=how, numbers=numbers)
            now = StepOf(numbers, step, jax.random.fold_in(seed_key, step))
            arrays, (loss, norm) = self._step(how, arrays, batch, now)
            return arrays, loss_S.at[s].set(loss), norm_S.at[s].set(norm)

        nan_S = jnp.full(len(chunk.rows), jnp.nan, jnp.float32)
        after: tuple[Arrays, Any, Any] = jax.lax.fori_loop(0, chunk.num_steps, body, (arrays, nan_S, nan_S))
        return after

    def _step(self, how: How, arrays: Arrays, batch: Batch, now: StepOf) -> tuple[Arrays, tuple[Any, Any]]:
        loss, grads, buffers = self._gradients(how, arrays.weights, arrays.buffers, batch, now=now)
        if how.sam:
            uphill = climbed(jnp, arrays.weights, grads, now.numbers["sam_rho"])
            _, grads, _ = self._gradients(how, uphill, arrays.buffers, batch, now=now)
        by_name = numbers_by_name(arrays.weights, now.numbers)
        grads, norm = prepare(how, grads, arrays.weights, by_name)
        weights, optimizer = step_all(
            RULES[how.rule],
            jnp,
            grads,
            arrays.optimizer,
            params=arrays.weights,
            numbers=by_name,
            step=now.step,
            outputs=OUTPUTS,
        )
        weights, optimizer = finish(how, weights, optimizer, arrays.optimizer, numbers=by_name)
        return Arrays(weights, optimizer, buffers), (loss, norm)

    def _gradients(
        self, how: How, weights: Tree, buffers: Tree, batch: Batch, *, now: StepOf
    ) -> tuple[Any, Tree, Tree]:
        """(mean loss, its gradient, buffers afterwards), in parts where the step is to be."""
        parts = batch.parts(how.parts)
        losses, total = [], None
        for i, part in enumerate(parts):
            key = now.key if how.parts == 1 else jax.random.fold_in(now.key, i)

            def mean_loss(weights: Tree, buffers: Tree = buffers, part: Batch = part, key: Any = key) -> Any:
                output, after = forward(self.structure, weights, buffers, part.inputs, key=key)
                return part.loss(self._losses, output, now.numbers["label_smoothing"]), after

            (loss, buffers), grads = jax.value_and_grad(mean_loss, has_aux=True)(weights)
            losses.append(loss)
            total = grads if total is None else jax.tree.map(jnp.add, total, grads)
        if how.parts == 1:
            return losses[0], grads, buffers
        return sum(losses) / how.parts, jax.tree.map(lambda g: g / how.parts, total), buffers

    def _losses(self, output: Any, targets: Any, smoothing: Any = 0.0) -> Any:
        return LOSSES[self.loss.name](jnp, output, targets, smoothing, **self.loss.settings)

    def _predict(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        weights = arrays.optimizer.get(AVERAGE, arrays.weights)
        return forward(self.structure, weights, arrays.buffers, data.inputs[rows])[0]

    def _evaluate(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        return self._losses(self._predict(arrays, data, rows), data.targets[rows])

    def _probe(self, arrays: Arrays, data: Placed, rows: Any) -> Tree:
        def mean_loss(weights: Tree) -> Any:
            return self._evaluate(Arrays(weights, {}, arrays.buffers), data, rows).mean()

        loss, grads = jax.value_and_grad(mean_loss)(arrays.weights)
        return {"loss": loss, "grad_norm": norm_of(jnp, grads), "weight_norm": norm_of(jnp, arrays.weights)}
