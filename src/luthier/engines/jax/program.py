"""One compiled program: what every slot of a population runs, whatever its weights and numbers.

Axes: S steps of a chunk, B rows of a batch, G parameter groups, C outputs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from luthier.algorithms.gradients import norm_of
from luthier.algorithms.losses import LOSSES
from luthier.engines.grouping import ONE, Grouping
from luthier.engines.jax.model import threefry
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Arrays, Chunk, Placed, Shapes, Tree
from luthier.engines.serial.step import Batch, How, Step, Words, take
from luthier.engines.serial.turns import OneByOne
from luthier.engines.spec import HPARAMS, WHOLE_STEP, Array, Loss, Mode

SCAN = Mode("scan", bit_equal_across_P=True, recompiles_on=("S", "B", "shapes", "structure", "optimizer"))
STEP = Mode("step", bit_equal_across_P=True, recompiles_on=("B", "shapes", "structure", "optimizer"), build_s=2.0)
WORDS = Words(
    xp=jnp,
    arange=jnp.arange,
    gather=lambda array, rows: array[rows],
    roll=lambda array: jnp.roll(array, 1, 0),
    cast=jnp.asarray,
    widest=lambda weights: jnp.result_type(*weights.values()),
    gradient=lambda function, weights: jax.value_and_grad(function, has_aux=True)(weights),
    is_whole=lambda array: bool(jnp.issubdtype(array.dtype, jnp.integer)),
)


class Structure(Protocol):
    """A model as a pure function; see `luthier.engines.serial.spec.Structure`."""

    weights: Shapes
    buffers: Shapes
    rates: tuple[str, ...]

    def __call__(
        self, weights: Tree, buffers: Tree, inputs: Any, *, rates: Mapping[str, Any], key: Any = None
    ) -> tuple[Any, Tree, Any]:
        """(output [B, C], buffers afterwards, sum of the layers' own losses or None)."""
        ...


class Now(NamedTuple):
    """A step's numbers: {name: [G] or []}, rates, and where its random numbers start."""

    step: Any
    numbers: Tree
    rates: Tree
    seed: Any


class StepPlan(NamedTuple):
    """One step of a chunk: rows [B], numbers [N, G] in the order of HPARAMS, weights of the rows [B].

    Few arrays: each that is handed in costs time.
    """

    rows: Array | None  # None: the batch was seen
    numbers: Array
    step: np.int32 | Array
    rates: Tree
    seed: Array
    weights: Array | None


def now_at(plan: StepPlan) -> Now:
    """The numbers of a step by name."""
    rows = zip(HPARAMS, plan.numbers, strict=True)
    numbers = {name: row[0] if name in WHOLE_STEP else row for name, row in rows}
    return Now(plan.step, numbers, plan.rates, plan.seed)


def batch_at(how: How, data: Placed, plan: StepPlan) -> Batch:
    """The batch of a step."""
    numbers = now_at(plan).numbers
    return Batch.of(WORDS, how, data, rows_B=plan.rows, weights_B=plan.weights, numbers=numbers)


class Program(OneByOne):
    """See `luthier.engines.serial.spec.Program`: the jitted functions of one structure and one loss.

    Each is compiled once for every B and shape of the data. It owns the compiled code, which goes when it goes.

    Args:
        mode: SCAN, a chunk is one program with a loop inside; STEP, a step is one, and Python loops. XLA on a CPU
            computes convolutions within a loop several times slower.
        grouping: parameter groups.
    """

    words = WORDS

    def __init__(self, structure: Structure, loss: Loss, mode: Mode = SCAN, *, grouping: Grouping = ONE) -> None:
        self.structure, self.loss, self.mode, self.grouping = structure, loss, mode, grouping
        self._compiled: dict[How, Any] = {}
        self.predict = jax.jit(self._predict)
        self.evaluate = jax.jit(self._evaluate)
        self.probe = jax.jit(self._probe)

    @staticmethod
    def array(value: Array) -> Any:
        """A copy on the device: live arrays are donated."""
        return jnp.array(value, copy=True)

    def advance(self, rule: str | Outside, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule; `arrays` is donated."""
        how = How.of(rule, chunk.hparams, self.grouping)
        if how not in self._compiled:
            function = self._chunk if self.mode is SCAN else self._one
            self._compiled[how] = jax.jit(functools.partial(function, how), donate_argnums=0)
        if self.mode is SCAN:
            after: tuple[Arrays, Any, Any] = self._compiled[how](arrays, data, chunk)
            return after
        return self._step_by_step(self._compiled[how], arrays, data, chunk)

    def _step_by_step(self, one: Any, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """The loop in Python. Nothing waits for the device but the caller who reads the curves."""
        wide = [np.reshape(chunk.hparams[name], (len(chunk.rows), -1)) for name in HPARAMS]
        numbers_SNG = np.stack([np.broadcast_to(v, (len(v), self.grouping.num)) for v in wide], axis=1)
        curves = []
        for s in range(int(chunk.num_steps)):
            step = np.int32(chunk.first_step + s)
            weights = None if chunk.weights is None else chunk.weights[s]
            plan = StepPlan(chunk.rows[s], numbers_SNG[s], step, chunk.rates, chunk.seed, weights)
            arrays, *values = one(arrays, data, plan)
            curves.append(values)
        loss_S, norm_S = (np.full(len(chunk.rows), np.nan, np.float32) for _ in range(2))
        for s, (loss, norm) in enumerate(curves):
            loss_S[s], norm_S[s] = loss, norm
        return arrays, loss_S, norm_S

    def _chunk(self, how: How, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """A loop over the first `num_steps` of the S steps; the others report NaN.

        The bound is data: XLA cannot unroll the loop or treat S = 1 apart, so the steps of chunks of every
        length are computed alike.
        """

        def body(s: Any, carry: tuple[Arrays, Any, Any]) -> tuple[Arrays, Any, Any]:
            arrays, loss_S, norm_S = carry
            numbers = {name: values[s] for name, values in chunk.hparams.items()}
            weights = None if chunk.weights is None else chunk.weights[s]
            batch = Batch.of(WORDS, how, data, rows_B=chunk.rows[s], weights_B=weights, numbers=numbers)
            now = Now(chunk.first_step + s, numbers, chunk.rates, chunk.seed)
            arrays, loss, norm = self._step(how, arrays, batch, now=now)
            return arrays, loss_S.at[s].set(loss), norm_S.at[s].set(norm)

        nan_S = jnp.full(len(chunk.rows), jnp.nan, jnp.float32)
        after: tuple[Arrays, Any, Any] = jax.lax.fori_loop(0, chunk.num_steps, body, (arrays, nan_S, nan_S))
        return after

    def _one(self, how: How, arrays: Arrays, data: Placed, plan: StepPlan) -> tuple[Arrays, Any, Any]:
        return self._step(how, arrays, batch_at(how, data, plan), now=now_at(plan))

    def _step(self, how: How, arrays: Arrays, batch: Batch, *, now: Now) -> tuple[Arrays, Any, Any]:
        return take(WORDS, how, arrays, batch, now=self.step(how, now))

    def step(self, how: How, now: Now) -> Step:
        """The model at a step, with its random numbers."""
        key = jax.random.fold_in(threefry(now.seed), now.step)

        def forward(weights: Tree, buffers: Tree, inputs: Any, *, part: int) -> tuple[Any, Tree, Any]:
            own = key if how.parts == 1 else jax.random.fold_in(key, part)
            return self.structure(weights, buffers, inputs, rates=now.rates, key=own)

        return Step(now.numbers, now.step, forward, self._losses)

    def _losses(self, output: Any, targets: Any, smoothing: Any = 0.0) -> Any:
        return LOSSES[self.loss.name](jnp, output, targets, smoothing, **self.loss.settings)

    def _outputs(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        return self.structure(arrays.weights, arrays.buffers, data.inputs[rows], rates={})[0]

    def _predict(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        return self._outputs(arrays, data, rows).astype(jnp.float32)

    def _evaluate(self, arrays: Arrays, data: Placed, rows: Any) -> Any:
        return self._losses(self._outputs(arrays, data, rows), data.targets[rows]).astype(jnp.float32)

    def _probe(self, arrays: Arrays, data: Placed, rows: Any) -> Tree:
        def mean_loss(weights: Tree) -> Any:
            return self._evaluate(arrays._replace(weights=weights), data, rows).mean()

        loss, grads = jax.value_and_grad(mean_loss)(arrays.weights)
        return {"loss": loss, "grad_norm": norm_of(jnp, grads), "weight_norm": norm_of(jnp, arrays.weights)}
