"""The sampler knows only the first rows.

What it detects

A `WeightedRandomSampler` that was given fewer weights than the data set has rows, such as one weight a class.

Why it hurts

The sampler draws indices below the number of its weights: with ten classes and ten weights the model sees the first
ten rows of the data set, again and again.

Evidence

Exact: the number of weights and the number of rows.

Mend

Wrong:

    sampler = WeightedRandomSampler(class_weights, len(labels))

Right:

    sampler = WeightedRandomSampler(class_weights[labels], len(labels))

When it keeps silent

One weight a row; samplers of a subset that is named by its indices.

Source

PyTorch's documentation of WeightedRandomSampler ("samples elements from [0, ..., len(weights) - 1]").
"""

from __future__ import annotations

from luthier.checks.wording import code, percent
from luthier.findings import Finding
from luthier.watching.facts import Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D25", "the sampler knows only the first rows", "quick", ()


def judge(trace: Trace) -> list[Finding]:
    """One finding a loader."""
    return [_finding(x) for x in trace.loaders.values() if 0 <= x.num_weights < x.num_rows]


def _finding(loader: Loader) -> Finding:
    share = loader.num_weights / loader.num_rows
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(loader.num_weights),
        threshold=float(loader.num_rows),
        n=loader.num_rows,
        text=f"WeightedRandomSampler has {loader.num_weights} weights for {loader.num_rows} rows: only the first "
        f"{loader.num_weights} rows ({percent(share)}) are ever drawn.",
        remedy="Give it one weight a row: class_weights[labels].",
        severity="error",
        certain=True,
        place=loader.place,
        cause="The sampler draws an index for each weight; rows beyond the last weight do not exist for it.",
        wrong=code("sampler = WeightedRandomSampler(class_weights, len(labels))"),
        right=code("sampler = WeightedRandomSampler(class_weights[labels], len(labels))"),
    )
