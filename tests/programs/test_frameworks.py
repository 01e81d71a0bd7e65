"""Lightning, Keras and Hugging Face in a trial: broken off and gone on from `checkpoint_dir`, in this process."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import luthier
from luthier import Float
from luthier.errors import InvalidInput
from luthier.programs.trial import RunningTrial

sklearn = pytest.importorskip("sklearn.datasets")


class Cut(Exception):
    """The trial is broken off here."""


def reports(training, place, config, metric, cut=0):
    """What a training reports of a metric until it ends, or is broken off."""
    told = []

    def tell(step, of, metrics):
        told.append((step, of, metrics[metric]))
        if len(told) == cut:
            raise Cut

    place.mkdir(exist_ok=True)
    trial = RunningTrial(config, seed=3, checkpoint_dir=place, resumed=any(place.iterdir()), tell=tell)
    try:
        training(trial)
    except Cut:
        assert cut
    return told


def digits(dtype):
    x, y = sklearn.load_digits(return_X_y=True)
    return (x / 16).astype(dtype), y


@pytest.fixture(scope="module")
def lightning():
    return pytest.importorskip("lightning.pytorch")


@pytest.fixture(scope="module")
def net(lightning):
    from torch import nn, optim

    class Net(lightning.LightningModule):
        """Dropout, an optimizer and a schedule of its own: all must be put back."""

        def __init__(self, lr=1e-3, width=16):
            super().__init__()
            self.lr, self.loss = lr, nn.functional.cross_entropy
            self.net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 10))

        def training_step(self, batch, _):
            return self.loss(self.net(batch[0]), batch[1])

        def validation_step(self, batch, _):
            self.log("val_loss", self.loss(self.net(batch[0]), batch[1]))

        def configure_optimizers(self):
            optimizer = optim.AdamW(self.parameters(), lr=self.lr)
            return [optimizer], [optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)]

    return Net


def loaders(batch_size=64):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    x, y = map(torch.tensor, digits("float32"))
    train, val = TensorDataset(x[400:], y[400:]), TensorDataset(x[:400], y[:400])
    return DataLoader(train, batch_size, shuffle=True), DataLoader(val, 400)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("trainer", [{"max_epochs": 4}, {"max_epochs": 2, "val_check_interval": 0.5}])
def test_a_lightning_trial_that_was_broken_off_has_the_curve_of_one_that_was_not(tmp_path, net, trainer):
    from luthier.programs.frameworks.lightning import LightningTraining

    training, config = LightningTraining(net, loaders, trainer), {"lr": 1e-2}
    whole = reports(training, tmp_path / "a", config, "val_loss")
    parts = [reports(training, tmp_path / "b", config, "val_loss", cut) for cut in (2, 0)]
    assert len(whole) == 4
    assert parts[0] + parts[1] == whole
    assert whole[-1][0] == whole[-1][1]


def test_lightning_settings_go_to_whatever_takes_them(net):
    from luthier.programs.frameworks.lightning import LightningTraining

    training = LightningTraining(net, loaders, {})
    training.check(["lr", "width", "batch_size", "max_epochs"])
    with pytest.raises(InvalidInput) as told:
        training.check(["widht"])
    assert str(told.value) == (
        "space names 'widht': `an argument of Net, of its data or of the Trainer` must hold (space). "
        "Did you mean 'width'?"
    )


def test_a_lightning_module_without_data_is_told_what_to_pass(tmp_path, net):
    with pytest.raises(InvalidInput) as told:
        luthier.tune(net, space={"lr": Float(1e-4, 1e-1, log=True)}, root=tmp_path)
    assert str(told.value) == (
        "data=None: `data for a LightningModule` must hold (tune). Pass data=datamodule, or data=(train_loader, "
        "val_loader)."
    )


@pytest.fixture
def hf():
    pytest.importorskip("transformers")
    return luthier.hf


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_hugging_face_trial_that_was_broken_off_has_the_curve_of_one_that_was_not(tmp_path, hf):
    import torch
    import transformers

    x, y = sklearn.load_digits(return_X_y=True)
    rows = [{"input_ids": torch.tensor(x[i], dtype=torch.long), "labels": int(y[i])} for i in range(150)]
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}

    def train(trial):
        torch.manual_seed(trial.seed)
        config = transformers.BertConfig(vocab_size=17, max_position_embeddings=64, num_labels=10, **sizes)
        arguments = transformers.TrainingArguments(
            output_dir=str(trial.checkpoint_dir),
            seed=trial.seed,
            num_train_epochs=3,
            learning_rate=1e-2,
            per_device_train_batch_size=50,
            eval_strategy="epoch",
            save_strategy="epoch",
            report_to=[],
            use_cpu=True,
        )
        model = transformers.BertForSequenceClassification(config)
        trainer = transformers.Trainer(
            model, arguments, train_dataset=rows[:100], eval_dataset=rows[100:], callbacks=[hf.Callback(trial)]
        )
        trainer.train(resume_from_checkpoint=hf.checkpoint(trial))

    whole = reports(train, tmp_path / "a", {}, "eval_loss")
    parts = [reports(train, tmp_path / "b", {}, "eval_loss", cut) for cut in (2, 0)]
    assert [step for step, _, _ in whole] == [2, 4, 6]
    assert parts[0] + parts[1] == whole


def test_half_a_checkpoint_of_the_trainer_is_none(tmp_path):
    from luthier.programs.frameworks.hf import checkpoint

    trial = RunningTrial({}, checkpoint_dir=tmp_path)
    assert checkpoint(trial) is None
    for step in (9, 10, 11):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (9, 10):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").touch()
    assert checkpoint(trial) == str(tmp_path / "checkpoint-10")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_a_keras_trial_that_was_broken_off_has_the_curve_of_one_that_was_not(tmp_path, backend):
    for name in ("keras", backend):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "programs.keras_curve", str(tmp_path)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, first, rest = json.loads(done.stdout.splitlines()[-1])
    assert len(whole) == 4
    assert first + rest == whole


def test_keras_arguments_are_split_by_the_seed_or_taken_as_they_are():
    from luthier.programs.frameworks.keras import _arguments as arguments

    x, y = np.arange(10), np.arange(10)
    one, same, other = (arguments((x, y), seed) for seed in (0, 0, 1))
    assert sorted([*one["x"], *one["validation_data"][0]]) == list(range(10))
    assert len(one["validation_data"][0]) == 2
    assert (one["x"] == one["y"]).all()
    assert (one["x"] == same["x"]).all()
    assert (one["x"] != other["x"]).any()
    assert arguments({"x": x}, 0) == {"x": x}
    assert arguments(((x, y), (x[:1], y[:1])), 0)["validation_data"] == (x[:1], y[:1])
