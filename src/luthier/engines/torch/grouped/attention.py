"""Rules of attention and of torch's transformer layers for P slots at once.

Projections are one batched product for all slots; in the attention itself the slots stand in the batch, [P * B, H],
where no kernel mixes rows. The layers of a transformer are their children's rules, one after another.

Axes: P slots, B rows of a batch, L queries, S keys, D features, H heads, K features of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch.attention import AttentionTwin, added, attended
from luthier.engines.torch.grouped.functions import aligned, function
from luthier.engines.torch.grouped.layers import linear, number, refused
from luthier.engines.torch.grouped.values import LAYERS, Call, Constant, Slotted
from luthier.engines.torch.grouped.values import layer as rule_of
from luthier.engines.torch.refusal import Refused

Mask: TypeAlias = Slotted | torch.Tensor | None
"""[L, S], [B * H, L, S] or [B, S] of each slot, or the same for all."""
ACTIVATIONS = frozenset(
    [
        functional.relu,
        functional.gelu,
        functional.silu,
        functional.elu,
        functional.selu,
        functional.celu,
        functional.mish,
        functional.leaky_relu,
        functional.softplus,
        functional.hardswish,
        functional.relu6,
        torch.relu,
        torch.tanh,
        torch.sigmoid,
        functional.tanh,
        functional.sigmoid,
    ]
)
"""Functions that may stand in a transformer layer: they work element by element, and draw nothing."""
DECODER_MASKS = (
    "tgt_mask",
    "memory_mask",
    "tgt_key_padding_mask",
    "memory_key_padding_mask",
    "tgt_is_causal",
    "memory_is_causal",
)
"""What a decoder takes behind its two inputs, in torch's order."""


def child(call: Call, name: str) -> Call:
    """What the rule of a layer's child is handed."""

    def below(values: Any) -> dict[str, Any]:
        return {key[len(name) + 1 :]: value for key, value in values.items() if key.startswith(f"{name}.")}

    path = f"{call.path}.{name}" if call.path else name
    return Call(call.module.get_submodule(name), path, below(call.tensors), below(call.constants), call.draw)


def applied(call: Call, name: str, *inputs: Any, **rest: Any) -> Any:
    """The rule of a layer's child applied.

    Raises:
        Refused: it has none.
    """
    handed = child(call, name)
    rule = LAYERS.get(type(handed.module))
    if rule is None:
        raise refused(handed, "has no rule", "")
    return rule(handed, *inputs, **rest)


def _of_slots(mask: Mask) -> torch.Tensor | None:
    """[P, ...]; [1, ...] where it is the same for all."""
    if not isinstance(mask, Slotted):
        return None if mask is None else mask[None]
    data = mask.stacked()
    return data[:1] if data.stride(0) == 0 else data


# --------------------------------------------------------------------------------------------------- attention


@rule_of(AttentionTwin)
def _attention(
    call: Call,
    query: Slotted,
    key: Slotted,
    value: Slotted,
    key_padding_mask: Mask = None,
    need_weights: bool = True,
    attn_mask: Mask = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Slotted, Slotted | None]:
    """As nn.MultiheadAttention.forward."""
    module: Any = call.module
    _check(call, query, key, value)
    if is_causal and attn_mask is None:
        raise refused(call, "is called with is_causal, but without attn_mask", "Give the mask, as torch itself asks")
    P, (B, _, _) = query.P, _rows_first(module, query).shape
    q, k, v = (_heads(module, x) for x in _projections(call, query, key, value))
    masks = _of_slots(attn_mask), _of_slots(key_padding_mask)
    bias = added(*masks, heads=module.num_heads, like=q)
    hint = is_causal and key_padding_mask is None and not need_weights
    rates, weights = number(call, "dropout"), None
    drop = None
    if isinstance(rates, torch.Tensor) or rates > 0.0:
        assert call.draw is not None
        drop = call.draw(module.number, (B, module.num_heads, q.shape[3], k.shape[3]), rates, q)
    if need_weights:
        out, weights = attended(q, k, v, bias=bias, drop=drop, strict=True)
    elif drop is None:
        out = _fused(q, k, v, bias, is_causal=hint)
    else:
        out = _dropped(_Scene(q, k, v, bias, drop), rates, hint)
    out = out.transpose(2, 3) if module.batch_first else out.permute(0, 3, 1, 2, 4)
    result = linear(Slotted(out.flatten(3), P), call.tensors["out_proj.weight"], call.tensors.get("out_proj.bias"))
    if weights is None:
        return result, None
    return result, Slotted(weights.mean(2) if average_attn_weights else weights, P)


