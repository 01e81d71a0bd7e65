"""Run the JAX programs in one process, without watch and under watch, and print what came out as JSON.

python -m checks.jax.run_scripts FOLDER [NAME ...]
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from checks.jax.scripts import COMMON, FIRES, SILENT
from luthier.checks.judging import chosen, judge
from luthier.checks.spec import checks
from luthier.watching.jax import install
from luthier.watching.recorder import Recorder

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


def check(source: str, folder: Path, plainly: bool) -> dict[str, Any]:
    """What was found in a program, luthier's own faults, and its results under watch and (`plainly`) without."""
    file = folder / "script.py"
    file.write_text(COMMON + source)
    begun = time.perf_counter()
    plain = run(file) if plainly else None
    between = time.perf_counter()
    recorder = Recorder(full=True)
    remove = install(recorder)
    try:
        watched = run(file)
    finally:
        remove()
    judged = judge(recorder.trace, chosen(checks(), "quick", select=("J",)))
    faults = [f"{f.part}: {f.error} {f.trace}" for f in (*recorder.trace.faults, *judged.faults)]
    listed = [f for finding in judged.findings for f in (finding, *finding.consequences)]
    return {
        "found": [(f.code, f.severity, f.text) for f in listed],
        "faults": faults,
        "plain": plain,
        "watched": watched,
        "seconds": (between - begun, time.perf_counter() - between),
    }


def main(folder: str, *names: str) -> None:
    """Run those of these names, or all."""
    warnings.simplefilter("ignore")
    sources = {name: source for name, (_, source) in FIRES.items()} | SILENT
    wanted = {name: source for name, source in sources.items() if not names or name in names}
    found = {name: check(source, Path(folder), name in PLAINLY) for name, source in wanted.items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
