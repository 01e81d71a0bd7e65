"""Rules of recurrent layers for P slots at once.

A time step is one batched product for all slots and both directions, which stand side by side: Q = P * directions.
It multiplies inputs, states and a one (for the bias) below one another, with the rows last in memory, so that each
gate of a slot is one block. The whole sequence is one step of autograd: torch's own backward pass of the same
operations would take twice the time.

Axes: P slots, Q slots and directions, B rows, T times, D features, H hidden features, G gates (4 H or H),
K = D + H + 1 or a little more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from luthier.engines.torch.grouped.layers import number, refused
from luthier.engines.torch.grouped.values import Call, Slotted, layer
from luthier.engines.torch.recurrent import GRUTwin, LSTMTwin, RNNTwin

Sequence = tuple[torch.Tensor, ...]
"""(outputs [Q, T, B, H], last c [Q, B, H] of an LSTM)."""


class _Memory(NamedTuple):
    """What goes into the products, for all times: [T + 1, Q, K, B], rows last.

    Args:
        all: inputs, states and ones below one another.
        h: the states in it; that of time t stands at t + 1.
    """

    all: torch.Tensor
    h: torch.Tensor

    def outputs(self) -> torch.Tensor:
        """[Q, T, B, H]."""
        return self.h[1:].permute(1, 0, 3, 2).contiguous()


def _memory(x_QTBD: torch.Tensor, h_QBH: torch.Tensor, K: int) -> _Memory:
    Q, T, B, D = x_QTBD.shape
    H = h_QBH.shape[-1]
    memory = x_QTBD.new_empty(T + 1, Q, K, B)
    memory[:T, :, :D] = x_QTBD.permute(1, 0, 3, 2)
    memory[:, :, D + H :] = 1.0
    memory[0, :, D : D + H] = h_QBH.mT
    return _Memory(memory, memory[:, :, D : D + H])


class _Back:
    """The backward pass of the products, from the last time to the first.

    Args:
        out_QTBH: gradient of the outputs.
        D: number of input features.
        with_x: is the inputs' gradient asked for?
    """

    def __init__(
        self, w_QGK: torch.Tensor, memory: torch.Tensor, out_QTBH: torch.Tensor, D: int, *, with_x: bool
    ) -> None:
        self.out_TQHB = out_QTBH.permute(1, 0, 3, 2).contiguous()
        T, Q, H, B = self.out_TQHB.shape
        self._memory, self._w_QKG = memory, w_QGK[:, :, 0 if with_x else D : D + H].mT
        self.x_TQDB = memory.new_empty(T, Q, D, B) if with_x else None
        self.w_QGK = torch.zeros_like(w_QGK)

    def step(self, t: int, gates_QGB: torch.Tensor) -> torch.Tensor:
        """Take in the gradient of the gates at time t; the gradient of the state before [Q, H, B]."""
        self.w_QGK.baddbmm_(gates_QGB, self._memory[t].mT)
        below = torch.bmm(self._w_QKG, gates_QGB)
        H = self.out_TQHB.shape[2]
        if self.x_TQDB is not None:
            self.x_TQDB[t] = below[:, :-H]
        return below[:, -H:].add_(self.out_TQHB[t - 1]) if t else below[:, -H:]

    def grads(self) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Of the inputs [Q, T, B, D] and of the weight."""
        return (None if self.x_TQDB is None else self.x_TQDB.permute(1, 0, 3, 2)), self.w_QGK


