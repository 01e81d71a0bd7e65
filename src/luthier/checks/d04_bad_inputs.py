"""Inputs hold NaN or infinity, or are all the same.

What it detects

NaN or infinite entries in what a model is given, by column where it is a table; and training inputs of eight rows or
more that are one and the same number in every looked-at call.

Why it hurts

One NaN in a batch makes the loss NaN, and after one step all weights. Constant inputs hold nothing to learn from: a
column was overwritten, the wrong tensor is passed, or scaling divided by zero.

Evidence

Exact: counted entries of looked-at inputs.

Mend

    drop the rows or fill the entries before training; find where they came from (log(0), x / 0, missing values)

When it keeps silent

Constant columns; masks; integer inputs; batches below eight rows; generators and learned constants.

Source

SageMaker Debugger (TensorNotFinite); UMLAUT (input checks).
"""

from __future__ import annotations

import math

from luthier.checks.reading import num, shaped
from luthier.checks.wording import every, few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D04", "inputs that are not there", "quick", ()
MIN_CALLS, MIN_ROWS = 5, 8


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Inputs of all models; the first finding of each kind."""
    found = []
    bad = [
        f for f in trace.forwards if f.input and f.input.stats and f.input.stats.num_nonfinite and not _from_model(f)
    ]
    columns = [
        (c, i, count) for c in trace.columns for i, count in enumerate(c.num_nonfinite) if count
    ]  # a looked-at call may have missed an entry that the sums over columns saw
    if bad or columns:
        found.append(_nonfinite(trace, bad, [(i, n) for _, i, n in columns]))
    for model in trace.trained_models():
        looked = [f for f in trace.forwards if f.model == model.number and f.trained_by and f.input and f.input.stats]
        if len(looked) >= MIN_CALLS and all(map(_is_constant, looked)) and len(model.layers) > 1:
            found.append(_constant(looked))
    return found


def _from_model(call: Forward) -> bool:
    """A tensor that carries a graph is what another net made of its inputs: that is N01's to explain."""
    return call.input is not None and call.input.requires_grad and not call.input.is_leaf


def _is_constant(call: Forward) -> bool:
    tensor = call.input
    if tensor is None or tensor.stats is None or not tensor.shape or tensor.shape[0] < MIN_ROWS:
        return False
    return (
        tensor.stats.low == tensor.stats.high
        and tensor.dtype.startswith(("float", "bfloat"))
        and call.num_inputs <= 1
    )


def _nonfinite(trace: Trace, bad: list[Forward], columns: list[tuple[int, int]]) -> Finding:
    call = bad[0] if bad else next(iter(trace.forwards), None)
    stats = call.input.stats if bad and call is not None and call.input else None
    where = ""
    if columns:
        names = dict.fromkeys(str(i) for i, _ in columns)
        where = f", in {'column' if len(names) == 1 else 'columns'} {few(names)}"
    count = stats.num_nonfinite if stats is not None else sum(n for _, n in columns)
    kind = "NaN" if stats is not None and stats.num_nan == stats.num_nonfinite else "NaN or infinite"
    return Finding(
        code=CODE,
        title="inputs that are not finite",
        number=float(count),
        threshold=0.0,
        n=len(bad) or 1,
        text=f"{plural(count, 'entry').replace('entrys', 'entries')} of the input of the model "
        f"{'is' if count == 1 else 'are'} {kind} at step {call.step if call is not None else 0}{where}.",
        remedy="Drop the rows or fill the entries before training, and find where they came from (log of 0, division "
        "by 0, missing values).",
        severity="error",
        certain=True,
        place=call.place if call is not None else None,
        step=call.step if call is not None else None,
        cause="One entry that is not finite makes the loss NaN, and after one step all weights.",
        wrong="X = torch.tensor(table.values)",
        right="X = torch.tensor(table.fillna(table.median()).values)",
        evidence={"columns": [*sorted({i for i, _ in columns})[:50]], "count": count},
    )


def _constant(calls: list[Forward]) -> Finding:
    call = calls[0]
    stats = call.input.stats if call.input else None
    value = stats.low if stats is not None else math.nan
    return Finding(
        code=CODE,
        title="inputs that are all the same",
        number=0.0,
        threshold=0.0,
        n=len(calls),
        text=f"every entry of the input (shape {shaped(call.input.shape if call.input else None)}) is {num(value)} "
        f"in {every(len(calls), 'looked-at training call')}.",
        remedy="Look where the input is made: an overwritten column, the wrong tensor, a division by a deviation of "
        "zero.",
        severity="error",
        certain=True,
        place=call.place,
        step=call.step,
        cause="Rows that are all equal hold nothing to learn from.",
        evidence={"value": value},
    )
