"""Arrays, archives, data sets and folders of images."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from luthier import Data
from luthier.errors import InvalidInput

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = np.arange(60) % 3


def test_targets_that_are_names_become_classes():
    data = Data(X, np.array(["cat", "dog", "ant"])[Y])
    assert data.labels == ("ant", "cat", "dog")
    assert data.targets[:3].tolist() == [1, 2, 0]
    assert Data(X, Y > 0).labels == ("False", "True")


def test_parts_of_ones_own_come_after_the_training_rows():
    data = Data((X[:40], Y[:40]), val=(X[40:50], Y[40:50]), test=(X[50:], Y[50:]))
    assert data.test_rows(3).tolist() == list(range(50, 60))
    train, val = data.split(data.test_rows(3), 0)
    assert train.tolist() == list(range(40))
    assert set(val) < set(range(40, 50))


def test_tensors_of_torch_are_read_without_a_copy_of_theirs():
    torch = pytest.importorskip("torch")
    weights = torch.tensor(X, requires_grad=True)
    data = Data(weights, torch.tensor(Y))
    assert np.array_equal(data.inputs, X)
    assert data.kind == "multiclass"


@pytest.mark.parametrize(
    "names", [("x", "y"), ("inputs", "targets"), ("X_train", "y_train"), ("train_data", "train_target")]
)
def test_archives_are_read_by_the_names_of_their_arrays(tmp_path, names):
    path = tmp_path / "x.npz"
    np.savez(path, **dict(zip(names, (X, Y), strict=True)))
    data = Data(path)
    assert np.array_equal(data.inputs, X)
    assert np.array_equal(data.targets, Y)


def test_an_archive_may_hold_all_three_parts(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=X[:40], y_train=Y[:40], x_val=X[40:50], y_val=Y[40:50], x_test=X[50:], y_test=Y[50:])
    data = Data(path)
    assert (data.num_given_val, data.num_given_test) == (10, 10)


def test_a_matrix_has_its_target_in_a_column(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.column_stack([X, Y]))
    data = Data(path, target="-1")
    assert np.array_equal(data.inputs, X)
    assert data.kind == "multiclass"
    with pytest.raises(InvalidInput, match="target='': `the number of the target's column`"):
        Data(path)


def test_archives_that_say_nothing_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=X, b=Y)
    with pytest.raises(InvalidInput, match=r"x.npz holds a, b: `arrays named x and y`"):
        Data(tmp_path / "x.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    with pytest.raises(InvalidInput, match=r"broken.npz cannot be read"):
        Data(tmp_path / "broken.npz")


GAP = np.where(np.arange(60) == 2, np.nan, 1.5)
EXACT = [
    ((None,), {}, "data=None: `rows` must hold (data). Pass data=(X, y), or data='table.csv' with target='column'."),
    ((X, Y[:5]), {}, "60 inputs, 5 targets: `as many of each` must hold (data)."),
    (
        (X, GAP),
        {},
        "targets[2] is not finite (1 such rows): `every number is finite` must hold (data). "
        "Fill or drop these rows first.",
    ),
    ((X, Y * 0), {}, "targets hold one class: `at least two classes` must hold (data)."),
    ((X, Y), {"target": "y"}, "target='y': `a table with named columns` must hold (data). Arrays take (X, y)."),
    (
        (X, Y),
        {"group": "team"},
        "group='team': `a table with named columns` must hold (data). Arrays take group=[...], a value a row.",
    ),
]


@pytest.mark.parametrize(("given", "more", "said"), EXACT)
def test_bad_arrays_are_refused_in_words(given, more, said):
    with pytest.raises(InvalidInput) as caught:
        Data(*given, **more)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (np.array([["a"], ["b"]]), [0, 1], "inputs of type <U1: `numbers` must hold"),
        ([[1, 2], [3]], [0, 1], "do not become an array"),
        (X, [[0, 1]] * 60, "class indices from 0, one a row"),
    ],
)
def test_arrays_that_are_none_are_refused(inputs, targets, said):
    with pytest.raises(InvalidInput, match=said):
        Data(inputs, targets, kind="multiclass")


class Items:
    """A data set by number, as torch's are."""

    classes = ("one", "two", "three")

    def __init__(self, draw=False, num=60):
        self.draw, self.num = draw, num
        self.asked = 0
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return self.num

    def __getitem__(self, i):
        self.asked += 1
        return X[i] + (self.rng.normal() if self.draw else 0.0), int(Y[i])


