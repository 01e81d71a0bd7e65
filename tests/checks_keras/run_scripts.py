"""Run the Keras programs under watch in one process, and print what the checks said as JSON.

python -m checks_keras.run_scripts [plain]      with "plain": without watch, the weights' digests only
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from checks_keras.scripts import COMMON, FIRES, SILENT
from luthier.checks.spec import checks
from luthier.findings import Unknown
from luthier.watching.keras import install
from luthier.watching.recorder import Recorder

ON_JAX = (
    "logits into binary_crossentropy",
    "softmax and from_logits",
    "relu on a regression output",
    "sigmoid",
    "softmax, three classes, label smoothing",
    "recurrent net",
    "variational autoencoder with add_loss",
)


def run(source: str, folder: Path, watched: bool) -> dict[str, Any]:
    """Codes and severities of what was found, luthier's own faults, the trained weights' digest."""
    recorder = Recorder(full=True)
    file = folder / "script.py"
    file.write_text(COMMON + source)
    remove = install(recorder) if watched else None
    scope: dict[str, Any] = {"__name__": "__main__"}
    begin, crash = time.perf_counter(), ""
    try:
        exec(compile(file.read_text(), str(file), "exec"), scope)
    except Exception as error:
        crash = type(error).__name__
    finally:
        if remove:
            remove()
    seconds = time.perf_counter() - begin
    weights = scope["m"].get_weights()
    digest = hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()
    found = []
    for check in checks().values() if watched else ():
        if check.code.startswith("K"):
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
    """Run them all, or on JAX the ones that say something there."""
    import tempfile

    warnings.simplefilter("ignore")
    watched = "plain" not in arguments
    keras = import_module("keras")
    sources = {name: source for name, (_, source) in FIRES.items()} | SILENT
    if keras.backend.backend() != "tensorflow":
        sources = {name: source for name, source in sources.items() if name in ON_JAX}
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({name: run(source, Path(folder), watched) for name, source in sources.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
