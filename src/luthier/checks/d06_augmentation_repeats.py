"""The random augmentation is the same for every row and epoch.

What it detects

A data set whose `__getitem__` sets a constant seed, and whose rows come bit-equal in the second epoch.

Why it hurts

Every row gets the same shift and the same noise, in every epoch. The augmentation adds nothing to the data; the model
learns the constant noise.

Evidence

The seed is a constant in the source of `__getitem__`; and exactly: the rows that the model was given in one epoch
are those of the epoch before.

Mend

Wrong:

    def __getitem__(self, i):
        rng = np.random.RandomState(1234)

Right:

    def __init__(self, ...):
        self.rng = np.random.RandomState(1234)

When it keeps silent

A seed made of the row's index or of the epoch; data sets that nothing is trained from; rows that do differ.

Source

PyTorch's documentation of torch.utils.data ("randomness in multi-process data loading").
"""

from __future__ import annotations

import ast
from collections import defaultdict

from luthier.checks.reading import feeds_training
from luthier.checks.wording import Sources, code, parsed, percent, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Loader
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D06", "the augmentation repeats itself", "quick", ("R03",)
SEEDERS = ("RandomState", "default_rng", "Random", "manual_seed", "seed")
EQUAL_SHARE = 0.99
MIN_ROWS = 32


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a data set."""
    found: list[Finding] = []
    short = False
    for loader in trace.loaders.values():
        place = _seeded(trace.sources, loader.dataset_kind)
        if place is None or not feeds_training(loader):
            continue
        share, rows = _repeated(trace, loader)
        short |= rows < MIN_ROWS
        if rows >= MIN_ROWS and share >= EQUAL_SHARE and all(f.place != place for f in found):
            found.append(_finding(loader, place, share, rows))
    if not found and short:
        return Unknown(code=CODE, title=TITLE, reason="less than two epochs were seen", needs="two epochs")
    return found


def _seeded(sources: Sources, kind: str) -> Place | None:
    """The line in `__getitem__` of a class that sets a constant seed."""
    for file, source in sources.items():
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.ClassDef) and node.name == kind:
                calls = [
                    call
                    for method in node.body
                    if isinstance(method, ast.FunctionDef) and method.name == "__getitem__"
                    for call in ast.walk(method)
                    if isinstance(call, ast.Call) and _is_constant_seed(call)
                ]
                if calls:
                    line = calls[0].lineno
                    return Place(
                        file=file, line=line, function="__getitem__", text=source.splitlines()[line - 1].strip()
                    )
    return None


def _is_constant_seed(node: ast.Call) -> bool:
    if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in SEEDERS and isinstance(node.args[0].value, int)


def _repeated(trace: Trace, loader: Loader) -> tuple[float, int]:
    """(share of the rows of the second epoch that were in the first one, their number), of training calls."""
    starts = [e.at for e in loader.epochs[:3]]
    rows: dict[int, set[int]] = defaultdict(set)
    for call in trace.forwards:
        epoch = sum(call.at > start for start in starts)
        if call.loader == loader.number and call.phase == "train" and 0 < epoch <= 2:
            rows[epoch].update(call.rows)
    if not rows[1] or not rows[2]:
        return 0.0, 0
    return len(rows[1] & rows[2]) / len(rows[2]), len(rows[2])


def _finding(loader: Loader, place: Place, share: float, rows: int) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=EQUAL_SHARE,
        n=rows,
        text=f"{loader.dataset_kind}.__getitem__ sets a constant seed ({place.text}), and {percent(share)} of "
        f"{plural(rows, 'row')} of the second epoch are bit-equal to those of the first.",
        remedy="Make the generator once, in __init__, or seed it with the index and the epoch.",
        severity="error",
        certain=True,
        place=place,
        others=(loader.place,) if loader.place else (),
        cause="The same seed gives the same numbers: every row gets the same noise, every time.",
        wrong=code("def __getitem__(self, i):\n    rng = np.random.RandomState(1234)"),
        right=code("def __init__(self, ...):\n    self.rng = np.random.RandomState(1234)"),
    )
