"""Attention and transformers: the twin against torch's own, the grouped rules against each slot alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.conformance.bench import Trial, assert_bit_equal
from luthier.engines.torch.attention import AttentionTwin
from luthier.engines.torch.grouped import attention
from luthier.engines.torch.grouped.values import LAYERS
from luthier.engines.torch.randomness import Clock, Draws, replace_dropout_
from luthier.engines.torch.refusal import Refused

from ..torch_bench import ADAMW, bench
from .alone import Case, alone, assert_equal, make, together

B, T, D, HEADS = 4, 5, 8, 2
CAUSAL = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
BIAS = torch.linspace(-1, 1, T * T, dtype=torch.float64).view(T, T)


class Seeing(nn.Module):
    """One attention layer; `see` calls it."""

    def __init__(self, see: Callable[..., Any], **settings: Any) -> None:
        super().__init__()
        self.attention, self.see = nn.MultiheadAttention(D, HEADS, **settings), see
        self.first, self.weights = bool(settings.get("batch_first")), see in WEIGHED

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, weights = self.see(self.attention, x)
        out = out if self.first else out.transpose(0, 1)
        out = out.flatten(1)
        return torch.cat([out, weights.flatten(1)], 1) if self.weights else out


def padded(x: torch.Tensor) -> torch.Tensor:
    """[B, T] of rows-first x: the last places that are negative, never the first two."""
    return (x[..., 0] < 0) & (torch.arange(T) > 1)


SEEN: dict[str, Callable[..., Any]] = {
    "self": lambda layer, x: layer(x, x, x, need_weights=False),
    "weights": lambda layer, x: layer(x, x, x),
    "weights of heads": lambda layer, x: layer(x, x, x, average_attn_weights=False),
    "keys elsewhere": lambda layer, x: layer(x, x.sin(), x.sin(), need_weights=False),
    "all different": lambda layer, x: layer(x, x.sin(), x.cos(), need_weights=False),
    "padding": lambda layer, x: layer(x, x, x, key_padding_mask=padded(x), need_weights=False),
    "causal": lambda layer, x: layer(x, x, x, attn_mask=CAUSAL, is_causal=True, need_weights=False),
    "causal with weights": lambda layer, x: layer(x, x, x, attn_mask=CAUSAL, is_causal=True),
    "bias": lambda layer, x: layer(x, x, x, attn_mask=BIAS.to(x.dtype), need_weights=False),
    "both": lambda layer, x: layer(x, x, x, key_padding_mask=padded(x), attn_mask=CAUSAL, need_weights=False),
    "of each head": lambda layer, x: layer(
        x, x, x, attn_mask=(x @ x.mT).repeat_interleave(HEADS, 0), need_weights=False
    ),
}
WEIGHED = [see for name, see in SEEN.items() if "weights" in name]


def compare(build: Callable[[], nn.Module], shape: tuple[int, ...] = (B, T, D), rates: Any = None) -> None:
    """Slots side by side with each alone."""
    cases = [make(build, shape), make(build, shape)]
    for case in cases:
        set_rates(case, rates)
    assert_equal(together(cases[0]), alone(cases[1]))


def set_rates(case: Case, rates: Any) -> None:
    for model, rate in zip(case.models, rates or [], strict=False):
        for module in model.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = rate
            if isinstance(module, nn.Dropout):
                module.p = rate


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("rates", [[0.0] * 3, [0.3] * 3, [0.2, 0.0, 0.6]])
def test_attention_equals_each_slot_alone(name: str, rates: list[float]) -> None:
    """Outputs, weights, gradients, at one rate and at each slot's own."""
    compare(lambda: Seeing(SEEN[name], batch_first=True), rates=rates)


@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"kdim": D, "vdim": D, "batch_first": True}])
@pytest.mark.parametrize("name", ["self", "weights", "causal"])
def test_attention_in_all_its_forms_equals_each_slot_alone(name: str, settings: dict[str, Any]) -> None:
    """Times first, without bias."""
    shape = (B, T, D) if settings.get("batch_first") else (T, B, D)
    compare(lambda: Seeing(SEEN[name], **settings), shape, [0.2, 0.0, 0.6])


