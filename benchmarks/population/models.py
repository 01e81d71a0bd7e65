"""The five models that the figures are about, their batch size and their rows."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from luthier.engines.spec import Array, Source

NUM_ROWS = 6000
"""Of Fashion-MNIST, for figures of speed; the digits have 1,797."""


class Case(NamedTuple):
    """A model, how many rows it takes a step, and the rows."""

    build: Callable[[], nn.Module]
    batch_size: int
    rows: Callable[[], Source]


def mlp() -> nn.Module:
    """64-128-128-10 with two dropouts."""
    return nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(128, 10),
    )  # fmt: skip


def _cnn(side: int) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.1), nn.Linear(32 * (side // 4) ** 2, 10),
    )  # fmt: skip


def cnn8() -> nn.Module:
    """Two 3 x 3 convolutions (16, 32 channels) with BatchNorm and pooling, on 8 x 8 pixels."""
    return _cnn(8)


def cnn28() -> nn.Module:
    """The same on 28 x 28 pixels."""
    return _cnn(28)


class Transformer(nn.Module):
    """nn.TransformerEncoder: two layers of width 64 with four heads over 32 places; their mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 64)
        self.place = nn.Parameter(0.02 * torch.randn(32, 64))
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Classes [B, 10] of rows [B, 32, 8]."""
        return self.head(self.layers(self.embed(x_BTD) + self.place).mean(1))


class Recurrent(nn.Module):
    """An LSTM of width 64 that reads an image line by line; its last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 64, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(64, 10)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Classes [B, 10] of rows [B, 28, 28]."""
        return self.head(self.drop(self.lstm(x_BTD)[0][:, -1]))


def digits() -> Source:
    """1,797 rows of 64 grey values between 0 and 1."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Source(np.asarray(bunch.data, np.float32) / 16.0, np.asarray(bunch.target, np.int64))


def data_folder() -> Path:
    """$LUTHIER_DATA, else ../shared/data beside the checkout."""
    return Path(os.environ.get("LUTHIER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def fashion_pixels(part: str = "train") -> tuple[Array, Array]:
    """Fashion-MNIST as it is: uint8 [n, 784] grey values and [n] classes of a part, "train" or "t10k"."""
    folder = data_folder() / "fashion-mnist"
    if not folder.exists():
        raise SystemExit(f"no fashion-mnist in {folder.parent}: set LUTHIER_DATA")

    def read(name: str, header: int) -> Array:
        return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=header)

    pixels = read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    return pixels, read(f"{part}-labels-idx1-ubyte.gz", 8)


def fashion(num_rows: int = NUM_ROWS) -> Source:
    """The first training rows of Fashion-MNIST, 784 grey values between 0 and 1."""
    pixels, classes = fashion_pixels()
    return Source(pixels[:num_rows].astype(np.float32) / 255.0, classes[:num_rows].astype(np.int64))


def speckles() -> Source:
    """2,000 random rows of 784 numbers, for machines without Fashion-MNIST: speed does not depend on the pixels."""
    draw = np.random.default_rng(0)
    return Source(draw.random((2000, 784), np.float32), draw.integers(0, 10, 2000))


def lines() -> Source:
    """Fashion-MNIST as 28 lines of 28 pixels."""
    flat = fashion()
    return Source(flat.inputs.reshape(-1, 28, 28), flat.targets)


def noise() -> Source:
    """1,797 random rows of 32 places with 8 numbers; the class is the largest of the first ten."""
    inputs = np.random.default_rng(0).normal(size=(1797, 32, 8)).astype(np.float32)
    return Source(inputs, inputs.reshape(len(inputs), -1)[:, :10].argmax(1))


CASES = {
    "mlp": Case(mlp, 64, digits),
    "cnn8": Case(cnn8, 64, digits),
    "cnn28": Case(cnn28, 64, fashion),
    "transformer": Case(Transformer, 16, noise),
    "lstm": Case(Recurrent, 64, lines),
}


def flops_per_step(case: Case) -> float:
    """Of matrix products and convolutions, forward and backward, in one optimizer step of one model."""
    from torch.utils.flop_counter import FlopCounterMode

    model, source = case.build(), case.rows()
    inputs, targets = (torch.from_numpy(part[: case.batch_size]) for part in source[:2])
    with FlopCounterMode(display=False) as counter:
        nn.functional.cross_entropy(model(inputs), targets).backward()
    return float(counter.get_total_flops()) + sum(
        _lstm_flops(m, inputs.shape[:2]) for m in model.modules() if isinstance(m, nn.LSTM)
    )


def _lstm_flops(lstm: nn.LSTM, shape_BT: tuple[int, ...]) -> float:
    """torch counts none in its kernel for the whole sequence. Four gates; three products of the state's weights
    (forward, both gradients), two of the input's, whose own gradient nobody needs."""
    B, T = shape_BT
    products: int = 3 * lstm.hidden_size + 2 * lstm.input_size
    return 2.0 * B * T * 4 * int(lstm.hidden_size) * products
