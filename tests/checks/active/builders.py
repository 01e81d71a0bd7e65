"""Models and data for the active checks: one broken thing each, and healthy ones with tricky but right features."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from luthier.data import Data

# ----------------------------------------------------------------------------------------------- healthy models


def mlp(width: int = 64, *, inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )


def linear(*, inputs: int, outputs: int) -> nn.Module:
    return nn.Linear(inputs, outputs)


def dropout_net(*, inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, 128),
        nn.GELU(),
        nn.Dropout(0.5),
        nn.Linear(128, 128),
        nn.GELU(),
        nn.Dropout(0.5),
        nn.Linear(128, outputs),
    )


def norm_first(*, inputs: int, outputs: int) -> nn.Module:
    """Takes raw columns: BatchNorm scales them."""
    return nn.Sequential(nn.BatchNorm1d(inputs), nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, outputs))


def zero_head(*, inputs: int, outputs: int) -> nn.Module:
    """The last layer begins at zero, as in residual networks: all outputs are equal at the start."""
    model = mlp(inputs=inputs, outputs=outputs)
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    return model


def log_probabilities(*, inputs: int, outputs: int) -> nn.Module:
    """Harmless before cross entropy: the softmax of log-probabilities is what they are the log of."""
    return nn.Sequential(mlp(inputs=inputs, outputs=outputs), nn.LogSoftmax(1))


class Gru(nn.Module):
    """Rows of an image as a sequence."""

    def __init__(self, inputs: int, outputs: int, *, batch_first: bool = True) -> None:
        super().__init__()
        self.side = round(inputs**0.5)
        self.gru = nn.GRU(self.side, 32, batch_first=batch_first)
        self.head = nn.Linear(32, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gru(x.view(len(x), self.side, self.side))[0][:, -1])


def gru(*, inputs: int, outputs: int) -> nn.Module:
    return Gru(inputs, outputs)


def frozen(*, inputs: int, outputs: int) -> nn.Module:
    """The first layer is frozen on purpose."""
    model = nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, outputs))
    for weight in model[0].parameters():
        weight.requires_grad_(False)
    return model


def deep(*, inputs: int, outputs: int) -> nn.Module:
    """Twelve layers that keep the signal alive."""
    layers: list[nn.Module] = [nn.Linear(inputs, 32)]
    for _ in range(10):
        layers += [nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 32)]
    return nn.Sequential(*layers, nn.Linear(32, outputs))


class Tied(nn.Module):
    """One matrix used twice."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.middle, self.head = nn.Linear(inputs, 48), nn.Linear(48, 48), nn.Linear(48, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.first(x))
        return self.head(torch.tanh(self.middle(torch.tanh(self.middle(h)))))


def tied(*, inputs: int, outputs: int) -> nn.Module:
    return Tied(inputs, outputs)


# ------------------------------------------------------------------------------------------------ broken models


class Broken(nn.Module):
    """An MLP with one thing wrong, by name."""

    def __init__(self, fault: str, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fault = fault
        self.body = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU())
        self.head = nn.Linear(64, outputs)
        if fault == "unused layer":
            self.skip = nn.Linear(64, 64)
        if fault == "stuck statistics":
            self.body = nn.Sequential(nn.Linear(inputs, 64), nn.BatchNorm1d(64, momentum=0.0), nn.ReLU())
            self.shift = 50.0
        if fault == "symmetric":
            for layer in (self.body[0], self.head):
                nn.init.constant_(layer.weight, 0.02)
                nn.init.zeros_(layer.bias)
        if fault == "unseeded":
            with torch.no_grad():
                self.head.bias += float(np.random.default_rng().random())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.body(self._seen(x))
        if self.fault == "rows mix":
            h = h - h.mean(0, keepdim=True)
        if self.fault == "always dropout":
            h = functional.dropout(h, 0.5)
        if self.fault == "detached body":
            h = h.detach()
        z = self.head(h)
        ends = {
            "softmax": lambda: z.softmax(1),
            "sigmoid": z.sigmoid,
            "relu": z.relu,
            "softmax over rows": lambda: z.softmax(0),
            "nan": lambda: z / (x[:, :1] * 0),
            "ignores input": lambda: z * 0 + self.head.bias,
        }
        return ends.get(self.fault, lambda: z)()

    def _seen(self, x: torch.Tensor) -> torch.Tensor:
        if self.fault == "stuck statistics":
            return x * 40 if self.training else x * 40 + self.shift
        return x


def broken(fault: str):
    """A builder of a Broken."""

    def build(*, inputs: int, outputs: int) -> nn.Module:
        return Broken(fault, inputs, outputs)

    return build


def wrong_axis(*, inputs: int, outputs: int) -> nn.Module:
    """A GRU that takes the batch for time."""
    return Gru(inputs, outputs, batch_first=False)


def vanishing(*, inputs: int, outputs: int) -> nn.Module:
    """Fifteen sigmoid layers."""
    layers: list[nn.Module] = [nn.Linear(inputs, 24), nn.Sigmoid()]
    for _ in range(14):
        layers += [nn.Linear(24, 24), nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Linear(24, outputs))


# --------------------------------------------------------------------------------------------------------- data


def digits(scale: float = 16.0) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.data / scale).astype(np.float32), bunch.target


def cancer() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return bunch.data.astype(np.float32), bunch.target


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    return (bunch.data * 20).astype(np.float32), bunch.target.astype(np.float32)


def wine() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_wine

    bunch = load_wine()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    return bunch.data[order].astype(np.float32), bunch.target[order]


def rare(num: int = 1500, share: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, one of them rare, that can be told apart."""
    rng = np.random.default_rng(1)
    y = (rng.random(num) < share).astype(np.int64)
    x = rng.standard_normal((num, 8)) + 1.5 * y[:, None]
    return x.astype(np.float32), y


def given(x: np.ndarray, y: np.ndarray, cut: float = 0.8) -> Data:
    """Test rows that the person split off."""
    n = int(cut * len(x))
    return Data(x[:n], y[:n], test=(x[n:], y[n:]))
