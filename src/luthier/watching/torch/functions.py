"""Softmax and its like, comparisons, and arithmetic that stretches its sides."""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any

import numpy as np

from luthier.watching.calls import Broadcast, Comparison, Op
from luthier.watching.facts import Origin
from luthier.watching.torch.state import Watch

COMPARISONS = ("__eq__", "__ne__", "__gt__", "__lt__", "__ge__", "__le__", "eq", "ne", "gt", "lt")
ARITHMETIC = {"__sub__": "sub", "__rsub__": "sub", "sub": "sub", "__mul__": "mul", "__rmul__": "mul", "mul": "mul",
              "__add__": "add", "__radd__": "add", "__truediv__": "div"}  # fmt: skip
OPS = 256
MAX_SQUARE = 256


class Functions:
    """Functions put in the place of the framework's."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        safely = self.recorder.safely
        self._op = safely("function", self._op_)
        self._compared = safely("comparison", self._compared_)
        self._stretched = safely("arithmetic", self._stretched_)
        self._by_line: dict[Any, int] = {}
        self.recorder.finishers.append(self._finish)

    def install(self) -> None:
        """Put the functions in."""
        import torch

        put, functions = self.watch.patches, torch.nn.functional
        for owner in (torch, functions, torch.Tensor):
            for name in ("softmax", "log_softmax", "sigmoid"):
                put.wrap(owner, name, self._around_op(name))
        put.wrap(functions, "dropout", self._around_op("dropout"))
        put.wrap(functions, "scaled_dot_product_attention", self._around_op("attention"))
        for owner in (torch, torch.Tensor):
            for name in ("argmax", "max", "topk"):
                put.wrap(owner, name, self._around_op(name))
            for name in COMPARISONS:
                if owner is torch.Tensor or not name.startswith("_"):
                    put.wrap(owner, name, self._around_comparison(name.strip("_")))
        for name, kind in ARITHMETIC.items():
            self.watch.arithmetic.wrap(torch.Tensor, name, self._around_arithmetic(kind))

    # ---- softmax, sigmoid, argmax, max, dropout ----

    def _around_op(self, name: str) -> Any:
        return self.watch.noting(partial(self._op, name))

    def _op_(self, name: str, _original: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        import torch

        watch = self.watch
        source = args[0] if args else kwargs.get("input")
        if not isinstance(source, torch.Tensor):
            return
        axis = _axis(name, source, args, kwargs)
        if name in ("max", "topk") and axis is None:
            return
        if name == "attention" and (len(args) < 2 or source.shape != args[1].shape):
            return
        if name == "dropout" and sys._getframe(4).f_code.co_filename.endswith("dropout.py"):
            return  # the module form
        place = self.recorder.place(4)
        key = (name, place, source.shape)
        seen = self._by_line[key] = self._by_line.get(key, 0) + 1
        if seen > OPS and not watch.close:
            return
        dim = source.dim()
        record = Op(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=place,
            name=name,
            shape=tuple(source.shape),
            dtype=str(source.dtype)[6:],
            axis=axis % dim if axis is not None and dim else axis,
            axis_size=int(source.shape[axis]) if axis is not None and dim else 0,
            implicit=name in ("softmax", "log_softmax") and _no_axis(args, kwargs),
            layer=watch.stack[-1][0] if watch.stack else "",
            layer_class=watch.stack[-1][1] if watch.stack else "",
            grad_enabled=torch.is_grad_enabled(),
            forward=watch.forward.number if watch.forward else 0,
            sampled=watch.close,
        )
        self._kind(record, args, kwargs, result)
        self.trace.ops.append(record)

    def _kind(self, record: Op, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """What is known of one kind of function only."""
        watch, name = self.watch, record.name
        source = args[0] if args else kwargs.get("input")
        if name == "dropout":
            given = dict(zip(("p", "training"), args[1:3], strict=False)) | kwargs
            record.training, record.p = bool(given.get("training", True)), float(given.get("p", 0.5))
        elif name == "attention":
            record.causal = _masked(args, kwargs)
            watch.on_backward(result, record)
        elif name in ("softmax", "log_softmax", "sigmoid"):
            self._made(record, result, source)
            if name == "softmax" and watch.close and not watch.blind():
                self._square(record, result)
        elif watch.close:
            record.source = watch.origins.of(source)

    def _made(self, record: Op, result: Any, source: Any) -> None:
        """Mark what softmax and the like made, and see whether a backward pass goes through it."""
        watch = self.watch
        if watch.close:
            record.source = watch.origins.of(source)
        origin = Origin(
            op=record.name,
            axis_size=record.axis_size if record.name != "sigmoid" else None,
            layer=record.layer,
            layer_class=record.layer_class,
            place=record.place,
            at=record.at,
        )
        watch.origins.mark(result, origin)
        watch.on_backward(result, record)
        watch.ops[record.at] = record
        if len(watch.ops) > 2 * OPS:
            for old in list(watch.ops)[:OPS]:
                del watch.ops[old]

    def _square(self, record: Op, result: Any) -> None:
        """Is a square matrix of attention zero above its diagonal?"""
        size = result.shape[-1]
        if result.dim() < 3 or size != result.shape[-2] or size < 2 or record.axis != result.dim() - 1:
            return
        some = result.detach().reshape(-1, size, size)[0, :MAX_SQUARE, :MAX_SQUARE].clone()
        self.watch.samples.copied(some, lambda read: setattr(record, "causal", not np.triu(read, 1).any()))

    # ---- comparisons and arithmetic ----

    def _around_comparison(self, name: str) -> Any:
        watch, recorder = self.watch, self.recorder

        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if not watch.inner and recorder.looking and len(args) > 1:
                left, right = args[0], args[1]
                shape = getattr(right, "shape", None)
                if shape is not None and (watch.close or shape != left.shape):
                    self._compared(name, left, right, result)
            return result

        return around

    def _compared_(self, name: str, left: Any, right: Any, result: Any) -> None:
        if result is NotImplemented or not hasattr(left, "dtype") or not hasattr(right, "dim") or not right.dim():
            return
        place = self.recorder.place(4)
        shapes = (tuple(left.shape), tuple(right.shape), tuple(result.shape))
        key = ("compare", place, shapes)
        seen = self._by_line[key] = self._by_line.get(key, 0) + 1
        if place is None or seen > 64:
            return
        self.trace.comparisons.append(
            Comparison(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=place,
                name=name,
                left=shapes[0],
                right=shapes[1],
                result=shapes[2],
                left_dtype=str(left.dtype)[6:],
                right_dtype=str(right.dtype)[6:],
                broadcast=shapes[0] != shapes[1],
                forward=self.watch.forward.number if self.watch.forward else 0,
            )
        )

    def _around_arithmetic(self, name: str) -> Any:
        watch, recorder = self.watch, self.recorder

        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if not watch.inner and recorder.looking and len(args) > 1:
                left, right = args[0], args[1]
                shape = getattr(right, "shape", None)
                if shape is not None and result is not NotImplemented:
                    size = result.numel()
                    if shape != left.shape and size > left.numel() and size > math.prod(shape):
                        self._stretched(name, left, right, result)
            return result

        return around

    def _stretched_(self, name: str, left: Any, right: Any, result: Any) -> None:
        if not hasattr(right, "requires_grad"):
            return
        watch = self.watch
        place = self.recorder.place(4)
        key = ("stretch", place, left.shape, right.shape)
        seen = self._by_line[key] = self._by_line.get(key, 0) + 1
        if place is None or seen > 32:
            return
        record = Broadcast(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=place,
            name=name,
            left=tuple(left.shape),
            right=tuple(right.shape),
            result=tuple(result.shape),
            requires_grad=result.requires_grad,
            left_requires_grad=left.requires_grad,
            right_requires_grad=right.requires_grad,
            left_source=watch.origins.of(left),
            right_source=watch.origins.of(right),
            in_model=bool(watch.local.depth),
            forward=watch.forward.number if watch.forward else 0,
        )
        watch.on_backward(result, record)
        self.trace.broadcasts.append(record)

    def _finish(self) -> None:
        """Tie the calls of softmax and the like to the losses that they went into."""
        ops = {o.at: o for o in self.trace.ops}
        for call in self.trace.losses:
            if call.source and call.source.at in ops and not ops[call.source.at].to_loss:
                ops[call.source.at].to_loss = call.number


def _masked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Was scaled_dot_product_attention given a mask, or told to be causal?"""
    mask = args[3] if len(args) > 3 else kwargs.get("attn_mask")
    causal = args[5] if len(args) > 5 else kwargs.get("is_causal", False)
    return mask is not None or bool(causal)


def _axis(name: str, source: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    if name in ("sigmoid", "dropout"):
        return None
    index = 2 if name == "topk" else 1
    value = kwargs.get("dim", kwargs.get("axis", args[index] if len(args) > index else None))
    if name == "topk" and value is None:
        return -1
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if name in ("softmax", "log_softmax") and value is None:
        return 0 if source.dim() in (0, 1, 3) else 1
    return None


def _no_axis(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return kwargs.get("dim", args[1] if len(args) > 1 else None) is None
