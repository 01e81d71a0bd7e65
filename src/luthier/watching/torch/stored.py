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
    """Writes `Stored` facts."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._known: Registry[Stored] = Registry()
        self._arrays: Registry[Numbers] = Registry()

    def dataset(self, loader: Loader, dataset: Any) -> None:
        """A pass over a data set begins: look at the floating tensors and arrays among its attributes."""
        attributes = list(getattr(dataset, "__dict__", {}).items())
        parts = [(n, t) for n, v in attributes for t in (v if isinstance(v, (list, tuple)) else [v])[:TENSORS]]
        for name, thing in parts[:TENSORS]:
            new = Stored(name=name, owner=type(dataset).__name__, loader=loader.number, place=loader.place)
            if _is_floating(thing):
                self._moment(self._fact(thing, new), thing)
            elif type(thing) is np.ndarray and thing.dtype.kind == "f" and thing.flags.c_contiguous and thing.size:
                self._of_array(self._fact(thing, new), thing)

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

    def _fact(self, thing: Any, new: Stored) -> Stored:
        return self._known.get(thing) or self._known.put(thing, new)

    def _note(self, fact: Stored, version: int) -> bool:
        """Whether there is room for another moment."""
        if len(fact.versions) >= MOMENTS:
            return False
        if len(fact.versions) == 1 and len(self.watch.trace.stored) < MOMENTS:
            self.watch.trace.stored.append(fact)  # it was seen a second time
        fact.versions.append(version)
        fact.steps.append(self.watch.trace.num_steps)
        fact.stds.append(float("nan"))
        return True

    def _moment(self, fact: Stored, tensor: Any) -> None:
        where = len(fact.stds)
        if self.watch.samples.readable(tensor) and self._note(fact, tensor._version):
            self.watch.samples.later(tensor, lambda read: _put_std(fact, where, read), ENTRIES)

    def _of_array(self, fact: Stored, array: Numbers) -> None:
        """An array has no version counter: it has another version when a sample of it has other contents."""
        flat = array.reshape(-1)
        read = flat[:: -(-flat.size // ENTRIES)].copy()
        before = self._arrays.get(array)
        same = before is None or np.array_equal(before, read, equal_nan=True)
        self._arrays.put(array, read)
        if self._note(fact, (fact.versions[-1] if fact.versions else 0) + (not same)):
            _put_std(fact, len(fact.stds) - 1, read)


def _put_std(fact: Stored, where: int, read: Numbers) -> None:
    with np.errstate(all="ignore"):
        fact.stds[where] = float(read.astype(np.float64).std())


def _is_floating(thing: Any) -> bool:
    import torch

    return type(thing) is torch.Tensor and thing.dtype.is_floating_point and not thing.is_inference()
