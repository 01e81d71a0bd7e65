"""Each worker of a loader reads the whole stream: every row comes once a worker.

What it detects

A loader of an IterableDataset with several workers whose batches come again from the next worker.

Why it hurts

Each worker has a copy of the data set and iterates over all of it. An epoch is as many epochs as there are workers,
neighbouring steps are taken on the same rows, and schedules and counts by epoch are wrong.

Evidence

Exact: hashes of the rows of the first batches of a pass. At least a third of the batches is bit-equal to one of those
that the other workers gave just before.

Mend

Wrong:

    def __iter__(self):
        yield from self.rows

Right:

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        yield from itertools.islice(self.rows, worker.id, None, worker.num_workers) if worker else self.rows

When it keeps silent

One worker, or none; data sets with an index; streams that each worker draws for itself.

Source

PyTorch documentation of IterableDataset ("each worker process will have a different copy of the dataset object").
"""

from __future__ import annotations

from luthier.checks.wording import code, percent, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Epoch, Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D32", "each worker reads all rows", "quick", ()
MIN_BATCHES, MIN_SHARE = 6, 1 / 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a loader."""
    found = []
    for loader in trace.loaders.values():
        passes = [e for e in loader.epochs if e.num_hashed >= MIN_BATCHES]
        again = [e for e in passes if e.num_again >= MIN_SHARE * e.num_hashed]
        if loader.iterable and loader.num_workers > 1 and again and len(again) == len(passes):
            found.append(_finding(loader, again[0]))
    return found


def _finding(loader: Loader, epoch: Epoch) -> Finding:
    share = epoch.num_again / epoch.num_hashed
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=MIN_SHARE,
        n=epoch.num_hashed,
        text=f"{loader.dataset_kind} gives each of its {loader.num_workers} workers all rows: {percent(share)} of "
        f"the first {plural(epoch.num_hashed, 'batch')} of a pass are bit-equal to the batch before them.",
        remedy="Ask get_worker_info() in __iter__, and give each worker its part.",
        severity="error",
        certain=True,
        place=loader.place,
        step=epoch.step,
        cause="Each worker has a copy of the data set, and iterates over all of it.",
        wrong=code("def __iter__(self):\n    yield from self.rows"),
        right=code("""
            def __iter__(self):
                worker = torch.utils.data.get_worker_info()
                first, step = (worker.id, worker.num_workers) if worker else (0, 1)
                yield from itertools.islice(self.rows, first, None, step)
        """),
        evidence={"workers": loader.num_workers},
    )
