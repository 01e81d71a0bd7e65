"""Calls of the framework's losses: what they are given, what comes out, and which backward pass goes through it."""

from __future__ import annotations

import inspect
import math
from functools import partial
from typing import Any

import numpy as np

from luthier.watching.calls import LossCall
from luthier.watching.torch.labels import LabelBook
from luthier.watching.torch.relations import Relations
from luthier.watching.torch.samples import Numbers, fact_of, numbers, stats_of
from luthier.watching.torch.state import Watch

LOSSES = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "kl_div", "gaussian_nll_loss", "poisson_nll_loss", "hinge_embedding_loss",
    "cosine_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss", "ctc_loss",
)  # fmt: skip
WITH_CLASSES = ("cross_entropy", "nll_loss")
EVERY_CALL = 400
"""Calls at the beginning whose targets are counted one by one."""
SAME = 0.99


class Losses:
    """Functions put in the place of the framework's losses."""

    def __init__(self, watch: Watch, relations: Relations) -> None:
        self.relations = relations
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        self._loss = self.recorder.safely("loss", self._loss_)
        self.labels = LabelBook(watch)
        self._num = 0

    def install(self) -> None:
        """Put the functions in."""
        import torch

        for name in LOSSES:
            note = partial(self._loss, name)
            self.watch.patches.wrap(torch.nn.functional, name, self.watch.noting(note, failed=True))

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
        source, target = given.get("input", given.get("log_probs")), given.get("target")
        if isinstance(source, torch.Tensor):
            record.input = fact_of(source)
        if isinstance(target, torch.Tensor):
            record.target = fact_of(target)
            record.target_key = (target.data_ptr() if self.watch.samples.readable(target) else 0, record.target.shape)
        if name == "poisson_nll_loss":
            record.log_input = bool(given.get("log_input", True))
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
        self.relations.loss(record, source, target)
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


def _row_sums(tensor: Any, axis: int) -> Any:
    """Sums over the class axis of at most 1024 rows."""
    import torch

    some = tensor.detach()[:1024]
    return some.to(torch.promote_types(some.dtype, torch.float32)).sum(dim=axis).reshape(-1)


def _put_sums(record: LossCall, read: Numbers, name: str) -> None:
    if read.size and np.isfinite(read).all():
        setattr(record, f"{name}_low", float(read.min()))
        setattr(record, f"{name}_high", float(read.max()))
