"""`luthier.keras_check`: the watch of one call of `fit`, without the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("keras") is None or find_spec("tensorflow") is None, reason="keras and tensorflow are not installed"
    ),
]

PROGRAM = """
import contextlib, copy, gc, hashlib, io, json
import keras
import numpy as np
from luthier.verbs.keras_check import keras_check

x = np.random.default_rng(0).normal(size=(320, 8)).astype("float32")
y = (x[:, 0] > 0).astype("int32")
methods = {name: getattr(keras.Model, name) for name in ("fit", "compile", "make_train_function")}
out = {}

def train(units, callbacks, labels=y, **settings):
    keras.utils.set_random_seed(3)
    last = keras.layers.Dense(units, "softmax" if units > 1 else None)
    parts = [keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.2), last]
    model = keras.Sequential(parts)
    loss = "binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy"
    model.compile("adam", loss)
    crash = ""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            model.fit(x, labels, epochs=2, verbose=0, callbacks=callbacks, **settings)
        except Exception as error:
            crash = type(error).__name__
    weights = b"".join(w.tobytes() for w in model.get_weights())
    return hashlib.sha256(weights).hexdigest(), crash, said.getvalue(), callable(model.train_function)

out["plain"] = train(1, None)
check = keras_check()
out["listed"], out["first"] = train(1, [check]), check.diagnosis.findings[0].code
out["alone"], out["copied"] = train(1, check), train(1, [copy.deepcopy(check)])
out["without"] = train(1, [])
out["crash"] = train(3, [check], labels=y + 2)
out["after the crash"] = check.diagnosis.findings[0].code
other = keras_check(ignore=["K01", "K20"])
out["ignored"] = train(1, [other])
out["with early stopping"] = train(1, [keras.callbacks.EarlyStopping(), other], validation_split=0.2)
del check
gc.collect()
out["watched by one"] = keras.Model.fit is not methods["fit"]
del other
gc.collect()
out["put back"] = all(getattr(keras.Model, name) is method for name, method in methods.items())
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> dict[str, Any]:
    """What the program above noted, in a process of its own."""
    file = tmp_path_factory.mktemp("callback") / "program.py"
    file.write_text(PROGRAM)
    quiet = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=Path(file).parent,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "KerasCheck" not in done.stderr, done.stderr[-3000:]
    noted: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return noted


def test_findings_are_printed_when_training_ends(out):
    assert out["first"] == "K01"
    for way in ("listed", "alone", "copied"):
        assert "program.py" in out[way][2], way
        assert "K01 error" in out[way][2], way


def test_weights_are_those_of_the_training_without_it(out):
    assert out["plain"][0] == out["listed"][0] == out["alone"][0] == out["copied"][0] == out["without"][0]


def test_a_fit_without_it_is_not_watched(out):
    assert out["without"][2] == ""


def test_the_cause_of_a_crash_is_printed_and_the_exception_comes_through(out):
    assert out["crash"][1] == "InvalidArgumentError"
    assert out["after the crash"] == "K04"
    assert "K04 error" in out["crash"][2]


def test_checks_can_be_left_out(out):
    assert "Found nothing" in out["ignored"][2]


def test_it_stands_beside_other_callbacks(out):
    assert "Found nothing" in out["with early stopping"][2]


def test_hooks_go_when_the_last_one_has_gone(out):
    assert out["watched by one"]
    assert out["put back"]
