"""Every block of docs/own.md runs, in order, on digits, with a budget of few trials in place of minutes."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import luthier
from luthier.data import trees
from luthier.engines.spec import OWN_LOSS, Loss, Source
from luthier.training.batches import Course, make_plan

from .spoken import strings

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
    given |= dict(zip(("frames", "digits"), strings(200), strict=True))
    names = dict(given)
    tune = luthier.tune
    monkeypatch.setattr(luthier, "tune", partial(_small, tune, tmp_path))
    assert len(BLOCKS) == 11
    for block in BLOCKS:
        exec(compile(block, "docs/own.md", "exec"), names)
        assert names["run"].record.status == "finished"


@pytest.mark.slow
def test_ctc_of_the_page_learns_spoken_digits():
    """Strings of several lengths, padded on both sides: after training most digits are heard, before nearly none."""
    from luthier.engines.torch import TorchEngine

    (block,) = (block for block in BLOCKS if "ctc_loss" in block)
    names = {"nn": torch.nn, "torch": torch}
    exec(compile(block.partition("spoken =")[0], "docs/own.md", "exec"), names)
    frames, digits = strings(160)
    (packed,), tree = trees.pack([{"frames": frames, "digits": digits}], where="test")
    recipe = luthier.Recipe(lr=0.01, batch_size=32, clip_norm=1.0)
    loss = Loss(OWN_LOSS, names["ctc"], names["digit_errors"])
    engine = TorchEngine(inputs=1, outputs=1)
    population = engine.open(names["listener"], recipe, loss, "loop", 1)
    data = engine.place(Source(packed, np.zeros(160, np.float32), tree, False))
    state, train, held_out = population.stack([population.fresh(recipe, 0)]), np.arange(128), np.arange(128, 160)
    errors = [population.measure(state, data, held_out)["error"].mean()]
    for start in range(0, 200, 50):
        plan = make_plan([Course(recipe, 0, train, 200, start, 50)], 50)
        state, out = population.advance(state, data, plan)
    assert np.isfinite(out["loss"]).all()
    errors.append(population.measure(state, data, held_out)["error"].mean())
    assert errors[0] > 0.8
    assert errors[1] < 0.4


def _small(tune, root, *args, **more):
    budget = {"budget": "3trials", "workers": 0, "root": root}
    if "baseline" not in more:
        more["baseline"] = luthier.Recipe(lr=0.01, epochs=3, batch_size=32)
    return tune(*args, **{**more, **budget})
