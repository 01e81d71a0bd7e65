"""Run the Keras programs in one process, without watch and under watch, and print what came out as JSON.

python -m checks.keras.run_scripts FOLDER [NAME ...]
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

from checks.keras.scripts import COMMON, FIRES, SILENT
from luthier.checks.judging import chosen, judge
from luthier.checks.spec import checks
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
PLAINLY = {*SILENT, "classes numbered from 1", "softmax and from_logits", "raw pixels from tf.data"}
"""Run without watch as well: the healthy programs, one that crashes, one that Keras warns of, one on tf.data."""


def run(file: Path) -> tuple[str, str]:
    """Digest of the trained weights `m`, and the name of the exception that ended the program, or nothing."""
    scope: dict[str, Any] = {"__name__": "__main__"}
    crash = ""
    try:
        exec(compile(file.read_text(), str(file), "exec"), scope)
    except Exception as error:  # some programs are there to crash
        crash = type(error).__name__
    weights = b"".join(weight.tobytes() for weight in scope["m"].get_weights())
    return hashlib.sha256(weights).hexdigest(), crash


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
    judged = judge(recorder.trace, chosen(checks(), "quick", select=("K",)))
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
    """Run those of these names, or all; on JAX the ones that say something there."""
    warnings.simplefilter("ignore")
    keras = import_module("keras")
    sources = {name: source for name, (_, source) in FIRES.items()} | SILENT
    if keras.backend.backend() != "tensorflow":
        names = names or ON_JAX
    wanted = {name: source for name, source in sources.items() if not names or name in names}
    found = {name: check(source, Path(folder), name in PLAINLY) for name, source in wanted.items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
