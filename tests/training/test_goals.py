"""What is learned and what is measured are a person's own affair: losses, metrics, several inputs, several labels."""

import numpy as np
import pytest
import sklearn.metrics as sk
from sklearn.datasets import load_digits

import luthier
from luthier import Data, Int, OwnMetric, Recipe
from luthier.errors import InvalidInput

torch = pytest.importorskip("torch")
nn, cross_entropy = torch.nn, torch.nn.functional.cross_entropy

DIGITS = load_digits()
X = (DIGITS.data / 16).astype(np.float32)[:600]
Y = DIGITS.target[:600]
QUICK = Recipe("adamw", lr=0.01, epochs=6, batch_size=32)


def tuned(builder, data, root, **more):
    """A run of four trainings in this process."""
    return luthier.tune(
        builder,
        **{"data": data, "budget": "4trials", "baseline": QUICK, "workers": 0, "root": root, "name": "run"} | more,
    )


def net(width: int = 24, *, inputs: int, outputs: int):
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


class Halves(nn.Module):
    """Two inputs, told by name."""

    def __init__(self, width: int, num_classes: int):
        super().__init__()
        self.above, self.below = nn.Linear(32, width), nn.Linear(32, width)
        self.out = nn.Linear(width, num_classes)

    def forward(self, above, below):
        return self.out(torch.relu(self.above(above) + self.below(below)))


def halves(width: int = 24, *, spec):
    assert [leaf.shape for leaf in spec.tree.leaves] == [(32,), (32,)]
    return Halves(width, spec.outputs)


def test_several_inputs_go_from_the_data_to_the_stored_model(tmp_path):
    """A dict of arrays with targets: tuned, stored, and asked for new rows by the same names."""
    rows = {"above": X[:, :32], "below": X[:, 32:]}
    run = tuned(halves, (rows, Y), tmp_path, space={"width": Int(16, 32)})
    assert run.baseline.score.score > 0.8
    model = luthier.load(run.folder, builder=halves)
    outputs = model.predict({"below": X[:9, 32:], "above": X[:9, :32]})
    assert outputs.shape == (9, 10)
    assert (outputs.argmax(1) == Y[:9]).mean() > 0.6
    called = model.module(above=torch.from_numpy(X[:9, :32]), below=torch.from_numpy(X[:9, 32:]))
    assert np.allclose(called.detach().numpy(), outputs, atol=1e-5)
    with pytest.raises(InvalidInput, match="rows of above float32"):
        model.predict({"above": X[:, :32]})


def own_net(width: int = 24):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def own_loss(model, batch):
    return {"loss": cross_entropy(model(batch["x"]), batch["y"]), "other": torch.zeros(())}


def own_measures(model, batch):
    right = model(batch["x"]).argmax(1) == batch["y"]
    return {"accuracy": right.float(), "distance": (~right).float().mean()}


