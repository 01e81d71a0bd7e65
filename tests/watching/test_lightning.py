"""`luthier.lightning_check()` in a trainer's callbacks."""

from __future__ import annotations

import logging

import pytest

from luthier.verbs.lightning_check import lightning_check

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def net(*last):
    """A module that gives its last layer's output to cross-entropy."""
    nn = torch.nn

    class Net(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), *last)

        def training_step(self, batch, index):
            x, y = batch
            return nn.functional.cross_entropy(self.net(x), y)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.01)

    return Net()


def fit(module, callback):
    """Three epochs on the CPU, nothing kept."""
    data = torch.utils.data
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    rows = data.TensorDataset(x, (x[:, 0] > 0).long())
    trainer = lightning.Trainer(
        max_epochs=3,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data.DataLoader(rows, 32, shuffle=True))


@pytest.mark.filterwarnings("ignore")
def test_fault_in_a_training_step_is_named(capsys):
    callback = lightning_check()
    fit(net(torch.nn.Softmax(dim=1)), callback)
    assert [f.code for f in callback.diagnosis.findings] == ["L01"]
    assert callback.diagnosis.findings[0].place.function == "training_step"
    assert "L01 error" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_sound_module_has_no_finding_and_the_hooks_are_gone():
    callback, before = lightning_check(), torch.Tensor.backward
    fit(net(), callback)
    assert callback.diagnosis.findings == ()
    assert callback.diagnosis.faults == ()
    assert callback.diagnosis.num_steps == 24
    assert torch.Tensor.backward is before


@pytest.mark.filterwarnings("ignore")
def test_training_that_fails_is_explained():
    callback = lightning_check()
    module = net()
    module.net[2] = torch.nn.Linear(15, 3)
    with pytest.raises(RuntimeError):
        fit(module, callback)
    assert [f.code for f in callback.diagnosis.findings] == ["X05"]
