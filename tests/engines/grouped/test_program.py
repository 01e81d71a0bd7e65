"""Whole models: the same bits whatever the neighbours, no harm from a slot that diverges, shared and tied weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from luthier.engines.torch.grouped import trace
from luthier.engines.torch.grouped.values import LAYERS

from .alone import Outcome, alone, assert_equal, make, together
from .test_layers import each
from .twins import WRONG, slope_of_the_builder

Builder = Callable[[], nn.Module]
FLOAT32 = 2e-5
"""Sums of some hundred float32 numbers of size 1, in another order."""


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(128, 10),
    )


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *[nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(128, 10)],
    )


class Residual(nn.Module):
    """A block that writes in place, as torchvision's do."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 8, 3),
        Residual(8),
        nn.MaxPool2d(2),
        Residual(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


class Attention(nn.Module):
    """Attention written by hand, with places, a token in front, and sizes read off the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.token = nn.Parameter(0.1 * torch.randn(1, 1, 16))
        self.place = nn.Embedding(9, 16)
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.head = nn.Linear(16, 10)
        self.drop = nn.Dropout(0.1)

    def forward(self, x_BD: torch.Tensor) -> torch.Tensor:
        x = self.embed(x_BD.view(x_BD.shape[0], 8, 8))
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        x = x + self.place(torch.arange(x.size(1), device=x.device))
        B, T, D = x.shape
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        q, k, v = (part.view(B, T, 4, D // 4).transpose(1, 2) for part in (q, k, v))
        weights = self.drop((q @ k.transpose(-2, -1) / (D // 4) ** 0.5).softmax(-1))
        x = x + (weights @ v).transpose(1, 2).reshape(B, T, D)
        return self.head(x[:, 0])


class Tied(nn.Module):
    """One matrix for words in and words out, a layer that is called twice, one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 12, padding_idx=0)
        self.mix = nn.Linear(12, 12)
        self.unused = nn.Linear(3, 3)
        self.out = nn.Linear(12, 11, bias=False)
        self.out.weight = self.words.weight

    def forward(self, index_BT: torch.Tensor) -> torch.Tensor:
        x = self.words(index_BT)
        return self.out(self.mix(torch.tanh(self.mix(x))).mean(1))


MODELS: dict[str, Builder] = {"mlp": mlp, "cnn": cnn, "resnet": resnet, "attention": Attention}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_does_for_each_slot_what_it_does_for_one(name: str) -> None:
    build = MODELS[name]
    assert_equal(together(make(build, (16, 64))), alone(make(build, (16, 64))))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_single_precision_agrees_to_rounding(name: str) -> None:
    cases = [make(MODELS[name], (16, 64), dtype=torch.float32) for _ in range(2)]
    assert_equal(together(cases[0]), alone(cases[1]), FLOAT32)


def test_a_tied_matrix_gets_the_gradient_of_both_its_uses() -> None:
    cases = [make(Tied, (5, 4), words=11) for _ in range(2)]
    assert_equal(together(cases[0]), alone(cases[1]))


def bits(found: Outcome, slots: list[int]) -> list[torch.Tensor]:
    return [t[slots] for t in (found.outputs, *found.grads.values(), *found.buffers.values())]


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_slot_gets_the_same_bits_beside_one_neighbour_as_beside_two(name: str) -> None:
    cases = [make(MODELS[name], (16, 64), dtype=torch.float32) for _ in range(2)]
    three, two = together(cases[0]), together(cases[1].only([0, 1]))
    assert all(torch.equal(a, b) for a, b in zip(bits(three, [0, 1]), bits(two, [0, 1]), strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_a_slot_that_is_not_a_number_leaves_the_bits_of_the_others(name: str) -> None:
    cases = [make(MODELS[name], (16, 64), dtype=torch.float32) for _ in range(2)]
    for tensor in cases[1].models[1].parameters():
        tensor.data.fill_(float("nan"))
    calm, ill = together(cases[0]), together(cases[1])
    assert not ill.outputs[1].isfinite().any()
    assert all(torch.equal(a, b) for a, b in zip(bits(calm, [0, 2]), bits(ill, [0, 2]), strict=True))


def test_a_program_may_run_with_any_number_of_slots() -> None:
    program = trace(nn.Linear(6, 4))
    for P in (1, 2, 5):
        weights = {"weight": torch.randn(P, 4, 6), "bias": torch.randn(P, 4)}
        assert program(weights, {}, torch.randn(P, 3, 6), lambda *_: torch.empty(0)).shape == (P, 3, 4)


def test_frozen_weights_that_all_slots_share_are_not_copied() -> None:
    program = trace(nn.Sequential(nn.Linear(6, 4), nn.Conv1d(5, 2, 1)))
    shared = {name: torch.randn(shape).expand(3, *shape) for name, shape in (("0.weight", (4, 6)), ("0.bias", (4,)))}
    own = {"1.weight": torch.randn(3, 2, 5, 1), "1.bias": torch.randn(3, 2)}
    x = torch.randn(3, 2, 5, 6)
    y = program(shared | own, {}, x, lambda *_: torch.empty(0))
    expected = torch.nn.functional.conv1d(
        torch.nn.functional.linear(x[2], shared["0.weight"][2], shared["0.bias"][2]),
        own["1.weight"][2],
        own["1.bias"][2],
    )
    torch.testing.assert_close(y[2], expected)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, rule, build, shape = WRONG[name]
    words = 7 if kind is nn.Embedding else 0
    cases = [make(build, shape, words=words) for _ in range(2)]
    expected = alone(cases[1])
    monkeypatch.setitem(LAYERS, kind, rule)
    with pytest.raises(AssertionError):
        assert_equal(together(cases[0]), expected)


def test_a_slope_that_is_the_builders_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    slopes = each(0.0, 0.2, 0.5)
    cases = [make(lambda: nn.LeakyReLU(next(slopes)), (5, 6)) for _ in range(2)]
    expected = alone(cases[1])
    monkeypatch.setitem(LAYERS, nn.LeakyReLU, slope_of_the_builder)
    with pytest.raises(AssertionError):
        assert_equal(together(cases[0]), expected)
