"""Rules of recurrent layers for P slots at once.

The inputs of all times are projected by one batched product; each time step then is one batched product for all
slots and both directions, which stand side by side: Q = P * directions. The whole sequence is one step of autograd,
whose backward pass computes all factors that do not depend on the recursion for all times at once.

Axes: P slots, Q slots and directions, B rows, T times, D features, H hidden features, G gates (4 H, 3 H or H).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from luthier.engines.torch.grouped.layers import number, refused
from luthier.engines.torch.grouped.values import Call, Slotted, layer
from luthier.engines.torch.recurrent import GRUTwin, LSTMTwin, RNNTwin

Sequence = tuple[torch.Tensor, ...]
"""(outputs [T, Q, B, H], last c [Q, B, H] of an LSTM)."""


def _into_weight(grads_TQBG: torch.Tensor, start_QBH: torch.Tensor, hs_TQBH: torch.Tensor) -> torch.Tensor:
    """[Q, G, H]: the gradient of the weight that meets h of the time before."""
    before_TQBH = torch.cat([start_QBH[None], hs_TQBH[:-1]])
    return grads_TQBG.transpose(0, 1).flatten(1, 2).mT @ before_TQBH.transpose(0, 1).flatten(1, 2)


# ----------------------------------------------------------------------------------------------------------- LSTM


class _LSTM(torch.autograd.Function):  # type: ignore[misc]  # the checker does not follow torch
    """i, f, g, o = gates of x_t + W h; c = f c + i g; h = o tanh(c)."""

    @staticmethod
    def forward(ctx: Any, x_QTBG: torch.Tensor, w_QGH: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> Sequence:
        Q, T, B, G = x_QTBG.shape
        H, w_QHG = G // 4, w_QGH.mT
        gates = x_QTBG.new_empty(T, Q, B, G)
        hs, cs, tanhs = (x_QTBG.new_empty(T, Q, B, H) for _ in range(3))
        before, h0 = c, h
        for t in range(T):
            torch.baddbmm(x_QTBG[:, t], h, w_QHG, out=gates[t])
            i_f, g, o = gates[t].split([2 * H, H, H], -1)
            i_f.sigmoid_()
            g.tanh_()
            o.sigmoid_()
            c = torch.mul(i_f[..., H:], c, out=cs[t]).addcmul_(i_f[..., :H], g)
            h = torch.mul(o, torch.tanh(c, out=tanhs[t]), out=hs[t])
        ctx.save_for_backward(w_QGH, h0, before, gates, hs, cs, tanhs)
        return hs, cs[-1].clone()

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]  # the checker does not follow torch
    def backward(ctx: Any, dhs: torch.Tensor, dc: torch.Tensor) -> tuple[torch.Tensor, ...]:
        w_QGH, h0, c0, gates, hs, cs, tanhs = ctx.saved_tensors
        T, H = len(hs), hs.shape[-1]
        i, f, g, o = gates.unflatten(-1, (4, H)).unbind(-2)
        through_h = o * (1 - tanhs * tanhs)
        grads = torch.empty_like(gates).unflatten(-1, (4, H))
        torch.mul(g, i * (1 - i), out=grads[..., 0, :])
        torch.mul(torch.cat([c0[None], cs[:-1]]), f * (1 - f), out=grads[..., 1, :])
        torch.mul(i, 1 - g * g, out=grads[..., 2, :])
        torch.mul(tanhs, o * (1 - o), out=grads[..., 3, :])
        dh, dc = dhs[-1], dc.clone()
        for t in range(T - 1, -1, -1):
            dc.addcmul_(dh, through_h[t])
            grads[t, ..., :3, :].mul_(dc[..., None, :])
            grads[t, ..., 3, :].mul_(dh)
            dc.mul_(f[t])
            step_QBG = grads[t].flatten(-2)
            dh = torch.baddbmm(dhs[t - 1], step_QBG, w_QGH) if t else torch.bmm(step_QBG, w_QGH)
        grads_TQBG = grads.flatten(-2)
        return grads_TQBG.transpose(0, 1), _into_weight(grads_TQBG, h0, hs), dh, dc


def _lstm_formula(x_QTBG: torch.Tensor, w_QGH: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> Sequence:
    hs = []
    for x_QBG in x_QTBG.unbind(1):
        i, f, g, o = torch.baddbmm(x_QBG, h, w_QGH.mT).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
    return torch.stack(hs), c


# ------------------------------------------------------------------------------------------------------------ GRU


class _GRU(torch.autograd.Function):  # type: ignore[misc]  # the checker does not follow torch
    """r, z = gates of x_t + W h; n = tanh(x_t + r (W h + b)); h = n + z (h - n)."""

    @staticmethod
    def forward(ctx: Any, x_QTBG: torch.Tensor, w_QGH: torch.Tensor, b_QH: torch.Tensor, h: torch.Tensor) -> Sequence:
        Q, T, B, G = x_QTBG.shape
        H, w_QHG = G // 3, w_QGH.mT
        gates = x_QTBG.new_empty(T, Q, B, G)
        hs, inner = (x_QTBG.new_empty(T, Q, B, H) for _ in range(2))
        x_QTB2, x_QTBH = x_QTBG.split([2 * H, H], -1)
        h0, product, b_Q1H = h, x_QTBG.new_empty(Q, B, G), b_QH[:, None]
        for t in range(T):
            torch.bmm(h, w_QHG, out=product)
            r_z, n = gates[t].split([2 * H, H], -1)
            torch.add(product[..., : 2 * H], x_QTB2[:, t], out=r_z).sigmoid_()
            torch.add(product[..., 2 * H :], b_Q1H, out=inner[t])
            torch.addcmul(x_QTBH[:, t], r_z[..., :H], inner[t], out=n).tanh_()
            h = torch.lerp(n, h, r_z[..., H:], out=hs[t])
        ctx.save_for_backward(w_QGH, h0, gates, hs, inner)
        return (hs,)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]  # the checker does not follow torch
    def backward(ctx: Any, dhs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        w_QGH, h0, gates, hs, inner = ctx.saved_tensors
        T, H = len(hs), hs.shape[-1]
        r, z, n = gates.unflatten(-1, (3, H)).unbind(-2)
        through_n = (1 - z) * (1 - n * n)
        grads = torch.empty_like(gates).unflatten(-1, (3, H))
        torch.mul(through_n * inner, r * (1 - r), out=grads[..., 0, :])
        torch.mul(torch.cat([h0[None], hs[:-1]]).sub_(n), z * (1 - z), out=grads[..., 1, :])
        torch.mul(through_n, r, out=grads[..., 2, :])
        dh = dhs[-1]
        for t in range(T - 1, -1, -1):
            grads[t].mul_(dh[..., None, :])
            through_n[t].mul_(dh)
            kept = torch.mul(dh, z[t]) if t == 0 else torch.addcmul(dhs[t - 1], dh, z[t])
            dh = kept.baddbmm_(grads[t].flatten(-2), w_QGH)
        grads_TQBG = grads.flatten(-2)
        into_w, into_b = _into_weight(grads_TQBG, h0, hs), grads[..., 2, :].sum((0, 2))
        grads[..., 2, :].copy_(through_n)
        return grads_TQBG.transpose(0, 1), into_w, into_b, dh


def _gru_formula(x_QTBG: torch.Tensor, w_QGH: torch.Tensor, b_QH: torch.Tensor, h: torch.Tensor) -> Sequence:
    hs = []
    for x_QBG in x_QTBG.unbind(1):
        x_r, x_z, x_n = x_QBG.chunk(3, -1)
        h_r, h_z, h_n = torch.bmm(h, w_QGH.mT).chunk(3, -1)
        n = (x_n + (x_r + h_r).sigmoid() * (h_n + b_QH[:, None])).tanh()
        z = (x_z + h_z).sigmoid()
        h = (1 - z) * n + z * h
        hs.append(h)
    return (torch.stack(hs),)


# ------------------------------------------------------------------------------------------------------------ RNN


class _RNN(torch.autograd.Function):  # type: ignore[misc]  # the checker does not follow torch
    """h = tanh(x_t + W h), or relu."""

    @staticmethod
    def forward(ctx: Any, x_QTBH: torch.Tensor, w_QHH: torch.Tensor, h: torch.Tensor, relu: bool) -> Sequence:
        Q, T, B, H = x_QTBH.shape
        hs, h0 = x_QTBH.new_empty(T, Q, B, H), h
        for t in range(T):
            h = torch.baddbmm(x_QTBH[:, t], h, w_QHH.mT, out=hs[t])
            h.relu_() if relu else h.tanh_()
        ctx.save_for_backward(w_QHH, h0, hs)
        ctx.relu = relu
        return (hs,)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]  # the checker does not follow torch
    def backward(ctx: Any, dhs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        w_QHH, h0, hs = ctx.saved_tensors
        grads = (hs > 0).to(hs) if ctx.relu else 1 - hs * hs
        dh = dhs[-1]
        for t in range(len(hs) - 1, -1, -1):
            step = grads[t].mul_(dh)
            dh = torch.baddbmm(dhs[t - 1], step, w_QHH) if t else torch.bmm(step, w_QHH)
        return grads.transpose(0, 1), _into_weight(grads, h0, hs), dh, None


def _rnn_formula(x_QTBH: torch.Tensor, w_QHH: torch.Tensor, h: torch.Tensor, relu: bool) -> Sequence:
    hs = []
    for x_QBH in x_QTBH.unbind(1):
        h = torch.baddbmm(x_QBH, h, w_QHH.mT)
        h = h.relu() if relu else h.tanh()
        hs.append(h)
    return (torch.stack(hs),)


# ---------------------------------------------------------------------------------------------------------- layers


class Cell(NamedTuple):
    """A kind of recurrence.

    Args:
        fast: the sequence as one step of autograd; it is compared with `formula`.
        formula: the same by the definition, which torch.compile follows.
    """

    fast: Any
    formula: Callable[..., Sequence]


LSTM, GRU, RNN = Cell(_LSTM, _lstm_formula), Cell(_GRU, _gru_formula), Cell(_RNN, _rnn_formula)


def _run(cell: Cell, *args: Any) -> Sequence:
    found: Sequence = cell.formula(*args) if torch.compiler.is_compiling() else cell.fast.apply(*args)
    return found


@layer(nn.LSTM, LSTMTwin)
def _lstm(
    call: Call, x: Slotted, hx: tuple[Slotted, Slotted] | None = None
) -> tuple[Slotted, tuple[Slotted, Slotted]]:
    """As nn.LSTM.forward."""
    output, (h, c) = _levels(call, x, LSTM, hx if hx is None else list(hx))
    return output, (h, c)


@layer(nn.GRU, GRUTwin, nn.RNN, RNNTwin)
def _gru_or_rnn(call: Call, x: Slotted, hx: Slotted | None = None) -> tuple[Slotted, Slotted]:
    """As nn.GRU.forward and nn.RNN.forward."""
    cell = GRU if isinstance(call.module, nn.GRU) else RNN
    output, (h,) = _levels(call, x, cell, hx if hx is None else [hx])
    return output, h


def _levels(call: Call, x: Slotted, cell: Cell, hidden: list[Slotted] | None) -> tuple[Slotted, list[Slotted]]:
    """(output, final states), level by level; within, the times stand before the rows."""
    module: Any = call.module
    if module.proj_size:
        raise refused(call, f"has proj_size={module.proj_size}", "Put an nn.Linear behind the layer")
    if not isinstance(x, Slotted) or len(x.shape) != 3:
        raise refused(call, "gets no batch of padded sequences", "Give it axes for rows, times and features")
    P, directions = x.P, 2 if module.bidirectional else 1
    x_PTBD = x.stacked().transpose(1, 2) if module.batch_first else x.stacked()
    B = x_PTBD.shape[2]
    if hidden is None:
        zeros = x_PTBD.new_zeros(P, module.num_layers * directions, B, module.hidden_size)
        starts = [zeros] * (2 if cell is LSTM else 1)
    else:
        starts = [h.stacked() for h in hidden]
    ends = []
    for level in range(module.num_layers):
        if level:
            x_PTBD = _drop(call, x_PTBD)
        mine = slice(level * directions, (level + 1) * directions)
        found, *end = _level(call, cell, level, x_PTBD, [s[:, mine].transpose(0, 1).flatten(0, 1) for s in starts])
        x_PTBD = found
        ends.append(end)
    output = x_PTBD.transpose(1, 2) if module.batch_first else x_PTBD
    return Slotted(output, P), [Slotted(torch.cat(each, 1), P) for each in zip(*ends, strict=True)]


def _drop(call: Call, x_PTBD: torch.Tensor) -> torch.Tensor:
    module: Any = call.module
    rates = number(call, "dropout")
    if isinstance(rates, float) and rates == 0.0:
        return x_PTBD
    assert call.draw is not None
    _, T, B, D = x_PTBD.shape
    mask = call.draw(module.number, (B, T, D) if module.batch_first else (T, B, D), rates, x_PTBD)
    return x_PTBD * (mask.transpose(1, 2) if module.batch_first else mask)


def _level(
    call: Call, cell: Cell, level: int, x_PTBD: torch.Tensor, starts: list[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """(outputs [P, T, B, directions * H], final states [P, directions, B, H] each); Q runs over directions, then P."""
    module: Any = call.module
    P, T, B, D = x_PTBD.shape
    names = [f"l{level}", f"l{level}_reverse"][: 2 if module.bidirectional else 1]
    rows_PND = x_PTBD.reshape(P, T * B, D)
    inputs: list[torch.Tensor] = []
    weights, inner = [], []
    for name in names:
        weight_PDG = call.tensors[f"weight_ih_{name}"].mT
        bias = call.tensors.get(f"bias_ih_{name}")
        if bias is not None:
            other = call.tensors[f"bias_hh_{name}"]
            if cell is GRU:  # its last third stands within the reset gate
                H = module.hidden_size
                inner.append(other[:, 2 * H :])
                bias = torch.cat([bias[:, : 2 * H] + other[:, : 2 * H], bias[:, 2 * H :]], 1)
            else:
                bias = bias + other
        elif cell is GRU:
            inner.append(weight_PDG.new_zeros(P, module.hidden_size))
        gates = (
            torch.bmm(rows_PND, weight_PDG) if bias is None else torch.baddbmm(bias[:, None], rows_PND, weight_PDG)
        )
        gates = gates.view(P, T, B, -1)
        inputs.append(gates.flip(1) if inputs else gates)
        weights.append(call.tensors[f"weight_hh_{name}"])
    extra = (torch.cat(inner),) if inner else ()
    after = (module.nonlinearity == "relu",) if cell is RNN else ()
    hs_TQBH, *cells = _run(cell, _side_by_side(inputs), _side_by_side(weights), *extra, *starts, *after)
    hs = [h.transpose(0, 1) for h in hs_TQBH.chunk(len(names), 1)]
    ends = [hs_TQBH[-1], *cells]
    output = hs[0] if len(hs) == 1 else torch.cat([hs[0], hs[1].flip(1)], -1)
    return output, *[e.unflatten(0, (len(names), P)).transpose(0, 1) for e in ends]


def _side_by_side(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
