"""What the checks of training and evaluation mode share: calls that trained, and the patch that is missing."""

from __future__ import annotations

import ast

from luthier.checks.wording import bare_method, insert_before, replace, statement
from luthier.findings import Edit
from luthier.watching.calls import Forward
from luthier.watching.facts import Model
from luthier.watching.trace import Trace


def trained_calls(trace: Trace, model: int) -> list[Forward]:
    """Calls of a model whose gradients a step used, where some optimizer holds parameters of the model."""
    if not trace.steppers(model):
        return []
    used = {b.at for b in trace.backwards if b.num_used and not b.raised}
    return [f for f in trace.forwards if f.model == model and f.trained_by in used]


def missing_train(trace: Trace, model: Model, call: Forward) -> tuple[Edit, ...]:
    """`model.train()` before the statement of a training call, where that statement names the model."""
    found = statement(trace.sources, call.place)
    if found is None or not model.variable:
        return ()
    called = {ast.unparse(node.func) for node in ast.walk(found.node) if isinstance(node, ast.Call)}
    if model.variable not in called:
        return ()
    mention = _mention(trace, model, call)
    return mention or insert_before(trace.sources, call.place, f"{model.variable}.train()")


def _mention(trace: Trace, model: Model, call: Forward) -> tuple[Edit, ...]:
    """`model.train` without brackets, in the file of the call, is what was meant."""
    for place, owner in bare_method(trace.sources, "train"):
        if call.place and place.file == call.place.file and owner == model.variable:
            return replace(trace.sources, place, f"{owner}.train()")
    return ()
