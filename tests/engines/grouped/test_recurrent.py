"""Recurrent layers: their twins against torch's own, the grouped rules against each slot alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from luthier.engines.torch.grouped import recurrent
from luthier.engines.torch.grouped.values import LAYERS, Call, Slotted
from luthier.engines.torch.randomness import Clock, Draws, replace_dropout_
from luthier.engines.torch.refusal import Refused
from luthier.errors import Unsupported

from .alone import Case, alone, assert_equal, make, together

KINDS = (nn.LSTM, nn.GRU, nn.RNN)
T, B, D, H = 5, 4, 3, 6
SETTINGS: list[dict[str, Any]] = [
    {},
    {"batch_first": True},
    {"bias": False, "num_layers": 2},
    {"bidirectional": True, "num_layers": 3, "batch_first": True},
    {"num_layers": 2, "dropout": 0.4},
    {"num_layers": 2, "dropout": 0.4, "bidirectional": True, "batch_first": True},
]


class Reader(nn.Module):
    """Everything that a recurrent layer returns, as one row for each of B; starts from its input where asked."""

    def __init__(self, kind: type[nn.Module], started: bool = False, **settings: Any) -> None:
        super().__init__()
        self.body = kind(D, H, **settings)
        self.started, self.pair = started, kind is nn.LSTM
        self.first, self.two = settings.get("batch_first", False), settings.get("bidirectional", False)
        self.levels = settings.get("num_layers", 1) * (2 if self.two else 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hx = None
        if self.started:
            rows = (x[:, 0] if self.first else x[0]).mean(-1)
            start = rows[None, :, None].expand(self.levels, B, H).sin()
            hx = (start, start.cos()) if self.pair else start
        output, end = self.body(x, hx)
        output = output if self.first else output.transpose(0, 1)
        if self.pair:
            h, c = end
            ends = (h, c)
        else:
            ends = (end,)
        return torch.cat([output.flatten(1), *[e.transpose(0, 1).flatten(1) for e in ends]], 1)


def case(kind: type[nn.Module], P: int = 3, started: bool = False, **settings: Any) -> Case:
    shape = (B, T, D) if settings.get("batch_first") else (T, B, D)
    return make(lambda: Reader(kind, started, **settings), shape, P=P)


def compare(of: Case) -> None:
    """Slots side by side with each alone, which is first: it puts the twins in their places."""
    expected = alone(of)
    assert_equal(together(of), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("started", [False, True])
def test_slots_equal_each_alone(kind: type[nn.Module], settings: dict[str, Any], started: bool) -> None:
    """Outputs, final states, gradients of weights and inputs; with dropout the same masks."""
    of = case(kind, started=started, **settings)
    compare(of)


def test_a_relu_rnn_equals_each_alone() -> None:
    """The other kind of nn.RNN."""
    of = case(nn.RNN, nonlinearity="relu", num_layers=2, dropout=0.3)
    compare(of)


@pytest.mark.parametrize("kind", KINDS)
def test_rates_of_slots(kind: type[nn.Module]) -> None:
    """Each slot drops at its own rate; one drops nothing."""
    of = case(kind, num_layers=2, dropout=0.5)
    for model, rate in zip(of.models, [0.2, 0.0, 0.7], strict=True):
        model.body.dropout = rate
    expected = alone(of)
    assert_equal(together(of), expected)
    of.models[0].body.dropout = 0.7
    assert not torch.allclose(alone(of).outputs[0], expected.outputs[0])


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_change_no_bit(kind: type[nn.Module]) -> None:
    """Slots 0 and 1 of two and of three."""
    of = make(lambda: Reader(kind, num_layers=2, bidirectional=True), (T, B, D), dtype=torch.float32)
    three, two = together(of), together(of.only([0, 1]))
    assert torch.equal(three.outputs[:2], two.outputs)
    for name, grad in two.grads.items():
        assert torch.equal(three.grads[name][:2], grad), name


ARGUMENTS: dict[str, Callable[[], list[Any]]] = {
    "LSTM": lambda: _random((2, T, B, D), (2, 4 * H, D + H + 1), (2, B, H), (2, B, H)),
    "GRU": lambda: _random((2, T, B, D), (2, 4 * H, D + H + 1), (2, B, H)),
    "RNN": lambda: _random((2, T, B, D), (2, H, D + H + 1), (2, B, H)),
}


def _random(*shapes: tuple[int, ...]) -> list[Any]:
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN", "RNN relu"])
def test_the_sequence_as_one_step_equals_its_formula(name: str) -> None:
    """Every output and every gradient; the backward pass is written by hand."""
    kind = name.partition(" ")[0]
    cell = vars(recurrent)[kind]
    rest = [name.endswith("relu")] if kind == "RNN" else []
    arguments = ARGUMENTS[kind]()
    fast, formula = cell.fast.apply(*arguments, *rest), cell.formula(*arguments, *rest)
    for got, expected in zip(fast, formula, strict=True):
        torch.testing.assert_close(got, expected)
    grads = [
        torch.autograd.grad(sum((out * out.detach().cos()).sum() for out in outs), arguments)
        for outs in (fast, formula)
    ]
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_rules_can_be_followed_by_torch_func(kind: type[nn.Module]) -> None:
    """As the compiled mode takes the gradient."""
    model = kind(D, H)
    x, weights = torch.randn(1, T, B, D), {n: p.detach()[None] for n, p in model.named_parameters()}

    def total(weights: dict[str, torch.Tensor]) -> torch.Tensor:
        return LAYERS[kind](Call(model, "", weights), Slotted(x, 1))[0].data.square().sum()

    grads = torch.func.grad(total)(weights)
    expected = torch.autograd.grad(model(x[0])[0].square().sum(), list(model.parameters()))
    for found, grad in zip(grads.values(), expected, strict=True):
        torch.testing.assert_close(found[0], grad, rtol=1e-5, atol=1e-5)


def test_a_wrong_backward_pass_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivative of tanh where that of the sigmoid belongs."""
    monkeypatch.setattr(recurrent, "_sigmoid_backward_", recurrent._tanh_backward_)
    of = case(nn.LSTM)
    with pytest.raises(AssertionError, match=r"gradient of body\.weight_ih_l0"):
        compare(of)


