"""What a step did to the weights: how far they moved, how large the gradients were, of sampled entries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.watching.facts import Parameter
from luthier.watching.steps import Step, TensorStep
from luthier.watching.torch.samples import Numbers
from luthier.watching.torch.state import Holder, Watch

TENSORS = 200
"""Parameters of an optimizer whose change is looked at."""
ENTRIES = 2048
FIRST_STEPS = 5
"""Steps of an optimizer in which rows of gradients are compared."""
ROUNDING = 1e-3
"""Rows of a gradient that differ by less, relative to its largest entry, differ by the order of additions."""


def look(watch: Watch, record: Step, holder: Holder) -> None:
    """Compare weights before and after a step that is looked at closely."""
    grads: list[Any] = []
    looked = []
    before, holder.before = holder.before, []
    samples = watch.samples
    for slot, old in zip(holder.slots, [*before, *[None] * len(holder.slots)], strict=False):
        parameter = slot.ref()
        grad = None if parameter is None else parameter.grad
        if grad is None or not samples.readable(grad):
            continue
        grads.append(grad)
        looked.append(slot)
        if old is None or parameter is None or old.shape[0] == 0:
            continue
        fact = TensorStep(parameter=slot.fact.number)
        record.tensors.append(fact)
        new, slope = samples.few(parameter, ENTRIES), samples.few(grad, ENTRIES)
        samples.copied(_stack(old, slope, new), _tensor_step(fact))
        if record.index < FIRST_STEPS and grad.dim() > 1 and grad.shape[0] > 1:
            samples.copied(samples.rows(grad, 16, 64), _rows_equal(fact))
    norm = norms(grads)
    if norm is not None:
        samples.copied(norm, lambda read: _judge_norms(record, read))
    samples.then(lambda: _summary(record, watch.trace.parameters))


def norms(grads: list[Any]) -> Any:
    """The norms of gradients that are in one place and of one type: 1-D."""
    import torch

    alike = [
        g.detach() for g in grads if not g.is_sparse and g.device == grads[0].device and g.dtype == grads[0].dtype
    ]
    return torch.stack(torch._foreach_norm(alike)) if alike else None


def _stack(old: Any, slope: Any, new: Any) -> Any:
    import torch

    if not old.shape == slope.shape == new.shape:
        return old[:0]
    return torch.stack([old, slope.to(old.dtype), new])


def _tensor_step(fact: TensorStep) -> Any:
    def use_it(read: Numbers) -> None:
        if read.ndim != 2:
            return
        old, slope, new = read.astype(np.float64)
        finite = np.isfinite(slope)
        moved = slope != 0
        with np.errstate(all="ignore"):
            fact.grad_rms = float(np.sqrt(np.mean(slope[finite] ** 2))) if finite.any() else math.nan
            fact.weight_rms = float(np.sqrt(np.mean(old**2)))
            fact.update_rms = float(np.sqrt(np.mean((new - old) ** 2)))
            fact.weight_absmax = float(np.max(np.abs(old)))
        fact.grad_zero_share = 1.0 - float(np.mean(moved))
        fact.unchanged_share = float(np.mean(old[moved] == new[moved])) if moved.any() else math.nan
        fact.num_nonfinite = int(np.sum(~finite))

    return use_it


def _rows_equal(fact: TensorStep) -> Any:
    def use_it(read: Numbers) -> None:
        size = float(np.abs(read).max())
        fact.grad_rows_equal = size > 0 and float(np.abs(read - read[0]).max()) <= ROUNDING * size

    return use_it


def _judge_norms(record: Step, read: Numbers) -> None:
    finite = np.isfinite(read)
    record.num_zero = int(np.sum(read == 0))
    record.num_nonfinite = int(np.sum(~finite))
    record.num_nonzero = len(read) - record.num_zero - record.num_nonfinite
    record.grad_norm = float(np.sqrt(np.sum(read.astype(np.float64) ** 2)))


def _summary(record: Step, parameters: dict[int, Parameter]) -> None:
    """Ratios and counts over all parameters of a step, once their numbers are read."""
    checked = [t for t in record.tensors if not math.isnan(t.unchanged_share)]
    still = [t.parameter for t in checked if t.unchanged_share == 1.0]
    record.num_checked, record.num_unchanged, record.unchanged = len(checked), len(still), tuple(still[:20])
    ratios = [
        (t.update_rms / t.weight_rms, t.parameter)
        for t in record.tensors
        if t.weight_rms > 0 and t.parameter in parameters and len(parameters[t.parameter].shape) > 1
    ]
    if ratios:
        record.update_ratio = float(np.median([r for r, _ in ratios]))
        record.update_ratio_max, record.update_ratio_parameter = max(ratios)
