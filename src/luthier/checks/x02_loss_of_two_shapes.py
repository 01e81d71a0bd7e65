"""The program ended because prediction and target of a loss have shapes that do not fit.

What it detects

The size errors of the losses: BCE, BCE with logits, cross-entropy and NLL (batch, class axis, extra axis), and
elementwise losses.

Why it happens

Elementwise losses want equal shapes: a net with one output gives (B, 1), labels are mostly (B,). `cross_entropy`
wants the classes on axis 1 and the labels without that axis: (B, K) with (B,), (B, K, T) with (B, T).

Mend

Wrong:

    loss = F.binary_cross_entropy_with_logits(model(x), y)              # (B, 1) and (B,)

Right:

    loss = F.binary_cross_entropy_with_logits(model(x).squeeze(1), y)

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of the losses (shapes).
"""

from __future__ import annotations

import ast

from luthier.checks.crashes import finding, loss_words, matched
from luthier.checks.patches import only_call, replace_node
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.ends import Crash
from luthier.watching.facts import Shape
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X02", "prediction and target do not fit", "quick", ()
ELEMENTWISE_ERRORS = (r"Using a target size", r"Target size .* must be the same as input size")
CLASS_ERRORS = (r"Expected target size", r"multi-target not supported", r"to match target batch_size")
BROADCAST_ERROR = r"The size of tensor a \(\d+\) must match the size of tensor b \(\d+\)"
SIZE_NAMES = (
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "criterion",
    "loss_fn",
    "loss_function",
    "bce",
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, *ELEMENTWISE_ERRORS)
    if found is None and trace.crash is not None and trace.crash.loss is not None:
        found = matched(trace, BROADCAST_ERROR)
    if found is not None:
        return [_elementwise(trace, found[0])]
    found = matched(trace, *CLASS_ERRORS)
    return [_classes(found[0])] if found is not None else []


def _shapes(crash: Crash) -> tuple[Shape, Shape]:
    loss = crash.loss
    if loss is None or loss.input is None or loss.target is None:
        return (), ()
    return loss.input.shape, loss.target.shape


def _elementwise(trace: Trace, crash: Crash) -> Finding:
    left, right = _shapes(crash)
    column = len(left) == len(right) + 1 and left[-1:] == (1,)
    row = len(right) == len(left) + 1 and right[-1:] == (1,)
    remedy = (
        "Squeeze the output: `.squeeze(1)`."
        if column
        else "Unsqueeze the output or squeeze the target."
        if row
        else "Give the model as many outputs as the target has columns."
    )
    return finding(
        crash,
        CODE,
        TITLE,
        f"{loss_words(crash)} compares number with number, so both shapes must be equal.",
        remedy=remedy,
        cause="A net with one output gives (batch, 1), labels are mostly (batch,).",
        wrong="loss = F.binary_cross_entropy_with_logits(model(x), y)              # (B, 1) and (B,)",
        right="loss = F.binary_cross_entropy_with_logits(model(x).squeeze(1), y)   # (B,) and (B,)",
        edits=_edits(trace, crash) if column or row else (),
    )


def _edits(trace: Trace, crash: Crash) -> tuple[Edit, ...]:
    call = only_call(trace.sources, crash.place, SIZE_NAMES)
    if call is None or crash.place is None or len(call.args) < 2:
        return ()
    left, right = _shapes(crash)
    column = call.args[0] if len(left) > len(right) else call.args[1]
    text = ast.get_source_segment(trace.sources[crash.place.file], column)
    simple = isinstance(column, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    return replace_node(trace.sources, crash.place, column, f"{text}.squeeze(-1)") if text and simple else ()


def _classes(crash: Crash) -> Finding:
    left, right = _shapes(crash)
    if len(left) == 3 and len(right) == 2 and left[:2] == right:
        remedy, mended = "Bring the classes to axis 1: `.transpose(1, 2)`.", "F.cross_entropy(out.transpose(1, 2), y)"
    elif right[-1:] == (1,) and len(right) == len(left):
        remedy, mended = "Take the last axis off the labels: `.squeeze(1)`.", "F.cross_entropy(out, y.squeeze(1))"
    elif len(left) == len(right):
        remedy = "Give class indices (argmax of the one-hot rows), or floating probabilities of the same shape."
        mended = "F.cross_entropy(out, y.argmax(1))"
    else:
        remedy = (
            "Give one label for each row of the output; look where a row axis was lost or merged (view, flatten)."
        )
        mended = "F.cross_entropy(out, y)   # out: (B, K), y: (B,)"
    return finding(
        crash,
        CODE,
        TITLE,
        f"{loss_words(crash)} wants the classes on axis 1 and the labels without that axis.",
        remedy=remedy,
        cause="(B, K) goes with labels (B,), (B, K, T) with labels (B, T).",
        wrong="F.cross_entropy(out, y)",
        right=mended,
    )
