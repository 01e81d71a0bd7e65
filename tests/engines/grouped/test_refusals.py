"""What the grouped mode can not take it refuses, and says why and what to change."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch.grouped import trace
from luthier.engines.torch.refusal import Refused

from .alone import make, together
from .test_functions import IMAGE, Model

HERE = "(test_refusals.py, line {line})"


def written_views(m: Any, x: Any) -> Any:
    whole = m.linear(x)
    part = whole[:, 0]
    part += 1
    return whole


def kept_name(m: Any, x: Any) -> Any:
    whole = m.linear(x)
    other = whole.view(-1, 6)
    whole += 1
    return other


def part_written(m: Any, x: Any) -> Any:
    x[:, 0] = 0
    return x


def decides(m: Any, x: Any) -> Any:
    return x if x.mean() > 0 else -x


def without_gradient(m: Any, x: Any) -> Any:
    with torch.no_grad():
        scale = x.std()
    return x / scale


def counts(m: Any, x: Any) -> Any:
    m.calls = getattr(m, "calls", 0) + 1
    return x


def tosses(m: Any, x: Any) -> Any:
    return m.linear(x) if random.random() < 2 else x


FORMULAS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "functional dropout": (
        lambda m, x: functional.dropout(x, 0.1),
        "dropout {here} draws random numbers outside of layers. "
        "Draw in a dropout layer (nn.Dropout), not in functional.dropout or torch.rand.",
    ),
    "noise": (
        lambda m, x: x + torch.randn_like(x),
        "randn_like {here} draws random numbers outside of layers. "
        "Draw in a dropout layer (nn.Dropout), not in functional.dropout or torch.rand.",
    ),
    "noise of given sizes": (
        lambda m, x: x + torch.rand(x.shape[0], 1, 1),
        "rand {here} draws random numbers outside of layers. "
        "Draw in a dropout layer (nn.Dropout), not in functional.dropout or torch.rand.",
    ),
    "noise of fixed sizes": (
        lambda m, x: x + torch.rand(6),
        "the forward pass draws random numbers outside of layers. Draw in a dropout layer (nn.Dropout).",
    ),
    "a die": (
        tosses,
        "the forward pass draws random numbers outside of layers. Draw in a dropout layer (nn.Dropout).",
    ),
    "an if": (
        decides,
        "what is computed depends on the data {here}. "
        "Let no number of the data decide what is computed: torch.where in the place of if.",
    ),
    "a number of the data": (
        lambda m, x: x * x.mean().item(),
        "item {here} takes a number out of the data. "
        "Let no number of the data decide what is computed: torch.where in the place of if.",
    ),
    "len": (lambda m, x: x / len(x), "len() is asked of a tensor {here}. Use x.shape[0]."),
    "a loop over rows": (
        lambda m, x: sum(row for row in x),
        "a tensor is taken apart into a number of parts that is not known {here}. "
        "Name the parts, as in a, b = x.unbind(1), or take x[:, i] for i in range(a number).",
    ),
    "a part that is written": (
        part_written,
        "a part of a tensor is written into {here}. Use torch.where or torch.cat.",
    ),
    "a view that is written": (
        written_views,
        "iadd {here} writes into a tensor that is read later under another name. "
        "Make a new tensor: y = x + 1 in the place of x += 1.",
    ),
    "a written value with a view": (
        kept_name,
        "iadd {here} writes into a tensor that is read later under another name. "
        "Make a new tensor: y = x + 1 in the place of x += 1.",
    ),
    "a written buffer": (
        lambda m, x: x + m.scale.mul_(0.9),
        "mul_ {here} writes into a weight or buffer. Make a new tensor: y = x + 1.",
    ),
    "no gradients": (
        without_gradient,
        "std {here} is computed without gradients. Use x.detach() in place of torch.no_grad().",
    ),
    "a count": (counts, "the forward pass changes calls. Keep what changes in a buffer of a layer of torch's."),
    "a function without a rule": (lambda m, x: torch.cdist(x, x), "cdist {here} has no rule."),
    "an index of the data": (
        lambda m, x: x[x > 0],
        "getitem {here} selects by an index that is itself a tensor. Use torch.gather, or a mask and torch.where.",
    ),
    "two outputs": (lambda m, x: (x, x), "the model returns a tuple. Let it return its outputs [B, C] only."),
    "softmax of no axis": (lambda m, x: x.softmax(dim=None), "softmax {here} is called without dim. Say dim=...."),
    "an input without rows": (
        lambda m, x: functional.conv2d(x[0], m.kernel),
        "conv2d {here} gets an input of 3 axes. Give it a batch of rows with their channels.",
    ),
}
LAYERS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "padding mode": (
        lambda: nn.Sequential(nn.Conv2d(6, 4, 3, padding=1, padding_mode="circular")),
        "0 (Conv2d) has padding_mode='circular'. Use padding_mode='zeros'.",
    ),
    "momentum": (
        lambda: nn.Sequential(nn.BatchNorm2d(6, momentum=None)),
        "0 (BatchNorm2d) has momentum=None. Give it a number.",
    ),
    "indices": (
        lambda: nn.Sequential(nn.MaxPool2d(2, return_indices=True)),
        "0 (MaxPool2d) has return_indices=True. Leave it out.",
    ),
    "running instances": (
        lambda: nn.Sequential(nn.InstanceNorm2d(6, track_running_stats=True)),
        "0 (InstanceNorm2d) has track_running_stats=True. Leave it out: it has no effect on training.",
    ),
    "no axis": (lambda: nn.Sequential(nn.Softmax()), "0 (Softmax) has dim=None. Give it the number of the axis."),
    "no rule": (
        lambda: nn.Sequential(nn.Conv2d(6, 6, 1), nn.AdaptiveLogSoftmaxWithLoss(6, 6, [2])),
        "1 (AdaptiveLogSoftmaxWithLoss) has no rule.",
    ),
    "no batch": (
        lambda: nn.Sequential(nn.Flatten(1), nn.Conv1d(6, 4, 1)),
        "1 (Conv1d) gets an input of 2 axes. Give it a batch of rows with their channels.",
    ),
    "a model that is a layer": (
        lambda: nn.BatchNorm1d(6),
        "the model (BatchNorm1d) gets an input of 4 axes. Give it a batch of rows with their channels.",
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_code_that_can_not_be_taken_is_refused_with_its_line_and_a_mend(name: str) -> None:
    formula, sentence = FORMULAS[name]
    with pytest.raises(Refused) as refused:
        together(make(lambda: Model(formula), IMAGE))
    first = formula.__code__.co_firstlineno
    lines = range(first, first + 5)
    assert str(refused.value) in {sentence.format(here=HERE.format(line=line)) for line in lines}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_can_not_be_taken_is_refused_by_its_name(name: str) -> None:
    build, sentence = LAYERS[name]
    with pytest.raises(Refused) as refused:
        together(make(build, IMAGE))
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"max_norm": 1.0}, "0 (Embedding) has max_norm=1.0. Leave out max_norm."),
        ({"sparse": True}, "0 (Embedding) has sparse=True. Leave out sparse."),
        ({"scale_grad_by_freq": True}, "0 (Embedding) has scale_grad_by_freq=True. Leave out scale_grad_by_freq."),
    ],
)
def test_a_table_that_changes_while_it_is_read_is_refused(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        together(make(lambda: nn.Sequential(nn.Embedding(7, 4, **setting)), (5, 3), words=7))
    assert str(refused.value) == sentence


def hooked() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
    model[0].register_forward_hook(lambda module, inputs, outputs: 2 * outputs)
    return model


def patched() -> nn.Module:
    model = nn.Sequential(nn.ReLU())
    model[0].forward = lambda x: x
    return model


def half_asleep() -> nn.Module:
    model = nn.Sequential(nn.BatchNorm2d(6))
    model[0].eval()
    return model


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (hooked, "0 (Linear) has hooks. Compute what they do in forward."),
        (patched, "0 (ReLU) has a forward of its own beside that of its class. Make it a class."),
        (half_asleep, "0 (BatchNorm2d) is in evaluation mode while the model trains. Leave out .eval()."),
        (
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)),
            "the model (ParametrizedLinear) has no rule.",
        ),
        (lambda: nn.Bilinear(6, 6, 2), "the model (Bilinear) has no rule."),
    ],
)
def test_what_the_program_would_not_see_is_refused(build: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        trace(build())
    assert str(refused.value) == sentence


def test_tracing_leaves_no_trace_in_the_model() -> None:
    model = Model(lambda m, x: x + torch.tensor([1.0]) * torch.arange(x.shape[-1]))
    before = {name for module in model.modules() for name in vars(module)}
    factory = torch.arange
    trace(model)
    assert {name for module in model.modules() for name in vars(module)} == before
    assert torch.arange is factory
