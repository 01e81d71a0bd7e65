"""Look at the batch that a training step is about to take, and hand the step the very same batch.

TensorFlow: the step takes an iterator of a `tf.data` pipeline and fetches inside its graph. The batch is fetched
before, from the same iterator, and the step is given an iterator over this one batch with the same element
specification, so that it is not traced again. JAX: a Python iterator is put together again. torch: the step has
the batch as its argument.
"""

from __future__ import annotations

import itertools
from typing import Any


def peek(backend: str, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The batch that a train function called with `args` will take, and the arguments to call it with.

    The batch is None where it cannot be seen without a change (a distributed iterator, ragged or missing parts),
    and where the data have ended.
    """
    if backend == "torch":
        batches = args[0]
        return (batches[0] if isinstance(batches, list | tuple) and len(batches) == 1 else None), args
    if backend == "jax":
        return _of_python(args)
    if backend == "tensorflow" and type(args[-1]).__name__ == "OwnedIterator":
        return _of_tensorflow(args)
    return None, args


def _of_python(args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    iterator = args[-1]
    try:
        batch = next(iterator)
    except StopIteration:
        return None, (*args[:-1], iter(()))
    return batch, (*args[:-1], itertools.chain([batch], iterator))


def _of_tensorflow(args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    import tensorflow as tf

    iterator = args[-1]
    if not all(isinstance(spec, tf.TensorSpec) for spec in tf.nest.flatten(iterator.element_spec)):
        return None, args
    try:
        batch = next(iterator)
    except StopIteration:
        return None, args
    once = tf.data.Dataset.from_generator(lambda: iter([batch]), output_signature=iterator.element_spec)
    return batch, (*args[:-1], iter(once))