def test_keys_of_another_size_equal_each_slot_alone() -> None:
    """kdim and vdim: three weights in place of one."""

    def see(layer: nn.Module, x: torch.Tensor) -> Any:
        return layer(x, x[..., :6].sin(), x[..., :3].cos(), need_weights=False)

    compare(lambda: Seeing(see, kdim=6, vdim=3, batch_first=True), rates=[0.2, 0.0, 0.6])


class Encoding(nn.Module):
    """A transformer over its input, with or without masks."""

    def __init__(self, body: nn.Module, first: bool = True, masks: str = "") -> None:
        super().__init__()
        self.body, self.first, self.masks = body, first, masks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.masks == "padding":
            out = self.body(x, src_key_padding_mask=padded(x))
        elif self.masks == "causal":
            out = self.body(x, CAUSAL, is_causal=True)
        else:
            out = self.body(x)
        return (out if self.first else out.transpose(0, 1)).flatten(1)


def block(**settings: Any) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(D, HEADS, 16, **({"batch_first": True} | settings))


BUILDS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: Encoding(block()),
    "times first": lambda: Encoding(block(batch_first=False), first=False),
    "norm first": lambda: Encoding(block(norm_first=True, activation="gelu")),
    "silu": lambda: Encoding(block(activation=functional.silu)),
    "activation layer": lambda: Encoding(block(activation=nn.LeakyReLU(0.2))),
    "no bias": lambda: Encoding(block(bias=False)),
    "padding": lambda: Encoding(block(), masks="padding"),
    "causal": lambda: Encoding(block(), masks="causal"),
    "stack": lambda: Encoding(
        nn.TransformerEncoder(block(), 2, nn.LayerNorm(D), enable_nested_tensor=False), masks="padding"
    ),
}


class Decoding(nn.Module):
    """A decoder that reads a function of its own input."""

    def __init__(self, stacked: bool) -> None:
        super().__init__()
        layer = nn.TransformerDecoderLayer(D, HEADS, 16, batch_first=True)
        self.body = nn.TransformerDecoder(layer, 2, nn.LayerNorm(D)) if stacked else layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        memory = x.sin()
        return self.body(x, memory, tgt_mask=CAUSAL, memory_key_padding_mask=padded(x)).flatten(1)


BUILDS |= {"decoder layer": lambda: Decoding(False), "decoder": lambda: Decoding(True)}


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("rates", [[0.0] * 3, [0.2, 0.0, 0.6]])
def test_transformers_equal_each_slot_alone(name: str, rates: list[float]) -> None:
    """All layers and masks of torch's transformers."""
    compare(BUILDS[name], (T, B, D) if name == "times first" else (B, T, D), rates)


class Products(nn.Module):
    """Attention by torch's function, over heads or without."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.body, self.settings = nn.Linear(D, 3 * D), settings

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.body(x).view(x.shape[0], T, 3, HEADS, D // HEADS).unbind(2)
        heads = [y.transpose(1, 2) for y in (q, k, v)]
        out = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], **self.settings)
        plain = functional.scaled_dot_product_attention(x, x, x)
        return torch.cat([out.flatten(1), plain.flatten(1)], 1)


@pytest.mark.parametrize("settings", [{}, {"is_causal": True}, {"attn_mask": BIAS}, {"scale": 0.3}])
def test_the_function_equals_each_slot_alone(settings: dict[str, Any]) -> None:
    """functional.scaled_dot_product_attention."""
    compare(lambda: Products(**settings))


def test_dropout_within_the_function_is_refused() -> None:
    """It would draw from torch's own generator."""
    with pytest.raises(Refused, match="draws random numbers outside of layers"):
        together(make(lambda: Products(dropout_p=0.1), (B, T, D)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"add_zero_attn": True}, "adds a key of its own"),
        ({"add_bias_kv": True}, "adds a key of its own"),
    ],
)
def test_settings_without_a_rule_are_refused(settings: dict[str, Any], words: str) -> None:
    """By the layer's name."""
    with pytest.raises(Refused, match=rf"attention \(AttentionTwin\) {words}"):
        together(make(lambda: Seeing(SEEN["self"], batch_first=True, **settings), (B, T, D)))


