"""The graphs of one Keras model and one loss; the arrays are handed in.

Axes: S steps of a chunk, B rows of a batch, L random streams, C outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from luthier.algorithms.gradients import norm_of
from luthier.engines.grouping import ONE, Grouping
from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.keras.streams import stream_words
from luthier.engines.keras.tensorflow.losses import LOSSES
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import Arrays, Chunk, Placed, Tree
from luthier.engines.serial.step import Batch, How, Step, Words, take
from luthier.engines.serial.turns import OneByOne
from luthier.engines.spec import Array, Loss, Mode

GRAPH = Mode("graph", bit_equal_across_P=True, recompiles_on=("B", "shapes", "optimizer"), build_s=1.0)
JIT = Mode("jit", bit_equal_across_P=True, recompiles_on=("S", "B", "shapes", "optimizer"), build_s=4.0)


def _widest(weights: Tree) -> Any:
    """TensorFlow mixes no types: a step is computed in float64 where a weight is, else in float32."""
    return tf.float64 if any(weight.dtype == tf.float64 for weight in weights.values()) else tf.float32


def _gradient(function: Any, weights: Tree) -> tuple[tuple[Any, Tree], Tree]:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        loss, buffers = function(weights)
    grads = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    # gradients of an embedding come as rows
    return (loss, buffers), {name: tf.convert_to_tensor(grad) for name, grad in grads.items()}


WORDS = Words(
    xp=tnp,
    arange=lambda size: tf.range(size, dtype=tf.float32),
    gather=tf.gather,
    roll=lambda array: tf.roll(array, 1, 0),
    cast=tf.cast,
    widest=_widest,
    gradient=_gradient,
    is_whole=lambda array: bool(array.dtype.is_integer),
)


class Program(OneByOne):
    """See `luthier.engines.serial.spec.Program`.

    A chunk is one graph with a loop over its steps. Its number of steps is data; S may differ without a new graph.

    Args:
        jit: compile the chunk by XLA. Predictions are made by the same graph in both modes.
        grouping: parameter groups.
    """

    words = WORDS

    def __init__(self, skeleton: Skeleton, loss: Loss, *, jit: bool = False, grouping: Grouping = ONE) -> None:
        self.structure, self.loss, self.mode, self.grouping = skeleton, loss, JIT if jit else GRAPH, grouping
        self._jit = jit
        self._chunks: dict[tuple[How, int], Any] = {}  # by B too: a relaxed B would leave layers without it
        self._predict = tf.function(self._rows, autograph=False)
        self._evaluate = tf.function(self._losses, autograph=False)
        self._probe = tf.function(self._norms, autograph=False)

    @staticmethod
    def array(value: Array) -> Any:
        """A copy as a tensor."""
        return tf.constant(np.array(value))

    def advance(self, rule: str | Outside, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule."""
        how = How.of(rule, chunk.hparams, self.grouping)
        key = (how, chunk.rows.shape[1])
        if key not in self._chunks:
            self._chunks[key] = tf.function(
                self._chunk_of(how), autograph=False, jit_compile=self._jit, reduce_retracing=True
            )
        S = len(chunk.rows)
        plan = {
            "rows": chunk.rows,
            "hparams": chunk.hparams,
            "words": stream_words(chunk.seed, int(chunk.first_step), S, num=how.parts * self.structure.num_streams),
            "rates": chunk.rates,
            "num_steps": chunk.num_steps,
            "first_step": chunk.first_step,
        }
        if chunk.weights is not None:
            plan["weights"] = chunk.weights
        after: tuple[Arrays, Any, Any] = self._chunks[key](arrays, data, tf.nest.map_structure(tf.constant, plan))
        return after

    def predict(self, arrays: Arrays, data: Placed, rows: Array) -> Any:
        """float32 [n, C], evaluation mode."""
        return self._predict(arrays.weights, arrays.buffers, tf.gather(data.inputs, rows))

    def evaluate(self, arrays: Arrays, data: Placed, rows: Array) -> Any:
        """Loss of each example, float32 [n]."""
        return self._evaluate(arrays.weights, arrays.buffers, self._batch(data, rows))

    def probe(self, arrays: Arrays, data: Placed, rows: Array) -> Tree:
        """Loss, gradient norm and weight norm on one batch."""
        found: Tree = self._probe(arrays.weights, arrays.buffers, self._batch(data, rows))
        return found

    @staticmethod
    def _batch(data: Placed, rows: Any) -> Placed:
        return Placed(tf.gather(data.inputs, rows), tf.gather(data.targets, rows))

    def _chunk_of(self, how: How) -> Any:
        """A loop over the first `num_steps` of the S steps; the others report NaN."""

        def run(arrays: Arrays, data: Placed, plan: Tree) -> tuple[Arrays, Any, Any]:
            nan_S = tf.fill(tf.shape(plan["rows"])[:1], np.float32(np.nan))

            def body(s: Any, arrays: Arrays, loss_S: Any, norm_S: Any) -> tuple[Any, Arrays, Any, Any]:
                now = {name: values[s] for name, values in plan["hparams"].items()}
                weights = plan["weights"][s] if "weights" in plan else None
                batch = Batch.of(WORDS, how, data, rows_B=plan["rows"][s], weights_B=weights, numbers=now)
                step = Step(now, plan["first_step"] + s, self._forward(plan, s, how), self._each)
                arrays, loss, norm = take(WORDS, how, arrays, batch, now=step)
                at = tf.reshape(s, (1, 1))
                loss_S = tf.tensor_scatter_nd_update(loss_S, at, loss[None])
                return s + 1, arrays, loss_S, tf.tensor_scatter_nd_update(norm_S, at, norm[None])

            _, arrays, loss_S, norm_S = tf.while_loop(
                lambda s, *_: s < plan["num_steps"], body, (tf.constant(0), arrays, nan_S, nan_S)
            )
            return arrays, loss_S, norm_S

        return run

    def _forward(self, plan: Tree, s: Any, how: How) -> Any:
        """The model at a step; each part of its batch has random streams of its own."""
        num = self.structure.num_streams
        streams = tf.unstack(plan["words"][s], num=how.parts * num)

        def forward(weights: Tree, buffers: Tree, inputs: Any, *, part: int) -> tuple[Any, Tree, Any]:
            own = streams[part * num : (part + 1) * num]
            return self.structure(weights, buffers, inputs, rates=plan["rates"], streams=own)

        return forward

    def _each(self, outputs: Any, targets: Any, smoothing: Any = 0.0) -> Any:
        return LOSSES[self.loss.name](outputs, targets, smoothing, **self.loss.settings)

    def _outputs(self, weights: Tree, buffers: Tree, inputs: Any) -> Any:
        return self.structure(weights, buffers, inputs, rates={}, streams=None)[0]

    def _rows(self, weights: Tree, buffers: Tree, inputs: Any) -> Any:
        return tf.cast(self._outputs(weights, buffers, inputs), tf.float32)

    def _losses(self, weights: Tree, buffers: Tree, batch: Placed) -> Any:
        return tf.cast(self._each(self._outputs(weights, buffers, batch.inputs), batch.targets), tf.float32)

    def _norms(self, weights: Tree, buffers: Tree, batch: Placed) -> Tree:
        (loss, _), grads = _gradient(lambda w: (tf.reduce_mean(self._losses(w, buffers, batch)), {}), weights)
        return {"loss": loss, "grad_norm": _norm(grads), "weight_norm": _norm(weights)}


def _norm(tree: Tree) -> Any:
    """L2 norm over all tensors together."""
    return norm_of(tnp, {name: tf.cast(value, tf.float32) for name, value in tree.items()})
