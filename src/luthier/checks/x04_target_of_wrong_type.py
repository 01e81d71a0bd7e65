"""The program ended because the target of a loss has the wrong type of number.

What it detects

`cross_entropy` with floating or 32-bit labels or whole-number one-hot rows; BCE with whole numbers.

Why it happens

Class labels must be 64-bit integers (`long`); one number a class must be floating (probabilities); the binary losses
compute with the target, so it must be floating too.

Mend

Wrong:

    F.cross_entropy(out, y.float());   F.binary_cross_entropy_with_logits(out, y.long())

Right:

    F.cross_entropy(out, y.long());    F.binary_cross_entropy_with_logits(out, y.float())

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of CrossEntropyLoss and BCEWithLogitsLoss (types).
"""

from __future__ import annotations

import ast

from luthier.checks.crashes import finding, loss_words, matched
from luthier.checks.patches import only_call, replace_node
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.ends import Crash
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X04", "a target of the wrong type", "quick", ()
LOSSES = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "criterion",
    "loss_fn",
    "loss_function",
    "bce",
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, r"expected target dtype to be Long", r"expected scalar type Long but found")
    if found is not None:
        return [_finding(trace, found[0], "long", "class labels must be 64-bit whole numbers")]
    found = matched(trace, r"Expected floating point type for target with class probabilities")
    if found is not None:
        return [
            _finding(
                trace, found[0], "float", "one number a class is taken for probabilities, which must be floating"
            )
        ]
    found = matched(
        trace,
        r"result type Float can't be cast to the desired output type Long",
        r"Found dtype (Long|Int|Bool) but expected Float",
    )
    if found is not None and (found[0].loss is not None or found[0].in_backward):
        return [
            _finding(trace, found[0], "float", "the binary losses compute with the target, which must be floating")
        ]
    return []


def _finding(trace: Trace, crash: Crash, wanted: str, rule: str) -> Finding:
    return finding(
        crash,
        CODE,
        TITLE,
        f"{loss_words(crash)}: {rule}.",
        remedy=f"Convert the target: `.{wanted}()`" + (", or give class indices." if wanted == "float" else "."),
        cause="torch does not convert targets by itself, since a wrong type mostly means a wrong loss.",
        wrong="F.cross_entropy(out, y.float())" if wanted == "long" else "F.binary_cross_entropy_with_logits(out, y)",
        right="F.cross_entropy(out, y.long())"
        if wanted == "long"
        else "F.binary_cross_entropy_with_logits(out, y.float())",
        edits=_edits(trace, crash, wanted),
    )


def _edits(trace: Trace, crash: Crash, wanted: str) -> tuple[Edit, ...]:
    call = only_call(trace.sources, crash.place, LOSSES)
    if call is None or crash.place is None or len(call.args) < 2:
        return ()
    target = call.args[1]
    text = ast.get_source_segment(trace.sources[crash.place.file], target)
    if not text or not isinstance(target, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        return ()
    text = text.removesuffix(".float()").removesuffix(".int()").removesuffix(".long()")
    return replace_node(trace.sources, crash.place, target, f"{text}.{wanted}()")
