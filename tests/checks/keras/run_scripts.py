"""Run the Keras programs in one process, without watch and under watch, and print what came out as JSON.

python -m checks.keras.run_scripts FOLDER [NAME ...]
"""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from checks.keras.scripts import COMMON, FIRES, SILENT
from checks.programs import Room
from luthier.watching.keras import install

ON_JAX = (
    "logits into binary_crossentropy",
    "softmax and from_logits",
    "relu on a regression output",
    "sigmoid",
    "softmax, three classes, label smoothing",
    "recurrent net",
    "variational autoencoder with add_loss",
    "two heads by name, an own loss that takes logits for probabilities",
    "two heads, an own loss of logits and a built-in one",
    "a call without the argument training, dropout",
    "a body fine-tuned in a class with its statistics kept",
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


ROOM = Room("K", install=install, run=run, common=COMMON, plainly=PLAINLY)


def main(folder: str, *names: str) -> None:
    """Run those of these names, or all; on JAX the ones that say something there."""
    keras = import_module("keras")
    sources = {name: source for name, (_, source) in FIRES.items()} | SILENT
    if keras.backend.backend() != "tensorflow":
        names = names or ON_JAX
    ROOM.write(sources, folder, *names)


if __name__ == "__main__":
    main(*sys.argv[1:])
