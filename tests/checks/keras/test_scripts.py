"""Checks of Keras programs: on programs with one fault each, and on healthy ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from checks.keras.run_scripts import ON_JAX, PLAINLY
from checks.keras.scripts import FIRES, SILENT
from luthier.checks.spec import checks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("keras") is None or find_spec("tensorflow") is None, reason="keras and tensorflow are not installed"
    ),
]
TESTS = Path(__file__).parents[2]
LIMIT_S = 1800


def outcomes(folder: Path, backend: str, *names: str) -> dict[str, Any]:
    """What came out of the programs, all run in one process of its own."""
    quiet = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "checks.keras.run_scripts", str(folder), *names],
        cwd=TESTS,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict[str, Any]:
    """On TensorFlow."""
    return outcomes(tmp_path_factory.mktemp("keras"), "tensorflow")


def codes(outcome: dict[str, Any], *severities: str) -> set[str]:
    """Of the findings of these severities."""
    return {code for code, severity, _ in outcome["found"] if severity in severities}


@pytest.mark.parametrize("name", FIRES)
def test_a_fault_is_named(seen, name):
    assert FIRES[name][0] in codes(seen[name], "error", "warning", "info"), seen[name]


@pytest.mark.parametrize("name", SILENT)
def test_a_healthy_program_is_passed_over(seen, name):
    assert not codes(seen[name], "error", "warning"), seen[name]["found"]
    assert seen[name]["watched"][1] == ""


@pytest.mark.parametrize("name", [*FIRES, *SILENT])
def test_nothing_of_the_watch_or_of_a_check_fails(seen, name):
    assert seen[name]["faults"] == []


@pytest.mark.parametrize("name", sorted(PLAINLY))
def test_weights_and_exceptions_are_those_without_watch(seen, name):
    """Bit for bit."""
    assert seen[name]["watched"] == seen[name]["plain"]


def test_every_check_has_a_program_that_it_must_name(seen):
    assert {code for code in checks() if code.startswith("K")} == {code for code, _ in FIRES.values()}


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_on_jax_the_same_is_found_and_nothing_is_changed(tmp_path):
    found = outcomes(tmp_path, "jax", *ON_JAX)
    for name in ON_JAX:
        assert found[name]["faults"] == [], name
        if name in FIRES:
            assert FIRES[name][0] in codes(found[name], "error", "warning"), name
        else:
            assert not codes(found[name], "error", "warning"), name
        assert found[name]["plain"] in (None, found[name]["watched"]), name
