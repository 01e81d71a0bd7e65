"""The number printed for an epoch is not the epoch's: it is that of the last batch, or a sum that was never reset.

What it detects

- What is printed once an epoch is the very loss of the last batch, and an epoch has several batches;
- a sum that grows in the loop over batches is set to zero only once, before the loop over epochs, and is divided by
  the length of one epoch when it is shown.

Why it hurts

The last batch's loss has the noise of one batch (and the last batch is often the smallest). A sum that is never
reset grows with every epoch, so the loss seems to rise while the net learns.

Evidence

The printed number equals the last loss exactly; the number of losses between prints equals the number of batches of
the loader. For the sum: the structure of the loops in the source.

Mend

Wrong:

    for epoch in range(epochs):
        for x, y in loader: ...
        print(epoch, loss.item())

Right:

    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            ...
            total += loss.item() * len(y)
        print(epoch, total / len(loader.dataset))

When it keeps silent

Prints that speak of steps or batches, or of a mean beside it; epochs of one batch; sums divided by a number that
grows as well.

Source

The mission article's sample (E07); stackoverflow.com/questions/71514447.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from luthier.checks.reading import by_line, feeds_training
from luthier.checks.wording import code, line_at, parsed
from luthier.findings import Finding, Place, Unknown
from luthier.watching.ends import Printed
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E05", "the epoch's number is not the epoch's", "quick", ()
NEEDS = "training"
MIN_PRINTS = 2
MIN_BATCHES = 3
OTHER_UNIT = re.compile(r"step|batch|iter|avg|average|mean|running|val|test|\bit\b", re.IGNORECASE)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Printed losses line by line, then sums in the source of programs that trained for two epochs."""
    lengths = {loader.num_batches for loader in trace.loaders.values() if feeds_training(loader)}
    found = []
    for _, prints in by_line(p for p in trace.printed if p.loss):
        counts = {p.num_losses_since for p in prints}
        fits = [n for n in lengths if n >= MIN_BATCHES and all(c and c % n == 0 for c in counts)]
        if len(prints) >= MIN_PRINTS and fits and not any(OTHER_UNIT.search(p.text) for p in prints):
            found.append(_last_batch(prints, max(fits)))
    if sum(bool(e.num_trained) for loader in trace.loaders.values() for e in loader.epochs) > 1:
        found += [_never_reset(place, name) for place, name in _sums(trace.sources)]
    return found


def _last_batch(prints: list[Printed], batches: int) -> Finding:
    shown = prints[0]
    return Finding(
        code=CODE,
        title="the last batch's loss for the epoch",
        number=1.0,
        threshold=float(batches),
        n=len(prints),
        text=f"what is printed once an epoch ({shown.text!r}) is the loss of the last batch, one of {batches}.",
        remedy="Add up loss.item() * len(y) over the epoch and divide by the number of rows.",
        severity="info",
        certain=True,
        place=shown.place,
        step=shown.step,
        cause="One batch's loss is noisy, and the last batch is often the smallest.",
        wrong="print(epoch, loss.item())",
        right=code("""
            total += loss.item() * len(y)              # in the loop over batches
            print(epoch, total / len(loader.dataset))  # after it
        """),
        evidence={"num_batches": batches, "num_prints": len(prints)},
    )


def _never_reset(place: Place, name: str) -> Finding:
    return Finding(
        code=CODE,
        title="a sum that is never reset",
        n=1,
        text=f"`{name}` grows with every batch, is shown for every epoch and is set to zero only before the first: "
        "what is shown grows from epoch to epoch.",
        remedy=f"Set {name} to zero at the start of each epoch.",
        severity="warning",
        certain=True,
        place=place,
        cause="The number of an epoch contains all epochs before it, so the loss seems to rise while the net learns.",
        wrong=f"{name} = 0.0\nfor epoch in range(epochs):\n    ...",
        right=f"for epoch in range(epochs):\n    {name} = 0.0\n    ...",
    )


def _sums(sources: dict[str, str]) -> Iterator[tuple[Place, str]]:
    """Sums shown in a loop over epochs that only the code before that loop sets: (where they grow, name)."""
    for file, source in sources.items():
        tree = parsed(source)
        for outer in ast.walk(tree):
            if isinstance(outer, ast.For | ast.While) or (isinstance(outer, ast.FunctionDef) and _globals(outer)):
                names = _growing(outer)
                if isinstance(outer, ast.FunctionDef):  # one call an epoch
                    names = [(n, line) for n, line in names if n in _globals(outer) and _num_set(tree, n) == 1]
                for name, line in names:
                    if _shown_a_length(outer, name, {n for n, _ in names}):
                        yield line_at(sources, file, line), name


def _globals(function: ast.FunctionDef) -> set[str]:
    return {name for node in function.body if isinstance(node, ast.Global) for name in node.names}


def _num_set(tree: ast.Module, name: str) -> int:
    """Assignments to a name anywhere in a file, those that add to it left out."""
    return sum(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
        for assign in ast.walk(tree)
        if isinstance(assign, ast.Assign | ast.AnnAssign)
        for node in ast.walk(assign)
    )


def _growing(outer: ast.For | ast.While | ast.FunctionDef) -> list[tuple[str, int]]:
    """Names that a loop directly inside adds losses or hits to, and that the outer loop never sets."""
    inner = [node for node in outer.body if isinstance(node, ast.For)]
    grown = [
        (step.target.id, step.lineno)
        for loop in inner
        for step in ast.walk(loop)
        if isinstance(step, ast.AugAssign)
        and isinstance(step.op, ast.Add)
        and isinstance(step.target, ast.Name)
        and "item()" in ast.unparse(step.value)
    ]
    set_again = {
        name.id
        for node in ast.walk(outer)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    return [(name, line) for name, line in grown if name not in set_again]


def _shown_a_length(outer: ast.For | ast.While | ast.FunctionDef, name: str, growing: set[str]) -> bool:
    """After the inner loop, `name / len(...)` or `name / number` stands in a call of print or of a logger."""
    for statement in outer.body:
        if isinstance(statement, ast.For | ast.While):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and ast.unparse(node.left) == name:
                names = {n.id for n in ast.walk(node.right) if isinstance(n, ast.Name)}
                by_length = isinstance(node.right, ast.Constant) or ast.unparse(node.right).startswith("len(")
                if by_length and not names & growing:
                    return True
    return False
