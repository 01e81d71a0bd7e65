"""What JAX compiles is kept for other workers and later runs, unless a person keeps it elsewhere."""

import os
import subprocess
import sys

import pytest

from luthier.training.executor import compiled_once

PROGRAM = "import jax, jax.numpy as jnp; print(jax.jit(lambda x: jnp.sin(x) @ x.T)(jnp.ones((8, 8)))[0, 0])"


def test_a_compiled_program_lies_in_the_cache(tmp_path, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setenv("LUTHIER_CACHE", str(tmp_path))
    found = compiled_once()
    assert found["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "jax")
    small = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, "-c", PROGRAM]
    said = [
        subprocess.run(
            command, env={**os.environ, **found, **small}, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1]
    assert list((tmp_path / "jax").iterdir())
