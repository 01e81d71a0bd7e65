"""One column gives the target away.

## What it detects
A single column predicts the target of validation rows nearly without error (balanced accuracy of at least 0.99, or a
rank correlation of at least 0.995), while the other columns, each alone, are far from it.

## Why it hurts
Such a column is often written after the target was known, or made from it; the model will fail where it is missing.

## Evidence
The score of the column alone, and the median of the others.

## Mend
Ask when the column is known. Leave it out if that is after the target.

Wrong: `x = table.drop("churned")  # "cancelled_on" stays in`
Right: `x = table.drop("churned", "cancelled_on")`

## When it keeps silent
Fewer than three columns or 100 rows; images; sets where every column does well alone.

## Source
Kaufman, Rosset, Perlich 2012, "Leakage in data mining".
"""

from __future__ import annotations

import numpy as np

from luthier.checks.active.bench import draw
from luthier.checks.active.exam import Array, Exam
from luthier.findings import Finding, Unknown

TITLE = "one column gives the target away"
TIER = "full"
CAUSES = ()
MIN_ROWS, MOST_COLUMNS = 100, 200
SURE_CLASSES, SURE_REAL, OTHERS = 0.99, 0.995, 0.9


def judge(exam: Exam) -> list[Finding] | Unknown:
    """Does one column alone do what the others cannot?"""
    rows = exam.rows
    table = rows.prepared.reshape(len(rows.prepared), -1)
    if not rows.tabular or not 3 <= table.shape[1] <= MOST_COLUMNS or rows.targets.ndim != 1:
        return []
    if len(rows.targets) < MIN_ROWS or not np.isfinite(table).all():
        return Unknown(code="D20", title=TITLE, reason="too few rows, or gaps", needs=f"{MIN_ROWS} whole rows")
    train, val = draw(rows.train, 2000, 14), draw(rows.val, 1000, 15)
    score = _balanced if rows.classes else _rank
    alone = np.array(
        [score(column[train], rows.targets[train], column[val], rows.targets[val]) for column in table.T]
    )
    sure = SURE_CLASSES if rows.classes else SURE_REAL
    best = int(alone.argmax())
    rest = float(np.median(np.delete(alone, best)))
    if alone[best] < sure or rest > OTHERS:
        return []
    what = "balanced accuracy" if rows.classes else "rank correlation"
    return [
        Finding(
            code="D20",
            title=TITLE,
            number=float(alone[best]),
            threshold=sure,
            n=len(val),
            text=f"C{rows.column(best)[1:]} alone predicts the target of {len(val)} validation rows with a "
            f"{what} of {alone[best]:.4f}; the median of the other {len(alone) - 1} columns is {rest:.3f}.",
            remedy="Ask when this column is known; leave it out if that is after the target.",
            severity="warning",
            cause="A column that is made from the target is missing, or empty, where the model is to be used.",
            wrong='x = table.drop("churned")',
            right='x = table.drop("churned", "cancelled_on")',
            evidence={"column": best},
        )
    ]


def _balanced(train_x: Array, train_y: Array, val_x: Array, val_y: Array) -> float:
    from sklearn.tree import DecisionTreeClassifier

    if train_x.min() == train_x.max():
        return 0.0
    tree = DecisionTreeClassifier(max_leaf_nodes=4 * len(np.unique(train_y)), min_samples_leaf=2, random_state=0)
    told = tree.fit(train_x[:, None], train_y).predict(val_x[:, None])
    return float(np.mean([(told[val_y == c] == c).mean() for c in np.unique(val_y)]))


def _rank(train_x: Array, train_y: Array, val_x: Array, val_y: Array) -> float:
    del train_x, train_y  # a rank correlation fits nothing
    from scipy.stats import spearmanr

    if val_x.min() == val_x.max() or val_y.min() == val_y.max():
        return 0.0
    return float(abs(spearmanr(val_x, val_y).statistic))
