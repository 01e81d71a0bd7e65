"""Every rule of a layer does for each of several slots what the layer does for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
import torch
from torch import nn

from luthier.engines.torch.grouped.values import LAYERS

from .alone import alone, assert_equal, make, together

IMAGE, SOUND, ROWS = (4, 6, 8, 8), (4, 6, 9), (5, 6)
TABLE: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(6, 4), ROWS),
    "linear, no bias": (lambda: nn.Linear(6, 4, bias=False), ROWS),
    "linear over places": (lambda: nn.Linear(6, 4), (5, 3, 6)),
    "linear of a vector": (lambda: nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), (6,)),
    "linear with relu over places": (lambda: nn.Sequential(nn.Linear(6, 4), nn.ReLU()), (5, 3, 6)),
    "conv1d": (lambda: nn.Conv1d(6, 4, 3, padding=1), SOUND),
    "conv1d, same": (lambda: nn.Conv1d(6, 4, 3, padding="same", dilation=2), SOUND),
    "conv2d": (lambda: nn.Conv2d(6, 4, 3), IMAGE),
    "conv2d, strided": (lambda: nn.Conv2d(6, 4, (3, 5), stride=2, padding=(1, 2), bias=False), IMAGE),
    "conv2d, grouped": (lambda: nn.Conv2d(6, 8, 3, groups=2, padding="same"), IMAGE),
    "conv2d, depthwise": (lambda: nn.Conv2d(6, 12, 3, groups=6, dilation=2), IMAGE),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), (3, 2, 4, 4, 4)),
    "conv transpose 1d": (lambda: nn.ConvTranspose1d(6, 4, 3, stride=2), SOUND),
    "conv transpose 2d": (lambda: nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1), IMAGE),
    "conv transpose 2d, grouped": (lambda: nn.ConvTranspose2d(6, 4, 3, groups=2, bias=False), IMAGE),
    "batch norm of rows": (lambda: nn.BatchNorm1d(6), ROWS),
    "batch norm 1d": (lambda: nn.BatchNorm1d(6, momentum=0.3), SOUND),
    "batch norm 2d": (lambda: nn.BatchNorm2d(6), IMAGE),
    "batch norm 2d, plain": (lambda: nn.BatchNorm2d(6, affine=False, track_running_stats=False), IMAGE),
    "batch norm 3d": (lambda: nn.BatchNorm3d(2), (3, 2, 4, 4, 4)),
    "layer norm": (lambda: nn.LayerNorm(6), ROWS),
    "layer norm of two axes": (lambda: nn.LayerNorm((6, 9), bias=False), SOUND),
    "layer norm, plain": (lambda: nn.LayerNorm(9, elementwise_affine=False), SOUND),
    "rms norm": (lambda: nn.RMSNorm(9), SOUND),
    "rms norm, plain": (lambda: nn.RMSNorm(9, eps=0.1, elementwise_affine=False), SOUND),
    "group norm": (lambda: nn.GroupNorm(3, 6), IMAGE),
    "group norm of rows": (lambda: nn.GroupNorm(3, 6, affine=False), ROWS),
    "instance norm 1d": (lambda: nn.InstanceNorm1d(6), SOUND),
    "instance norm 2d": (lambda: nn.InstanceNorm2d(6, affine=True), IMAGE),
    "max pool 1d": (lambda: nn.MaxPool1d(3, 2, padding=1), SOUND),
    "max pool 2d": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), IMAGE),
    "avg pool 1d": (lambda: nn.AvgPool1d(2), SOUND),
    "avg pool 2d": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    "adaptive avg pool 1d": (lambda: nn.AdaptiveAvgPool1d(4), SOUND),
    "adaptive avg pool 2d": (lambda: nn.AdaptiveAvgPool2d((3, None)), IMAGE),
    "adaptive max pool 1d": (lambda: nn.AdaptiveMaxPool1d(4), SOUND),
    "adaptive max pool 2d": (lambda: nn.AdaptiveMaxPool2d(3), IMAGE),
    "zero pad 1d": (lambda: nn.ZeroPad1d(2), SOUND),
    "zero pad 2d": (lambda: nn.ZeroPad2d((1, 2, 0, 1)), IMAGE),
    "lp pool 1d": (lambda: nn.Sequential(nn.Softplus(), nn.LPPool1d(2, 3)), SOUND),
    "lp pool 2d": (lambda: nn.Sequential(nn.Softplus(), nn.LPPool2d(2, 2)), IMAGE),
    "upsample": (lambda: nn.Upsample(scale_factor=2), IMAGE),
    "upsample, linear": (lambda: nn.Upsample(size=20, mode="linear", align_corners=True), SOUND),
    "upsample nearest": (lambda: nn.UpsamplingNearest2d(scale_factor=2), IMAGE),
    "upsample bilinear": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), IMAGE),
    "pixel shuffle": (lambda: nn.Sequential(nn.Conv2d(6, 8, 1), nn.PixelShuffle(2)), IMAGE),
    "pixel unshuffle": (lambda: nn.PixelUnshuffle(2), IMAGE),
    "identity": (nn.Identity, ROWS),
    "flatten": (nn.Flatten, IMAGE),
    "flatten of some axes": (lambda: nn.Sequential(nn.Conv2d(6, 4, 3), nn.Flatten(2, -1)), IMAGE),
    "unflatten": (lambda: nn.Unflatten(1, (2, 3)), IMAGE),
    "unflatten from the end": (lambda: nn.Unflatten(-1, (2, 4)), IMAGE),
    "dropout": (lambda: nn.Sequential(nn.Dropout(0.3)), ROWS),
    "dropout of images": (lambda: nn.Sequential(nn.Conv2d(6, 4, 3), nn.Dropout(0.3)), IMAGE),
    "dropout of channels": (lambda: nn.Sequential(nn.Conv2d(6, 4, 3), nn.Dropout2d(0.3)), IMAGE),
    "dropout 1d": (lambda: nn.Sequential(nn.Dropout1d(0.3)), SOUND),
    "two dropouts in place": (
        lambda: nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.3, inplace=True), nn.Dropout(0.1)),
        ROWS,
    ),
    "relu": (nn.ReLU, ROWS),
    "relu in place": (lambda: nn.Sequential(nn.Linear(6, 4), nn.ReLU(inplace=True)), ROWS),
    "relu of images": (lambda: nn.Sequential(nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), IMAGE),
    "relu6": (nn.ReLU6, ROWS),
    "gelu": (lambda: nn.GELU("tanh"), ROWS),
    "silu": (nn.SiLU, ROWS),
    "mish": (nn.Mish, ROWS),
    "tanh": (nn.Tanh, ROWS),
    "sigmoid": (nn.Sigmoid, ROWS),
    "log sigmoid": (nn.LogSigmoid, ROWS),
    "softplus": (lambda: nn.Softplus(2.0, 3.0), ROWS),
    "softsign": (nn.Softsign, ROWS),
    "hardswish": (nn.Hardswish, ROWS),
    "hardsigmoid": (nn.Hardsigmoid, ROWS),
    "hardtanh": (nn.Hardtanh, ROWS),
    "celu": (nn.CELU, ROWS),
    "selu": (nn.SELU, ROWS),
    "leaky relu": (lambda: nn.LeakyReLU(0.2), ROWS),
    "elu": (lambda: nn.ELU(0.7), ROWS),
    "prelu": (nn.PReLU, ROWS),
    "prelu by channel": (lambda: nn.PReLU(6), IMAGE),
    "prelu of a vector": (nn.PReLU, (6,)),
    "glu": (nn.GLU, ROWS),
    "glu of channels": (lambda: nn.GLU(1), IMAGE),
    "softmax": (lambda: nn.Softmax(-1), ROWS),
    "log softmax": (lambda: nn.LogSoftmax(1), IMAGE),
    "softmin": (lambda: nn.Softmin(1), ROWS),
}
WORDS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "embedding": (lambda: nn.Embedding(7, 4), (5, 3)),
    "embedding of one word": (lambda: nn.Embedding(7, 4), (5,)),
    "embedding with padding": (lambda: nn.Embedding(7, 4, padding_idx=2), (5, 3)),
    "embedding, last word pads": (lambda: nn.Embedding(7, 4, padding_idx=-1), (5, 3)),
}


def each(*values: Any) -> Iterator[Any]:
    return cycle(values)


OWN: dict[str, tuple[Callable[[Iterator[Any]], Callable[[], nn.Module]], tuple[Any, ...], tuple[int, ...]]] = {
    "dropout": (lambda v: lambda: nn.Sequential(nn.Dropout(next(v))), (0.0, 0.2, 0.5), ROWS),
    "dropout 2d": (lambda v: lambda: nn.Sequential(nn.Dropout2d(next(v))), (0.6, 0.2, 0.0), IMAGE),
    "no dropout": (lambda v: lambda: nn.Sequential(nn.Dropout(next(v))), (0.0,), ROWS),
    "leaky relu": (lambda v: lambda: nn.LeakyReLU(next(v)), (0.0, 0.2, 0.5), ROWS),
    "elu": (lambda v: lambda: nn.ELU(next(v)), (0.5, 1.0, 2.0), IMAGE),
    "layer norm": (lambda v: lambda: nn.LayerNorm(6, next(v)), (1e-5, 0.1, 1.0), ROWS),
    "group norm": (lambda v: lambda: nn.GroupNorm(2, 6, next(v)), (1e-5, 0.1, 1.0), IMAGE),
    "batch norm 1d, eps": (lambda v: lambda: nn.BatchNorm1d(6, next(v)), (1e-5, 0.1, 1.0), SOUND),
    "batch norm 2d, eps": (lambda v: lambda: nn.BatchNorm2d(6, next(v)), (1e-5, 0.1, 1.0), IMAGE),
    "batch norm 2d, momentum": (lambda v: lambda: nn.BatchNorm2d(6, momentum=next(v)), (0.1, 0.2, 0.9), IMAGE),
    "batch norm of rows, both": (
        lambda v: lambda: nn.BatchNorm1d(6, next(v), next(v)),
        (1e-5, 0.1, 0.5, 0.9, 0.1, 0.3),
        ROWS,
    ),
    "batch norm, eps, plain": (
        lambda v: lambda: nn.BatchNorm1d(6, next(v), affine=False, track_running_stats=False),
        (1e-5, 0.1, 1.0),
        ROWS,
    ),
}
"""Layers whose number each slot has for itself."""


@pytest.mark.parametrize("name", TABLE)
def test_a_layer_does_for_each_slot_what_it_does_for_one(name: str) -> None:
    build, shape = TABLE[name]
    assert_equal(together(make(build, shape)), alone(make(build, shape)))


@pytest.mark.parametrize("name", WORDS)
def test_an_embedding_looks_up_each_slot_in_its_own_table(name: str) -> None:
    build, shape = WORDS[name]
    assert_equal(together(make(build, shape, words=7)), alone(make(build, shape, words=7)))


@pytest.mark.parametrize("name", OWN)
def test_each_slot_has_its_own_number_in_a_layer(name: str) -> None:
    make_builder, values, shape = OWN[name]
    cases = [make(make_builder(each(*values)), shape) for _ in range(2)]
    assert_equal(together(cases[0]), alone(cases[1]))


@pytest.mark.parametrize("name", OWN)
def test_a_free_number_in_which_all_slots_agree_has_the_same_effect(name: str) -> None:
    make_builder, values, shape = OWN[name]
    cases = [make(make_builder(each(values[0])), shape) for _ in range(2)]
    free = ("eps", "momentum", "negative_slope", "alpha", "0.p")
    assert_equal(together(cases[0], free), alone(cases[1]))


def test_every_rule_of_a_layer_is_in_a_table() -> None:
    """Attention and recurrence have tables of their own."""
    tried = set()
    for build, _ in [*TABLE.values(), *WORDS.values()]:
        tried |= {type(module) for module in build().modules()}
    rules = {kind for kind, rule in LAYERS.items() if rule.__module__.endswith((".layers", ".norms"))}
    assert {kind.__name__ for kind in rules - tried} == {"DropoutTwin"}


def test_buffers_move_on_by_one_batch() -> None:
    case = make(lambda: nn.BatchNorm1d(6), ROWS)
    before = [int(model.num_batches_tracked) for model in case.models]
    assert together(case).buffers["num_batches_tracked"].tolist() == [n + 1 for n in before]


def test_inputs_are_left_as_they_are() -> None:
    case = make(lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 4)), ROWS)
    before = case.x.clone()
    together(case)
    assert torch.equal(case.x, before)
