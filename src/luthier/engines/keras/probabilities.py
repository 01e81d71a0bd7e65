"""Models that answer probabilities, where the loss takes logits: mended, or refused. Never trained as they are."""

from __future__ import annotations

import sys

import keras
import numpy as np

from luthier.engines.keras.skeleton import Skeleton
from luthier.engines.spec import Loss
from luthier.errors import Unsupported

TAKES_LOGITS = ("cross_entropy", "bce_with_logits", "focal")
ROWS = 64


def logits_only(skeleton: Skeleton, loss: Loss) -> Skeleton:
    """The model without its last softmax or sigmoid, if the loss takes logits.

    What can not be seen is tried: outputs that lie between 0 and 1 for wide random inputs are no logits.

    Raises:
        Unsupported: the model answers probabilities by its own code.
    """
    if loss.name not in TAKES_LOGITS:
        return skeleton
    if skeleton.without_probabilities():
        sys.stderr.write(f"the model ends in probabilities; {loss.name} takes the numbers before them\n")
    elif _answers_probabilities(skeleton):
        raise Unsupported(
            "the model returns numbers between 0 and 1",
            must=f"it returns logits, which {loss.name} takes",
            where="Keras engine",
            remedy="Return what stands before the last softmax or sigmoid",
        )
    return skeleton


def _answers_probabilities(skeleton: Skeleton) -> bool:
    shape = [size for size in skeleton.row_shape if size is not None]
    if len(shape) < len(skeleton.row_shape):
        return False
    wide = 10.0 * np.random.default_rng(0).normal(size=(ROWS, *shape)).astype(np.float32)
    try:
        outputs = keras.ops.convert_to_numpy(skeleton.model(wide, training=False))
    except Exception:  # an embedding takes no such numbers: what can not be tried is let through
        return False
    return bool(outputs.ndim == 2 and (outputs >= 0.0).all() and (outputs <= 1.0).all() and outputs.std() > 0.0)
