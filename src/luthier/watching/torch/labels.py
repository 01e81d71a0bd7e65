"""Targets of the loss calls, added up by line and phase."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from luthier.watching.calls import Labels, LossCall
from luthier.watching.torch.samples import Numbers, numbers
from luthier.watching.torch.state import Watch

CALLS = 4000
ENTRIES = 65536
CLASSES = 1000


class _Seen(NamedTuple):
    """Targets of one call: counts by label (None where they are not whole numbers), and their moments."""

    call: LossCall
    counts: dict[int, int] | None
    n: int
    total: float
    squares: float
    low: float
    high: float
    runs: int
    first: float
    last: float


class LabelBook:
    """Adds up targets."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._seen: list[_Seen] = []
        watch.recorder.finishers.append(self._finish)

    def seen(self, call: LossCall, target: Any) -> None:
        """A loss was called with `target`."""

        def use(read: Numbers) -> None:
            ignore = call.ignore_index if call.ignore_index is not None and read.dtype.kind in "iu" else None
            call.num_targets = target_size
            if ignore is not None:
                kept = read[read != ignore]
                call.num_ignored = round((1.0 - kept.size / max(read.size, 1)) * target_size)
                read = kept
            if len(self._seen) < CALLS and read.size:
                self._seen.append(_moments(call, read))

        target_size = target.numel()
        if target.device.type == "cpu":
            flat = target.detach().reshape(-1)
            use(numbers(flat[:: -(-target_size // ENTRIES)] if target_size > ENTRIES else flat))
        else:
            self.watch.samples.later(target, use, ENTRIES)

    def _finish(self) -> None:
        groups: dict[tuple[Any, ...], list[_Seen]] = {}
        for seen in self._seen:
            groups.setdefault((seen.call.name, seen.call.place, seen.call.phase), []).append(seen)
        for (name, place, phase), parts in groups.items():
            self.watch.trace.labels.append(_added(name, place, phase, parts))


def _moments(call: LossCall, read: Numbers) -> _Seen:
    wide = read.astype(np.float64)
    low, high = float(wide.min()), float(wide.max())
    counts = None
    runs = 0
    if (read.dtype.kind in "iub" or bool((wide == np.rint(wide)).all())) and low >= -1 and high < CLASSES:
        values, number = np.unique(wide.astype(np.int64), return_counts=True)
        counts = dict(zip(values.tolist(), number.tolist(), strict=True))
        runs = 1 + int(np.count_nonzero(np.diff(wide)))
    ends = float(wide[0]), float(wide[-1])
    return _Seen(call, counts, wide.size, float(wide.sum()), float((wide**2).sum()), low, high, runs, *ends)


def _added(name: str, place: Any, phase: Any, parts: list[_Seen]) -> Labels:
    counts: dict[int, int] = {}
    entropies = []
    counted = [p for p in parts if p.counts is not None]
    for part in counted:
        assert part.counts is not None
        for label, number in part.counts.items():
            counts[label] = counts.get(label, 0) + number
        shares = np.array(list(part.counts.values())) / part.n
        entropies.append(float(-(shares * np.log(shares)).sum()))
    n = sum(p.n for p in parts)
    mean = sum(p.total for p in parts) / n
    return Labels(
        name=name,
        place=place,
        phase=phase,
        num_classes=max(p.call.num_classes for p in parts),
        counts=dict(sorted(counts.items())) if len(counted) == len(parts) else {},
        num_calls=len(parts),
        num_labels=n,
        num_single=sum(len(p.counts or ()) == 1 for p in parts),
        entropy=float(np.mean(entropies)) if entropies else math.nan,
        low=min(p.low for p in parts),
        high=max(p.high for p in parts),
        mean=mean,
        std=math.sqrt(max(sum(p.squares for p in parts) / n - mean**2, 0.0)),
        runs=sum(p.runs for p in parts) - sum(a.last == b.first for a, b in itertools.pairwise(parts)),
    )
