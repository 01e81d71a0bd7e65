"""Tensors that the program keeps and takes its rows from: whether they change while it trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.watching.calls import Forward
from luthier.watching.facts import Loader, Stored
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.samples import Numbers
from luthier.watching.torch.state import Watch

MOMENTS = 64
ENTRIES = 1024
TENSORS = 16
"""Attributes of a data set that are looked at."""


class Store:
    """Writes `Stored` facts. Only a change of the version counter costs anything."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._known: Registry[Stored] = Registry()

    def dataset(self, loader: Loader, dataset: Any) -> None:
        """A pass over a data set begins."""
        attributes = list(getattr(dataset, "__dict__", {}).items())
        parts = [(n, t) for n, v in attributes for t in (v if isinstance(v, (list, tuple)) else [v])[:TENSORS]]
        for name, tensor in parts[:TENSORS]:
            if _is_floating(tensor):
                kind = type(dataset).__name__
                fact = self._fact(tensor, Stored(name=name, owner=kind, loader=loader.number, place=loader.place))
                self._moment(fact, tensor)

    def base(self, record: Forward, tensor: Any) -> None:
        """A model is called with `tensor`; where that is a view, its base is what the program keeps."""
        base = tensor._base
        if base is None or not _is_floating(base) or base.requires_grad or base.grad_fn is not None:
            return
        if self._known.get(base) is None and not self.watch.close:
            return
        fact = self._fact(base, Stored(kind="base", place=record.place))
        if fact.kind == "base" and (not fact.versions or fact.versions[-1] != base._version):
            self._moment(fact, base)

    def _fact(self, tensor: Any, new: Stored) -> Stored:
        return self._known.get(tensor) or self._known.put(tensor, new)

    def _moment(self, fact: Stored, tensor: Any) -> None:
        if len(fact.versions) >= MOMENTS or not self.watch.samples.readable(tensor):
            return
        if len(fact.versions) == 1 and len(self.watch.trace.stored) < MOMENTS:
            self.watch.trace.stored.append(fact)  # it was seen a second time
        fact.versions.append(tensor._version)
        fact.steps.append(self.watch.trace.num_steps)
        where = len(fact.stds)
        fact.stds.append(float("nan"))

        def use(read: Numbers) -> None:
            with np.errstate(all="ignore"):
                fact.stds[where] = float(read.astype(np.float64).std())

        self.watch.samples.later(tensor, use, ENTRIES)


def _is_floating(thing: Any) -> bool:
    import torch

    return type(thing) is torch.Tensor and thing.dtype.is_floating_point and not thing.is_inference()
