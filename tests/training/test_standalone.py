"""`train.py` of a run: plain code, without luthier, that reaches the score that the run reports."""

import math
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

import luthier
from luthier import Recipe
from luthier.errors import Unsupported
from luthier.records import Trial
from luthier.verbs import standalone
from luthier.verbs.plain_code import plain_code
from luthier.verbs.plain_groups import unsaid

SLOPE = 0.01


def leaky() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


class Net(nn.Module):
    """Leans on what stands beside it."""

    def __init__(self, inputs, width, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, width), leaky(), nn.Linear(width, outputs))

    def forward(self, x):
        return self.layers(x)


def net(width: int = 32, *, inputs: int, outputs: int):
    return Net(inputs, width, outputs)


DIGITS, DIABETES = load_digits(), load_diabetes()
TODAY = {
    "adamw": Recipe("adamw", lr=0.01, epochs=10, label_smoothing=0.05),
    "sgd": Recipe("sgd", lr=0.1, epochs=8, clip_norm=1.0, schedule="wsd", weight_decay=1e-3),
    "groups": Recipe(
        "sgd",
        lr=0.1,
        epochs=8,
        weight_decay=1e-3,
        groups={"layers.0": {"lr_factor": 0.3, "clip_norm": 0.5}, "layers.2": {"lr": 0.05, "clip_value": 0.2}},
    ),
    "rmsprop": Recipe("rmsprop", lr=0.003, epochs=40, momentum=0.5, loss="huber", preparation={"target": "standard"}),
}
CASES = {
    "adamw": (DIGITS.data / 16, DIGITS.target, "accuracy"),
    "sgd": (DIGITS.data / 16, DIGITS.target, "f1_macro"),
    "groups": (DIGITS.data / 16, DIGITS.target, "accuracy"),
    "rmsprop": (DIABETES.data * 20, DIABETES.target, "rmse"),
}
WITHOUT_LUTHIER = "import sys, runpy; sys.modules['luthier'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_script_reaches_the_score_of_the_run(case, tmp_path):
    """In a fresh process that cannot import luthier; within three standard deviations of the run's seeds."""
    (x, y, metric), recipe = CASES[case], TODAY[case]
    space = {"lr": luthier.Float(recipe.lr / 2, recipe.lr * 2)}
    given = {
        "metric": metric,
        "baseline": recipe,
        "space": space,
        "space_only": True,
        "root": tmp_path,
        "name": "run",
    }
    run = luthier.tune(net, data=(x.astype(np.float32), y), budget="24trials", workers=0, **given)
    assert run.record.script == "train.py"
    assert "python runs/run/train.py" in run.report.read_text()
    text = (run.folder / "train.py").read_text()
    assert "luthier." not in text
    command = [sys.executable, "-c", WITHOUT_LUTHIER, str(run.folder / "train.py")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    name, value = told.stdout.splitlines()[-1].split(": ")
    best = run.best.score
    assert name == metric
    assert best.n >= 2
    assert abs(float(value) - best.score) < 3 * max(best.sd, 0.01 * best.score) * (1 + 1 / best.n) ** 0.5
    assert (run.folder / "model.pt").exists()


def test_only_what_a_function_needs_is_taken():
    plain = plain_code(net)
    assert plain.imports == ("from torch import nn",)
    assert plain.text.startswith("SLOPE = 0.01")
    assert "def leaky" in plain.text
    assert "CASES" not in plain.text


def made(width):
    def inner(*, inputs, outputs):
        return nn.Linear(inputs, width)

    return inner


exec("def lost(*, inputs, outputs): return nn.Linear(inputs, 3)")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (made(3), "inner stands inside another function"),
        (globals()["lost"], "lost is not defined at the top of its module"),
        (nn.Linear.forward, "forward"),
    ],
)
def test_a_function_that_leans_on_the_unseen_is_refused(function, said):
    with pytest.raises(Unsupported, match=said):
        plain_code(function)


def test_numbers_of_groups_without_words_are_named():
    recipe = Recipe(groups={"layers.0": {"lr_factor": 0.1, "l2": 0.01, "max_norm": 1.0}})
    assert unsaid(recipe) == ["layers.0.l2", "layers.0.max_norm"]
    assert unsaid(TODAY["groups"]) == []


def test_a_run_without_a_script_says_why(tmp_path):
    x, y, _ = CASES["adamw"]
    given = {"baseline": Recipe("nadamw", epochs=1), "budget": "3trials", "workers": 0, "root": tmp_path}
    run = luthier.tune(net, data=(x[:300].astype(np.float32), y[:300]), **given)
    assert run.record.script == "optimizer nadamw has no form in torch.optim that is the same"
    assert "no train.py: optimizer nadamw" in run.report.read_text()
    assert not (run.folder / "train.py").exists()


def test_a_run_that_lacks_the_memory_for_its_script_ends_as_any_other(monkeypatch, tmp_path):
    """Nothing that the script needs may end a run: its training is done."""

    def too_little(*_, **__):
        raise MemoryError

    x, y, _ = CASES["adamw"]
    monkeypatch.setattr(standalone, "prepared_rows", too_little)
    given = {"baseline": Recipe("adamw", epochs=1), "budget": "3trials", "workers": 0, "root": tmp_path}
    run = luthier.tune(net, data=(x[:300].astype(np.float32), y[:300]), **given)
    assert run.record.script == "too little memory"


def peak_of_preparing(most: float, scale: str = "none") -> int:
    """Bytes that are taken at once for the script's rows, of 16 MB of data."""
    rng = np.random.default_rng(0)
    data = luthier.Data(rng.random((20_000, 200), np.float32), rng.integers(0, 2, 20_000))
    recipe = Recipe(preparation={"scale": scale})
    trial = Trial(id=0, phase="final", config={}, recipe=recipe, seed=0, split_seed=0, num_steps=1)
    tracemalloc.start()
    try:
        assert bool(standalone.prepared_rows(data, trial, 0, most=most)) == (most == math.inf)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_that_are_too_many_are_not_gathered_to_find_out():
    """They may be larger than memory: their number is known before, and nothing is fitted or prepared either."""
    assert peak_of_preparing(most=12e6) < 4e6
    assert peak_of_preparing(most=12e6, scale="standard") < 4e6
    assert peak_of_preparing(most=math.inf) > 12e6


def test_a_run_of_too_many_rows_says_that_it_has_no_script(monkeypatch, tmp_path):
    x, y, _ = CASES["adamw"]
    monkeypatch.setattr(standalone, "MOST_BYTES", 1000)
    given = {"baseline": Recipe("adamw", epochs=1), "budget": "3trials", "workers": 0, "root": tmp_path}
    run = luthier.tune(net, data=(x[:300].astype(np.float32), y[:300]), **given)
    assert run.record.script == "its rows would take more than 0 MiB a second time"
