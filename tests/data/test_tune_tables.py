"""From a file to a verdict, and from the verdict to predictions of rows that nobody has seen."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import luthier
from data.tables import csv_of, shop
from luthier import Choice, Data, Recipe
from luthier.errors import InvalidInput, RunFolderError
from luthier.runs.snapshots import read_snapshot

torch = pytest.importorskip("torch")

QUICK = Recipe("adamw", lr=0.01, epochs=8, batch_size=32)
NET = '''
from torch import nn


def net(width: int = 8, *, inputs: int, outputs: int):
    """One hidden layer."""
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))
'''


def net(width: int = 8, *, inputs: int, outputs: int):
    """One hidden layer."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def with_gaps(frame: pl.DataFrame, share=0.05) -> pl.DataFrame:
    """A number in twenty is missing."""
    rng = np.random.default_rng(0)
    numbers = [name for name in frame.columns[:-1] if frame[name].dtype.is_numeric()]
    gaps = {name: pl.Series(rng.random(len(frame)) < share) for name in numbers}
    return frame.with_columns(pl.when(gaps[n]).then(None).otherwise(pl.col(n)).alias(n) for n in numbers)


def cancer() -> pl.DataFrame:
    """Breast cancer of scikit-learn: 569 rows, the radius also as words, the target as words, gaps."""
    from sklearn.datasets import load_breast_cancer

    told = load_breast_cancer(as_frame=False)
    frame = pl.DataFrame({str(n): told.data[:, i] for i, n in enumerate(told.feature_names[:10])})
    size = np.array(["small", "medium", "large"])[np.digitize(told.data[:, 0], [12.0, 15.0])]
    return with_gaps(
        frame.with_columns(pl.Series("size", size), pl.Series("diagnosis", told.target_names[told.target]))
    )


def diabetes() -> pl.DataFrame:
    """Diabetes of scikit-learn: 442 rows, the sex as words, gaps."""
    from sklearn.datasets import load_diabetes

    told = load_diabetes(scaled=False)
    frame = pl.DataFrame({str(n): told.data[:, i] for i, n in enumerate(told.feature_names)})
    words = pl.Series("sex", np.where(told.data[:, 1] == 1, "one", "two"))
    return with_gaps(frame.with_columns(words, pl.Series("progression", told.target)))


TABLES = {"diagnosis": cancer, "progression": diabetes}


def tuned(root, data, target="", **more):
    """A run of four trainings in this process."""
    given = {"budget": "4trials", "baseline": QUICK, "workers": 0, "root": root, "name": "run", **more}
    return luthier.tune(net, data=data, target=target, **given)


@pytest.fixture(scope="module", params=TABLES)
def run(request, tmp_path_factory):
    """(run, the file, the target) of a table."""
    root = tmp_path_factory.mktemp(request.param)
    path = csv_of(TABLES[request.param](), root / "x.csv")
    return tuned(root, path, request.param), path, request.param


def test_a_file_gives_a_finished_run_that_learns(run):
    found, _, target = run
    assert found.record.status == "finished"
    facts = found.record.facts
    score = found.baseline.score.score
    assert score > 0.8 if target == "diagnosis" else score < 0.8 * facts.constant_score
    assert facts.num_inputs == sum(c.num_inputs for c in facts.preparation.columns)


def test_scores_are_in_the_units_of_the_target(run):
    found, _, target = run
    if target == "progression":
        assert 1000 < found.baseline.score.score < 10_000
        assert found.record.history.trials[0].last.val_loss < 5


def test_predictions_of_raw_rows_are_those_of_the_run(run):
    """To the bit, from the file, a frame and rows as dicts."""
    found, path, target = run
    told = read_snapshot(found.folder / "evaluations" / "test-00000.safetensors")
    model = luthier.load(found.folder)
    rows = told["rows"].tolist()
    frame = (cancer if target == "diagnosis" else diabetes)()[rows]
    assert np.array_equal(model.predict(frame), told["outputs"])
    assert np.array_equal(model.predict(frame.drop(target).to_dicts()), told["outputs"])
    assert np.allclose(model.predict(path)[rows], told["outputs"], rtol=1e-5, atol=1e-4)


