"""A loss of one's own, and inputs that are dicts and tuples, in the reference mode of torch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from luthier.data import trees
from luthier.engines.jax import JaxEngine
from luthier.engines.spec import MEASURED_ROWS, OWN_LOSS, Loss, Source
from luthier.engines.torch import TorchEngine
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 200)
ENGINE = TorchEngine(inputs=6, outputs=3)
RECIPE = Recipe(lr=0.01, batch_size=16)


def net(*, inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, outputs))


def entropy(model, batch):
    return cross_entropy(model(batch[0]), batch[1])


def trained(loss, source, build=net, num=20, engine=ENGINE):
    """(population, state, data, losses) after a few steps."""
    population = engine.open(build, RECIPE, loss, "loop", 1)
    data = engine.place(source)
    state = population.stack([population.fresh(RECIPE, 1)])
    course = Course(RECIPE, 1, np.arange(150, dtype=np.int32), 100, 0, num)
    state, out = population.advance(state, data, make_plan([course], num))
    return population, state, data, out["loss"][:, 0]


def test_a_loss_of_ones_own_trains_as_the_named_one_does():
    """The same bits: losses and weights."""
    runs = [trained(loss, Source(X, Y)) for loss in (Loss("cross_entropy"), Loss(OWN_LOSS, entropy))]
    assert np.array_equal(runs[0][3], runs[1][3])
    one, other = (population.take(state, 0) for population, state, *_ in runs)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_batch_without_targets_is_the_tree_itself():
    """A dict of arrays comes as a dict of tensors of the same kinds, by row."""
    rows = {"x": X, "ids": np.arange(200), "odd": np.arange(200) % 2 == 1, "pair": (X[:, 0], Y)}
    (packed,), tree = trees.pack([rows], where="test")
    seen = []

    def loss(model, batch):
        seen.append(batch)
        return cross_entropy(model(batch["x"]), batch["pair"][1])

    *_, losses = trained(Loss(OWN_LOSS, loss), Source(packed, np.zeros(200, np.float32), tree, False))
    assert np.array_equal(losses, trained(Loss("cross_entropy"), Source(X, Y))[3])
    ids = seen[0]["ids"]
    assert (ids.dtype, seen[0]["odd"].dtype, seen[0]["pair"][1].dtype) == (torch.int64, torch.bool, torch.int64)
    assert torch.equal(seen[0]["x"], torch.from_numpy(X)[ids])


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, a, b):
        return self.left(a) + self.right(b)


@pytest.mark.parametrize("form", [dict, tuple])
def test_several_inputs_go_to_the_model_by_name_or_in_order(form):
    parts = {"b": X[:, 3:], "a": X[:, :3]} if form is dict else (X[:, :3], X[:, 3:])
    (packed,), tree = trees.pack([parts], where="test")
    population, state, data, _ = trained(Loss("cross_entropy"), Source(packed, Y, tree), build=Two)
    outputs = population.predict(state, data, np.arange(5, dtype=np.int32))[0]
    model = population.module(state, 0)
    assert not model.training
    expected = model(torch.from_numpy(X[:5, :3]), torch.from_numpy(X[:5, 3:]))
    assert np.allclose(outputs, expected.detach().numpy())
    fused = ENGINE.open(Two, RECIPE, Loss("cross_entropy"), "vmap", 2)
    start = fused.stack([fused.fresh(RECIPE, 1)] * 2)
    course = Course(RECIPE, 1, np.arange(150, dtype=np.int32), 100, 0, 2)
    with pytest.raises(Unsupported, match="inputs are a dict or a tuple"):
        fused.advance(start, data, make_plan([course, course], 2))


def test_whole_numbers_go_to_the_model_as_such():
    tokens = RNG.integers(0, 9, (200, 4))

    def build():
        return nn.Sequential(nn.Embedding(9, 5), nn.Flatten(), nn.Linear(20, 3))

    *_, losses = trained(Loss("cross_entropy"), Source(tokens.astype(np.float32), Y, whole=True), build=build)
    assert np.isfinite(losses).all()


def test_rows_are_measured_in_blocks_whatever_the_batch_size():
    """A value a row stands at its row, one number of a block at all of its rows; the loss is always there."""
    rows = np.arange(MEASURED_ROWS + 10, dtype=np.int32)

    def evaluate(model, batch):
        right = (model(batch[0]).argmax(1) == batch[1]).float()
        return {"right": right, "accuracy": right.mean(), "plain": 3.5}

    population, state, data, _ = trained(Loss(OWN_LOSS, entropy, evaluate), Source(X, Y))
    found = {name: values[0] for name, values in population.measure(state, data, rows).items()}
    assert found.keys() == {"right", "accuracy", "plain", "loss"}
    assert np.allclose(found["accuracy"][:MEASURED_ROWS], found["right"][:MEASURED_ROWS].mean())
    assert np.allclose(found["accuracy"][MEASURED_ROWS:], found["right"][MEASURED_ROWS:].mean())
    assert (found["plain"] == 3.5).all()
    named = trained(Loss("cross_entropy", None, evaluate), Source(X, Y))[0]
    each = named.measure(state, data, rows)["loss"][0]
    assert np.allclose(each, named.evaluate(state, data, rows)[0])
    assert np.allclose(population.evaluate(state, data, rows)[0], found["loss"])


BAD = [
    (
        lambda model, batch: cross_entropy(model(batch[0]), batch[1], reduction="none"),
        "the loss function returned a tensor of shape (16,): `one number for the batch` must hold (loss). "
        "Take the mean over the rows: return loss.mean().",
    ),
    (
        lambda model, batch: entropy(model, batch).item(),
        "the loss function returned float: `a tensor with one number` must hold (loss). "
        "Return the loss itself, without .item().",
    ),
    (
        lambda model, batch: entropy(model, batch).detach(),
        "the loss does not depend on the weights: `a gradient reaches the model through it` must hold (loss). "
        "Look for detach(), no_grad(), argmax or numpy on the way from the model to the loss.",
    ),
    (
        lambda model, batch: {"nll": entropy(model, batch)},
        'the loss function returned a dict of nll: `its "loss" is what is minimised` must hold (loss). '
        'Return {"loss": ..., "other": ...}, or the one number.',
    ),
]


@pytest.mark.parametrize(("function", "said"), BAD)
def test_a_loss_that_is_none_is_refused_in_words(function, said):
    with pytest.raises(InvalidInput) as caught:
        trained(Loss(OWN_LOSS, function), Source(X, Y))
    assert str(caught.value) == said


def test_what_is_measured_has_one_shape_and_the_same_names():
    rows = np.arange(MEASURED_ROWS + 10, dtype=np.int32)

    def wrong(model, batch):
        return {"z": model(batch[0])}

    population, state, data, _ = trained(Loss(OWN_LOSS, entropy, wrong), Source(X, Y))
    with pytest.raises(
        InvalidInput, match=r"'z' has the shape \(64, 3\) for a batch of 64 rows: `one number, or one a row`"
    ):
        population.measure(state, data, rows)

    def changing(model, batch):
        return {"a" if len(batch[1]) == MEASURED_ROWS else "b": 1.0}

    population, state, data, _ = trained(Loss(OWN_LOSS, entropy, changing), Source(X, Y))
    with pytest.raises(InvalidInput, match="evaluate returned b, loss: `the names of the first batch: a, loss`"):
        population.measure(state, data, rows)


def test_other_modes_and_engines_say_that_they_do_not_take_it():
    with pytest.raises(Unsupported, match="its loss is a function of your own"):
        ENGINE.open(net, RECIPE, Loss(OWN_LOSS, entropy), "grouped", 2)
    engine = JaxEngine(6, 3)
    _, tree = trees.pack([(X, X)], where="test")
    with pytest.raises(Unsupported, match="inputs that are a dict or a tuple"):
        engine.place(Source(X, Y, tree))
