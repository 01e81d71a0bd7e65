"""The watch of JAX, optax and Flax: differentiated losses, jitted functions, layers' modes, random keys.

Nothing is added to the program's own traces: a loss is traced once more for ourselves, and values are read from the
arguments and results of calls, outside compiled code.
"""

from __future__ import annotations

from luthier.watching.jax.calls import install

__all__ = ["install"]
