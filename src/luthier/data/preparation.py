"""What is done to inputs before training, fitted on the training rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
SCALES = ("none", "standard", "min-max")


def fit(inputs: Array, train_rows: Array, preparation: dict[str, Any]) -> dict[str, Array]:
    """What the training rows of `inputs` [n, ...] say: {"shift", "factor"}, empty where nothing is done.

    `{"scale": "standard"}`: zero mean and unit variance per feature; "min-max": to [0, 1]; "none". A feature
    that is constant on the training rows becomes 0.

    Raises:
        InvalidInput: another key or scale.
    """
    scale = preparation.get("scale", "none")
    if set(preparation) - {"scale"} or scale not in SCALES:
        raise InvalidInput(
            f"preparation={preparation}", must=f'only "scale", one of {", ".join(SCALES)}', where="recipe"
        )
    if scale == "none":
        return {}
    seen = inputs[train_rows].astype(np.float64)
    if scale == "standard":
        shift, width = seen.mean(0), seen.std(0)
    else:
        shift, width = seen.min(0), seen.max(0) - seen.min(0)
    factor = np.where(width > 0, 1.0 / np.where(width > 0, width, 1.0), 0.0)
    return {"shift": shift, "factor": factor}


def apply(inputs: Array, fitted: dict[str, Array]) -> Array:
    """Any rows, prepared as the training rows said: float32 [n, ...]."""
    if not fitted:
        return np.asarray(inputs, np.float32)
    return np.asarray((inputs - fitted["shift"]) * fitted["factor"], np.float32)