def _check(call: Call, *inputs: Slotted) -> None:
    module: Any = call.module
    if module.bias_k is not None or module.add_zero_attn:
        raise refused(
            call, "adds a key of its own (add_bias_kv, add_zero_attn)", "Leave out add_bias_kv, add_zero_attn"
        )
    if any(len(x.shape) != 3 for x in inputs):
        raise refused(call, "gets an input without rows", "Give it a batch of sequences")


def _projections(call: Call, query: Slotted, key: Slotted, value: Slotted) -> Sequence[Slotted]:
    """Queries, keys and values, one product for those that are made of the same input."""
    biases: Sequence[Any] = (None,) * 3
    if "in_proj_bias" in call.tensors:
        biases = call.tensors["in_proj_bias"].chunk(3, 1)
    if "in_proj_weight" not in call.tensors:
        weights: Sequence[torch.Tensor] = [call.tensors[f"{name}_proj_weight"] for name in "qkv"]
    elif query is key is value:
        whole = linear(query, call.tensors["in_proj_weight"], call.tensors.get("in_proj_bias"))
        return [Slotted(data, query.P) for data in whole.data.chunk(3, -1)]
    else:
        weights = call.tensors["in_proj_weight"].chunk(3, 1)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]


def _rows_first(module: Any, x: Slotted) -> Slotted:
    """[B, L, D], whichever way the layer takes it."""
    return x if module.batch_first else Slotted(x.stacked().transpose(1, 2), x.P)


def _heads(module: Any, x: Slotted) -> torch.Tensor:
    """[P, B, H, L, K]."""
    return _rows_first(module, x).data.unflatten(-1, (module.num_heads, -1)).transpose(2, 3)


class _Scene(NamedTuple):
    """What attention is computed of: q [P, B, H, L, K], k and v [P, B, H, S, K], the others [P or 1, ...]."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    bias: torch.Tensor | None
    drop: torch.Tensor

    def of(self, slots: list[int]) -> _Scene:
        """Some of the slots."""
        return _Scene(*[x if x is None or len(x) < len(self.q) else x[slots] for x in self])

    def attended(self) -> torch.Tensor:
        """What each query sees."""
        return attended(self.q, self.k, self.v, bias=self.bias, drop=self.drop, strict=False)[0]


def _fused(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None, *, is_causal: bool, **settings: Any
) -> torch.Tensor:
    """Attention by torch's fused kernel, the slots in the batch; a causal one needs no bias."""
    P, B = q.shape[:2]
    if is_causal or bias is None:
        bias = None
    elif bias.shape[:2] == (1, 1):
        bias = bias[0]
    else:
        bias = bias.expand(P, B, *bias.shape[2:]).flatten(0, 1)
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    out = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=is_causal, **settings)
    return out.unflatten(0, (P, B))


def _dropped(scene: _Scene, rates: Constant, is_causal: bool) -> torch.Tensor:
    """Attention with masks. A slot that drops nothing takes the fused kernel, as it does without its neighbours;
    while a program is compiled the rates are not known."""
    of_slots = [1.0] if isinstance(rates, float) or torch.compiler.is_compiling() else rates.tolist()
    zero = [p for p, rate in enumerate(of_slots) if rate == 0.0]
    if not zero:
        return scene.attended()
    others = [p for p in range(len(scene.q)) if p not in zero]
    q, k, v, bias, _ = scene.of(zero)
    parts = [_fused(q, k, v, bias, is_causal=is_causal), scene.of(others).attended()]
    order = torch.tensor([*zero, *others], device=q.device).argsort()
    return torch.cat(parts)[order]


@function(functional.scaled_dot_product_attention)
def _sdpa(
    query: Slotted,
    key: Slotted,
    value: Slotted,
    attn_mask: Mask = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **settings: Any,
) -> Slotted:
    """[..., L, K] of each slot."""
    if dropout_p > 0.0:
        raise Refused("draws random numbers outside of layers", "Use nn.MultiheadAttention, or dropout_p=0.0")
    rank = max(len(x.shape) for x in (query, key, value))
    mask = aligned(attn_mask, rank) if isinstance(attn_mask, Slotted) else attn_mask
    q, k, v = (aligned(x, rank) for x in (query, key, value))
    merged = rank == 4 and len({x.shape[:2] for x in (q, k, v)}) == 1 and (mask is None or mask.ndim == 5)
    if merged:
        return Slotted(_fused(q, k, v, mask, is_causal=is_causal, **settings), query.P)
    return Slotted(
        functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal, **settings), query.P
    )


