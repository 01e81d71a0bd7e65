"""`luthier` as a library: what a person writes in Python, on a model of their own, and what comes back."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import luthier
from luthier import Choice, Data, Float, Int, Recipe
from luthier.errors import InvalidInput, RunFolderError, SourceChanged
from luthier.reports.reading import read
from luthier.reports.verdict import verdict
from luthier.verbs.session import Watcher
from luthier.verbs.stages import BATCH_SIZES

torch = pytest.importorskip("torch")

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_model.py"
QUICK = Recipe("adamw", lr=0.01, epochs=20, batch_size=32)


def net(width: int = 8, dropout: float = 0.0, *, inputs: int, outputs: int):
    """One hidden layer."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, outputs))


def rows(num=160, seed=0):
    """Two clouds: (inputs [n, 3], classes [n])."""
    rng = np.random.default_rng(seed)
    y = np.arange(num) % 2
    return rng.normal(size=(num, 3)) + 1.5 * y[:, None], y


def tuned(root, **more):
    """A run of four trainings in this process."""
    given = {
        "data": rows(),
        "budget": "4trials",
        "baseline": QUICK,
        "workers": 0,
        "root": root,
        "name": "run",
        **more,
    }
    return luthier.tune(net, **given)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on arrays, with one setting of the builder added to the usual ones."""
    return tuned(tmp_path_factory.mktemp("api"), space={"width": Int(4, 16)})


def searched(run):
    """Configurations of the search, the baseline left out."""
    return [t.config for t in run.record.history.trials if t.phase == "search"]


def test_own_function_and_arrays_give_a_finished_run(run):
    assert run.record.status == "finished"
    assert run.record.facts.framework == "torch"
    assert run.record.facts.kind == "binary"
    assert len(run.record.history.trials) == 4


def test_space_adds_to_the_usual_settings(run):
    assert all({"width", "lr"} <= set(config) for config in searched(run))
    assert all(4 <= config["width"] <= 16 for config in searched(run))


def test_default_of_the_builder_is_what_a_change_is_a_change_from(run):
    assert run.baseline.recipe.model == {"width": 8}


def test_verdict_is_that_of_the_finished_run(run):
    assert run.verdict == verdict(read(run.record)).sentence
    assert run.verdict.startswith("Kept what you had")
    assert not run.adopted
    assert run.best.recipe == run.baseline.recipe


def test_score_of_the_baseline_comes_from_its_own_seeds(run):
    assert run.baseline.score.n == 1
    assert 0.5 < run.baseline.score.score <= 1.0


def test_run_opens_as_it_was(run):
    opened = luthier.Run.open(run.folder)
    assert opened.record.history.trials == run.record.history.trials
    assert opened.verdict == run.verdict


def test_report_is_written_again_from_the_records_alone(run):
    before = run.report.read_text("utf-8")
    run.report.unlink()
    again = luthier.report(run.folder)
    assert again.report.read_text("utf-8") == before


def test_model_is_loaded_from_a_source_that_is_what_it_was(run):
    model = luthier.load(run.folder)
    inputs, targets = rows(seed=1)
    logits = model.predict(inputs)
    assert logits.shape == (160, 2)
    assert (logits.argmax(1) == targets).mean() > 0.7
    assert model.labels == ("0", "1")


@pytest.mark.parametrize("average", [{"ema_decay": 0.97}, {"swa_start": 0.5}, {"optimizer": "schedule_free"}])
def test_model_is_loaded_with_the_average_of_its_weights(tmp_path, average):
    """What was evaluated in training is what predicts."""
    asked = {"lr": Float(1e-2, 3e-2, log=True)}
    run = luthier.tune(
        net,
        rows(),
        budget="4trials",
        root=tmp_path,
        workers=0,
        space=asked,
        space_only=True,
        baseline=luthier.Recipe(batch_size=32, steps=120, lr=0.02, **average),
    )
    inputs, targets = rows(seed=1)
    assert (luthier.load(run.folder).predict(inputs).argmax(1) == targets).mean() > 0.7


def test_model_is_loaded_by_the_builder_that_is_handed_over(run):
    other = luthier.load(
        run.folder, builder=lambda width, inputs, outputs: net(width, inputs=inputs, outputs=outputs)
    )
    inputs, _ = rows(seed=1)
    np.testing.assert_array_equal(other.predict(inputs), luthier.load(run.folder).predict(inputs))


def test_changed_source_is_refused_and_the_way_out_is_named(run, monkeypatch):
    def changed(width=8, *, inputs, outputs):
        return net(width, inputs=inputs, outputs=outputs)

    changed.__qualname__ = changed.__name__ = "net"
    monkeypatch.setattr(sys.modules[__name__], "net", changed)
    with pytest.raises(SourceChanged, match="builder="):
        luthier.load(run.folder)


def test_rows_of_another_width_are_refused(run):
    with pytest.raises(InvalidInput, match="2 numbers a row: `3, as in training`"):
        luthier.load(run.folder).predict(np.zeros((1, 2)))


def test_predicting_no_rows_gives_no_rows(run):
    assert luthier.load(run.folder).predict(np.zeros((0, 3))).shape == (0, 2)


def test_one_name_is_one_run(run):
    with pytest.raises(RunFolderError, match="--resume"):
        tuned(run.folder.parent)


def test_finished_run_that_is_resumed_says_what_came_out_and_trains_nothing(run):
    told = []

    class Listener(Watcher):
        def finished(self, record, report):
            told.append(record.verdict)

    again = tuned(run.folder.parent, space={"width": Int(4, 16)}, resume=True, watcher=Listener())
    assert told == [run.verdict]
    assert again.record.history.trials == run.record.history.trials


def test_space_only_tunes_nothing_else(tmp_path):
    run = tuned(tmp_path, space={"width": Choice((4, 16))}, space_only=True)
    assert {frozenset(config) for config in searched(run)} == {frozenset({"width"})}


def test_fixed_settings_hold_everywhere(tmp_path):
    run = tuned(tmp_path, space={"width": Int(4, 16)}, fixed={"lr": 0.02, "dropout": 0.1})
    assert all(t.recipe.lr == 0.02 and t.recipe.model["dropout"] == 0.1 for t in run.record.history.trials)
    assert all("lr" not in config for config in searched(run))


def test_preparation_is_fitted_in_training_and_comes_with_the_model(tmp_path):
    inputs, targets = rows()
    data = Data(1000.0 + 500.0 * inputs, targets, labels=("no", "yes"))
    run = tuned(tmp_path, data=data, baseline=Recipe("adamw", lr=0.01, epochs=20, preparation={"scale": "standard"}))
    again, truth = rows(seed=1)
    model = luthier.load(run.folder)
    assert (model.predict(1000.0 + 500.0 * again).argmax(1) == truth).mean() > 0.7
    assert model.labels == ("no", "yes")


def test_real_targets_are_regression(tmp_path):
    inputs, targets = rows()
    run = tuned(tmp_path, data=(inputs, targets.astype(np.float32)), metric="mae")
    assert run.record.facts.kind == "regression"
    assert not run.record.facts.metric.greater_is_better
    assert luthier.load(run.folder).predict(inputs[:5]).shape == (5, 1)


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        (3, {}, "model=3: `the name of a task, a Task, or a function that returns a model` must hold"),
        (net, {"data": None}, "Pass data=(X, y)"),
        (net, {"data": (np.zeros((4, 2)), np.zeros(3))}, "4 inputs, 3 targets"),
        (net, {"space": {"seed": Int(0, 9)}}, "luck"),
        (net, {"space": {"weight_decai": Float(0, 1)}}, "Did you mean 'weight_decay'"),
        (net, {"space_only": True}, "a space to search"),
        (net, {"space": {"depth": Int(1, 3)}}, "net takes width, dropout"),
        (net, {"space": {"widht": Int(8, 64)}}, "Did you mean 'width'?"),
    ],
)
def test_what_cannot_work_is_said_before_the_start(tmp_path, target, more, said):
    given = {"data": rows(), "budget": "4trials", "baseline": QUICK, "workers": 0, "root": tmp_path, **more}
    with pytest.raises(luthier.LuthierError) as caught:
        luthier.tune(target, **given)
    assert said.lower() in str(caught.value).lower()


@pytest.mark.slow
def test_batch_size_that_nobody_named_is_measured(tmp_path):
    run = luthier.tune(net, data=rows(400), budget="12s", workers=0, root=tmp_path, space={"width": Int(4, 16)})
    finding = next(f for f in run.record.findings if f.code == "P05")
    assert run.record.baseline.batch_size == finding.number
    assert run.record.baseline.batch_size in BATCH_SIZES
    assert all(t.recipe.batch_size == finding.number for t in run.record.history.trials)


@pytest.mark.slow
def test_example_runs_as_the_script_that_it_is(tmp_path):
    """Workers find a function of a script without any `__main__` guard; here the budget is eight trainings."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "8trials"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "LUTHIER_RUNS": str(tmp_path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Kept what you had" in done.stdout
    assert "four new rows:" in done.stdout
    record = json.loads((tmp_path / "net" / "run.json").read_text("utf-8"))["data"]
    assert record["status"] == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_python_that_a_page_shows_runs(tmp_path, page):
    """The first Python block as a script, on data of its own and with the budget of four trainings."""
    text = (EXAMPLE.parents[1] / page).read_text("utf-8")
    shown = text.partition("```python\n")[2].partition("```")[0]
    assert 'budget="5min"' in shown
    script = tmp_path / "shown.py"
    own = "" if "def net" in shown else f"import torch\n{inspect.getsource(net)}\n"
    script.write_text(
        "import numpy as np\nX = np.random.default_rng(0).normal(size=(160, 3))\ny = (X[:, 0] > 0).astype(int)\n"
        + own
        + shown.replace('"5min"', '"4trials"')
    )
    environment = {**os.environ, "LUTHIER_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
