"""Fine-tuning: a search over the rate of the backbone, from the space to the script that the run leaves behind."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import luthier
from luthier import Float, Recipe
from luthier.errors import InvalidInput

torch = pytest.importorskip("torch")
DIGITS = load_digits()
X, Y = (DIGITS.data[:500] / 16).astype(np.float32), DIGITS.target[:500]


class Net(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.backbone, self.head = torch.nn.Linear(inputs, 32), torch.nn.Linear(32, outputs)

    def forward(self, x):
        return self.head(torch.relu(self.backbone(x)))


def net(*, inputs: int, outputs: int):
    return Net(inputs, outputs)


@pytest.mark.parametrize("mode", ["loop", "grouped"])
def test_the_rate_of_a_backbone_is_searched(mode, tmp_path):
    """Every trial has the groups of the space and of `fixed`, also the baseline, whose factor is 1; a word of the
    report, and what is shipped is a script in plain torch."""
    run = luthier.tune(
        net,
        data=(X, Y),
        baseline=Recipe(lr=0.01, epochs=2, batch_size=32),
        space={"backbone.lr_factor": Float(0.01, 1, log=True)},
        fixed={"head.lr": 0.02},
        space_only=True,
        budget="6trials",
        workers=0,
        root=tmp_path,
        mode=mode,
        slots=1 if mode == "loop" else 2,
    )
    searched = [trial for trial in run.record.history.trials if trial.config]
    assert len(searched) > 1
    for trial in searched:
        assert trial.recipe.groups["backbone"] == {"lr_factor": trial.config["backbone.lr_factor"]}
        assert trial.recipe.groups["head"] == {"lr": 0.02}
    first = next(trial for trial in run.record.history.trials if not trial.config)
    assert first.recipe.groups["backbone"] == {"lr_factor": 1.0}
    assert "backbone.lr_factor" in run.report.read_text()
    assert run.record.script == "train.py"
    assert 'parts["backbone", True]' in (run.folder / "train.py").read_text()


def test_a_group_that_holds_no_weight_is_told_before_anything_is_trained(tmp_path):
    """With the module that comes nearest."""
    given = {"baseline": Recipe(groups={"bakbone": {"lr_factor": 0.1}}), "workers": 0, "root": tmp_path}
    with pytest.raises(InvalidInput, match="Did you mean 'backbone'"):
        luthier.tune(net, data=(X, Y), budget="3trials", **given)


def test_a_number_that_no_group_has_is_told_before_the_start(tmp_path):
    """So is one that is searched."""
    given = {"budget": "3trials", "workers": 0, "root": tmp_path}
    with pytest.raises(InvalidInput, match="lr_factor, weight_decay"):
        luthier.tune(net, data=(X, Y), space={"backbone.lr_facter": Float(0.1, 1)}, **given)
