"""Data loaders: order, waiting, how far they are read."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from luthier.findings import Place
from luthier.watching.facts import Epoch, Loader
from luthier.watching.lines import assigned, names_of
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.samples import first_tensor, numbers, row_hashes
from luthier.watching.torch.state import Watch
from luthier.watching.torch.stored import Store

EPOCHS = 200
HASHED = 16
"""Batches at the beginning of a pass whose contents are hashed, of the first passes."""


class Loading:
    """Hooks of data loaders."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        safely = self.recorder.safely
        self._begin = safely("loader", self._begin_)
        self._took = safely("loader", self._took_)
        self._note = safely("loader", self._note_)
        self._made: Registry[Place] = Registry()
        self._loaders: Registry[Loader] = Registry()
        self._passes: Registry[tuple[Loader, Epoch, float]] = Registry()
        self._data: Registry[int] = Registry()
        self._last: dict[int, deque[int]] = {}
        self._num_data = 0
        self._store = Store(watch)
        self.recorder.finishers.append(self._finish)

    def install(self) -> None:
        """Put the hooks in."""
        from torch.utils.data import DataLoader
        from torch.utils.data.dataloader import _BaseDataLoaderIter
        from torch.utils.data.distributed import DistributedSampler

        patches = self.watch.patches
        patches.wrap(DataLoader, "__init__", self._around_made)
        patches.wrap(DataLoader, "__iter__", self._around_iter)
        patches.wrap(_BaseDataLoaderIter, "__next__", self._around_next)
        patches.wrap(DistributedSampler, "set_epoch", self._around_set_epoch)
        self._set: Registry[bool] = Registry()

    def _around_made(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not self.recorder.off:
            self._note(args[0])
        return result

    def _note_(self, loader: Any) -> None:
        place = self.recorder.place(5)
        if place is not None:
            self._made.put(loader, place)

    def _around_iter(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        iterator = original(*args, **kwargs)
        if not self.recorder.off:
            self._begin(args[0], iterator)
        return iterator

    def _around_set_epoch(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.recorder.off:
            self._set.put(args[0], True)
        return original(*args, **kwargs)

    def _around_next(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self.recorder.off:
            return original(*args, **kwargs)
        begun_s = time.perf_counter()
        try:
            batch = original(*args, **kwargs)
        except StopIteration:
            self._took(args[0], None, begun_s)
            raise
        self._took(args[0], batch, begun_s)
        self.recorder.stop_if_due()
        return batch

    def _begin_(self, loader: Any, iterator: Any) -> None:
        known = self._loaders.get(loader)
        if known is None:
            known = self._loaders.put(loader, self._describe(loader))
            self.trace.loaders[known.number] = known
        known.num_epochs += 1
        epoch = Epoch(at=self.recorder.tick(), step=self.trace.num_steps)
        if len(known.epochs) < EPOCHS:
            known.epochs.append(epoch)
        self._passes.put(iterator, (known, epoch, time.perf_counter()))
        self._last[known.number] = deque(maxlen=max(1, known.num_workers - 1))
        dataset = loader.dataset
        while type(dataset).__name__ == "Subset":
            dataset = dataset.dataset
        self._store.dataset(known, dataset)

    def _describe(self, loader: Any) -> Loader:
        from torch.utils.data import IterableDataset

        sampler = loader.sampler if loader.batch_sampler is None else getattr(loader.batch_sampler, "sampler", None)
        sampler = sampler if sampler is not None else loader.batch_sampler
        dataset = loader.dataset
        base = dataset
        while type(base).__name__ == "Subset":
            base = base.dataset
        place = self._made.get(loader)
        return Loader(
            number=len(self.trace.loaders) + 1,
            at=self.recorder.at,
            step=self.trace.num_steps,
            place=place or self.recorder.place(5),
            name=type(loader).__name__,
            variable=assigned(place),
            names=names_of(loader),
            batch_size=loader.batch_size,
            sampler=type(sampler).__name__,
            shuffled=_shuffled(sampler),
            drop_last=bool(loader.drop_last),
            num_workers=loader.num_workers,
            iterable=isinstance(dataset, IterableDataset),
            dataset=self._number(dataset),
            base=self._number(base),
            dataset_kind=type(base).__name__,
            num_rows=_length(dataset),
            num_batches=_length(loader),
            num_weights=_length(sampler.weights) if type(sampler).__name__ == "WeightedRandomSampler" else -1,
        )

    def _number(self, dataset: Any) -> int:
        try:
            known = self._data.get(dataset)
            if known is None:
                self._num_data += 1
                known = self._data.put(dataset, self._num_data)
            return known
        except TypeError:  # lists and the like cannot be referred to weakly
            return -(id(dataset) % 2**31)

    def _took_(self, iterator: Any, batch: Any, begun_s: float) -> None:
        known = self._passes.get(iterator)
        if known is None:
            return
        loader, epoch, started_s = known
        now = time.perf_counter()
        if batch is None:
            epoch.complete = True
            return
        waited = now - begun_s
        epoch.wait_s += waited
        if not epoch.num_batches:
            epoch.first_wait_s = waited
        else:
            epoch.least_wait_s = min(epoch.least_wait_s, waited)
        epoch.seconds = now - started_s
        epoch.end_at = self.recorder.tick()
        epoch.num_batches += 1
        self.watch.loader = loader.number
        if epoch.num_batches <= HASHED and loader.num_epochs <= 10:
            tensor = first_tensor(batch)
            samples = self.watch.samples
            if tensor is not None and tensor.device.type == "cpu" and samples.readable(tensor) and tensor.dim():
                rows = row_hashes(numbers(samples.rows(tensor, 256, 256)))
                epoch.order = hash((epoch.order, rows)) or 1
                last, batch_hash = self._last[loader.number], hash(rows)
                epoch.num_hashed += 1
                epoch.num_again += loader.num_workers > 1 and batch_hash in last
                last.append(batch_hash)

    def _finish(self) -> None:
        for loader, known in self._loaders.living():
            sampler = getattr(loader, "sampler", None)
            known.set_epoch = sampler is not None and self._set.get(sampler) is not None
        for known in self.trace.loaders.values():
            for epoch in known.epochs:
                inside = [f for f in self.trace.forwards if epoch.at < f.at and f.loader == known.number]
                end = epoch.end_at + 1_000_000 if epoch is known.epochs[-1] else _next(known, epoch)
                epoch.num_trained = sum(f.phase == "train" and f.at < end for f in inside)
                epoch.num_evaluated = sum(f.phase == "evaluation" and f.at < end for f in inside)


def _next(loader: Loader, epoch: Epoch) -> int:
    return min((e.at for e in loader.epochs if e.at > epoch.at), default=1 << 62)


def _shuffled(sampler: Any) -> bool | None:
    kinds = {c.__name__ for c in type(sampler).__mro__}
    if kinds & {"RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler"}:
        return True
    if "DistributedSampler" in kinds:
        return bool(sampler.shuffle)
    return False if type(sampler).__name__ == "SequentialSampler" else None


def _length(thing: Any) -> int:
    try:
        return len(thing)
    except (TypeError, NotImplementedError):
        return -1