def test_an_activation_without_a_rule_is_refused() -> None:
    """What draws or mixes would be wrong without a word."""
    with pytest.raises(Refused, match="has the activation 'normalize', which has no rule"):
        together(make(lambda: Encoding(block(activation=functional.normalize)), (B, T, D)))


@pytest.mark.parametrize("rates", [[0.0] * 3, [0.2, 0.0, 0.6], [0.0, 0.3, 0.0]])
def test_neighbours_change_no_bit(rates: list[float]) -> None:
    """Slots 0 and 1 of two and of three, also where the neighbours drop and they do not."""
    case = make(lambda: Encoding(block(), masks="causal"), (B, T, D), dtype=torch.float32)
    set_rates(case, rates)
    three = together(case)
    for pair in ([0, 1], [0, 2]):
        two = together(case.only(pair))
        if pair == [0, 1]:  # masks follow the slot's number among its clocks
            assert torch.equal(three.outputs[pair], two.outputs)
            for name, grad in two.grads.items():
                assert torch.equal(three.grads[name][pair], grad), name
        elif not any(rates[p] for p in pair):
            assert torch.equal(three.outputs[pair], two.outputs)


def _wrong_scale(q: torch.Tensor, *rest: Any, **settings: Any) -> Any:
    return attention_fused(q * 1.01, *rest, **settings)


def _without_bias(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: Any, **settings: Any) -> Any:
    return attention_fused(q, k, v, None, **settings)


def _heads_inside_out(module: Any, x: Any) -> torch.Tensor:
    return x.data.unflatten(-1, (-1, module.num_heads)).movedim(-1, 2)


attention_fused = attention._fused


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("_fused", _wrong_scale),
        ("_fused", _without_bias),
        ("_heads", _heads_inside_out),
        ("_sum", lambda x, y: y),
    ],
)
def test_a_wrong_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any) -> None:
    """Scores, masks, order of heads, residuals."""
    monkeypatch.setattr(attention, name, wrong)
    with pytest.raises(AssertionError):
        compare(BUILDS["causal"] if wrong is not _without_bias else BUILDS["padding"], rates=[0.0] * 3)


def test_a_wrong_mask_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mask of the first slot for all."""
    right = LAYERS[AttentionTwin]

    def wrong(call: Any, *args: Any, **settings: Any) -> Any:
        draw = call.draw

        def same(*drawn: Any) -> torch.Tensor:
            return draw(*drawn)[:1]

        return right(attention.Call(call.module, call.path, call.tensors, call.constants, same), *args, **settings)

    monkeypatch.setitem(LAYERS, AttentionTwin, wrong)
    with pytest.raises(AssertionError):
        compare(lambda: Seeing(SEEN["self"], batch_first=True), rates=[0.4] * 3)


# ------------------------------------------------------------------------------------------------------------ twin


def twin(**settings: Any) -> tuple[nn.MultiheadAttention, AttentionTwin]:
    """(torch's own layer, its twin with the same weights)."""
    torch.manual_seed(0)
    own = nn.MultiheadAttention(D, HEADS, **settings)
    model = nn.Sequential(nn.MultiheadAttention(D, HEADS, **settings))
    model.load_state_dict({f"0.{n}": t for n, t in own.state_dict().items()})
    clock = Clock()
    clock.begin(1, 2)
    assert replace_dropout_(model, Draws([clock])) == 1
    assert type(model[0]) is AttentionTwin
    assert list(model.state_dict()) == [f"0.{n}" for n in own.state_dict()]
    assert [n for n, _ in model.named_parameters()] == [f"0.{n}" for n, _ in own.named_parameters()]
    return own, model[0]


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"add_bias_kv": True, "add_zero_attn": True}])
def test_a_twin_that_keeps_nearly_all_is_torchs_own(name: str, settings: dict[str, Any]) -> None:
    """Rate 0 to the bit; a rate below 2^-17, which drops nothing, by its own formula to rounding."""
    own, made = twin(batch_first=True, **settings)
    x = torch.randn(B, T, D)
    expected, weights = SEEN[name](own, x)
    assert torch.equal(SEEN[name](made, x)[0], expected)
    made.dropout = 1e-6
    out = SEEN[name](made, x)
    torch.testing.assert_close(out[0], expected, rtol=1e-5, atol=1e-6)
    if weights is not None:
        torch.testing.assert_close(out[1], weights, rtol=1e-5, atol=1e-6)


