"""The engine for the backend that Keras runs on. It is read, never switched."""

from __future__ import annotations

import keras

from luthier.engines.spec import Engine
from luthier.errors import InvalidInput, Unsupported


def keras_engine(inputs: int, outputs: int, device: str | None = None) -> Engine:
    """The engine for Keras models in this process.

    Args:
        inputs, outputs: widths of the data, for builders that ask for them.
        device: None is the backend's own default; another only on torch.

    Raises:
        InvalidInput: a device is named for a backend that takes its own.
        Unsupported: a backend without an engine.
    """
    backend = keras.backend.backend()
    if device is not None and backend != "torch":
        raise InvalidInput(
            f"device={device!r}",
            must=f"None for a Keras model on {backend}",
            where="engine_for",
            remedy=f"{backend} takes its own default device: choose it by its environment variables",
        )
    if backend == "tensorflow":
        from luthier.engines.keras.tensorflow import TensorflowEngine

        return TensorflowEngine(inputs, outputs)
    if backend == "jax":
        from luthier.engines.keras.jax import jax_engine

        return jax_engine(inputs, outputs)
    if backend == "torch":
        from luthier.engines.keras.torch import TorchBackendEngine

        return TorchBackendEngine(inputs, outputs, device)
    raise Unsupported(
        f"KERAS_BACKEND={backend}",
        must="one of tensorflow, jax, torch",
        where="Keras engine",
        remedy="Set KERAS_BACKEND before Python starts, or `backend` in ~/.keras/keras.json",
    )
