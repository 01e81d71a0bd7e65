"""What models are given and what they answer, row by row: hashes, columns, spread."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.watching.calls import Columns, Forward
from luthier.watching.facts import Model
from luthier.watching.torch.relations import Relations
from luthier.watching.torch.samples import Numbers, numbers, row_hashes, stats_of
from luthier.watching.torch.state import Watch
from luthier.watching.torch.stored import Store

ROWS = 8192
"""Rows of one model in one mode whose hashes are kept."""
ROWS_A_CALL = 1024
ENTRIES = 256
COLUMNS = 512
STEPS = 6
"""Steps of a window at least."""
PARTS = 400
"""Calls whose columns are added up."""


class Inputs:
    """Collects facts about rows."""

    def __init__(self, watch: Watch, relations: Relations) -> None:
        self.watch, self.relations = watch, relations
        self._rows: dict[tuple[int, bool, bool], int] = {}
        self._parts: list[tuple[Forward, str, Numbers, Numbers]] = []
        self._store = Store(watch)
        watch.recorder.finishers.insert(0, self._finish)

    def seen(self, record: Forward, model: Model, tensor: Any) -> None:
        """A model is called with `tensor`."""
        watch, fact = self.watch, record.input
        if not watch.samples.readable(tensor) or fact is None:
            return
        if watch.close:

            def use(read: Numbers) -> None:
                fact.stats = stats_of(read)

            watch.samples.later(tensor, use)
            self._columns(record, tensor)
        if record.training:
            self._store.base(record, tensor)
        key = (model.number, record.training, record.grad_before)
        known = self._rows.get(key, 0)
        if tensor.dim() < 1 or known >= ROWS or (tensor.device.type != "cpu" and not watch.close):
            return
        one = tensor.dim() == 1 and tensor.dtype.is_floating_point  # a single row, as of a state of a game
        copy = watch.samples.rows(tensor.unsqueeze(0) if one else tensor, ROWS_A_CALL, ENTRIES)
        self._rows[key] = known + copy.shape[0]

        def keep(read: Numbers) -> None:
            record.rows = row_hashes(read)

        if tensor.device.type == "cpu":
            read = numbers(copy)
            keep(read)
            if tensor.dim() > 1 and read.size * tensor.shape[0] == tensor.numel() * len(read):  # whole rows
                self._parts_of(record, tensor, read)
        else:
            watch.samples.copied(copy, keep)

    def _parts_of(self, record: Forward, tensor: Any, read: Numbers) -> None:
        """Rows without their last and without their first step: windows of one series overlap in them."""
        if self.watch.close:
            self.relations.given(tensor, read)
        if tensor.dtype.is_floating_point and tensor.dim() in (2, 3) and tensor.shape[1] >= STEPS:
            size = read.shape[1] // tensor.shape[1]
            record.heads, record.tails = row_hashes(read[:, :-size]), row_hashes(read[:, size:])

    def _columns(self, record: Forward, tensor: Any) -> None:
        numeric = tensor.dtype.is_floating_point or tensor.dtype.itemsize == 1
        if len(self._parts) >= PARTS or not numeric:
            return
        samples = self.watch.samples
        if tensor.dim() == 2 and tensor.shape[1] <= COLUMNS:
            samples.copied(
                samples.rows(tensor, ROWS_A_CALL, COLUMNS),
                lambda read: self._parts.append((record, "column", *_sums(read))),
            )
        elif tensor.dim() == 4 and tensor.shape[1] <= 16:
            some = tensor.detach()[:16]
            stride = max(1, math.isqrt(some.shape[2] * some.shape[3] // 256))
            some = some[:, :, ::stride, ::stride].transpose(0, 1).reshape(tensor.shape[1], -1).t().clone()
            samples.copied(some, lambda read: self._parts.append((record, "channel", *_sums(read))))

    def spread(self, record: Forward, output: Any) -> None:
        """How far the rows of an output lie apart, where those of the input do."""
        samples, fact = self.watch.samples, record.output
        if fact is None or output.dim() < 1 or output.shape[0] < 2 or not samples.readable(output):
            return
        if not output.dtype.is_floating_point:
            return
        rows = record.rows

        def use(read: Numbers) -> None:
            wide = read.astype(np.float64)
            scale = float(np.max(np.abs(wide)))
            if not np.isfinite(scale):
                return
            if rows and len(set(rows[: len(wide)])) < 2:
                return
            record.spread = float(np.max(np.abs(wide - wide[0]))) / scale if scale > 0 else 0.0

        samples.copied(samples.rows(output, 32, 64), use)

    def _finish(self) -> None:
        """Add up the columns of each model and phase."""
        groups: dict[tuple[int, Any, str, int], list[tuple[Forward, Numbers, Numbers]]] = {}
        for record, axis, sums, extremes in self._parts:
            groups.setdefault((record.model, record.phase, axis, sums.shape[1]), []).append((record, sums, extremes))
        for (model, phase, axis, _), parts in groups.items():
            total = np.sum([s for _, s, _ in parts], axis=0)
            n = np.maximum(total[0], 1.0)
            mean = total[1] / n
            first = next((x for x in self.watch.trace.models[model].layers if x.parameters), None)
            shares = [f.input.stats.integer_share for f, _, _ in parts if f.input and f.input.stats]
            self.watch.trace.columns.append(
                Columns(
                    model=model,
                    phase=phase,
                    axis=axis,
                    n=int(total[0].max()),
                    mean=tuple(mean.tolist()),
                    std=tuple(np.sqrt(np.maximum(total[2] / n - mean**2, 0.0)).tolist()),
                    low=tuple(np.min([e[0] for _, _, e in parts], axis=0).tolist()),
                    high=tuple(np.max([e[1] for _, _, e in parts], axis=0).tolist()),
                    num_nonfinite=tuple(int(v) for v in total[3]),
                    integer_share=float(np.mean(shares)) if shares else math.nan,
                    dtype=parts[0][0].input.dtype if parts[0][0].input else "",
                    first_layer=first.kind if first else "",
                )
            )


def _sums(read: Numbers) -> tuple[Numbers, Numbers]:
    """Of the columns of a 2-D array: (count, sum, sum of squares, not finite), and (lowest, highest)."""
    wide = read.astype(np.float64)
    finite = np.isfinite(wide)
    clean = np.where(finite, wide, 0.0)
    sums = np.stack([finite.sum(0), clean.sum(0), (clean**2).sum(0), (~finite).sum(0)])
    low = np.where(finite, wide, np.inf).min(0)
    high = np.where(finite, wide, -np.inf).max(0)
    return sums, np.stack([low, high])
