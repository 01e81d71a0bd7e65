"""The graphs of past losses are kept alive.

What it detects

Losses that are added up or put in a list as they are, each with the graph that it was computed with.

Why it hurts

Memory grows with every step until there is none left; on a GPU that comes after some hundred steps, in the midst of
an epoch.

Evidence

Exact: how many graphs of earlier backward passes are still alive at each step; the number grows with the steps.

Mend

Wrong:

    total += loss

Right:

    total += loss.item()

When it keeps silent

The last loss alone; graphs that are let go within a few steps (accumulation, several losses); a hidden state that is
never detached, which is named by its own finding.

Source

PyTorch's FAQ ("don't accumulate history across your training loop").
"""

from __future__ import annotations

import ast

from luthier.checks.patches import replace_node
from luthier.checks.wording import code, line_at, parsed, plural, statement
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.steps import Step
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "S05", "the graphs of past losses stay alive", "quick", ("T12", "X09")
MIN_STEPS = 20
SHARE = 0.5
"""Of the steps between the first and the last that was seen, so many graphs more."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding."""
    steps = list(trace.steps)
    if len(steps) < MIN_STEPS:
        if not steps:
            return []
        return Unknown(code=CODE, title=TITLE, reason="few steps were seen", needs=f"{MIN_STEPS} steps")
    early, late = steps[len(steps) // 4], steps[-1]
    longest = max(steps, key=lambda s: s.num_graphs)
    # a list may be emptied at the end of an epoch: the longest stretch of growth counts
    if longest.num_graphs < MIN_STEPS or longest.num_graphs < SHARE * _stretch(steps, longest):
        return []
    return [_finding(trace, longest, early if late is longest else steps[0])]


def _stretch(steps: list[Step], longest: Step) -> int:
    """Steps since the kept graphs were last few."""
    few = [s.step for s in steps if s.at < longest.at and s.num_graphs <= longest.num_graphs // 10]
    return longest.step - (few[-1] if few else 0)


def _finding(trace: Trace, longest: Step, early: Step) -> Finding:
    keeper = _keeper(trace)
    passes = [b.place for b in trace.backwards if b.place]
    place = keeper or (passes[0] if passes else longest.place)
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(longest.num_graphs),
        threshold=float(MIN_STEPS),
        n=len(trace.steps),
        text=f"At step {longest.step} the graphs of {plural(longest.num_graphs, 'earlier backward pass')} were still "
        "alive: the losses are kept with all that they were computed from.",
        remedy="Keep the number: loss.item(), or loss.detach() where it must stay a tensor.",
        severity="error",
        certain=True,
        place=place,
        others=tuple(passes[:1]) if keeper else (),
        step=early.step,
        cause="A loss tensor holds the graph that it came from, and the graph holds what it was computed with.",
        wrong=code("total += loss"),
        right=code("total += loss.item()"),
        edits=_edits(trace, keeper),
        evidence={"num_graphs": longest.num_graphs},
    )


def _lost_name(trace: Trace) -> str:
    """What backward is called on."""
    for backward in trace.backwards:
        found = statement(trace.sources, backward.place)
        for node in ast.walk(found.node) if found else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward":
                return node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    return ""


def _keeper(trace: Trace) -> Place | None:
    """The only statement that adds the loss to something, or appends it, as it is."""
    name = _lost_name(trace)
    found = []
    for file, source in trace.sources.items():
        found += [
            line_at(trace.sources, file, n.lineno)
            for n in ast.walk(parsed(source))
            if isinstance(n, ast.stmt) and _kept(n, name) is not None
        ]
    return found[0] if name and len(found) == 1 else None


def _kept(node: ast.stmt, name: str) -> ast.Name | None:
    """The bare loss in `x += loss`, `x = x + loss` or `x.append(loss)`."""
    value: ast.expr | None = None
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        value = node.value
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Add):
        value = node.value.right
    elif (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)
    ):
        value = node.value.args[0] if node.value.func.attr == "append" and len(node.value.args) == 1 else None
    return value if isinstance(value, ast.Name) and value.id == name else None


def _edits(trace: Trace, keeper: Place | None) -> tuple[Edit, ...]:
    found = statement(trace.sources, keeper)
    kept = _kept(found.node, _lost_name(trace)) if found else None
    if kept is None or keeper is None:
        return ()
    return replace_node(trace.sources, keeper, kept, f"{kept.id}.detach()")