def _tanh_(x: torch.Tensor) -> torch.Tensor:
    """2 sigmoid(2 x) - 1, to 1e-7 in float32: a third of the time of torch's tanh on a CPU."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


def _sigmoid_backward_(grad: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = torch.ops.aten.sigmoid_backward.grad_input(grad, output, grad_input=grad)
    return found


def _tanh_backward_(grad: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = torch.ops.aten.tanh_backward.grad_input(grad, output, grad_input=grad)
    return found


def _gates(x_QBD: torch.Tensor, w_QGK: torch.Tensor, h_QBH: torch.Tensor, num: int) -> Any:
    """`num` times [Q, B, H], by the definition."""
    both = torch.cat([x_QBD, h_QBH], -1)
    above = functional.pad(both, (0, w_QGK.shape[2] - both.shape[2]), value=1.0)
    return torch.bmm(above, w_QGK.mT).chunk(num, -1)


# ----------------------------------------------------------------------------------------------------------- LSTM


class _LSTM(torch.autograd.Function):
    """i, f, g, o = gates; c = f c + i g; h = o tanh(c)."""

    @staticmethod
    def forward(ctx: Any, x_QTBD: torch.Tensor, w_QGK: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> Sequence:
        Q, T, B, _ = x_QTBD.shape
        H, memory = h.shape[-1], _memory(x_QTBD, h, w_QGK.shape[2])
        gates = x_QTBD.new_empty(T, Q, 4 * H, B)
        cs, tanhs = x_QTBD.new_empty(T + 1, Q, H, B), x_QTBD.new_empty(T, Q, H, B)
        cs[0] = c.mT
        for t in range(T):
            torch.bmm(w_QGK, memory.all[t], out=gates[t])
            i_f, g, o = gates[t].split([2 * H, H, H], 1)
            i_f.sigmoid_()
            _tanh_(g)
            o.sigmoid_()
            torch.mul(i_f[:, H:], cs[t], out=cs[t + 1]).addcmul_(i_f[:, :H], g)
            torch.mul(o, _tanh_(tanhs[t].copy_(cs[t + 1])), out=memory.h[t + 1])
        ctx.D = x_QTBD.shape[-1]
        ctx.save_for_backward(w_QGK, memory.all, gates, cs, tanhs)
        return memory.outputs(), cs[T].mT.contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, out: torch.Tensor, last_c: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        w_QGK, memory, gates, cs, tanhs = ctx.saved_tensors
        T, H = len(tanhs), tanhs.shape[2]
        back = _Back(w_QGK, memory, out, ctx.D, with_x=ctx.needs_input_grad[0])
        grad, through_h = torch.empty_like(gates[0]), torch.empty_like(tanhs[0])
        dh, dc = back.out_TQHB[T - 1], last_c.mT.clone(memory_format=torch.contiguous_format)
        d_i, d_f, d_g, d_o = grad.chunk(4, 1)
        for t in range(T - 1, -1, -1):
            i, f, g, o = gates[t].chunk(4, 1)
            torch.mul(tanhs[t], tanhs[t], out=through_h)
            torch.addcmul(o, through_h, o, value=-1, out=through_h)
            dc.addcmul_(dh, through_h)
            torch.mul(dc, g, out=d_i)
            torch.mul(dc, cs[t], out=d_f)
            torch.mul(dc, i, out=d_g)
            torch.mul(dh, tanhs[t], out=d_o)
            _sigmoid_backward_(grad[:, : 2 * H], gates[t, :, : 2 * H])
            _tanh_backward_(d_g, g)
            _sigmoid_backward_(d_o, o)
            dc.mul_(f)
            dh = back.step(t, grad)
        return *back.grads(), dh.mT, dc.mT


def _lstm_formula(x_QTBD: torch.Tensor, w_QGK: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> Sequence:
    hs = []
    for x_QBD in x_QTBD.unbind(1):
        i, f, g, o = _gates(x_QBD, w_QGK, h, 4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
    return torch.stack(hs, 1), c


# ------------------------------------------------------------------------------------------------------------ GRU


class _GRU(torch.autograd.Function):
    """r, z, m, x = gates, m of the state and x of the input only; n = tanh(x + r m); h = n + z (h - n)."""

    @staticmethod
    def forward(ctx: Any, x_QTBD: torch.Tensor, w_QGK: torch.Tensor, h: torch.Tensor) -> Sequence:
        Q, T, B, _ = x_QTBD.shape
        H, memory = h.shape[-1], _memory(x_QTBD, h, w_QGK.shape[2])
        gates = x_QTBD.new_empty(T, Q, 4 * H, B)
        for t in range(T):
            torch.bmm(w_QGK, memory.all[t], out=gates[t])
            r_z, m, n = gates[t].split([2 * H, H, H], 1)
            r_z.sigmoid_()
            _tanh_(n.addcmul_(r_z[:, :H], m))
            torch.lerp(n, memory.h[t], r_z[:, H:], out=memory.h[t + 1])
        ctx.D = x_QTBD.shape[-1]
        ctx.save_for_backward(w_QGK, memory.all, memory.h, gates)
        return (memory.outputs(),)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        w_QGK, memory, hs, gates = ctx.saved_tensors
        T, H = len(gates), hs.shape[2]
        back = _Back(w_QGK, memory, out, ctx.D, with_x=ctx.needs_input_grad[0])
        grad = torch.empty_like(gates[0])
        dh = back.out_TQHB[T - 1]
        d_r, d_z, d_m, d_n = grad.chunk(4, 1)
        for t in range(T - 1, -1, -1):
            r, z, m, n = gates[t].chunk(4, 1)
            torch.addcmul(dh, dh, z, value=-1, out=d_n)
            _tanh_backward_(d_n, n)
            torch.mul(d_n, m, out=d_r)
            torch.sub(hs[t], n, out=d_z).mul_(dh)
            torch.mul(d_n, r, out=d_m)
            _sigmoid_backward_(grad[:, : 2 * H], gates[t, :, : 2 * H])
            kept = dh * z
            dh = back.step(t, grad).add_(kept)
        return *back.grads(), dh.mT


def _gru_formula(x_QTBD: torch.Tensor, w_QGK: torch.Tensor, h: torch.Tensor) -> Sequence:
    hs = []
    for x_QBD in x_QTBD.unbind(1):
        r, z, m, x = _gates(x_QBD, w_QGK, h, 4)
        n, z = (x + r.sigmoid() * m).tanh(), z.sigmoid()
        h = (1 - z) * n + z * h
        hs.append(h)
    return (torch.stack(hs, 1),)


# ------------------------------------------------------------------------------------------------------------ RNN


class _RNN(torch.autograd.Function):
    """h = tanh(gate), or relu."""

    @staticmethod
    def forward(ctx: Any, x_QTBD: torch.Tensor, w_QHK: torch.Tensor, h: torch.Tensor, relu: bool) -> Sequence:
        memory = _memory(x_QTBD, h, w_QHK.shape[2])
        gate = torch.empty_like(memory.h[0], memory_format=torch.contiguous_format)
        for t in range(x_QTBD.shape[1]):
            torch.bmm(w_QHK, memory.all[t], out=gate)
            memory.h[t + 1] = gate.relu_() if relu else _tanh_(gate)
        ctx.D = x_QTBD.shape[-1]
        ctx.save_for_backward(w_QHK, memory.all, memory.h)
        ctx.relu = relu
        return (memory.outputs(),)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        w_QHK, memory, hs = ctx.saved_tensors
        back = _Back(w_QHK, memory, out, ctx.D, with_x=ctx.needs_input_grad[0])
        dh = back.out_TQHB[-1]
        for t in range(len(back.out_TQHB) - 1, -1, -1):
            grad = dh * (hs[t + 1] > 0) if ctx.relu else _tanh_backward_(dh.contiguous(), hs[t + 1])
            dh = back.step(t, grad)
        return *back.grads(), dh.mT, None


def _rnn_formula(x_QTBD: torch.Tensor, w_QHK: torch.Tensor, h: torch.Tensor, relu: bool) -> Sequence:
    hs = []
    for x_QBD in x_QTBD.unbind(1):
        (gate,) = _gates(x_QBD, w_QHK, h, 1)
        h = gate.relu() if relu else gate.tanh()
        hs.append(h)
    return (torch.stack(hs, 1),)


# ---------------------------------------------------------------------------------------------------------- layers


class Cell(NamedTuple):
    """A kind of recurrence.

    Args:
        fast: the sequence as one step of autograd; it is compared with `formula`.
        formula: the same by the definition, which torch.compile and torch.func follow.
    """

    fast: Any
    formula: Callable[..., Sequence]


LSTM, GRU, RNN = Cell(_LSTM, _lstm_formula), Cell(_GRU, _gru_formula), Cell(_RNN, _rnn_formula)


def _run(cell: Cell, *args: Any) -> Sequence:
    followed = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    found: Sequence = cell.formula(*args) if followed else cell.fast.apply(*args)
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
    """(outputs [P, T, B, directions * H], final states [P, directions, B, H] each); Q: directions, then slots."""
    module: Any = call.module
    P = len(x_PTBD)
    names = [f"l{level}", f"l{level}_reverse"][: 2 if module.bidirectional else 1]
    x_QTBD = x_PTBD if len(names) == 1 else torch.cat([x_PTBD, x_PTBD.flip(1)])
    weights = [_weight(call, cell, name) for name in names]
    w_QGK = weights[0] if len(names) == 1 else torch.cat(weights)
    after = (module.nonlinearity == "relu",) if cell is RNN else ()
    hs_QTBH, *cells = _run(cell, x_QTBD, w_QGK, *starts, *after)
    ends = [hs_QTBH[:, -1], *cells]
    hs = hs_QTBH.chunk(len(names))
    output = hs[0] if len(names) == 1 else torch.cat([hs[0], hs[1].flip(1)], -1)
    return output, *[e.unflatten(0, (len(names), P)).transpose(0, 1) for e in ends]


def _weight(call: Call, cell: Cell, name: str) -> torch.Tensor:
    """[P, G, K]: what inputs, states and a one are multiplied with, and zeros up to a width that products like."""
    of_x, of_h = call.tensors[f"weight_ih_{name}"], call.tensors[f"weight_hh_{name}"]
    by_x, by_h = (call.tensors.get(f"bias_{kind}_{name}") for kind in ("ih", "hh"))
    if by_x is None or by_h is None:
        by_x = by_h = of_x.new_zeros(of_x.shape[:2])
    if cell is not GRU:
        return _wide(torch.cat([of_x, of_h, (by_x + by_h)[..., None]], 2))
    H = of_h.shape[2]
    gates = torch.cat([of_x[:, : 2 * H], of_h[:, : 2 * H], (by_x + by_h)[:, : 2 * H, None]], 2)
    of_state = torch.cat([torch.zeros_like(of_x[:, 2 * H :]), of_h[:, 2 * H :], by_h[:, 2 * H :, None]], 2)
    of_input = torch.cat([of_x[:, 2 * H :], torch.zeros_like(of_h[:, 2 * H :]), by_x[:, 2 * H :, None]], 2)
    return _wide(torch.cat([gates, of_state, of_input], 1))


def _wide(w_PGK: torch.Tensor) -> torch.Tensor:
    return functional.pad(w_PGK, (0, -w_PGK.shape[2] % 8))
