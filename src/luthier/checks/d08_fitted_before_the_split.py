"""A scaler, selector or oversampler was fitted on all rows before they were split.

What it detects

In the source: `fit_transform` or `fit_resample` of scikit-learn or imbalanced-learn objects that learn from the rows,
whose result is then given to `train_test_split` in the same function.

Why it hurts

The training rows carry means, ranges or components of the test rows, and an oversampler even puts copies of one row
on both sides. The test score is no longer that of new rows: slightly for a scaler, badly for a selector that saw the
labels or for an oversampler.

Evidence

The order of the two calls on one variable (the source says it; the lines belong to a file that ran).

Mend

Wrong:

    X = StandardScaler().fit_transform(X)
    X_train, X_test, y_train, y_test = train_test_split(X, y)

Right:

    X_train, X_test, y_train, y_test = train_test_split(X, y)
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

When it keeps silent

Encoders of labels and categories, which learn nothing of the rows' values; a scaler that is fitted after the split.

Source

scikit-learn, "Common pitfalls: data leakage".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from luthier.checks.patches import last_name
from luthier.checks.wording import Sources, line_at, parsed
from luthier.findings import Finding, Place, Severity, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D08", "fitted before the split", "quick", ()
NEEDS = FRAMEWORK = ""
SCALERS = frozenset(
    {
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "QuantileTransformer",
        "PowerTransformer",
        "Normalizer",
        "PCA",
        "KNNImputer",
        "SimpleImputer",
        "IterativeImputer",
        "TfidfVectorizer",
    }
)
SEES_LABELS = frozenset(
    {
        "SelectKBest",
        "SelectPercentile",
        "RFE",
        "RFECV",
        "SelectFromModel",
        "TargetEncoder",
        "SMOTE",
        "ADASYN",
        "RandomOverSampler",
        "BorderlineSMOTE",
        "SMOTENC",
        "LinearDiscriminantAnalysis",
    }
)


def judge(trace: Trace) -> list[Finding] | Unknown:
    """The person's files that took part in the run."""
    if not any(f.trained_by for f in trace.forwards):
        return []
    return [finding for file in trace.sources for finding in _in_file(trace.sources, file)]


def _in_file(sources: Sources, file: str) -> Iterator[Finding]:
    tree = parsed(sources[file])
    kinds = _kinds(tree)
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.Module | ast.FunctionDef):
            continue
        fitted: dict[str, tuple[int, str]] = {}
        for statement in _own_statements(scope):
            for name in _split_names(statement):
                if name in fitted:
                    line, kind = fitted[name]
                    yield _finding(
                        line_at(sources, file, line),
                        line_at(sources, file, statement.lineno),
                        kind,
                        name,
                    )
            kind = _fitted_kind(statement, kinds)
            for name in _targets(statement):
                fitted.pop(name, None)
                if kind:
                    fitted[name] = (statement.lineno, kind)


def _own_statements(scope: ast.Module | ast.FunctionDef) -> Iterator[ast.stmt]:
    """Simple statements of a scope in order, through its blocks but not into functions and classes inside it."""
    waiting = list(reversed(scope.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner = [s for name in ("body", "orelse", "finalbody") for s in getattr(node, name, [])]
        if inner:
            waiting += reversed(inner)
        else:
            yield node


def _kinds(tree: ast.Module) -> dict[str, str]:
    """Variables that hold one of the objects: name -> class."""
    return {
        target.id: last_name(node.value.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and last_name(node.value.func) in SCALERS | SEES_LABELS
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _fitted_kind(statement: ast.stmt, kinds: dict[str, str]) -> str:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and last_name(node.func) in ("fit_transform", "fit_resample"):
            holder = node.func.value if isinstance(node.func, ast.Attribute) else None
            if isinstance(holder, ast.Name):
                return kinds.get(holder.id, "")
            if isinstance(holder, ast.Call) and last_name(holder.func) in SCALERS | SEES_LABELS:
                return last_name(holder.func)
    return ""


def _targets(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, ast.Assign):
        return []
    return [n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def _split_names(statement: ast.stmt) -> list[str]:
    """Variables that a statement gives to train_test_split."""
    return [
        name.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and last_name(node.func) == "train_test_split"
        for argument in node.args
        for name in ast.walk(argument)
        if isinstance(name, ast.Name)
    ]


def _finding(fitted: Place, split: Place, kind: str, name: str) -> Finding:
    badly = kind in SEES_LABELS
    severity: Severity = "error" if badly else "warning"
    return Finding(
        code=CODE,
        title=TITLE,
        n=1,
        text=f"{kind} is fitted on all rows of `{name}` before train_test_split (line {split.line}) divides them"
        + (", labels included." if badly else "."),
        remedy="Split first, fit on the training rows, and only apply it to the others.",
        severity=severity,
        certain=True,
        place=fitted,
        others=(split,),
        cause="The training rows carry what was learnt from the test rows, so the test score is not that of new "
        "rows.",
        wrong=f"{name} = {kind}().fit_transform({name})\n{name}_train, {name}_test = train_test_split({name})",
        right=f"{name}_train, {name}_test = train_test_split({name})\nfitted = {kind}().fit({name}_train)",
        evidence={"class": kind},
    )
