"""The stored data are changed in place, again in every epoch.

What it detects

A tensor that rows are taken from in every epoch and that was written to in between, each time so that its spread
grows or shrinks by the same kind of factor: a scaling that was meant to be done once is done once an epoch. And
whatever is written by an in-place operation on a row in `__getitem__`, where the row is a view of what the data set
keeps: augmentation that is added to the data themselves, epoch after epoch.

Why it hurts

After five epochs pictures that were to be divided by 255 are divided by 255 five times: the model sees nothing but
noughts, each epoch other ones, and evaluation sees others again.

Evidence

Exact: the version counter of the stored tensor at the beginning of each pass. And the standard deviation of a sample
of it, which changes by a factor outside 0.8 to 1.25 in the same direction each time; or, where the line of
`__getitem__` that writes into a view is found, that the contents differ from pass to pass.

Mend

Wrong:

    def __getitem__(self, i):
        image = self.images[i]
        image /= 255

Right:

    def __getitem__(self, i):
        image = self.images[i] / 255

When it keeps silent

Batches that are scaled in place (a batch is a copy); data that change without growing or shrinking, such as buffers
that are filled anew; a single change.

Source

PyTorch's forum: indexing with a number gives a view, and in-place operations write through it.
"""

from __future__ import annotations

import ast
import itertools
import math
import re

from luthier.checks.reading import num
from luthier.checks.wording import Sources, code, line_at, parsed, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.facts import Loader, Stored
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T14", "the data are changed in place", "quick", ()
MIN_CHANGES, MIN_GROWTHS = 2, 3
"""A store that is being filled grows for a while, too."""
FACTOR = 1.25


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a stored tensor."""
    found = [f for stored in trace.stored if (f := _judge(trace, stored)) is not None]
    if not found and any(len(set(s.versions)) == MIN_CHANGES for s in trace.stored):
        return Unknown(code=CODE, title=TITLE, reason="stored data changed once", needs="one more epoch")
    return found


def _judge(trace: Trace, stored: Stored) -> Finding | None:
    moments = [(v, s) for v, s in zip(stored.versions, stored.stds, strict=False) if math.isfinite(s)]
    factors = [b[1] / a[1] if a[1] > 0 else math.nan for a, b in itertools.pairwise(moments) if b[0] > a[0]]
    if len(factors) < MIN_CHANGES or len(factors) < len(moments) - 1:
        return None
    if _writes_into_a_view(trace.sources, stored):
        return _finding(trace, stored, [s for _, s in moments], len(factors))
    shrinks = all(f < 1 / FACTOR or math.isnan(f) for f in factors) and factors[0] < 1 / FACTOR
    grows = len(factors) >= MIN_GROWTHS and all(f > FACTOR for f in factors)
    if not shrinks and not grows:
        return None
    return _finding(trace, stored, [s for _, s in moments], len(factors))


def _finding(trace: Trace, stored: Stored, stds: list[float], changes: int) -> Finding:
    loader = trace.loaders.get(stored.loader or 0)
    place = _writer(trace.sources, stored) or stored.place
    what = f"{stored.owner}.{stored.name}" if stored.kind == "dataset" else "the tensor that the inputs are views of"
    return Finding(
        code=CODE,
        title=TITLE,
        number=stds[-1] / stds[0] if stds[0] else math.nan,
        threshold=FACTOR,
        n=changes,
        text=f"{what} was changed in place between {plural(changes + 1, 'pass')} over it: its standard deviation "
        f"went {' -> '.join(num(s) for s in stds[:4])}.",
        remedy="Compute a new tensor instead of writing into the stored one, or scale once, before the loop.",
        severity="error",
        certain=True,
        place=place,
        others=tuple(
            p for p in (stored.place, loader.place if isinstance(loader, Loader) else None) if p and p != place
        ),
        step=stored.steps[1] if len(stored.steps) > 1 else None,
        cause="A row taken by its index is a view: what is written into it is written into the data.",
        wrong=code("image = self.images[i]\nimage /= 255"),
        right=code("image = self.images[i] / 255"),
        evidence={"stds": [float(s) for s in stds[:20]]},
    )


def _writer(sources: Sources, stored: Stored) -> Place | None:
    """The line that writes: in `__getitem__` of the data set, or the only one that writes to a name of the call."""
    found = []
    for file, source in sources.items():
        for scope in _scopes(parsed(source), stored):
            nodes = [n for n in ast.walk(scope) if isinstance(n, ast.AugAssign | ast.Call)]
            found += [(file, node.lineno) for node in nodes if _writes(node, stored)]
    if not found or (stored.kind == "base" and len(found) > 1):
        return None
    return line_at(sources, *found[0])


def _writes_into_a_view(sources: Sources, stored: Stored) -> bool:
    """Does `__getitem__` take `row = self.rows[i]` (perhaps in `torch.from_numpy`) and change `row` in place?"""
    if stored.kind == "base":
        return False
    view = re.compile(rf"(?:torch\.)?(?:from_numpy|as_tensor)?\(?self\.{re.escape(stored.name)}\[\w+\]\)?")
    for source in sources.values():
        for method in _scopes(parsed(source), stored):
            stores = [n for n in ast.walk(method) if isinstance(n, ast.Assign) and len(n.targets) == 1]
            views = {ast.unparse(n.targets[0]) for n in stores if view.fullmatch(ast.unparse(n.value))}
            others = {ast.unparse(n.targets[0]) for n in stores if not view.fullmatch(ast.unparse(n.value))}
            if any(_written(n) in views - others for n in ast.walk(method)):
                return True
    return False


def _scopes(tree: ast.Module, stored: Stored) -> list[ast.AST]:
    if stored.kind == "base":
        return [tree]
    return [
        method
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == stored.owner
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name in ("__getitem__", "__getitems__")
    ]


def _writes(node: ast.AugAssign | ast.Call, stored: Stored) -> bool:
    """`x /= ...`, `x[...] = ...` or `x.div_(...)`; of a base: to a name that its call mentions."""
    name = _written(node)
    if not name or stored.kind == "dataset":
        return bool(name)
    return name.replace(".", "").isidentifier() and stored.place is not None and f"{name}[" in stored.place.text


def _written(node: ast.AST) -> str:
    """What is changed in place: "x" of `x /= ...` and of `x.div_(...)`; empty: nothing."""
    if isinstance(node, ast.AugAssign):
        return ast.unparse(node.target)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and re.search(r"[^_]_$", node.func.attr):
        return ast.unparse(node.func.value)
    return ""
