"""One recipe, the same weights and batches, on every engine: the same loss curves over 200 steps.

1e-5 relative in float64, 1e-3 in float32, as the contract of the engines has it. The learning rates are stable ones:
where training is chaotic, two right programs part after few steps.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
S, B, ROWS = 200, 32, 1000
ENGINES = {
    "torch": ("torch",),
    "jax": ("flax",),
    "keras on tensorflow": ("keras", "tensorflow"),
    "keras on jax": ("keras", "jax"),
    "keras on torch": ("keras", "torch"),
}
TOLERANCE = {"float32": 1e-3, "float64": 1e-5}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits, weights by Glorot's rule, and rows of each step."""
    from sklearn.datasets import load_digits

    rng, digits = np.random.default_rng(0), load_digits()
    given = {
        "inputs": np.asarray(digits.data[:ROWS], np.float32) / 16.0,
        "targets": digits.target[:ROWS],
        "rows": rng.integers(0, ROWS, (S, B)).astype(np.int32),
    }
    for layer, (a, b) in {"first": (64, 32), "second": (32, 32), "head": (32, 10)}.items():
        given[f"{layer}.kernel"] = rng.normal(0.0, np.sqrt(2.0 / (a + b)), (a, b))
        given[f"{layer}.bias"] = np.zeros(b)
    file = tmp_path_factory.mktemp("agreement") / "given.npz"
    np.savez(file, **given)
    return file


def curves(engine: str, start: Path) -> dict[str, np.ndarray]:
    """{"<dtype> <rule>": losses [S]} of an engine, by a process of its own."""
    if missing := [name for name in ENGINES[engine] if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed")
    out = start.with_name(f"{engine}.npz")
    if not out.exists():
        framework, _, backend = engine.partition(" on ")
        environment = {**os.environ, "JAX_ENABLE_X64": "1", "TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": "1"}
        environment |= {"KERAS_BACKEND": backend} if backend else {}
        ran = subprocess.run(
            [sys.executable, str(HERE / "one_curve.py"), framework, str(start), str(out)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
    with np.load(out) as file:
        return dict(file)


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "torch"])
def test_engines_draw_the_same_loss_curve(engine: str, start: Path) -> None:
    """As torch does, with AdamW (decay, clipping, smoothing) and with SGD, in both types; and the loss falls.

    SGD also with parameter groups: other rates, decay, momentum and clipping in the first layer and in the last.
    """
    expected, found = curves("torch", start), curves(engine, start)
    assert expected.keys() == found.keys()
    for name, losses in expected.items():
        assert losses[-20:].mean() < 0.7 * losses[:20].mean()
        np.testing.assert_allclose(found[name], losses, rtol=TOLERANCE[name.split()[0]], err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_bound_is_no_formality(dtype: str, start: Path) -> None:
    """A learning rate that is wrong by 1 % is outside of it."""
    losses = curves("torch", start)
    right, wrong = losses[f"{dtype} sgd"], losses[f"{dtype} sgd at 1.01 times its rate"]
    assert np.abs(wrong / right - 1.0).max() > TOLERANCE[dtype]
