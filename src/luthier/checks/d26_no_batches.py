"""A loader has no batches at all.

What it detects

A pass over a loader whose data set is empty, or has fewer rows than a batch while `drop_last=True` leaves the rest
out.

Why it hurts

The loop over it is never entered: nothing is trained, or nothing evaluated, and the program says so at most by a
division by zero behind it.

Evidence

Exact: the length of the loader.

Mend

Wrong:

    loader = DataLoader(data, batch_size=512, drop_last=True)      # 300 rows

Right:

    loader = DataLoader(data, batch_size=64, drop_last=True)

When it keeps silent

Loaders that are never read; data sets without a length.

Source

PyTorch's documentation of DataLoader (drop_last).
"""

from __future__ import annotations

from luthier.checks.wording import code, plural
from luthier.findings import Finding
from luthier.watching.facts import Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D26", "a loader without batches", "quick", ()


def judge(trace: Trace) -> list[Finding]:
    """One finding a loader that was read."""
    empty = [x for x in trace.loaders.values() if x.num_batches == 0 and x.num_rows >= 0 and x.num_epochs]
    return [_finding(x) for x in empty]


def _finding(loader: Loader) -> Finding:
    why = (
        "the data set is empty"
        if not loader.num_rows
        else f"its {plural(loader.num_rows, 'row')} do not fill a batch of {loader.batch_size}, and drop_last "
        "leaves them out"
    )
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=loader.num_epochs,
        text=f"{loader.variable or 'the loader'} gives no batch: {why}.",
        remedy="Use smaller batches, or drop_last=False." if loader.num_rows else "Look at how the rows were chosen.",
        severity="error",
        certain=True,
        place=loader.place,
        cause="A loop over no batches is not entered.",
        wrong=code("loader = DataLoader(data, batch_size=512, drop_last=True)   # 300 rows"),
        right=code("loader = DataLoader(data, batch_size=64, drop_last=True)"),
        evidence={"num_rows": loader.num_rows, "batch_size": loader.batch_size},
    )
