"""Every rank of a distributed run trains on the same rows.

What it detects

A model in a DistributedDataParallel whose training calls get bit-equal rows on two ranks, step after step: the loader
has no DistributedSampler, and the ranks shuffle with the same seed or not at all.

Why it hurts

The gradients that are averaged are one and the same: N processes do the work of one, and the learning rate that was
raised for N times the batch is too high.

Evidence

Exact: hashes of the rows of the training calls of at least three of the steps 1 to 5, 10, 20, 50, 100 and 200, which
each rank posts to the store of its process group.

Mend

Wrong:

    loader = DataLoader(train_set, batch_size=32, shuffle=True)

Right:

    sampler = DistributedSampler(train_set)
    loader = DataLoader(train_set, batch_size=32, sampler=sampler)

When it keeps silent

One process; no DistributedDataParallel; ranks that differ in any of the compared steps.

Source

PyTorch documentation of DistributedSampler.
"""

from __future__ import annotations

from luthier.checks.reading import feeds_training
from luthier.checks.wording import code, every
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D30", "every rank trains on the same rows", "quick", ("T13",)
MIN_STEPS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding."""
    known = [c for c in trace.ranks if c.rows_known]
    rank = next((c.rank for c in known), 0)
    pairs = [c for c in known if c.rank == rank]
    if len(pairs) < MIN_STEPS or not all(c.same_rows for c in known):
        return []
    loader = next((x for x in trace.loaders.values() if feeds_training(x)), None)
    calls = [f for f in trace.forwards if f.training and f.rows]
    place = loader.place if loader else calls[0].place if calls else None
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=float(len(pairs)),
            threshold=float(MIN_STEPS),
            n=len(pairs),
            text=f"in {every(len(pairs), 'compared step')} rank 0 and rank {rank} were trained on the same "
            "rows: the gradients that they average are the same.",
            remedy="Give each rank rows of its own with a DistributedSampler, and call its set_epoch in every epoch.",
            severity="warning",
            certain=True,
            place=place,
            step=pairs[0].step,
            cause="Several processes do the work of one, and each row is seen once per rank and epoch.",
            wrong=code("loader = DataLoader(train_set, batch_size=32, shuffle=True)"),
            right=code("""
                sampler = DistributedSampler(train_set)
                loader = DataLoader(train_set, batch_size=32, sampler=sampler)
            """),
        )
    ]
