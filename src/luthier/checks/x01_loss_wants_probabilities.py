"""The program ended because `binary_cross_entropy` (BCELoss) was given numbers outside [0, 1].

What it detects

The error "all elements of input (or target) should be between 0 and 1".

Why it happens

The input must be probabilities, that is the output of sigmoid; a linear layer gives any number. Or the targets are
not 0 and 1: several classes, or labels -1 and 1.

Mend

Wrong:

    loss = nn.BCELoss()(model(x), y)                 # the model ends in a linear layer

Right:

    loss = nn.BCEWithLogitsLoss()(model(x), y)       # sigmoid and loss in one, and stable

When it keeps silent

Any other end of the program.

Source

The mission article's sample (E01); PyTorch documentation of BCELoss.
"""

from __future__ import annotations

import ast
import math

from luthier.checks.crashes import finding, matched
from luthier.checks.patches import last_name, only_call, replace_node
from luthier.checks.reading import made_by, num
from luthier.checks.wording import Sources, parsed
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.ends import Crash
from luthier.watching.facts import TensorFact
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X01", "the loss wants probabilities", "quick", ("L03",)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is this one."""
    found = matched(trace, r"all elements of (input|target) should be between 0 and 1")
    if found is None:
        return []
    crash, match = found
    return [_of_targets(crash) if match[1] == "target" else _of_inputs(trace, crash)]


def _range(tensor: TensorFact | None) -> str:
    stats = tensor.stats if tensor is not None else None
    return f" (from {num(stats.low)} to {num(stats.high)})" if stats is not None and math.isfinite(stats.low) else ""


def _of_inputs(trace: Trace, crash: Crash) -> Finding:
    source = crash.loss.source if crash.loss is not None else None
    squashed = source is not None and source.op in ("sigmoid", "softmax")
    if squashed or (crash.loss and crash.loss.input and crash.loss.input.stats and crash.loss.input.stats.num_nan):
        text = "binary_cross_entropy was given NaN: the numbers were no longer finite before the loss."
        remedy = "Find where the first NaN is born (learning rate, log or division by 0, inputs)."
    else:
        given = _range(crash.loss.input if crash.loss is not None else None)
        text = f"binary_cross_entropy wants probabilities, but was given {made_by(source, 'raw outputs')}{given}."
        remedy = "Use binary_cross_entropy_with_logits (BCEWithLogitsLoss) on the raw outputs."
    return finding(
        crash,
        CODE,
        TITLE,
        text,
        remedy=remedy,
        cause="The logarithm of a number outside [0, 1] is no loss; a linear layer gives any number, sigmoid gives "
        "probabilities.",
        wrong="loss = nn.BCELoss()(model(x), y)",
        right="loss = nn.BCEWithLogitsLoss()(model(x), y)",
        edits=() if squashed else _edits(trace.sources, crash),
    )


def _of_targets(crash: Crash) -> Finding:
    given = _range(crash.loss.target if crash.loss is not None else None)
    return finding(
        crash,
        CODE,
        TITLE,
        f"binary_cross_entropy wants targets between 0 and 1, but was given others{given}.",
        remedy="Map two labels to 0 and 1; for several classes use cross_entropy with one output a class.",
        cause="The binary loss knows two classes only.",
        wrong="loss = nn.BCELoss()(model(x), y)              # y in {0, 1, 2}",
        right="loss = nn.CrossEntropyLoss()(model(x), y)     # one output a class",
    )


def _edits(sources: Sources, crash: Crash) -> tuple[Edit, ...]:
    """The call by name, else the only BCELoss that the sources build; only where no sigmoid is in the sources."""
    if any("sigmoid" in text.lower() for text in sources.values()):
        return ()
    call = only_call(sources, crash.place, ["binary_cross_entropy"])
    if call is not None and crash.place is not None:
        name = ast.unparse(call.func)
        return replace_node(sources, crash.place, call.func, f"{name}_with_logits")
    built = [(file, node) for file, text in sources.items() for node in _built(text)]
    if len(built) != 1:
        return ()
    file, node = built[0]
    name = ast.unparse(node.func).removesuffix("BCELoss")
    return replace_node(sources, Place(file=file, line=node.lineno), node.func, f"{name}BCEWithLogitsLoss")


def _built(source: str) -> list[ast.Call]:
    return [n for n in ast.walk(parsed(source)) if isinstance(n, ast.Call) and last_name(n.func) == "BCELoss"]