def test_a_loss_and_measures_of_ones_own_decide(tmp_path):
    """Rows without targets: the loss is minimised, what is measured is compared, on held-out and on test rows."""
    goal = {"loss": own_loss, "evaluate": own_measures, "metric": "accuracy", "space": {"width": Int(16, 32)}}
    run = tuned(own_net, {"x": X, "y": Y}, tmp_path, **goal)
    facts = run.record.facts
    assert (facts.kind, facts.loss, facts.metric.name, facts.metric.greater_is_better) == (
        "own",
        "own",
        "accuracy",
        True,
    )
    assert facts.constant_score < 0.3  # of the untrained model
    assert run.baseline.score.score > 0.8
    assert run.record.test is not None
    assert 0.7 < run.record.test.baseline.score <= 1
    model = luthier.load(run.folder, builder=own_net)
    assert (model.module(torch.from_numpy(X)).argmax(1).numpy() == Y).mean() > 0.8
    with pytest.raises(InvalidInput, match="Call the model itself"):
        model.predict(X)
    again = tuned(own_net, {"x": X, "y": Y}, tmp_path, **goal, resume=True)
    assert again.verdict == run.verdict


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "data without targets: `targets, or a loss of your own` must hold"),
        ({"loss": own_loss, "metric": "otter"}, 'Write metric="max:otter" or metric="min:otter"'),
        (
            {"loss": own_loss, "metric": "max:otter"},
            "metric='otter': `one of loss, other, which your function returns`",
        ),
        (
            {"loss": own_loss, "evaluate": own_measures, "metric": "distance"},
            'Write metric="max:distance" or metric="min:distance"',
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(more, said, tmp_path):
    with pytest.raises(InvalidInput) as caught:
        tuned(own_net, {"x": X, "y": Y}, tmp_path, **more)
    assert said in str(caught.value)


def test_a_data_set_of_dicts_and_a_loss_of_the_last_word(tmp_path):
    """A language model: whole numbers, padding, targets that are the inputs moved by one."""

    class Texts:
        def __len__(self):
            return 240

        def __getitem__(self, i):
            tokens = (np.arange(9) * (1 + i % 3) + i) % 12 + 1
            return {"tokens": np.where(np.arange(9) < 5 + i % 5, tokens, 0)}

    class Model(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.words, self.rnn = nn.Embedding(13, width, padding_idx=0), nn.GRU(width, width, batch_first=True)
            self.out = nn.Linear(width, 13)

        def forward(self, tokens):
            return self.out(self.rnn(self.words(tokens))[0])

    def loss(model, batch):
        tokens = batch["tokens"]
        return cross_entropy(model(tokens[:, :-1]).transpose(1, 2), tokens[:, 1:], ignore_index=0)

    run = tuned(lambda width=12: Model(width), Texts(), tmp_path, loss=loss, space={"width": Int(8, 16)})
    assert run.baseline.score.score < run.record.facts.constant_score * 0.8
    assert run.record.facts.metric.name == "loss"


def test_labels_that_go_together(tmp_path):
    """Several of them may be true of a row: a sigmoid each, and metrics for it."""
    labels = np.stack([Y % 2 == 0, Y > 4, np.isin(Y, (2, 3, 5, 7))], 1)
    run = tuned(net, (X, labels), tmp_path, metric="f1_micro", space={"width": Int(16, 32)})
    facts = run.record.facts
    assert (facts.kind, facts.loss, facts.num_outputs) == ("multilabel", "bce_with_logits", 3)
    assert run.baseline.score.score > 0.8 > facts.constant_score
    outputs = luthier.load(run.folder, builder=net).predict(X)
    assert sk.f1_score(labels, outputs > 0, average="micro") > 0.8


def test_whole_numbers_that_only_an_embedding_takes(tmp_path):
    """Tokens as an array: the model takes them as whole numbers, so that is what it gets, also when it is loaded."""
    tokens = (X * 16).round().astype(int)

    def bag(width: int = 8, *, outputs: int):
        return nn.Sequential(nn.Embedding(17, width), nn.Flatten(), nn.Linear(64 * width, outputs))

    run = tuned(bag, (tokens, Y), tmp_path, space={"width": Int(4, 8)})
    assert run.record.facts.whole
    assert run.baseline.score.score > 0.6
    assert luthier.load(run.folder, builder=bag).predict(tokens[:3]).shape == (3, 10)


def test_a_metric_of_ones_own_is_compared_in_its_direction(tmp_path):
    def wrong(outputs, targets):
        return float((outputs.argmax(1) != targets).mean())

    run = tuned(net, (X, Y), tmp_path, metric=OwnMetric(wrong, greater_is_better=False), space={"width": Int(16, 32)})
    metric = run.record.facts.metric
    assert (metric.name, metric.greater_is_better) == ("wrong", False)
    assert run.baseline.score.score < 0.2
    with pytest.raises(InvalidInput, match="metric name='mse': `a name that no known metric has`"):
        tuned(net, Data(X, Y), tmp_path, metric=OwnMetric(wrong, greater_is_better=False, name="mse"))