def test_settings_of_the_preparation_are_written_down(run):
    found, _, target = run
    settings = found.record.baseline.preparation
    assert settings["scale"] == "standard"
    assert settings["missing"] == "median"
    assert ("target" in settings) == (target == "progression")


def test_report_has_a_page_on_the_data(run):
    text = run[0].report.read_text("utf-8")
    assert "What was done to the data" in text
    assert "gaps filled with" in text


def test_unseen_categories_and_gaps_are_predicted(run):
    found, _, target = run
    name = "size" if target == "diagnosis" else "sex"
    frame = (cancer if target == "diagnosis" else diabetes)()[:3]
    odd = frame.with_columns(pl.Series(name, ["never seen", None, frame[name][2]]))
    said = (
        f"column {name!r} holds 'never seen', which no training row had; in 1 row the model sees no value of it "
        "(data frame)"
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(said)}$"):
        told = luthier.load(found.folder).predict(odd)
    assert np.isfinite(told).all()


def test_rows_without_a_column_are_refused(run):
    found, _, target = run
    with pytest.raises(InvalidInput, match="there is no column"):
        luthier.load(found.folder).predict(
            (cancer if target == "diagnosis" else diabetes)().drop("size", "sex", strict=False)
        )
    with pytest.raises(
        InvalidInput, match="rows=ndarray: `a table: the path of one, a data frame, or rows as dicts`"
    ):
        luthier.load(found.folder).predict(np.zeros((2, 3)))


def test_killed_run_that_is_resumed_gives_the_same(run, tmp_path):
    found, path, target = run
    shutil.copytree(found.folder, tmp_path / "run")
    for gone in ("best", "run.json", "report.html"):
        place = tmp_path / "run" / gone
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    journal = tmp_path / "run" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    again = tuned(tmp_path, path, target, resume=True)
    scores = [[(p.step, p.score) for p in t.curve] for r in (found, again) for t in r.record.history.trials]
    half = len(scores) // 2
    assert scores[:half] == scores[half:]
    frame = TABLES[target]()[:20]
    assert np.array_equal(luthier.load(again.folder).predict(frame), luthier.load(found.folder).predict(frame))


def test_a_run_is_not_resumed_with_other_rows(run, tmp_path):
    found, _, target = run
    shutil.copytree(found.folder, tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"data='\w+': `data == '\w+', as the run was begun`"):
        tuned(tmp_path, TABLES[target]()[:-1], target, resume=True)


def test_settings_of_the_preparation_can_be_tuned(tmp_path):
    space = {"prepare_scale": Choice(("standard", "quantile", "robust")), "prepare_indicator": Choice((True, False))}
    run = tuned(tmp_path, cancer(), "diagnosis", space=space, space_only=True, budget="6trials")
    tried = {t.recipe.preparation["scale"] for t in run.record.history.trials}
    assert all(t.status == "finished" for t in run.record.history.trials)
    assert len(tried) > 1


def test_a_setting_that_there_is_not_is_refused_before_the_start(tmp_path):
    for wrong in ({"fixed": {"prepare_scale": "log"}}, {"space": {"prepare_scale": Choice(("none", "log"))}}):
        with pytest.raises(InvalidInput, match="prepare_scale='log'"):
            tuned(tmp_path, cancer(), "diagnosis", **wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [{"time": "since"}, {"group": "team"}, {"folds": 3}, {"own": True}])
