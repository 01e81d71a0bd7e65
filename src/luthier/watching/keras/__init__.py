"""The watch of Keras 3: `fit` and its relatives, on every backend; one real batch is looked at before training.

Nothing of the program's computation changes: the compiled step is called as it is, with the batch it would have
had; the look runs in inference mode in a scope that throws writes away, and the random states are put back.
"""

from __future__ import annotations

from luthier.watching.keras.calls import install

__all__ = ["install"]
