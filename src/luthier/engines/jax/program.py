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

from luthier.algorithms.losses import LOSSES
from luthier.algorithms.updates import RULES
from luthier.engines.jax.model import threefry
from luthier.engines.serial.parts import WHOLE_STEP, Arrays, Chunk, Placed, Shapes, Tree
from luthier.engines.spec import GROUPS, HPARAMS, Array, Mode
from luthier.errors import InvalidInput

SCAN = Mode("scan", bit_equal_across_P=True, recompiles_on=("S", "B", "shapes", "structure", "optimizer"))
STEP = Mode("step", bit_equal_across_P=True, recompiles_on=("B", "shapes", "structure", "optimizer"), build_s=2.0)


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
    """One step of a chunk: rows [B], numbers [N, G] in the order of HPARAMS."""

    rows: Array
    numbers: Array
    step: np.int32
    rates: Tree
    seed: Array


class Program:
    """See `luthier.engines.serial.spec.Program`: the jitted functions of one structure and one loss.

    Each is compiled once for every B and shape of the data. It owns the compiled code, which goes when it goes.

    Args:
        mode: SCAN, a chunk is one program with a loop inside; STEP, a step is one, and Python loops. XLA on a CPU
            computes convolutions within a loop several times slower.
    """

    def __init__(self, structure: Structure, loss: str, mode: Mode = SCAN) -> None:
        self.structure, self.loss, self.mode = structure, loss, mode
        self._compiled: dict[str, Any] = {}
        self.predict = jax.jit(self._predict)
        self.evaluate = jax.jit(self._evaluate)
        self.probe = jax.jit(self._probe)

    @staticmethod
    def array(value: Array) -> Any:
        """A copy on the device: live arrays are donated."""
        return jnp.array(value, copy=True)

    @staticmethod
    def init_optimizer(rule: str, weights: Tree) -> dict[str, Tree]:
        """State of an update rule before the first step."""
        return init_optimizer(rule, weights)

    def advance(self, rule: str, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule; `arrays` is donated."""
        function = self._chunk if self.mode is SCAN else self._one
        if rule not in self._compiled:
            self._compiled[rule] = jax.jit(functools.partial(function, rule), donate_argnums=0)
        if self.mode is SCAN:
            after: tuple[Arrays, Any, Any] = self._compiled[rule](arrays, data, chunk)
            return after
        return self._step_by_step(self._compiled[rule], arrays, data, chunk)

    @staticmethod
    def _step_by_step(one: Any, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """The loop in Python. Nothing waits for the device but the caller who reads the curves."""
        wide = [np.reshape(chunk.hparams[name], (len(chunk.rows), -1)) for name in HPARAMS]
        numbers_SNG = np.stack([np.broadcast_to(v, (len(v), len(GROUPS))) for v in wide], axis=1)
        curves = []
        for s in range(int(chunk.num_steps)):
            step = np.int32(chunk.first_step + s)
            plan = StepPlan(chunk.rows[s], numbers_SNG[s], step, chunk.rates, chunk.seed)
            arrays, *values = one(arrays, data, plan)
            curves.append(values)
        loss_S, norm_S = (np.full(len(chunk.rows), np.nan, np.float32) for _ in range(2))
        for s, (loss, norm) in enumerate(curves):
            loss_S[s], norm_S[s] = loss, norm
        return arrays, loss_S, norm_S

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

        def body(s: Any, carry: tuple[Arrays, Any, Any]) -> tuple[Arrays, Any, Any]:
            arrays, loss_S, norm_S = carry
            numbers = {name: values[s] for name, values in chunk.hparams.items()}
            now = Now(chunk.first_step + s, numbers, chunk.rates, chunk.seed)
            arrays, loss, norm = self._step(rule, arrays, _batch(data, chunk.rows[s]), now)
            return arrays, loss_S.at[s].set(loss), norm_S.at[s].set(norm)

        nan_S = jnp.full(len(chunk.rows), jnp.nan, jnp.float32)
        after: tuple[Arrays, Any, Any] = jax.lax.fori_loop(0, chunk.num_steps, body, (arrays, nan_S, nan_S))
        return after

    def _one(self, rule: str, arrays: Arrays, data: Placed, plan: StepPlan) -> tuple[Arrays, Any, Any]:
        """One step, its numbers in few arrays: each that is handed in costs time."""
        rows = zip(HPARAMS, plan.numbers, strict=True)
        numbers = {name: row[0] if name in WHOLE_STEP else row for name, row in rows}
        return self._step(rule, arrays, _batch(data, plan.rows), Now(plan.step, numbers, plan.rates, plan.seed))

    def _step(self, rule: str, arrays: Arrays, batch: Placed, now: Now) -> tuple[Arrays, Any, Any]:
        key = jax.random.fold_in(threefry(now.seed), now.step)

        def mean_loss(weights: Tree) -> tuple[Any, Tree]:
            output, buffers, extra = self.structure(weights, arrays.buffers, batch.inputs, rates=now.rates, key=key)
            loss = self._losses(output, batch.targets, now.numbers["label_smoothing"]).mean()
            return loss if extra is None else loss + extra, buffers

        (loss, buffers), grads = jax.value_and_grad(mean_loss, has_aux=True)(arrays.weights)
        norm = l2_norm(grads)
        grads = clip(grads, norm, now.numbers["clip_norm"])
        weights, optimizer = update(rule, arrays, grads, numbers=now.numbers, step=now.step)
        return Arrays(weights, optimizer, buffers), loss.astype(jnp.float32), norm.astype(jnp.float32)

    def _losses(self, output: Any, targets: Any, smoothing: Any = 0.0) -> Any:
        return LOSSES[self.loss](jnp, output, targets, smoothing)

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
        return {"loss": loss, "grad_norm": l2_norm(grads), "weight_norm": l2_norm(arrays.weights)}


def _batch(data: Placed, rows: Any) -> Placed:
    return Placed(data.inputs[rows], data.targets[rows])


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
