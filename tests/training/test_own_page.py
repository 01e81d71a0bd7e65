"""Every block of docs/own.md runs, in order, on digits, with a budget of few trials in place of minutes."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import luthier

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "own.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch):
    digits = load_digits()
    X, y = (digits.data[:700] / 16).astype(np.float32), digits.target[:700]
    rng = np.random.default_rng(0)
    sentences = [(rng.integers(1, 17) + np.arange(rng.integers(4, 12))) % 16 + 1 for _ in range(300)]
    given = {"X": X[:600], "y": y[:600], "X_test": X[600:], "y_test": y[600:], "sentences": sentences}
    names = dict(given)
    tune = luthier.tune
    monkeypatch.setattr(luthier, "tune", partial(_small, tune, tmp_path))
    assert len(BLOCKS) == 9
    for block in BLOCKS:
        exec(compile(block, "docs/own.md", "exec"), names)
        assert names["run"].record.status == "finished"


def _small(tune, root, *args, **more):
    budget = {"budget": "3trials", "workers": 0, "root": root}
    if "baseline" not in more:
        more["baseline"] = luthier.Recipe(lr=0.01, epochs=3, batch_size=32)
    return tune(*args, **{**more, **budget})