def test_a_twin_takes_times_first_and_single_sequences() -> None:
    """As torch's own does."""
    own, made = twin()
    made.dropout = 1e-6
    for x in (torch.randn(T, B, D), torch.randn(T, D)):
        for out, expected in zip(made(x, x, x), own(x, x, x), strict=True):
            torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)
    mask = torch.tensor([False, False, True, False, True])
    torch.testing.assert_close(made(x, x, x, key_padding_mask=mask), own(x, x, x, key_padding_mask=mask))


def test_a_query_that_sees_nothing_is_no_nan() -> None:
    """As in torch's fused kernels: 0, in outputs and gradients."""
    own, made = twin(batch_first=True)
    made.dropout = 1e-6
    mask, x = torch.tensor([[True] * T] + [[False] * T] * (B - 1)), torch.randn(B, T, D, requires_grad=True)
    outs = [layer(x, x, x, key_padding_mask=mask, need_weights=False)[0] for layer in (made, own)]
    torch.testing.assert_close(outs[0], outs[1], rtol=1e-5, atol=1e-6)
    grads = [torch.autograd.grad(out.sin().sum(), x)[0] for out in outs]
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-5, atol=1e-6)


def test_a_twin_drops_its_share_of_the_weights() -> None:
    """Of the weights that it returns 0.3 are 0, the others are scaled, and their mean stays."""
    _, made = twin(batch_first=True)
    made.dropout = 0.3
    x = torch.randn(200, T, D)
    _, weights = made(x, x, x, average_attn_weights=False)
    assert 0.27 < float((weights == 0).float().mean()) < 0.33
    assert 0.95 < float(weights.detach().sum(-1).mean()) < 1.05


def test_evaluation_takes_torchs_fast_path() -> None:
    """The whole transformer layer as one kernel, with the twin inside."""
    torch.manual_seed(0)
    model = nn.Sequential(block(dropout=0.3)).eval()
    x = torch.randn(B, T, D)
    with torch.no_grad():
        expected = model(x)
        replace_dropout_(model, Draws([Clock()]))
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
            out = model.eval()(x)
    assert torch.equal(out, expected)
    assert "aten::_transformer_encoder_layer_fwd" in {event.key for event in seen.key_averages()}


class Sequences(nn.Module):
    """A recurrent layer of two levels and a transformer, with dropout hidden in both."""

    def __init__(self, rate: float = 0.3, *, outputs: int) -> None:
        super().__init__()
        self.first = nn.LSTM(8, 8, 2, batch_first=True, dropout=rate)
        self.second = block(dropout=rate)
        self.head = nn.Linear(64, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, _ = self.first(x.reshape(len(x), 8, 8))
        return self.head(self.second(x).flatten(1))


def test_hidden_rates_are_lifted_and_resume_exactly() -> None:
    """They stand in the snapshot under their own names; 4 and 6 steps are 10."""
    on = bench(Sequences)
    (straight,), _ = on.run([Trial(ADAMW, 3)])
    rates = {name: float(v) for name, v in straight.items() if name.endswith(("dropout", ".p"))}
    assert rates == dict.fromkeys(
        [
            "constants/first.dropout",
            "constants/second.self_attn.dropout",
            "constants/second.dropout.p",
            "constants/second.dropout1.p",
            "constants/second.dropout2.p",
        ],
        0.3,
    )
    (paused,), _ = on.run([Trial(ADAMW, 3)], steps=[4])
    resumed, _ = on.step_from(paused, on.plan([Trial(ADAMW, 3)], steps=[6], start=4))
    assert_bit_equal(resumed, straight, "resumed")
