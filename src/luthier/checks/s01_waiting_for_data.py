"""The training waits for its data.

What it detects

A loader that the training loop waits for during a large part of its time.

Why it hurts

The processor that trains stands still meanwhile: a faster one would bring nothing.

Evidence

Measured: the time inside `next()` of the loader by the time of its passes, without the first batch of each pass; 20
batches or more, and 5 ms a batch or more.

Mend

Wrong:

    loader = DataLoader(data, batch_size=64, shuffle=True)

Right:

    loader = DataLoader(data, batch_size=64, shuffle=True, num_workers=4, persistent_workers=True)

Or prepare the rows once, before the first epoch.

When it keeps silent

With workers a hint only: what holds them up may be the machine. Waiting below a fifth of the time, below 5 ms a
batch or below half a second in all; the start of workers at the first batch; loaders that nothing is trained from.

Source

PyTorch's performance tuning guide; torch-tb-profiler reports from 5 % on.
"""

from __future__ import annotations

import math

from luthier.checks.reading import feeds_training
from luthier.checks.wording import code, percent, plural
from luthier.findings import Finding, Severity, Unknown
from luthier.watching.facts import Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "S01", "the training waits for data", "quick", ()
HINT, WARNING = 0.2, 0.4
MIN_TOTAL_S = 0.5
MIN_BATCHES = 20
MIN_WAIT_S = 0.005
LEAST_WAIT_S = 0.002
"""Without workers every batch costs as much: a busy machine delays some of them, a slow data set all."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line that makes or reads loaders."""
    groups: dict[tuple[str, int], list[Loader]] = {}
    for loader in trace.loaders.values():
        if loader.place is not None and feeds_training(loader):
            groups.setdefault((loader.place.file, loader.place.line), []).append(loader)
    found, short = [], False
    for loaders in groups.values():
        batches, wait_s, seconds = _added(loaders)
        short |= 0 < batches < MIN_BATCHES
        waits = wait_s >= max(MIN_WAIT_S * batches, HINT * seconds, MIN_TOTAL_S)
        if batches >= MIN_BATCHES and waits and (loaders[0].num_workers or _least(loaders) >= LEAST_WAIT_S):
            found.append(_finding(loaders, batches, wait_s, seconds))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="few batches were taken", needs=f"{MIN_BATCHES} batches")
    return found


def _added(loaders: list[Loader]) -> tuple[int, float, float]:
    """Batches behind the first of their pass, seconds waited for them, and seconds of all."""
    passes = [e for x in loaders for e in x.epochs if e.num_trained and e.num_batches > 1]
    return (
        sum(e.num_batches - 1 for e in passes),
        sum(e.wait_s - e.first_wait_s for e in passes),
        sum(e.seconds - e.first_wait_s for e in passes),
    )


def _least(loaders: list[Loader]) -> float:
    return min(e.least_wait_s for x in loaders for e in x.epochs)


def _finding(loaders: list[Loader], batches: int, wait_s: float, seconds: float) -> Finding:
    loader = loaders[0]
    share = wait_s / seconds if seconds > 0 else math.nan
    severity: Severity = "warning" if share >= WARNING and not loader.num_workers else "info"
    workers = plural(loader.num_workers, "worker")
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=HINT,
        n=batches,
        text=f"{percent(share)} of the time of training was spent waiting for batches ({1000 * wait_s / batches:.1f} "
        f"ms a batch, {plural(batches, 'batch')}); the loader has {workers}.",
        remedy="Use worker processes (num_workers, persistent_workers=True), or do the costly part of a row once, "
        "before the first epoch."
        if not loader.num_workers
        else "Use more workers, or do the costly part of a row once, before the first epoch.",
        severity=severity,
        certain=False,
        place=loader.place,
        cause="Rows are made one after the other in the process that trains, and the model waits."
        if not loader.num_workers
        else "The workers make rows more slowly than the model uses them.",
        wrong=code("loader = DataLoader(data, batch_size=64, shuffle=True)"),
        right=code("loader = DataLoader(data, batch_size=64, shuffle=True, num_workers=4, persistent_workers=True)"),
        evidence={"wait_s": wait_s, "seconds": seconds, "num_workers": loader.num_workers},
    )