def test_a_wrong_mask_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times and rows changed places in the mask."""

    def turned(call: Any, x_PTBD: torch.Tensor) -> torch.Tensor:
        _, T, B, D = x_PTBD.shape
        mask = call.draw(call.module.number, (B, T, D), 0.4, x_PTBD)
        return x_PTBD * mask.transpose(1, 2)

    monkeypatch.setattr(recurrent, "_drop", turned)
    of = case(nn.GRU, num_layers=2, dropout=0.4)
    with pytest.raises(AssertionError):
        compare(of)


def test_a_projection_is_refused() -> None:
    """proj_size, by the layer's name."""
    of = make(lambda: Reader(nn.LSTM, proj_size=2), (T, B, D))
    with pytest.raises(Refused, match=r"body \(LSTM\) has proj_size=2"):
        together(of)


# ----------------------------------------------------------------------------------------------------------- twins


def twin(kind: type[nn.Module], **settings: Any) -> tuple[nn.Module, nn.Module]:
    """(torch's own layer, its twin with the same weights)."""
    torch.manual_seed(0)
    own = kind(D, H, num_layers=2, **settings)
    model = nn.Sequential(kind(D, H, num_layers=2, **settings))
    model.load_state_dict({f"0.{n}": t for n, t in own.state_dict().items()})
    names = list(dict(model.named_parameters()))
    clock = Clock()
    clock.begin(1, 2)
    assert replace_dropout_(model, Draws([clock])) == 1
    assert list(dict(model.named_parameters())) == names == [f"0.{n}" for n, _ in own.named_parameters()]
    return own, model[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"bidirectional": True, "batch_first": True}, {"bias": False}])
def test_a_twin_that_keeps_nearly_all_is_torchs_own(kind: type[nn.Module], settings: dict[str, Any]) -> None:
    """Rate 0 to the bit; a rate below 2^-17, which drops nothing, level by level to rounding."""
    own, made = twin(kind, **settings)
    x = torch.randn(B, T, D)
    expected = own(x)
    assert torch.equal(made(x)[0], expected[0])
    made.dropout = 1e-6
    torch.testing.assert_close(made(x), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(made(x[0]), own(x[0]), rtol=1e-6, atol=1e-6)
    start = torch.randn(4 if own.bidirectional else 2, B if own.batch_first else T, H)
    hx = (start, start.cos()) if kind is nn.LSTM else start
    torch.testing.assert_close(made(x, hx), own(x, hx), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_drops_in_training_only(kind: type[nn.Module]) -> None:
    """Its first level alone is as it was; in evaluation mode it is torch's own."""
    own, made = twin(kind, dropout=0.5)
    x = torch.randn(T, B, D)
    ends = [(end[0] if kind is nn.LSTM else end) for _, end in (made(x), own.eval()(x))]
    torch.testing.assert_close(ends[0][0], ends[1][0])
    assert not torch.allclose(ends[0][1], ends[1][1])
    assert torch.equal(made.eval()(x)[0], own(x)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_go_without_dropout_only(kind: type[nn.Module]) -> None:
    """With a rate it says so; without it is torch's own."""
    own, made = twin(kind)
    packed = pack_sequence([torch.randn(4, D), torch.randn(2, D)])
    assert torch.equal(made(packed)[0].data, own(packed)[0].data)
    made.dropout = 0.5
    with pytest.raises(Unsupported, match=f"{kind.__name__} on a packed sequence"):
        made(packed)


def test_a_layer_of_one_level_has_no_twin() -> None:
    """torch drops nothing in it."""
    assert replace_dropout_(nn.Sequential(nn.LSTM(D, H)), Draws([Clock()])) == 0