def test_a_data_set_is_decoded_once():
    items = Items()
    data = Data(items)
    assert np.allclose(data.inputs, X)
    assert data.labels == ("one", "two", "three")
    assert items.asked <= 60 + 10  # the first few are asked for again, to see whether they are the same
    data.split(data.test_rows(0), 1)
    assert items.asked <= 60 + 10


def test_a_data_set_of_torch_is_read():
    data_sets = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")
    data = Data(data_sets.TensorDataset(torch.tensor(X), torch.tensor(Y)), test=data_sets.Subset(Items(), range(9)))
    assert data.num_given_test == 9
    assert len(data.inputs) == 69


def test_a_data_set_that_draws_is_named():
    with pytest.warns(UserWarning, match="the training rows draw random numbers"):
        Data(Items(draw=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Data(Items())


def test_items_of_several_shapes_are_refused():
    ragged = [(np.zeros(3), 0), (np.zeros(3), 1), (np.zeros(4), 0)]
    with pytest.raises(InvalidInput) as caught:
        Data(ragged)
    assert str(caught.value) == (
        "item 0 has shape (3,), item 2 (4,): `items of one shape` must hold (training rows). "
        "Pad or resize them in the data set."
    )
    with pytest.raises(InvalidInput, match="item 1 is a int: `a pair"):
        Data([(np.zeros(2), 1), 3])


def test_a_loader_gives_its_rows_in_the_order_of_its_data_set():
    data_sets = pytest.importorskip("torch.utils.data")
    data = Data(data_sets.DataLoader(Items(), batch_size=7, shuffle=True))
    assert np.allclose(data.inputs, X)
    assert np.array_equal(data.targets, Y)
    again = Data((X[i : i + 7], Y[i : i + 7]) for i in range(0, 60, 7))
    assert np.array_equal(again.inputs, data.inputs)
    with pytest.raises(InvalidInput, match="0 batches"):
        Data(iter([]))
    with pytest.raises(InvalidInput, match="batch 1 holds the input float32"):
        Data(iter([(np.zeros((2, 2)), [0, 1]), (np.zeros((2, 3)), [0, 1])]))


def pictures(folder, sizes=((8, 6),), grey=False, num=6):
    """A folder of images, a folder a class."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(num):
            height, width = sizes[i % len(sizes)]
            shape = (height, width) if grey else (height, width, 3)
            image.fromarray(rng.integers(0, 255, shape, np.uint8)).save(folder / name / f"{i}.png")
    return folder


def test_a_folder_of_images_has_a_class_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LUTHIER_CACHE", str(tmp_path / "cache"))
    data = Data(pictures(tmp_path / "pets"))
    assert data.inputs.shape == (12, 3, 8, 6)
    assert data.labels == ("cat", "dog")
    assert data.targets.tolist() == [0] * 6 + [1] * 6
    assert 0 <= data.inputs.min() < data.inputs.max() <= 1
    assert Data(pictures(tmp_path / "grey", grey=True)).inputs.shape == (12, 1, 8, 6)


def test_a_folder_of_images_may_have_parts(tmp_path):
    for part in ("train", "val", "test"):
        pictures(tmp_path / part)
    data = Data(tmp_path)
    assert (len(data.inputs), data.num_given_val, data.num_given_test) == (36, 12, 12)


def test_images_of_several_sizes_need_a_word(tmp_path):
    folder = pictures(tmp_path / "pets", sizes=((8, 6), (9, 9)))
    with pytest.raises(InvalidInput, match=r"0.png has 8 x 6 pixels, 1.png has 9 x 9.*image_size=\(64, 64\)"):
        Data(folder)
    assert Data(folder, image_size=(4, 5)).inputs.shape == (12, 3, 4, 5)


def test_folders_that_are_no_classes_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="0 folders with 0 images"):
        Data(tmp_path)
    folder = pictures(tmp_path / "pets")
    (folder / "cow").mkdir()
    with pytest.raises(InvalidInput, match="the folder of class 'cow' holds no image"):
        Data(folder)
    (folder / "cow" / "a.png").write_bytes(b"no image")
    with pytest.raises(InvalidInput, match=r"a.png is no image that can be read"):
        Data(folder)
