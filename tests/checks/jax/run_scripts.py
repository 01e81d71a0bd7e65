"""Run the JAX programs in one process, without watch and under watch, and print what came out as JSON.

python -m checks.jax.run_scripts FOLDER [NAME ...]
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from checks.jax.scripts import COMMON, FIRES, SILENT
from checks.programs import Room
from luthier.watching.jax import install

PLAINLY = {*FIRES, *SILENT}
"""Run without watch as well."""


def run(file: Path) -> tuple[str, str]:
    """Digest of the trained weights `params`, and the exception that ended the program, or nothing."""
    import jax
    import numpy as np

    scope: dict[str, Any] = {"__name__": "__main__"}
    crash = ""
    try:
        exec(compile(file.read_text(), str(file), "exec"), scope)
    except Exception as error:  # the test says that none may crash
        crash = f"{type(error).__name__}: {error}"
    leaves = [leaf for leaf in jax.tree.leaves(scope.get("params")) if hasattr(leaf, "dtype")]
    numbers = [leaf for leaf in leaves if not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)]
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in numbers)).hexdigest(), crash


ROOM = Room("J", install=install, run=run, common=COMMON, plainly=PLAINLY)


if __name__ == "__main__":
    ROOM.write({name: source for name, (_, source) in FIRES.items()} | SILENT, *sys.argv[1:])
