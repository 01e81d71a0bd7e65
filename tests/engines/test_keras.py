"""The Keras engine on each backend. Keras has one for a whole process, so each suite is a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from luthier.engines import engine_for
from luthier.errors import MissingExtra

HERE = Path(__file__).parent
NEEDS = {"tensorflow": "tensorflow", "jax": "flax", "torch": "torch"}
WARNED = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
"""Keras 3.15 itself, on torch and TensorFlow with NumPy 2."""


def in_a_process(backend: str, *arguments: str) -> None:
    """Run Python there; a failure fails the test."""
    if missing := [name for name in ("keras", NEEDS[backend]) if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    environment = {**os.environ, **threads, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    ran = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-3000:]


def suite_passes(backend: str, file: str) -> None:
    """A file of tests for one backend, in a process of its own."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-W", WARNED]
    in_a_process(backend, "-m", "pytest", *options, str(HERE / "keras_suites" / file))


@pytest.mark.parametrize("backend", NEEDS)
def test_keras_engine_keeps_its_own_promises(backend: str) -> None:
    """Names, rates, heads, refusals: tests/engines/keras_suites/promises.py."""
    suite_passes(backend, "promises.py")


@pytest.mark.parametrize("backend", NEEDS)
def test_optimizers_of_keras_take_their_own_steps(backend: str) -> None:
    """As train_on_batch does, over pauses, and what is refused: tests/engines/keras_suites/optimizers.py."""
    suite_passes(backend, "optimizers.py")


@pytest.mark.slow
@pytest.mark.parametrize("backend", NEEDS)
def test_keras_engine_keeps_the_contract(backend: str) -> None:
    """The conformance suite: tests/engines/keras_suites/contract.py."""
    suite_passes(backend, "contract.py")


@pytest.mark.parametrize("backend", NEEDS)
def test_a_keras_model_is_recognised(backend: str) -> None:
    """From a builder that imports Keras itself, and from a model: also on torch, where it is a torch module too."""
    in_a_process(
        backend,
        "-c",
        "import sys\n"
        "from luthier.engines import engine_for\n"
        "def net(*, inputs, outputs):\n"
        "    import keras\n"
        "    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)])\n"
        "assert 'keras' not in sys.modules\n"
        "for thing in (net, net(inputs=3, outputs=2)):\n"
        "    engine = engine_for(thing, inputs=3, outputs=2)\n"
        "    assert (engine.name, engine.framework) == ('keras', 'keras')\n",
    )


def test_a_missing_keras_names_the_command() -> None:
    """A builder that imports what is not there."""

    def net() -> None:
        raise ModuleNotFoundError("No module named 'keras'", name="keras")

    with pytest.raises(MissingExtra, match=r'pip install "luthier\[tensorflow\]"'):
        engine_for(net, inputs=1, outputs=1)
