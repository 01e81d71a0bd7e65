"""Threshold and calibration of a model of two classes."""

import numpy as np
import pytest

import luthier
from luthier import Int, Recipe
from luthier.evidence import decision
from luthier.training import metrics

RNG = np.random.default_rng(0)
TARGETS = (RNG.random(4000) < 0.1).astype(int)
LOGITS = np.stack([np.zeros(4000), 1.5 * TARGETS - 3 + RNG.normal(size=4000)], 1)


def test_threshold_is_the_best_of_all_that_could_be_said():
    """Against every probability in turn."""
    p = metrics.probabilities(LOGITS)[:, 1]
    best = max(metrics.score("f1", decision.moved(LOGITS, t), TARGETS) for t in np.linspace(0.01, 0.6, 400))
    chosen = decision.choose("f1", LOGITS, TARGETS)
    assert 0.05 < chosen < 0.3
    assert metrics.score("f1", decision.moved(LOGITS, chosen), TARGETS) == pytest.approx(best, abs=0.01)
    assert np.array_equal(decision.moved(LOGITS, chosen).argmax(1), (p > chosen).astype(int))


def test_a_half_stays_where_nothing_is_better():
    sure = np.stack([np.zeros(40), 9.0 * (np.arange(40) % 2) - 4.5], 1)
    assert decision.choose("f1", sure, np.arange(40) % 2) == 0.5


def test_it_is_chosen_on_validation_rows_and_shown_on_test_rows():
    val, test = ({"outputs": LOGITS[i::2], "targets": TARGETS[i::2]} for i in range(2))
    told = decision.judge("f1", val, test)
    assert told.applied
    assert told.threshold == decision.choose("f1", val["outputs"], val["targets"])
    assert told.val_at_threshold > told.val_at_half
    at = decision.moved(test["outputs"], told.threshold)
    assert told.test_at_threshold == metrics.score("f1", at, test["targets"])
    assert told.ece_val == metrics.score("ece", val["outputs"], val["targets"])
    other = decision.judge("roc_auc", val, None)
    assert (other.metric, other.applied, other.num_test) == ("f1", False, 0)
    assert not decision.judge("accuracy", val, test).applied


def test_a_run_reports_it_and_its_predictions_follow_it(tmp_path):
    """Of a rare class, with F1 as the metric."""
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(900, 5)).astype(np.float32)
    y = (x[:, 0] + 0.7 * RNG.normal(size=900) > 1.4).astype(int)

    def net(width: int = 8, *, inputs: int, outputs: int):
        return torch.nn.Sequential(torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Linear(width, outputs))

    given = {"metric": "f1", "baseline": Recipe(lr=0.01, epochs=8), "space": {"width": Int(4, 8)}, "root": tmp_path}
    run = luthier.tune(net, data=(x, y), budget="4trials", workers=0, **given)
    told = run.record.decision
    assert told.applied
    assert "How the shipped model decides" in run.report.read_text()
    model = luthier.load(run.folder, builder=net)
    assert model.threshold == told.threshold
    from luthier.verbs.predict import as_table

    outputs = model.predict(x)
    said = as_table(model, outputs)["prediction"].to_numpy() == "1"
    assert np.array_equal(said, metrics.probabilities(outputs)[:, 1] >= told.threshold)