# ------------------------------------------------------------------------------------------------- transformers


def _activation(call: Call, x: Slotted) -> Slotted:
    module: Any = call.module
    if isinstance(module.activation, nn.Module):
        found: Slotted = applied(call, "activation", x)
        return found
    if module.activation not in ACTIVATIONS:
        name = getattr(module.activation, "__name__", "")
        raise refused(call, f"has the activation {name!r}, which has no rule", "Use relu or gelu")
    return Slotted(module.activation(x.stacked()), x.P)


def _sum(x: Slotted, y: Slotted) -> Slotted:
    return Slotted(x.stacked() + y.stacked(), x.P)


def _blocks(call: Call, x: Slotted, blocks: Sequence[Callable[[Slotted], Slotted]]) -> Slotted:
    """Residual blocks with norm1, norm2, ... before or after them."""
    module: Any = call.module
    for i, block in enumerate(blocks, 1):
        if module.norm_first:
            x = _sum(x, block(applied(call, f"norm{i}", x)))
        else:
            x = applied(call, f"norm{i}", _sum(x, block(x)))
    return x


def _attend(call: Call, name: str, dropout: str, x: Slotted, of: Slotted, **masks: Any) -> Slotted:
    seen = applied(call, name, x, of, of, need_weights=False, **masks)[0]
    dropped: Slotted = applied(call, dropout, seen)
    return dropped


def _feed_forward(call: Call, dropout: str, x: Slotted) -> Slotted:
    inner = applied(call, "dropout", _activation(call, applied(call, "linear1", x)))
    dropped: Slotted = applied(call, dropout, applied(call, "linear2", inner))
    return dropped


@rule_of(nn.TransformerEncoderLayer)
def _encoder_layer(
    call: Call, src: Slotted, src_mask: Mask = None, src_key_padding_mask: Mask = None, is_causal: bool = False
) -> Slotted:
    """As nn.TransformerEncoderLayer.forward."""
    masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
    return _blocks(
        call,
        src,
        [
            lambda x: _attend(call, "self_attn", "dropout1", x, x, **masks),
            lambda x: _feed_forward(call, "dropout2", x),
        ],
    )


@rule_of(nn.TransformerDecoderLayer)
def _decoder_layer(call: Call, tgt: Slotted, memory: Slotted, *masks: Any, **rest: Any) -> Slotted:
    """As nn.TransformerDecoderLayer.forward."""
    named = dict(zip(DECODER_MASKS, masks, strict=False)) | rest

    def of(part: str) -> dict[str, Any]:
        masks = {
            name: named.get(f"{part}_{last}")
            for name, last in (("attn_mask", "mask"), ("key_padding_mask", "key_padding_mask"))
        }
        return masks | {"is_causal": bool(named.get(f"{part}_is_causal"))}

    return _blocks(
        call,
        tgt,
        [
            lambda x: _attend(call, "self_attn", "dropout1", x, x, **of("tgt")),
            lambda x: _attend(call, "multihead_attn", "dropout2", x, memory, **of("memory")),
            lambda x: _feed_forward(call, "dropout3", x),
        ],
    )


def _in_turn(call: Call, x: Slotted, *rest: Any, **masks: Any) -> Slotted:
    module: Any = call.module
    for i in range(len(module.layers)):
        x = applied(call, f"layers.{i}", x, *rest, **masks)
    return x if module.norm is None else applied(call, "norm", x)


@rule_of(nn.TransformerEncoder)
def _encoder(
    call: Call, src: Slotted, mask: Mask = None, src_key_padding_mask: Mask = None, is_causal: bool | None = None
) -> Slotted:
    """As nn.TransformerEncoder.forward. A mask is used as it is: whether it is causal is not looked up."""
    masks = {"src_mask": mask, "src_key_padding_mask": src_key_padding_mask, "is_causal": bool(is_causal)}
    return _in_turn(call, src, **masks)


@rule_of(nn.TransformerDecoder)
def _decoder(call: Call, tgt: Slotted, memory: Slotted, *masks: Any, **rest: Any) -> Slotted:
    """As nn.TransformerDecoder.forward. A mask is used as it is."""
    return _in_turn(call, tgt, memory, **dict(zip(DECODER_MASKS, masks, strict=False)), **rest)
