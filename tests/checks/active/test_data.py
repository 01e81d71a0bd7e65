"""Data with one thing wrong are named; data that only look odd are left alone."""

import numpy as np
import pytest
from torch import nn

from checks.active import builders
from luthier.data import Data
from luthier.recipe import Recipe
from luthier.verbs.active import examine

STANDARD = Recipe(preparation={"scale": "standard"})


def seen(x, y, *, builder=builders.mlp, baseline=None, test=None):
    """Codes of the findings; the data faults need no long look at the model."""
    found = examine(builder, data=Data(np.asarray(x, np.float32), y, test=test), baseline=baseline)
    assert not found.faults, found.faults
    return [finding.code for finding in found.findings]


def scaling(*, inputs, outputs):
    """Divides grey values by 255 itself."""

    class Scale(nn.Module):
        def forward(self, x):
            return x / 255

    return nn.Sequential(Scale(), builders.mlp(inputs=inputs, outputs=outputs))


def grey():
    x, y = builders.digits()
    return np.round(x * 255), y


def test_grey_values_that_hinder_training():
    assert "D01" in seen(*grey(), baseline=Recipe("sgd", lr=0.05))


def test_grey_values_are_no_fault_of_a_model_that_scales_them():
    assert seen(*grey(), builder=scaling, baseline=Recipe("sgd", lr=0.05)) == []


def test_columns_of_very_different_scale():
    assert "D02" in seen(*builders.cancer(), builder=builders.linear)


def test_columns_of_very_different_scale_are_no_fault_of_a_model_that_normalises_them():
    assert seen(*builders.cancer(), builder=builders.norm_first) == []


@pytest.mark.parametrize(("factor", "level"), [(1000.0, 0.0), (1 / 77, 1000.0)])
def test_a_target_far_from_unit_scale(factor, level):
    x, y = builders.diabetes()
    assert seen(x, y * factor + level, baseline=STANDARD) == ["D03"]


def test_a_constant_column_and_constant_inputs():
    x, y = builders.diabetes()
    assert seen(np.column_stack([x, np.full(len(x), 7.0)]), y) == ["D04"]
    assert seen(np.ones((300, 4)), np.arange(300) % 2) == ["D04"]


def test_rows_sorted_by_target():
    x, y = builders.digits()
    order = np.argsort(y, kind="stable")
    assert seen(x[order], y[order]) == ["D05"]


def test_training_rows_among_given_test_rows():
    x, y = builders.digits()
    n = 1400
    test = (np.concatenate([x[n:], x[:60]]), np.concatenate([y[n:], y[:60]]))
    assert seen(x[:n], y[:n], test=test) == ["D07"]
    (finding,) = examine(builders.mlp, data=Data(x[:n], y[:n], test=test)).findings
    assert "of 457 test rows have the inputs of a training row (row 1797 those of row 0)" in finding.text


def test_given_test_rows_of_their_own_are_fine():
    x, y = builders.digits()
    assert seen(x[:1400], y[:1400], test=(x[1400:], y[1400:])) == []


def test_rows_that_occur_twice_and_contradict_each_other():
    x, y = builders.digits()
    found = examine(builders.mlp, data=(np.concatenate([x, x[:100]]), np.concatenate([y, (y[:100] + 1) % 10])))
    (finding,) = [f for f in found.findings if f.code == "D18"]
    assert finding.evidence["contradictory"] == 100


def test_rows_of_few_categories_are_equal_by_chance():
    x = np.random.default_rng(0).integers(0, 3, (2000, 3))
    assert seen(x, (x.sum(1) > 3).astype(int)) == []


def test_a_scaler_that_saw_all_rows():
    x, y = builders.cancer()
    assert seen((x - x.mean(0)) / x.std(0), y) == ["D08"]


def test_labels_that_begin_at_one():
    x, y = builders.digits()
    assert seen(x, y + 1) == ["D09"]


def test_a_rare_class_that_is_never_predicted():
    x, y = builders.rare(3000, 0.03)
    assert seen(x - 1.05 * y[:, None], y) == ["D10"]


def test_targets_that_belong_to_other_rows():
    x, y = builders.digits()
    assert seen(x, np.random.default_rng(0).permutation(y)) == ["D12"]


@pytest.mark.parametrize("share", [0.06, 0.12])
def test_labels_that_contradict_their_neighbours(share):
    x, y = builders.digits()
    rng = np.random.default_rng(0)
    assert seen(x, np.where(rng.random(len(y)) < share, rng.integers(0, 10, len(y)), y)) == ["D19"]


def test_overlapping_classes_are_no_wrong_labels():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1500, 4))
    assert seen(x, (rng.random(1500) < 1 / (1 + np.exp(-4 * x[:, 0]))).astype(int)) == []


def test_a_column_made_from_the_target():
    x, y = builders.cancer()
    rng = np.random.default_rng(0)
    table = np.column_stack([x / x.std(0) + rng.normal(0, 0.01, x.shape), y + rng.normal(0, 0.05, len(y))])
    assert seen(table, y, baseline=STANDARD) == ["D20"]


def test_a_column_that_numbers_the_rows():
    x, y = builders.cancer()
    table = np.column_stack([x, np.random.default_rng(0).permutation(len(y))])
    assert seen(table, y, baseline=STANDARD) == ["D21"]


def test_rows_that_come_in_runs():
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(0, 0.05, (1500, 6)), 0)
    assert "D22" in seen(walk, (walk[:, :3].sum(1) > np.median(walk[:, :3].sum(1))).astype(int))


def test_a_weak_signal_is_a_signal():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 10))
    assert seen(x, (0.5 * x[:, 0] + rng.normal(size=800)).astype(np.float32)) == []


def test_a_table_with_gaps_and_categories_is_left_alone(tmp_path):
    """What preparation fills and encodes is no fault."""
    rng = np.random.default_rng(1)
    x, y = builders.cancer()
    lines = ["mean,area,kind,sick"]
    for row, sick in zip(x, y, strict=True):
        gap = "" if rng.random() < 0.05 else f"{row[0]:.4f}"
        lines.append(f"{gap},{row[3]:.2f},{'abc'[int(row[6] * 20) % 3]},{'yes' if sick else 'no'}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines))
    found = examine(builders.mlp, data=str(path), target="sick")
    assert not found.faults
    assert found.findings == ()
