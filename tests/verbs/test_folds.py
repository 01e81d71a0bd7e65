"""`folds=` from rows to out-of-fold predictions, on real sets and real models."""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import r2_score

import luthier
from data.tables import csv_of, shop
from luthier import Data, Float, Recipe
from luthier.errors import InvalidInput
from luthier.reports.html import render
from luthier.reports.json import summary
from luthier.reports.terminal import print_verdict

torch = pytest.importorskip("torch")


def net(width: int = 8, *, inputs: int, outputs: int):
    """One hidden layer."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


CANCER = load_breast_cancer(return_X_y=True)
SPACE = {"lr": Float(1e-4, 1e-1, log=True)}
SCALED = {"scale": "standard"}


def tuned(root, data, *, num=3, budget="6trials", epochs=4, lr=0.003, preparation=SCALED, **more):
    """A small run on folds."""
    baseline = Recipe("adamw", lr=lr, epochs=epochs, batch_size=32, preparation=preparation)
    return luthier.tune(
        net,
        data=data,
        folds=num,
        budget=budget,
        baseline=baseline,
        space=SPACE,
        root=root,
        name="run",
        workers=0,
        **more,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Breast cancer in three folds; the budget pays for no comparison, so the baseline is kept."""
    return tuned(tmp_path_factory.mktemp("runs"), CANCER)


def test_predictions_are_for_each_row_that_is_no_test_row_by_the_fold_it_is_in(run):
    kept, data = run.out_of_fold, Data(*CANCER).in_folds(3)
    test = data.test_rows(0)
    assert kept.rows.dtype == np.int32
    assert sorted([*kept.rows, *test]) == list(range(569))
    assert (np.diff(kept.rows) > 0).all()
    assert kept.outputs.shape == (len(kept.rows), 2)
    assert np.array_equal(kept.targets, CANCER[1][kept.rows])
    for fold in range(3):
        assert np.array_equal(kept.rows[kept.folds == fold], data.split(test, fold)[1])


def test_predictions_give_the_scores_that_the_run_tells(run):
    """Accuracy by hand, fold by fold, is what each run of the baseline scored; their mean is what is told."""
    kept, told = run.out_of_fold, run.record.folds
    right = kept.outputs.argmax(1) == kept.targets
    by_hand = [float(right[kept.folds == fold].mean()) for fold in range(3)]
    assert list(told.scores) == list(told.kept) == pytest.approx(by_hand)
    assert [t.last.score for t in run.record.history.trials[:3]] == pytest.approx(by_hand)
    assert told.mean == pytest.approx(np.mean(by_hand))
    assert told.sd == pytest.approx(np.std(by_hand, ddof=1))
    assert told.mean > 0.9


def test_the_threshold_is_chosen_on_the_rows_of_all_folds(run):
    told, kept = run.record.decision, run.out_of_fold
    assert told.num_val == len(kept.rows) == sum(run.record.folds.num_rows)
    assert told.val_at_half == pytest.approx(float((kept.outputs.argmax(1) == kept.targets).mean()))


def test_the_model_that_is_loaded_has_them_too_and_is_none_of_the_others(run):
    """The shipped model trained on the rows of other folds: there it says something else."""
    model = luthier.load(run.folder, builder=net)
    for mine, theirs in zip(model.out_of_fold, run.out_of_fold, strict=True):
        assert np.array_equal(mine, theirs)
    kept = run.out_of_fold
    says = model.predict(CANCER[0][kept.rows])
    assert np.allclose(says[kept.folds == 0], kept.outputs[kept.folds == 0], atol=1e-4)
    assert not np.allclose(says[kept.folds == 1], kept.outputs[kept.folds == 1], atol=1e-2)


def test_a_run_opened_again_has_them_and_one_without_folds_has_none(run, tmp_path):
    assert np.array_equal(luthier.Run.open(run.folder).out_of_fold.outputs, run.out_of_fold.outputs)
    whole = luthier.tune(net, data=CANCER, budget="2trials", space=SPACE, root=tmp_path, workers=0, name="whole")
    assert whole.out_of_fold is None
    assert whole.record.folds is None
    assert luthier.load(whole.folder, builder=net).out_of_fold is None


def test_report_terminal_and_summary_tell_them(run):
    record = run.record
    page, mean = render(record), f"{record.folds.mean:.2f}"
    assert "Out of fold" in page
    assert re.search(rf"The baseline scores {mean}\d* out of fold \(mean over 3 folds", page)
    said = StringIO()
    print_verdict(record, stream=said)
    assert re.search(rf"Folds +accuracy {mean}\d* out of fold \(SD .* over 3 folds\); ", said.getvalue())
    told = json.loads(json.dumps(summary(record)))["folds"]
    assert told["score"] == pytest.approx(record.folds.mean)
    assert (told["num"], len(told["scores"])) == (3, 3)


