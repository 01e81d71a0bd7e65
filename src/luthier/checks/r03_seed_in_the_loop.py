"""The seed is set again in the training loop.

What it detects

A call that sets the same seed at the same line three times or more while one optimizer goes on training.

Why it hurts

Each epoch draws the same numbers as the one before: the same order of the rows, the same dropout masks, the same
augmentation. What looked like ten epochs of noise is one epoch of it, ten times.

Evidence

Exact: line and value of the calls, and the steps between them. That something random was there to repeat: a shuffled
loader, a layer that draws, or a call that draws, behind it in the same function or loop.

Mend

Wrong:

    for epoch in range(10):
        torch.manual_seed(42)
        train_one_epoch()

Right:

    torch.manual_seed(42)
    for epoch in range(10):
        train_one_epoch()

When it keeps silent

A seed for each model or fold; another value each time; a seed set in an evaluation after which the old state is put
back.

Source

PyTorch's notes on reproducibility.
"""

from __future__ import annotations

import ast
import re

from luthier.checks.patches import blocks_around, out_of_loop
from luthier.checks.reading import by_line, feeds_training
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Place, Severity, Unknown
from luthier.watching.ends import Seed
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "R03", "the seed is set again and again", "quick", ()
MIN_CALLS = 3
DRAWS = re.compile(r"torch\.(?:randn?|randint|randperm|normal|bernoulli|multinomial)(?:_like)?")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding: of the first line that sets PyTorch's seed, else another one."""
    found, twice = [], False
    for place, calls in by_line(s for s in trace.seeds if s.kind == "torch"):
        values = {c.value for c in calls}
        resumed = _resumed(trace, calls)
        if len(values) == 1 and None not in values and resumed >= MIN_CALLS - 1 and not _is_put_back(trace, place):
            found.append(_finding(trace, place, calls, resumed))
        twice |= len(values) == 1 and resumed == 1
    if not found and twice:
        return Unknown(code=CODE, title=TITLE, reason="a seed was set twice", needs="one more epoch")
    return found[:1]


def _is_put_back(trace: Trace, place: Place | None) -> bool:
    """Whether the file puts the old state of the random stream back."""
    source = trace.sources.get(place.file, "") if place else ""
    return "fork_rng(" in source or "set_rng_state(" in source


def _resumed(trace: Trace, calls: list[Seed]) -> int:
    """How often an optimizer that had trained before one of these calls went on training behind it."""
    count = 0
    for call, after in zip(calls, [*calls[1:], None], strict=True):
        end = after.at if after else float("inf")
        behind = {s.optimizer for s in trace.steps if call.at < s.at < end}
        before = {s.optimizer for s in trace.steps if s.at < call.at}
        count += bool(behind & before)
    return count


def _finding(trace: Trace, place: Place | None, calls: list[Seed], resumed: int) -> Finding:
    random = _random(trace, place)
    severity: Severity = "warning" if random else "info"
    effect = f"{random} repeat each time" if random else "what is drawn behind it repeats each time"
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(calls)),
        threshold=1.0,
        n=len(calls),
        text=f"torch.manual_seed({calls[0].value}) was called {plural(len(calls), 'time')} at this line, and the "
        f"training went on behind it {plural(resumed, 'time')}: {effect}.",
        remedy="Set the seed once, before the loop.",
        severity=severity,
        certain=True,
        place=place,
        step=calls[1].step,
        cause="The same seed gives the same numbers: every epoch sees the same order and the same noise.",
        wrong=code("for epoch in range(10):\n    torch.manual_seed(42)\n    train_one_epoch()"),
        right=code("torch.manual_seed(42)\nfor epoch in range(10):\n    train_one_epoch()"),
        edits=out_of_loop(trace.sources, place),
        evidence={"seed": calls[0].value},
    )


def _random(trace: Trace, place: Place | None) -> str:
    """What was there to repeat."""
    shuffled = any(x.shuffled and feeds_training(x) for x in trace.loaders.values())
    layers = any(x.active and "Dropout" in x.kind for m in trace.trained_models() for x in m.layers)
    drawn = _drawn(trace, place)
    there = (("the order of the rows", shuffled), ("the dropout masks", layers), (f"what {drawn} draws", bool(drawn)))
    return " and ".join(words for words, is_there in there if is_there)


def _drawn(trace: Trace, place: Place | None) -> str:
    """The first call that draws, behind the line in its innermost function or loop."""
    if place is None:
        return ""
    blocks = blocks_around(trace.sources.get(place.file, ""), place.line, ast.FunctionDef, ast.For, ast.While)
    around = [block for block in blocks if block.lineno < place.line]
    calls = [n for block in around[-1:] for n in ast.walk(block) if isinstance(n, ast.Call)]
    names = [(n.lineno, n.col_offset, ast.unparse(n.func)) for n in calls if n.lineno > place.line]
    return min((n for n in names if DRAWS.fullmatch(n[2])), default=(0, 0, ""))[2]
