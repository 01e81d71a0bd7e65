"""Losses, softmax and its like, comparisons, and arithmetic that stretches its sides."""

from __future__ import annotations

import inspect
import math
import sys
from typing import Any

import numpy as np

from luthier.watching.calls import Broadcast, Comparison, LossCall, Op
from luthier.watching.facts import Origin
from luthier.watching.torch.labels import LabelBook
from luthier.watching.torch.samples import Numbers, fact_of, numbers, stats_of
from luthier.watching.torch.state import Watch

LOSSES = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "kl_div", "gaussian_nll_loss", "poisson_nll_loss", "hinge_embedding_loss",
    "cosine_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss", "ctc_loss",
)  # fmt: skip
WITH_CLASSES = ("cross_entropy", "nll_loss")
COMPARISONS = ("__eq__", "__ne__", "__gt__", "__lt__", "__ge__", "__le__", "eq", "ne", "gt", "lt")
ARITHMETIC = {"__sub__": "sub", "__rsub__": "sub", "sub": "sub", "__mul__": "mul", "__rmul__": "mul", "mul": "mul",
              "__add__": "add", "__radd__": "add", "__truediv__": "div"}  # fmt: skip
EVERY_CALL = 400
"""Calls at the beginning whose targets are counted one by one."""
OPS = 256
SAME = 0.99
MAX_SQUARE = 256


