"""Run the JAX programs under watch in one process, and print what the checks said as JSON.

python -m checks_jax.run_scripts [plain]      with "plain": without watch, the weights' digests only
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from checks_jax.scripts import COMMON, FIRES, SILENT
from luthier.checks.spec import checks
from luthier.findings import Unknown
from luthier.watching.jax import install
from luthier.watching.recorder import Recorder


def run(name: str, source: str, folder: Path, watched: bool) -> dict[str, Any]:
    """Codes and severities of what was found, luthier's own faults, the trained weights' digest."""
    import jax
    import numpy as np

    recorder = Recorder(full=True)
    file = folder / f"{name.replace(' ', '_').replace('(', '').replace(')', '')}.py"
    file.write_text(COMMON + source)
    remove = install(recorder) if watched else None
    scope: dict[str, Any] = {"__name__": "__main__"}
    begin, crash = time.perf_counter(), ""
    try:
        exec(compile(file.read_text(), str(file), "exec"), scope)
    except Exception as error:
        crash = f"{type(error).__name__}: {error}"
    finally:
        if remove:
            remove()
    seconds = time.perf_counter() - begin
    leaves = [
        np.asarray(leaf)
        for leaf in jax.tree.leaves(scope.get("params"))
        if hasattr(leaf, "dtype") and not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    ]
    digest = hashlib.sha256(b"".join(leaf.tobytes() for leaf in leaves)).hexdigest()
    found = []
    for check in checks().values() if watched else ():
        if check.code.startswith("J"):
            judged = check.judge(recorder.trace)
            found += [] if isinstance(judged, Unknown) else [(f.code, f.severity, f.text) for f in judged]
    return {
        "found": found,
        "faults": [f"{f.part}: {f.error} {f.trace}" for f in recorder.trace.faults],
        "digest": digest,
        "crash": crash,
        "seconds": seconds,
        "steps": recorder.trace.num_steps,
    }


def main(arguments: list[str]) -> None:
    """Run them all."""
    import tempfile

    warnings.simplefilter("ignore")
    sources = {name: source for name, (_, source) in FIRES.items()} | SILENT
    watched = "plain" not in arguments
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({name: run(name, source, Path(folder), watched) for name, source in sources.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
