"""Small torch models for 64 inputs and 10 classes."""

from __future__ import annotations

from torch import nn


def mlp(width: int = 24, dropout: float = 0.2, *, inputs: int, outputs: int) -> nn.Module:
    """Two hidden layers of equal width with dropout."""
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, outputs),
    )  # fmt: skip


def cnn(channels: int = 4, *, outputs: int) -> nn.Module:
    """A convolution with BatchNorm on 8 x 8 pixels, channel dropout."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, channels, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout2d(0.1), nn.Flatten(), nn.Linear(9 * channels, outputs),
    )  # fmt: skip


def two_dropouts(*, inputs: int, outputs: int) -> nn.Module:
    """Two dropout layers of equal shape and a linear one."""
    return nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), nn.Linear(inputs, outputs))