@pytest.mark.slow
def test_an_adopted_recipe_is_told_by_the_models_of_the_final_comparison(tmp_path):
    """The baseline hardly learns, so a better learning rate is found; six pairs on five folds."""
    run = tuned(
        tmp_path,
        load_diabetes(return_X_y=True),
        num=5,
        budget="60trials",
        lr=1e-4,
        epochs=6,
        preparation={"scale": "standard", "target": "standard"},
        metric="r2",
    )
    assert run.adopted
    kept, told = run.out_of_fold, run.record.folds
    assert told.num_models == (2, 1, 1, 1, 1)
    by_hand = [r2_score(kept.targets[kept.folds == k], kept.outputs[kept.folds == k][:, 0]) for k in range(5)]
    assert list(told.kept) == pytest.approx(by_hand, abs=1e-5)
    assert told.kept[1:] == pytest.approx(told.scores[1:])
    assert told.kept[0] > told.scores[0], "two models together err less than each: squares are convex"
    finals = [t for t in run.record.history.trials if t.phase == "final" and t.config]
    assert told.scores[0] == pytest.approx(np.mean([t.last.score for t in finals if t.split_seed == 0]), abs=1e-6)
    assert told.mean > run.baseline.score.score


def test_folds_in_time_begin_with_the_last_and_the_first_rows_are_in_none(tmp_path):
    X, y = CANCER
    when = np.random.default_rng(0).permutation(len(X)).astype(float)
    run = tuned(tmp_path, Data(X, y, time=when))
    kept, data = run.out_of_fold, Data(X, y, time=when)
    test = data.test_rows(0)
    spans = [when[kept.rows[kept.folds == fold]] for fold in range(3)]
    assert spans[2].max() < spans[1].min() < spans[1].max() < spans[0].min()
    assert spans[0].max() < when[test].min()
    first = sorted(when)[: len(X) - len(test) - len(kept.rows)]
    assert max(first) < spans[2].min()


def test_rows_of_a_table_and_of_groups_are_told_by_their_number(tmp_path):
    """The number counts rows of the file; rows of one group share a fold."""
    import polars as pl

    frame = shop(200).with_columns(pl.Series("team", [f"t{i % 12}" for i in range(200)]))
    run = tuned(tmp_path, Data(frame, target="churn", group="team"), preparation={})
    kept = run.out_of_fold
    words = np.array(["no", "yes"])[kept.targets]
    assert list(words) == frame["churn"].gather(kept.rows).to_list()
    teams = np.array(frame["team"].gather(kept.rows).to_list())
    assert all(len(set(kept.folds[teams == team])) == 1 for team in set(teams))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Data(*CANCER, val=CANCER), "folds=3: `2 folds or more, and no validation rows of your own`"),
        (lambda: Data(*CANCER, folds=4), "folds=3: `folds=4, as the data says`"),
        (lambda: Data(*CANCER, group=np.arange(569) % 3 + 0), "3 groups"),
    ],
)
def test_folds_beside_what_does_not_fit_are_refused(tmp_path, make, said):
    with pytest.raises(InvalidInput, match=re.escape(said)):
        tuned(tmp_path, make())
    assert not list(tmp_path.iterdir())


def test_folds_of_what_trains_by_itself_are_refused(tmp_path):
    def train(trial):
        trial.report(loss=1.0)

    with pytest.raises(InvalidInput, match="folds=3: `something that luthier trains`"):
        luthier.tune(train, folds=3, space=SPACE, budget="2trials", metric="min:loss", root=tmp_path)


def test_folds_are_short_for_those_of_the_data(run, tmp_path):
    same = luthier.tune(
        net,
        data=Data(*CANCER, folds=3),
        budget="6trials",
        root=tmp_path,
        workers=0,
        space=SPACE,
        baseline=Recipe("adamw", lr=0.003, epochs=4, batch_size=32, preparation=SCALED),
    )
    assert np.array_equal(same.out_of_fold.outputs, run.out_of_fold.outputs)


def test_a_ready_task_takes_folds(tmp_path):
    options = {"model": "mlp"}
    baseline = Recipe("adamw", lr=0.003, epochs=1, batch_size=128)
    run = luthier.tune(
        "digits", folds=2, options=options, budget="4trials", workers=0, root=tmp_path, baseline=baseline
    )
    assert run.record.folds.num == 2
    assert len(run.out_of_fold.rows) == 1797 - run.record.facts.num_test


@pytest.mark.slow
def test_the_program_takes_folds(tmp_path):
    """`luthier tune model.py:net --data x.csv --target churn --folds 3`, as a person types it."""
    (tmp_path / "model_in_folds.py").write_text(
        "from torch import nn\n\n\ndef net(*, inputs: int, outputs: int):\n    return nn.Linear(inputs, outputs)\n"
    )
    csv_of(shop(), tmp_path / "x.csv")
    program = [str(Path(sys.executable).with_name("luthier")), "tune", "model_in_folds.py:net"]
    asked = ["--data", "x.csv", "--target", "churn", "--folds", "3", "--budget", "6trials", "--workers", "1"]
    done = subprocess.run([*program, *asked], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Each configuration on up to 3 folds" in done.stderr
    assert re.search(r"Folds +accuracy 0\.\d+ out of fold", done.stdout)
