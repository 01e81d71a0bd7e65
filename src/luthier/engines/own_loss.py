"""A loss of the person's own, called with numpy arrays: its value and its derivative by the outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput, Unsupported

Array = npt.NDArray[Any]
Read = Callable[[Array, Array], "Value"]
"""(outputs [B, C], float64 or float32, which it keeps; targets [B] or [B, C], real ones in the same) -> Value"""


class Value(NamedTuple):
    """A loss at one place.

    Args:
        value: of the batch.
        gradient: [B, C], by the outputs; None where none reaches them.
        double: was it computed in float64?
    """

    value: float
    gradient: Array | None
    double: bool


def reader(framework: str, loss: Callable[..., Any]) -> Read:
    """How to call a loss `loss(outputs, targets) -> scalar` of a framework.

    Raises:
        Unsupported: a framework that has no such reader.
    """
    if framework not in _READERS:
        raise Unsupported(f"framework={framework!r}", must=f"one of {', '.join(_READERS)}", where="own loss")
    return _READERS[framework](loss)


def _torch(loss: Callable[..., Any]) -> Read:
    import torch

    def read(outputs: Array, targets: Array) -> Value:
        x = torch.tensor(outputs, requires_grad=True)
        found = _scalar(loss(x, torch.tensor(_alike(targets, outputs))))
        gradient = None
        if found.requires_grad:
            (told,) = torch.autograd.grad(found, x, allow_unused=True)
            gradient = None if told is None else told.numpy()
        return Value(float(found.detach()), gradient, found.dtype == torch.float64)

    return read


def _jax(loss: Callable[..., Any]) -> Read:
    import jax

    def read(outputs: Array, targets: Array) -> Value:
        with jax.enable_x64(True):
            x, y = jax.numpy.asarray(outputs), jax.numpy.asarray(_alike(targets, outputs))
            found, gradient = jax.value_and_grad(lambda z: _scalar(loss(z, y)))(x)
            return Value(float(found), np.asarray(gradient), found.dtype == "float64")

    return read


def _alike(targets: Array, outputs: Array) -> Array:
    """Class numbers as they are, real targets in the type of the outputs."""
    return targets if np.issubdtype(targets.dtype, np.integer) else targets.astype(outputs.dtype)


def _scalar(found: Any) -> Any:
    if getattr(found, "shape", None) != ():
        shape = getattr(found, "shape", type(found).__name__)
        raise InvalidInput(f"the loss returned {shape}", must="one number for the batch", where="own loss",
                           remedy="Take the mean over the rows")  # fmt: skip
    return found


_READERS: dict[str, Callable[[Callable[..., Any]], Read]] = {"torch": _torch, "jax": _jax}
