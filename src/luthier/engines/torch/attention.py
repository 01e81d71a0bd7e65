"""Attention whose dropout is f(seed, step, layer) at a rate that each trial has for itself.

Axes: P slots, B rows, L queries, S keys, D features, H heads, K features of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from luthier.engines.torch.randomness import Draws, adopt_, twin
from luthier.errors import Unsupported


@twin(nn.MultiheadAttention)
class AttentionTwin(nn.MultiheadAttention):
    """nn.MultiheadAttention with the same parameters under the same names, and masks of its own.

    Where nothing is dropped it is torch's own code, fast paths included. Else the weights are multiplied by a mask
    [B, H, L, S], which torch's fused kernels do not take.

    Args:
        number: of the layer in its model.
        draws: of one trial.
    """

    def __init__(self, layer: nn.MultiheadAttention, number: int, draws: Draws) -> None:
        adopt_(self, layer, number, draws)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        key_padding_mask: torch.Tensor | None = None,
        need_weights: bool = True,
        attn_mask: torch.Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As nn.MultiheadAttention.forward."""
        if not self.training or self.dropout == 0.0:
            return super().forward(
                query,
                key,
                value,
                key_padding_mask=key_padding_mask,
                need_weights=need_weights,
                attn_mask=attn_mask,
                average_attn_weights=average_attn_weights,
                is_causal=is_causal,
            )
        if is_causal and attn_mask is None:
            raise Unsupported(
                "attention with is_causal, but without attn_mask",
                must="the mask is given, too",
                where="torch engine",
                remedy="Give it, as torch itself asks",
            )
        batched = query.dim() == 3
        if not batched:
            query, key, value = query[None], key[None], value[None]
            key_padding_mask = key_padding_mask if key_padding_mask is None else key_padding_mask[None]
        elif not self.batch_first:
            query, key, value = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        masks = (m if m is None else m[None] for m in (attn_mask, key_padding_mask))
        bias_PBHLS = added(*masks, heads=self.num_heads, like=query)
        bias = None if bias_PBHLS is None else bias_PBHLS[0]
        if is_causal and key_padding_mask is None and not need_weights:  # torch then looks at the hint only
            L, S = query.shape[1], key.shape[1] + (self.bias_k is not None) + self.add_zero_attn
            bias = query.new_full((L, S), -torch.inf).triu(1)
        out, weights = self._attend(query, key, value, bias, need_weights)
        seen = (weights.mean(1) if average_attn_weights else weights) if need_weights else None
        if not batched:
            return out[0], seen if seen is None else seen[0]
        return out if self.batch_first else out.transpose(0, 1), seen

    def _attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, strict: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(outputs [B, L, D], weights [B, H, L, S] after dropout); inputs with the rows first."""
        q, k, v = self._projected(query, key, value)
        if self.bias_k is not None:
            k, v = (torch.cat([x, b.expand(len(x), 1, -1)], 1) for x, b in ((k, self.bias_k), (v, self.bias_v)))
        if self.add_zero_attn:
            k, v = functional.pad(k, (0, 0, 0, 1)), functional.pad(v, (0, 0, 0, 1))
        if bias is not None:
            bias = functional.pad(bias, (0, k.shape[1] - bias.shape[-1]))
        q, k, v = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v))
        B, H, L, _ = q.shape
        drop = self._draws.mask(self.number, (B, H, L, k.shape[2]), [self.dropout], like=q)[0]
        out, weights = attended(q, k, v, bias=bias, drop=drop, strict=strict)
        return self.out_proj(out.transpose(1, 2).flatten(2)), weights

    def _projected(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        if self._qkv_same_embed_dim:
            weights = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return [functional.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]


def added(
    attn_mask: torch.Tensor | None, padding: torch.Tensor | None, *, heads: int, like: torch.Tensor
) -> torch.Tensor | None:
    """What is added to the scores, broadcasting against [P, B, H, L, S]; None without any mask.

    Args:
        attn_mask: [P, L, S] or [P, B * H, L, S]; truth values (True: not seen) or numbers to be added.
        padding: [P, B, S], the same of keys.
    """
    bias: Any = None
    if attn_mask is not None:
        whole = attn_mask.ndim == 3
        bias = _numbers(attn_mask[:, None, None] if whole else attn_mask.unflatten(1, (-1, heads)), like)
    if padding is not None:
        of_keys = _numbers(padding[:, :, None, None], like)
        bias = of_keys if bias is None else bias + of_keys
    return None if bias is None else torch.as_tensor(bias)


def _numbers(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    if mask.is_floating_point():
        return mask
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -torch.inf)


def attended(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    bias: torch.Tensor | None,
    drop: torch.Tensor | None,
    strict: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """softmax(q k' / sqrt(K) + bias) * drop @ v, and the weights; q [..., H, L, K], k and v [..., H, S, K].

    Args:
        strict: a query that sees no key gets NaN, as torch does where it returns the weights; else 0, as its fused
            kernels do.
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    scores = scores if bias is None else scores + bias
    if bias is None or strict:
        weights = scores.softmax(-1)
    else:
        blind = (bias == -torch.inf).all(-1, keepdim=True)
        weights = scores.masked_fill(blind, 0.0).softmax(-1).masked_fill(blind, 0.0)
    weights = weights if drop is None else weights * drop
    return weights @ v, weights