def test_every_split_runs_from_end_to_end(tmp_path, more):
    frame = shop(200).with_columns(pl.Series("team", [f"t{i % 12}" for i in range(200)]))
    own = {"val": frame[100:140], "test": frame[140:]} if more.pop("own", False) else {}
    budget = {"budget": "6trials"} if "folds" in more else {}
    run = tuned(tmp_path, Data(frame[:100] if own else frame, target="churn", **own, **more), **budget)
    assert run.record.status == "finished"
    seeds = [t.split_seed for t in run.record.history.trials]
    if "time" in more or own:
        assert seeds == [0] * 4
    elif "folds" in more:
        assert seeds[:4] == [0, 1, 2, 0]  # the baseline, then a configuration, which may be given up
    else:
        assert len(set(seeds)) == 4


def test_a_batch_that_nobody_asked_for_fits_into_few_rows(tmp_path):
    run = luthier.tune(net, data=shop(60), target="churn", budget="2trials", workers=0, root=tmp_path)
    assert run.record.baseline.batch_size == 32
    with pytest.raises(InvalidInput, match=r"batch_size=64: `batch_size <= 3\d training rows` must hold"):
        tuned(tmp_path, shop(60), "churn", baseline=Recipe("adamw", batch_size=64), name="other")


@pytest.mark.slow
def test_a_winner_of_a_fixed_split_is_judged_on_rows_that_the_search_never_saw(tmp_path):
    data = Data(shop(300), target="churn", time="since")
    run = tuned(tmp_path, data, budget="42trials", baseline=Recipe("adamw", lr=0.003, epochs=2, batch_size=32))
    trials = run.record.history.trials
    seeds = {
        phase: {t.split_seed for t in trials if t.phase == phase} for phase in ("noise", "search", "confirm", "final")
    }
    assert seeds["noise"] == seeds["search"] == {0}
    assert seeds["confirm"] == seeds["final"] == {1}
    assert "kept from the search" in run.record.evidence[0].over


@pytest.mark.slow
def test_the_program_tunes_a_file_and_predicts_another(tmp_path):
    """`luthier tune model.py:net --data ... --target ...`, then `luthier predict`, as a person types them."""
    (tmp_path / "model_of_shop.py").write_text(NET)
    frame = shop()
    csv_of(frame, tmp_path / "x.csv")
    csv_of(frame[:5].drop("churn"), tmp_path / "new.csv")

    def said(*words):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "LUTHIER_RUNS": str(tmp_path / "runs")}
        program = [Path(sys.executable).with_name("luthier"), *words]
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    asked = ["--data", "x.csv", "--target", "churn", "--budget", "4trials", "--workers", "1", "--json"]
    told = said("tune", "model_of_shop.py:net", *asked)
    assert json.loads(told)["status"] == "finished"
    printed = said("predict", "runs/net", "new.csv")
    assert printed.splitlines()[0] == "prediction,p no,p yes"
    said("predict", "runs/net", "new.csv", "--output", "out.csv")
    assert (tmp_path / "out.csv").read_text() == printed
    found = pl.read_csv(tmp_path / "out.csv")
    assert set(found["prediction"]) <= {"no", "yes"}
    assert np.allclose(found["p no"] + found["p yes"], 1)


@pytest.mark.slow
def test_adult_of_the_census_is_read_and_learned(tmp_path):
    """30,162 rows with eight columns of words, found through LUTHIER_DATA."""
    shared = Path(os.environ.get("LUTHIER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (shared / "adult").exists():
        pytest.skip("no adult in LUTHIER_DATA")
    path = tmp_path / "adult.csv"
    path.write_bytes(gzip.decompress((shared / "adult" / "adult.data.gz").read_bytes()))
    names = pl.read_csv(path, n_rows=0).columns
    baseline = Recipe("adamw", lr=0.003, epochs=3, batch_size=256)
    run = tuned(tmp_path, path, names[-1], baseline=baseline, budget="2trials")
    assert run.record.facts.kind == "binary"
    assert run.record.test.baseline.score > 0.84  # gradient boosting reaches .858 (facts of the set)
