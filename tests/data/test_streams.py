"""Training rows that come from loaders: by (seed, step), with transforms of their own, held-out rows read once."""

import numpy as np
import pytest

import luthier
from luthier import Data, Recipe
from luthier.data.streams import Stream
from luthier.errors import InvalidInput

torch = pytest.importorskip("torch")
data_sets = torch.utils.data
RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
BATCH = 16


class Noisy(data_sets.Dataset):
    """A transform that draws from torch's default generator."""

    def __init__(self, rows, noise=0.1):
        self.rows, self.noise = rows, noise

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return torch.from_numpy(X[self.rows[i]]) + self.noise * torch.randn(4), int(Y[self.rows[i]])


def loaders(batch_size, seed):
    shuffled = torch.Generator().manual_seed(seed)
    return {
        "train": data_sets.DataLoader(Noisy(range(60)), batch_size, shuffle=True, generator=shuffled, drop_last=True),
        "val": data_sets.DataLoader(Noisy(range(60, 90), 0.0), batch_size),
    }


def taken(stream, seed, steps):
    return [stream.batch(seed, step, batch_size=BATCH)[0].numpy() for step in steps]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_batch_is_a_function_of_seed_and_step():
    """Whether steps are taken in a row, in the middle of an epoch, or beside another trial."""
    steps = range(8)  # three batches an epoch
    whole = taken(Stream(loaders, 60), 5, steps)
    assert same(taken(Stream(loaders, 60), 5, [4])[:1], whole[4:5])
    stream = Stream(loaders, 60)
    mixed, others = [], []
    for step in steps:
        mixed += taken(stream, 5, [step])
        others += taken(stream, 6, [step])
    assert same(mixed, whole)
    assert not same(others, whole)
    assert len({batch.tobytes() for batch in whole}) == 8


def test_the_streams_of_other_code_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    taken(Stream(loaders, 60), 0, range(4))
    Data(loaders=loaders)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_a_copy_for_a_worker_goes_on_by_itself():
    import cloudpickle

    stream = Stream(loaders, 60)
    first = taken(stream, 3, range(3))
    again = cloudpickle.loads(cloudpickle.dumps(stream))
    assert same(taken(again, 3, range(3)), first)


def test_held_out_rows_are_read_and_training_rows_are_not():
    data = Data(loaders=loaders)
    assert (len(data.inputs), data.stream.num_rows, data.kind) == (30, 60, "binary")
    test = data.test_rows(0)
    train, val = data.split(test, 0)
    assert len(train) == 60
    assert set(val) | set(test) <= set(range(30))
    assert not set(val) & set(test)


def net(width: int = 8, *, inputs: int, outputs: int):
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(width, outputs)
    )


def test_a_run_on_loaders_is_the_same_again(tmp_path):
    """With noise in the rows and dropout in the model, two runs have the same curves, and learn."""
    quick = {
        "budget": "3trials",
        "baseline": Recipe(lr=0.02, epochs=12, batch_size=BATCH),
        "workers": 0,
        "root": tmp_path,
    }
    runs = [luthier.tune(net, data=Data(loaders=loaders), name=name, **quick) for name in ("a", "b")]
    curves = [[(p.val_loss, p.score) for t in run.record.history.trials for p in t.curve] for run in runs]
    assert curves[0] == curves[1]
    assert runs[0].baseline.score.score > 0.8
    assert np.isnan(runs[0].record.history.trials[0].last.train_score)


def unseeded(batch_size, seed):
    rng = np.random.default_rng()
    return {"train": [(X[:8] + rng.normal(size=(8, 4)), Y[:8])], "val": (X, Y)}


def shrinking(batch_size, seed):
    few = seed % 50, seed % 50 + 8
    return {"train": [(X[slice(*few)], Y[slice(*few)])] * (2 if seed in (0, 1) else 1), "val": (X, Y)}


BAD = [
    (
        {"loaders": 3},
        "loaders=int: `a function (batch_size, seed) that returns loaders` must hold (data). "
        "Pass a loader itself as data=loader: its rows are read once.",
    ),
    (
        {"loaders": unseeded},
        "loaders(batch_size=8, seed=1) gives other batches when it is called again: `the same "
        "batches for the same seed` must hold (loaders). Shuffle with "
        "generator=torch.Generator().manual_seed(seed), and draw transforms from the seed.",
    ),
    (
        {"loaders": lambda b, s: {"train": [(X, Y)]}},
        "loaders without validation rows: `a loader of validation rows` must hold (data). "
        'Return {"train": ..., "val": ...}, or pass val=.',
    ),
    (
        {"loaders": lambda b, s: {"trian": [(X, Y)]}},
        "loaders returned trian: `train, and val and test where you have them` must hold (loaders).",
    ),
    ({"loaders": loaders, "inputs": X}, "rows and loaders: `one of them` must hold (data). Leave one out."),
    ({"loaders": lambda b, s: {"train": [], "val": (X, Y)}}, "0 batches: `at least one batch` must hold (loaders)."),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_loaders_that_are_none_are_refused_in_words(given, said):
    with pytest.raises(InvalidInput) as caught:
        Data(**given)
    assert str(caught.value) == said


def test_a_factory_that_ignores_its_seed_is_told():
    """Its rows would come in one order in every epoch of every trial."""
    with pytest.warns(UserWarning, match="gives the same first batch for seeds 1 and 2: every epoch of every trial"):
        Data(loaders=lambda batch_size, seed: {"train": data_sets.DataLoader(fixed(), batch_size), "val": (X, Y)})


def fixed():
    return data_sets.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))


def test_an_epoch_that_is_shorter_than_another_is_told():
    stream = Data(loaders=shrinking).stream
    stream.batch(3, 0, batch_size=8)
    with pytest.raises(InvalidInput, match="the loader ended after 1 of 2 batches"):
        stream.batch(3, 1, batch_size=8)
