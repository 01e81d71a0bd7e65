"""`luthier tune` on a Keras builder: arrays and a table, killed and resumed, confirmed, reported, loaded."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engines.test_keras import NEEDS

TESTS = Path(__file__).parents[1]
KILLED = -9


def tuned(backend: str, *arguments: str, ends: int = 0) -> Any:
    """What the program decided; None where it was killed."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": "1"}
    path = f"{TESTS}{os.pathsep}{environment.get('PYTHONPATH', '')}"
    ran = subprocess.run(
        [sys.executable, "-m", "engines.keras_suites.tuned", *arguments],
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == ends, ran.stderr[-3000:]
    return json.loads(ran.stdout) if ends == 0 else None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "table"])
@pytest.mark.parametrize("backend", NEEDS)
def test_a_killed_run_of_a_keras_model_ends_as_an_unbroken_one(backend: str, name: str, tmp_path: Path) -> None:
    """The same trials, curves, verdict and predictions, bit for bit."""
    if missing := [n for n in ("keras", NEEDS[backend]) if importlib.util.find_spec(n) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed")
    unbroken = tuned(backend, str(tmp_path / "whole"), name)
    tuned(backend, str(tmp_path / "broken"), name, "report", "9", ends=KILLED)
    assert tuned(backend, str(tmp_path / "broken"), name) == unbroken
    assert unbroken["verdict"]
