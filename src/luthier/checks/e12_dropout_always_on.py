"""`F.dropout` is called without `training=self.training`, so it also drops in evaluation.

What it detects

`F.dropout` (and its relatives) with `training` true inside a call of a model that is in evaluation mode.

Why it hurts

`F.dropout(x, 0.5)` has `training=True` by default and does not know of `model.eval()`. Predictions stay random and
the reported number is that of a damaged net.

Evidence

Exact: the argument, and the flag of the model at that call.

Mend

Wrong:

    x = F.dropout(x, 0.5)

Right:

    x = F.dropout(x, 0.5, training=self.training)

When it keeps silent

Models that are never called in evaluation mode; rows that are evaluated several times (Monte-Carlo dropout).

Source

PyTorch documentation of torch.nn.functional.dropout.
"""

from __future__ import annotations

import ast
from collections import Counter

from luthier.checks.patches import only_call, replace_node
from luthier.checks.reading import by_line
from luthier.checks.wording import plural
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import Forward, Op
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E12", "dropout that evaluation mode does not stop", "quick", ()
REPEATS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Functional dropout in calls in evaluation mode, line by line."""
    evaluated = {f.number: f for f in trace.forwards if not f.training and f.phase == "evaluation"}
    if _is_repeated(list(evaluated.values())):
        return []
    dropped = (o for o in trace.ops if o.name == "dropout" and o.training and not o.layer_class.startswith("Dropout"))
    return [_finding(trace, calls) for _, calls in by_line(o for o in dropped if o.forward in evaluated)]


def _is_repeated(calls: list[Forward]) -> bool:
    seen = Counter((f.step, row) for f in calls for row in f.rows)
    return bool(seen) and min(seen.values()) >= REPEATS


def _finding(trace: Trace, calls: list[Op]) -> Finding:
    op = calls[0]
    return Finding(
        code=CODE,
        title=TITLE,
        n=len(calls),
        text=f"F.dropout drops in {plural(len(calls), 'call')} of a model in evaluation mode: `training` is true "
        "whatever eval() says.",
        remedy="Pass training=self.training, or use an nn.Dropout layer.",
        severity="error",
        certain=True,
        place=op.place,
        step=op.step,
        cause="F.dropout has training=True by default and does not know of model.eval().",
        wrong="x = F.dropout(x, 0.5)",
        right="x = F.dropout(x, 0.5, training=self.training)",
        edits=_edits(trace, op),
    )


def _edits(trace: Trace, op: Op) -> tuple[Edit, ...]:
    call = only_call(trace.sources, op.place, ["dropout"])
    if call is None or op.place is None or len(call.args) > 2 or any(k.arg == "training" for k in call.keywords):
        return ()
    text = ast.get_source_segment(trace.sources[op.place.file], call)
    if not text or "self" not in trace.sources[op.place.file] or not text.endswith(")"):
        return ()
    return replace_node(trace.sources, op.place, call, text[:-1].rstrip().rstrip(",") + ", training=self.training)")
