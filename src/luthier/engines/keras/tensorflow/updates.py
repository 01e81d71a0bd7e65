"""The rulebook's update rules on TensorFlow's tensors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from luthier.algorithms.updates import RULES
from luthier.engines.serial.parts import WHOLE_STEP, Arrays, Tree
from luthier.engines.spec import GROUPS


def init_optimizer(rule: str, weights: Tree) -> dict[str, Tree]:
    """State of an update rule before the first step: {state: {name: tensor}}."""
    return _by_state(rule, {n: RULES[rule].init(tnp, tf.convert_to_tensor(w)) for n, w in weights.items()})


def update(rule: str, arrays: Arrays, grads: Tree, *, numbers: Tree, step: Any) -> tuple[Tree, dict[str, Tree]]:
    """(weights, optimizer state) after one step, each tensor with the numbers of its group in its own type.

    TensorFlow mixes no types: the step is a real number too, as it stands in exponents.
    """
    weights, states = {}, {}
    for name, weight in arrays.weights.items():
        state = {key: tree[name] for key, tree in arrays.optimizer.items()}
        own = {k: tf.cast(v[group(weight)], weight.dtype) for k, v in numbers.items() if k not in WHOLE_STEP}
        t = tf.cast(step, weight.dtype)
        weights[name], states[name] = RULES[rule].update(tnp, grads[name], state, weight, own, t)
    return weights, _by_state(rule, states)


def _by_state(rule: str, by_name: dict[str, Tree]) -> dict[str, Tree]:
    return {key: {name: state[key] for name, state in by_name.items()} for key in RULES[rule].states}


def group(weight: Any) -> int:
    """Index into GROUPS: weight decay is for tensors of two axes and more."""
    return GROUPS.index("decay" if len(weight.shape) >= 2 else "no_decay")


def clip(grads: Tree, norm: Any, clip_norm: Any) -> Tree:
    """The gradients, scaled down to the norm `clip_norm` where theirs is larger."""
    factor = tf.where(norm > clip_norm, clip_norm / norm, 1.0)
    return {name: tf.cast(factor, grad.dtype) * grad for name, grad in grads.items()}


def l2_norm(tree: Tree) -> Any:
    """L2 norm over all tensors together, float32."""
    return tf.sqrt(tf.add_n([tf.cast(tf.reduce_sum(tf.square(value)), tf.float32) for value in tree.values()]))
