"""The graphs of one Keras model and one loss; the arrays are handed in.

Axes: S steps of a chunk, B rows of a batch, L random streams, C outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.keras.streams import stream_words
from luthier.engines.keras.tensorflow.losses import LOSSES
from luthier.engines.keras.tensorflow.updates import clip, init_optimizer, l2_norm, update
from luthier.engines.serial.parts import Arrays, Chunk, Placed, Tree
from luthier.engines.spec import Array, Mode
from luthier.errors import InvalidInput

GRAPH = Mode("graph", bit_equal_across_P=True, recompiles_on=("B", "shapes", "optimizer"), build_s=1.0)
JIT = Mode("jit", bit_equal_across_P=True, recompiles_on=("S", "B", "shapes", "optimizer"), build_s=4.0)


class Program:
    """See `luthier.engines.serial.spec.Program`.

    A chunk is one graph with a loop over its steps. Its number of steps is data; S may differ without a new graph.

    Args:
        jit: compile the chunk by XLA. Predictions are made by the same graph in both modes.
    """

    def __init__(self, skeleton: Skeleton, loss: str, *, jit: bool = False) -> None:
        self.structure, self.loss, self.mode = skeleton, loss, JIT if jit else GRAPH
        self._jit = jit
        self._chunks: dict[tuple[str, int], Any] = {}  # by rule and B: a relaxed B would leave layers without it
        self._predict = tf.function(self._rows, autograph=False)
        self._evaluate = tf.function(self._losses, autograph=False)
        self._probe = tf.function(self._norms, autograph=False)

    @staticmethod
    def array(value: Array) -> Any:
        """A copy as a tensor."""
        return tf.constant(np.array(value))

    @staticmethod
    def init_optimizer(rule: str, weights: Tree) -> dict[str, Tree]:
        """State of an update rule before the first step."""
        return init_optimizer(rule, weights)

    def check_targets(self, data: Placed) -> None:
        """Classes are numbers of outputs.

        Raises:
            InvalidInput: cross entropy on targets that are real numbers.
        """
        if self.loss == "cross_entropy" and not data.targets.dtype.is_integer:
            raise InvalidInput(
                f"targets of {data.targets.dtype.name}",
                must="cross_entropy has class numbers as targets",
                where="plan",
            )

    def advance(self, rule: str, arrays: Arrays, data: Placed, chunk: Chunk) -> tuple[Arrays, Any, Any]:
        """(arrays, loss_S, grad_norm_S) after a chunk of an update rule."""
        key = (rule, chunk.rows.shape[1])
        if key not in self._chunks:
            self._chunks[key] = tf.function(
                self._chunk_of(rule), autograph=False, jit_compile=self._jit, reduce_retracing=True
            )
        S = len(chunk.rows)
        plan = {
            "rows": chunk.rows,
            "hparams": chunk.hparams,
            "words": stream_words(chunk.seed, int(chunk.first_step), S, num=self.structure.num_streams),
            "rates": chunk.rates,
            "num_steps": chunk.num_steps,
            "first_step": chunk.first_step,
        }
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

    def _chunk_of(self, rule: str) -> Any:
        """A loop over the first `num_steps` of the S steps; the others report NaN."""

        def run(arrays: Arrays, data: Placed, plan: Tree) -> tuple[Arrays, Any, Any]:
            nan_S = tf.fill(tf.shape(plan["rows"])[:1], np.float32(np.nan))

            def body(s: Any, arrays: Arrays, loss_S: Any, norm_S: Any) -> tuple[Any, Arrays, Any, Any]:
                now = {name: values[s] for name, values in plan["hparams"].items()}
                batch = self._batch(data, plan["rows"][s])
                streams = tf.unstack(plan["words"][s], num=self.structure.num_streams)
                arrays, loss, norm = self._step(
                    rule,
                    arrays,
                    batch,
                    numbers=now,
                    step=plan["first_step"] + s,
                    rates=plan["rates"],
                    streams=streams,
                )
                at = tf.reshape(s, (1, 1))
                loss_S = tf.tensor_scatter_nd_update(loss_S, at, loss[None])
                return s + 1, arrays, loss_S, tf.tensor_scatter_nd_update(norm_S, at, norm[None])

            _, arrays, loss_S, norm_S = tf.while_loop(
                lambda s, *_: s < plan["num_steps"], body, (tf.constant(0), arrays, nan_S, nan_S)
            )
            return arrays, loss_S, norm_S

        return run

    def _step(
        self, rule: str, arrays: Arrays, batch: Placed, *, numbers: Tree, step: Any, rates: Tree, streams: Any
    ) -> tuple[Arrays, Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(arrays.weights)
            output, buffers, extra = self.structure(
                arrays.weights, arrays.buffers, batch.inputs, rates=rates, streams=streams
            )
            losses = LOSSES[self.loss](output, batch.targets, tf.cast(numbers["label_smoothing"], output.dtype))
            loss = tf.reduce_mean(losses)
            if extra is not None:
                loss += tf.cast(extra, loss.dtype)
        grads = _dense(tape.gradient(loss, arrays.weights, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        norm = l2_norm(grads)
        grads = clip(grads, norm, numbers["clip_norm"])
        weights, optimizer = update(rule, arrays, grads, numbers=numbers, step=step)
        return Arrays(weights, optimizer, buffers), tf.cast(loss, tf.float32), norm

    def _outputs(self, weights: Tree, buffers: Tree, inputs: Any) -> Any:
        return self.structure(weights, buffers, inputs, rates={}, streams=None)[0]

    def _rows(self, weights: Tree, buffers: Tree, inputs: Any) -> Any:
        return tf.cast(self._outputs(weights, buffers, inputs), tf.float32)

    def _losses(self, weights: Tree, buffers: Tree, batch: Placed) -> Any:
        losses = LOSSES[self.loss](self._outputs(weights, buffers, batch.inputs), batch.targets)
        return tf.cast(losses, tf.float32)

    def _norms(self, weights: Tree, buffers: Tree, batch: Placed) -> Tree:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            loss = tf.reduce_mean(self._losses(weights, buffers, batch))
        grads = _dense(tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        return {"loss": loss, "grad_norm": l2_norm(grads), "weight_norm": l2_norm(weights)}


def _dense(grads: Tree) -> Tree:
    """Gradients of an embedding come as rows."""
    return {name: tf.convert_to_tensor(grad) for name, grad in grads.items()}
