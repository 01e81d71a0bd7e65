"""Checks of JAX programs: on programs with one fault each, and on healthy ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from checks.jax.scripts import FIRES, SILENT
from luthier.checks.spec import checks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("jax", "flax", "optax")), reason="jax, flax, optax are not installed"
    ),
]
TESTS = Path(__file__).parents[2]
LIMIT_S = 1800
OPTAX_FIRST = """
import optax
import jax
import jax.numpy as jnp
weights = jnp.ones((4, 3))
optimizer = optax.adam(1e-2)
state = optimizer.init(weights)
for i in range(8):
    value, grads = jax.value_and_grad(lambda w: (w**2).sum())(weights)
    updates, _ = optimizer.update(grads, state)
    weights = optax.apply_updates(weights, updates)
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict[str, Any]:
    """What came out of the programs, all run in one process of its own.

    Compiled code is kept on the disk: what the watched program compiles to is what the plain one did, or it is
    compiled anew.
    """
    settings = {
        "OMP_NUM_THREADS": "1",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "checks.jax.run_scripts", str(tmp_path_factory.mktemp("jax"))],
        cwd=TESTS,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def codes(outcome: dict[str, Any], *severities: str) -> set[str]:
    """Of the findings of these severities."""
    return {code for code, severity, _ in outcome["found"] if severity in severities}


@pytest.mark.parametrize("name", FIRES)
def test_a_fault_is_named(seen, name):
    assert FIRES[name][0] in codes(seen[name], "error", "warning", "info"), seen[name]


@pytest.mark.parametrize("name", SILENT)
def test_a_healthy_program_is_passed_over(seen, name):
    assert not codes(seen[name], "error", "warning"), seen[name]["found"]


@pytest.mark.parametrize("name", [*FIRES, *SILENT])
def test_nothing_of_the_watch_or_of_a_check_fails(seen, name):
    assert seen[name]["faults"] == []


@pytest.mark.parametrize("name", [*FIRES, *SILENT])
def test_no_program_crashes_and_weights_are_those_without_watch(seen, name):
    """Bit for bit."""
    assert seen[name]["watched"] == seen[name]["plain"]
    assert seen[name]["watched"][1] == ""


def test_every_check_has_a_program_that_it_must_name():
    assert {code for code in checks() if code.startswith("J")} == {code for code, _ in FIRES.values()}


def test_the_branch_that_a_where_did_not_take_is_named(seen):
    """With its operation; not where the loss is lost for another reason."""
    text = {name: [t for code, _, t in seen[name]["found"] if code == "J13"] for name in FIRES}
    assert "a division by 0, in the branch" in text["a division behind where"][0]
    assert "a square root of 0, in the branch" in text["a norm behind where"][0]
    assert not any("where did" in t for t in text["learning rate far too high"])
    assert not any("where did" in t for t in text["a norm that a where takes"])


def test_optax_may_be_imported_before_jax(tmp_path):
    """It is not whole yet when JAX is there, and is wrapped all the same."""
    script = tmp_path / "script.py"
    script.write_text(OPTAX_FIRST)
    program = (
        "import sys\n"
        "from luthier.verbs.check import diagnose\n"
        "found = diagnose([sys.argv[1]], full=True)\n"
        "print(*(f.code for f in found.findings), *(f.error for f in found.faults))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["J04"]), done.stderr[-3000:]
