"""Work of our own inside a person's program: its random states, output and warnings stay as they were."""

from __future__ import annotations

import contextlib
import io
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

_SEED_GENERATOR = "global_seed_generator"


@contextlib.contextmanager
def unnoticed() -> Iterator[None]:
    """Put the random states of Python, NumPy, TensorFlow and Keras back; swallow output and warnings."""
    states = random.getstate(), np.random.get_state()
    eager = _tensorflow_random()
    eager_state = eager.getstate() if eager is not None else None
    from keras.src.backend.common import global_state

    generator = global_state.get_global_attribute(_SEED_GENERATOR)
    value = np.array([] if generator is None else generator.state)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            if eager is not None:
                eager.setstate(eager_state)
            if generator is None:
                global_state.set_global_attribute(_SEED_GENERATOR, None)
            elif not np.array_equal(np.array(generator.state), value):
                generator.state.assign(value)


def _tensorflow_random() -> Any:
    """TensorFlow's source of the seeds that it gives to random operations without one; None where not in use."""
    if "tensorflow" not in sys.modules:
        return None
    from tensorflow.python.eager import context

    return getattr(context.context(), "_rng", None)
