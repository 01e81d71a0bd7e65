"""The model or its loss is computed in float64.

What it detects

A trained model whose parameters are float64, or a loss that gets float32 from the model and float64 as its target,
where new tensors of the program are float32.

Why it hurts

float64 takes twice the memory and two to sixty times as long. It comes from NumPy, whose numbers are float64 unless
told otherwise.

Evidence

Exact: the types.

Mend

Wrong:

    x = torch.from_numpy(table)
    model = model.double()

Right:

    x = torch.from_numpy(table).float()

When it keeps silent

Programs whose default type is float64.

Source

PyTorch's documentation of torch.from_numpy and of set_default_dtype.
"""

from __future__ import annotations

from luthier.checks.reading import by_line, trained
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Place
from luthier.watching.calls import LossCall
from luthier.watching.facts import Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "N08", "float64 by accident", "quick", ()


def judge(trace: Trace) -> list[Finding]:
    """One hint a model, or one a line of a loss."""
    found = []
    for model in trace.trained_models():
        types = [trace.parameters[n].dtype for n in model.parameters if n in trace.parameters]
        if "float64" in types and model.default_dtype != "float64":
            found.append(_of_model(model, types.count("float64")))
    if found or any(m.default_dtype == "float64" for m in trace.models.values()):
        return found
    mixed = [
        c
        for c in trained(trace)
        if c.input and c.target and (c.input.dtype, c.target.dtype) == ("float32", "float64")
    ]
    return [_of_loss(place, calls) for place, calls in by_line(mixed)]


def _of_model(model: Model, num: int) -> Finding:
    return _finding(
        model.place,
        num,
        text=f"{model.name} has {plural(num, 'parameter')} in float64; new tensors of this program are float32.",
        remedy="Make the data float32 (.float()) instead of the model float64.",
        wrong=code("x = torch.from_numpy(table)\nmodel = model.double()"),
        right=code("x = torch.from_numpy(table).float()"),
    )


def _of_loss(place: Place | None, calls: list[LossCall]) -> Finding:
    return _finding(
        place,
        len(calls),
        text=f"{calls[0].name} gets float32 from the model and a float64 target in {plural(len(calls), 'call')}: "
        "loss and "
        "gradients are computed in float64.",
        remedy="Make the target float32 (.float()).",
        wrong=code("target = torch.from_numpy(values)"),
        right=code("target = torch.from_numpy(values).float()"),
    )


def _finding(place: Place | None, n: int, *, text: str, remedy: str, wrong: str, right: str) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=64.0,
        threshold=32.0,
        n=n,
        text=text,
        remedy=remedy,
        severity="info",
        certain=True,
        place=place,
        cause="NumPy's numbers are float64 unless told otherwise, and one float64 operand makes the result float64.",
        wrong=wrong,
        right=right,
    )