class Functions:
    """Functions put in the place of the framework's."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        safely = self.recorder.safely
        self._loss = safely("loss", self._loss_)
        self._op = safely("function", self._op_)
        self._compared = safely("comparison", self._compared_)
        self._stretched = safely("arithmetic", self._stretched_)
        self.labels = LabelBook(watch)
        self._num = 0
        self._by_line: dict[Any, int] = {}
        self.recorder.finishers.append(self._finish)

    def install(self) -> None:
        """Put the functions in."""
        import torch
        import torch.nn.functional as F  # noqa: N812  # its usual name

        put = self.watch.patches
        for name in LOSSES:
            put.wrap(F, name, self._around_loss(name))
        for owner in (torch, F, torch.Tensor):
            for name in ("softmax", "log_softmax", "sigmoid"):
                put.wrap(owner, name, self._around_op(name))
        put.wrap(F, "dropout", self._around_op("dropout"))
        put.wrap(F, "scaled_dot_product_attention", self._around_op("attention"))
        for owner in (torch, torch.Tensor):
            for name in ("argmax", "max", "topk"):
                put.wrap(owner, name, self._around_op(name))
            for name in COMPARISONS:
                if owner is torch.Tensor or not name.startswith("_"):
                    put.wrap(owner, name, self._around_comparison(name.strip("_")))
        for name, kind in ARITHMETIC.items():
            self.watch.arithmetic.wrap(torch.Tensor, name, self._around_arithmetic(kind))

    # ---- losses ----

    def _around_loss(self, name: str) -> Any:
        watch, recorder = self.watch, self.recorder

        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if watch.inner or recorder.off or recorder.busy or recorder.resting:
                return original(*args, **kwargs)
            watch.inner += 1
            try:
                result = original(*args, **kwargs)
            except Exception:
                self._loss(name, original, args, kwargs, None)
                raise
            finally:
                watch.inner -= 1
            self._loss(name, original, args, kwargs, result)
            return result

        return around

    def _loss_(self, name: str, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        import torch

        watch = self.watch
        given = _bound(original, args, kwargs) if len(args) > 2 else {**kwargs, **_first_two(args, name)}
        self._num += 1
        record = LossCall(
            number=self._num,
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(4),
            name=name,
            reduction=str(given.get("reduction", "mean")),
            label_smoothing=float(given.get("label_smoothing", 0.0) or 0.0),
            forward=watch.forward.number if watch.forward else 0,
            grad_enabled=torch.is_grad_enabled(),
            raised=result is None,
            sampled=watch.close,
        )
        source, target = given.get("input"), given.get("target")
        if isinstance(source, torch.Tensor):
            record.input = fact_of(source)
        if isinstance(target, torch.Tensor):
            record.target = fact_of(target)
        if record.input and record.target and name not in WITH_CLASSES:
            record.broadcast = record.input.shape != record.target.shape
        if name in WITH_CLASSES:
            self._classes(record, given)
        if result is not None:
            self._result(record, result)
        if not watch.blind():
            self._close(record, given, source, target)
        self.trace.losses.append(record)
        if record.grad_enabled and not record.raised:
            self.recorder.trained_with(record)

    def _classes(self, record: LossCall, given: dict[str, Any]) -> None:
        record.ignore_index = int(given.get("ignore_index", -100))
        if record.input and record.input.shape:
            record.num_classes = record.input.shape[1 if len(record.input.shape) > 1 else 0]

    def _result(self, record: LossCall, result: Any) -> None:
        record.result_shape = tuple(result.shape)
        self.watch.on_backward(result, record)
        if result.numel() == 1 and self.watch.samples.readable(result) and not self.watch.blind():

            def use(read: Numbers) -> None:
                record.result = float(read[0])
                record.result_is_nonfinite = not math.isfinite(record.result)

            if result.device.type == "cpu":
                use(numbers(result.detach()).reshape(-1))
            else:
                self.watch.samples.later(result, use)

    def _close(self, record: LossCall, given: dict[str, Any], source: Any, target: Any) -> None:
        """The numbers of a loss call: of the first calls and of those that are looked at closely."""
        samples = self.watch.samples
        close = record.sampled or record.raised
        if target is not None and samples.readable(target):
            early = self._num <= EVERY_CALL and target.device.type == "cpu"
            if close or early:
                self.labels.seen(record, target)
        if not close:
            return
        if record.name in WITH_CLASSES and target is not None and samples.readable(target):
            record.next_token = self._is_next_token(target)
        if source is not None and record.input is not None and samples.readable(source):
            record.source = self.watch.origins.of(source)
            fact = record.input

            def stats(read: Numbers) -> None:
                fact.stats = stats_of(read)
                if fact.stats.n:
                    record.exact_share = float(np.mean((read == 0) | (read == 1)))

            samples.later(source, stats)
            if source.dim() > 1:
                axis = 1 if record.name in WITH_CLASSES else source.dim() - 1
                samples.copied(_row_sums(source, axis), lambda read: _put_sums(record, read, "row_sum"))
        if target is not None and record.target is not None and samples.readable(target):
            record.target_source = self.watch.origins.of(target)
            goal = record.target
            samples.later(target, lambda read: setattr(goal, "stats", stats_of(read)))
            if target.dim() > 1 and target.dtype.is_floating_point:
                axis = 1 if record.name in WITH_CLASSES else target.dim() - 1
                samples.copied(_row_sums(target, axis), lambda read: _put_sums(record, read, "target_row_sum"))
        weight, positive = given.get("weight"), given.get("pos_weight")
        if weight is not None and hasattr(weight, "shape"):
            record.weight_shape = tuple(weight.shape)
            samples.later(weight, lambda read: setattr(record, "weights", tuple(read.tolist())), 1000)
        if positive is not None and hasattr(positive, "shape"):
            samples.later(positive, lambda read: setattr(record, "pos_weight", tuple(read.tolist())), 1000)

    def _is_next_token(self, target: Any) -> bool:
        """Is the target the input moved by one, in the rows that were kept, and not the input itself?"""
        ids, call = self.watch.tokens_in, self.watch.forward
        if ids is None or call is None or call.input is None or target.dtype.is_floating_point:
            return False
        shape = call.input.shape
        if target.numel() != math.prod(shape):
            return False
        goal = numbers(target.detach().reshape(shape)[: len(ids)].cpu())
        known = goal >= 0
        moved = (goal == np.roll(ids, -1, axis=1))[:, :-1][known[:, :-1]]
        return moved.size > 0 and float(moved.mean()) > SAME and float((goal == ids)[known].mean()) < SAME

    # ---- softmax, sigmoid, argmax, max, dropout ----

    def _around_op(self, name: str) -> Any:
        watch, recorder = self.watch, self.recorder

        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if watch.inner or recorder.off or recorder.busy or recorder.resting:
                return original(*args, **kwargs)
            watch.inner += 1
            try:
                result = original(*args, **kwargs)
            finally:
                watch.inner -= 1
            self._op(name, args, kwargs, result)
            return result

        return around

    def _op_(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
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
        self.trace.ops.append(record)

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
            if not (watch.inner or recorder.off or recorder.busy or recorder.resting) and len(args) > 1:
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
            if not (watch.inner or recorder.off or recorder.busy or recorder.resting) and len(args) > 1:
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


def _bound(original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(inspect.signature(original).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        return kwargs


def _first_two(args: tuple[Any, ...], name: str) -> dict[str, Any]:
    names = ("anchor", "positive") if name.startswith("triplet") else ("input1", "input2")
    names = names if name.startswith(("triplet", "cosine", "margin_ranking")) else ("input", "target")
    if name == "ctc_loss":
        names = ("input", "targets")
    return dict(zip(names, args, strict=False))


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


def _row_sums(tensor: Any, axis: int) -> Any:
    """Sums over the class axis of at most 1024 rows."""
    import torch

    some = tensor.detach()[:1024]
    return some.to(torch.promote_types(some.dtype, torch.float32)).sum(dim=axis).reshape(-1)


def _put_sums(record: LossCall, read: Numbers, name: str) -> None:
    if read.size and np.isfinite(read).all():
        setattr(record, f"{name}_low", float(read.min()))
        setattr(record, f"{name}_high", float(read.max()))
