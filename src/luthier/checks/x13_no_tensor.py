"""The program ended because something else than a tensor was passed.

What it detects

"argument 'input' must be Tensor, not tuple (dict, ndarray ...)", a loss class called with the batch, backward of a
number.

Why it happens

Recurrent layers return a pair, libraries return dictionaries; numpy arrays were not converted;
`nn.CrossEntropyLoss(out,
y)` builds a loss object from the batch instead of calling one; `.item()` made a number of the loss.

Mend

Wrong:

    loss = nn.CrossEntropyLoss(model(x), y)

Right:

    loss = nn.CrossEntropyLoss()(model(x), y)

When it keeps silent

Any other end of the program.

Source

PyTorch documentation of nn.LSTM (outputs) and of the loss modules.
"""

from __future__ import annotations

from luthier.checks.crashes import finding, layer_words, matched
from luthier.findings import Finding, Unknown
from luthier.watching.ends import Crash
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "X13", "something else than a tensor", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The crash, if it is one of these."""
    found = matched(trace, r"argument '(\w+)' \(position \d+\) must be Tensor, not ([\w.]+)")
    if found is not None:
        return [_other_type(found[0], found[1][1], found[1][2])]
    found = matched(trace, r"Boolean value of Tensor with more than one value is ambiguous")
    if found is not None and "legacy_get_string" in found[0].inner:  # where a loss class reads its old arguments
        return [_loss_class(found[0])]
    found = matched(
        trace, r"'(float|int)' object has no attribute 'backward'", r"'(\w+Loss)' object has no attribute 'backward'"
    )
    if found is None:
        return []
    return [_loss_class(found[0]) if found[1][1].endswith("Loss") else _a_number(found[0])]


def _other_type(crash: Crash, argument: str, kind: str) -> Finding:
    remedies = {
        "tuple": (
            "Take the part that is meant: out, state = lstm(x).",
            "head(lstm(x))",
            "out, _ = lstm(x)\nhead(out)",
        ),
        "dict": ("Take the entry that is meant: out['logits'].", "loss_fn(out, y)", "loss_fn(out['logits'], y)"),
        "numpy.ndarray": (
            "Convert it: torch.from_numpy(x).float().",
            "model(x)",
            "model(torch.from_numpy(x).float())",
        ),
        "list": (
            "Convert it: torch.tensor(x), or torch.stack of tensors.",
            "model(rows)",
            "model(torch.stack(rows))",
        ),
    }
    other = (
        "Take the tensor out of it (.logits of a library's output object).",
        "loss_fn(out, y)",
        "loss_fn(out.logits, y)",
    )
    remedy, wrong, right = remedies.get(kind, other)
    return finding(
        crash,
        CODE,
        TITLE,
        f"{layer_words(crash) or 'a function'}: `{argument}` is a {kind}, not a tensor.",
        remedy=remedy,
        cause="Recurrent layers return a pair, many libraries return a dictionary or an object.",
        wrong=wrong,
        right=right,
    )


def _loss_class(crash: Crash) -> Finding:
    return finding(
        crash,
        CODE,
        "the loss class is called with the batch",
        "a loss object is built from the batch; it must be built first and then called.",
        remedy="Build the loss once, loss_fn = nn.CrossEntropyLoss(), and call loss_fn(out, y).",
        cause="The arguments of the class are its settings (weight, reduction), not the batch.",
        wrong="loss = nn.CrossEntropyLoss(model(x), y)",
        right="loss_fn = nn.CrossEntropyLoss()\nloss = loss_fn(model(x), y)",
    )


def _a_number(crash: Crash) -> Finding:
    return finding(
        crash,
        CODE,
        "backward of a plain number",
        "backward was called on a Python number, which knows nothing of the net.",
        remedy="Call backward on the loss tensor, and .item() only where it is shown.",
        cause=".item() and float() take the number out of the graph.",
        wrong="loss = loss_fn(model(x), y).item()\nloss.backward()",
        right="loss = loss_fn(model(x), y)\nloss.backward()\nprint(loss.item())",
    )
