"""Columns of the inputs have very different scales.

What it detects

A table whose columns go straight into a linear layer, over at least 128 rows: the largest standard deviation is more
than 1000 times the smallest, and more than 30.

Why it hurts

The gradient of a weight is as large as its column. One learning rate cannot fit both: the large columns set it, and
what the small ones say is hardly learnt. Weight decay and dropout hit the columns unequally too.

Evidence

Mean and standard deviation of each column over the looked-at training rows. Columns of zeros and ones, and constant
columns, do not count.

Mend

    scaler = StandardScaler().fit(X_train);  X_train = scaler.transform(X_train)

When it keeps silent

A normalisation layer comes first; one-hot and constant columns; image or sequence inputs.

Source

LeCun et al. 1998, "Efficient BackProp", section 4.3; stackoverflow.com/questions/58609115.
"""

from __future__ import annotations

from luthier.checks.reading import num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.calls import Columns
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D02", "columns of very different scale", "quick", ("D01", "D04")
MIN_ROWS, RATIO, LARGE = 128, 1e3, 30.0


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Training inputs with columns that reach a linear layer."""
    trained = {m.number: m for m in trace.trained_models()}
    found = []
    for columns in trace.columns:
        if columns.phase != "train" or columns.axis != "column" or columns.model not in trained:
            continue
        if columns.n < MIN_ROWS or not columns.first_layer.startswith("Linear"):
            continue
        spreads = {i: s for i, s in enumerate(columns.std) if s > 0 and not _is_flag(columns, i)}
        if len(spreads) < 2:
            continue
        wide, narrow = max(spreads, key=spreads.__getitem__), min(spreads, key=spreads.__getitem__)
        if spreads[wide] > RATIO * spreads[narrow] and spreads[wide] > LARGE:
            found.append(_finding(trace, columns, wide, narrow))
    return found


def _is_flag(columns: Columns, index: int) -> bool:
    return columns.low[index] == 0.0 and columns.high[index] == 1.0


def _finding(trace: Trace, columns: Columns, wide: int, narrow: int) -> Finding:
    ratio = columns.std[wide] / columns.std[narrow]
    place = next((f.place for f in trace.forwards if f.model == columns.model and f.trained_by), None)
    return Finding(
        code=CODE,
        title=TITLE,
        number=ratio,
        threshold=RATIO,
        n=columns.n,
        text=f"column {wide} of the inputs has mean {num(columns.mean[wide])} and standard deviation "
        f"{num(columns.std[wide])}, column {narrow} {num(columns.std[narrow])}: {num(ratio)} times less "
        f"({plural(columns.n, 'row')} looked at), and they go straight into a linear layer.",
        remedy="Standardise the columns with mean and standard deviation of the training rows.",
        severity="warning",
        place=place,
        cause="One learning rate cannot fit columns of such different size: what the small ones say is hardly "
        "learnt.",
        wrong="X = torch.tensor(table.values)",
        right="scaler = StandardScaler().fit(X_train)\nX_train, X_val = scaler.transform(X_train), "
        "scaler.transform(X_val)",
        evidence={"widest": wide, "narrowest": narrow, "std": [float(s) for s in columns.std[:50]]},
    )
