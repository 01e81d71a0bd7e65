"""The evaluation rows are changed at random.

What it detects

A loader that is not shuffled, that nothing is trained from, and whose rows come with other contents in each pass.

Why it hurts

The number of an evaluation depends on the draw of its augmentation: epochs and runs cannot be compared, and the model
is measured on rows that nobody will give it.

Evidence

Exact: hashes of the contents of the first batches of two passes in evaluation mode.

Mend

Wrong:

    test_set = ImageFolder("test", transform=train_transform)

Right:

    test_set = ImageFolder("test", transform=test_transform)

When it keeps silent

Shuffled loaders (their order differs anyway); iterable data sets; a single pass. It is a hint only: noise or masks
may be the task.

Source

PyTorch's tutorial of transfer learning (two sets of transforms).
"""

from __future__ import annotations

from luthier.checks.reading import feeds_training
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Epoch, Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D14", "random evaluation rows", "quick", ("T14",)
MIN_PASSES = 2


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a loader."""
    found, once = [], False
    for loader in trace.loaders.values():
        passes = [e for e in loader.epochs if e.order and e.num_evaluated]
        if loader.shuffled is not False or feeds_training(loader) or not passes:
            continue
        once |= len(passes) < MIN_PASSES
        longest = max(e.num_batches for e in passes)
        same = [e for e in passes if e.num_batches == longest]
        if len(same) >= MIN_PASSES and len({e.order for e in same}) == len(same):
            found.append(_finding(loader, same))
    if not found and once:
        return Unknown(
            code=CODE,
            title=TITLE,
            reason="no loader of evaluation rows was read twice",
            needs="a second pass over the same loader",
        )
    return found


def _finding(loader: Loader, passes: list[Epoch]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(passes)),
        threshold=1.0,
        n=len(passes),
        text=f"{loader.variable or 'a loader'} is read in the same order for evaluation, but its rows had other "
        "contents "
        f"in each of {plural(len(passes), 'pass')}: they are augmented at random.",
        remedy="Give the evaluation set a transform without random parts.",
        severity="info",
        certain=True,
        place=loader.place,
        step=passes[1].step,
        cause="The score is that of the draw as much as that of the model.",
        wrong=code('test_set = ImageFolder("test", transform=train_transform)'),
        right=code('test_set = ImageFolder("test", transform=test_transform)'),
    )
