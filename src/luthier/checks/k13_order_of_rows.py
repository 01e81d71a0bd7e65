"""The rows lie in the order of their labels, and the order is used.

`validation_split` takes the last rows as they lie, before any shuffling. Where the rows are sorted by class the
validation part then holds classes that the training part has never seen. With `shuffle=False`, or a `tf.data` set
that is not shuffled, sorted rows mean batches of one class each: the model unlearns all others within an epoch.

Evidence: labels of all rows; classes of the validation part that the training part lacks; the first batch of several
epochs. Exact.

Mend: shuffle the rows once before the split, or split with `train_test_split(..., stratify=y)`.

    model.fit(x, y, validation_split=0.2)        # wrong for sorted rows

    order = np.random.default_rng(0).permutation(len(x))
    model.fit(x[order], y[order], validation_split=0.2)

It keeps silent for sorted rows that Keras shuffles (its default) and that are not split.
"""

from __future__ import annotations

from typing import Any

from luthier.checks.wording import few
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit, Rows

TITLE = "rows sorted by their labels"
TIER = "quick"
CAUSES = ()
MIN_BATCH = 8


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits on arrays and data sets; one finding a fit."""
    return [finding for fit in trace.fits if (finding := _judge(fit)) is not None]


def _judge(fit: Fit) -> Finding | None:
    said = _wrong(fit)
    if said is None:
        return None
    rows, (text, remedy, right) = fit.rows, said
    return Finding(
        code="K13",
        title=TITLE,
        number=float(len(rows.only_in_validation)) if rows is not None else 1.0,
        threshold=0.0,
        n=rows.num_rows if rows is not None else fit.targets[0].rows,
        text=text,
        remedy=remedy,
        severity="error",
        certain=True,
        place=fit.place,
        step=0,
        cause="What is learned and what is measured are different classes, or one class at a time.",
        wrong="model.fit(x, y, validation_split=0.2)" if fit.validation == "split" else "",
        right=right,
        evidence={"classes": rows.num_classes if rows is not None else 0, "shuffle": fit.shuffle},
    )


def _wrong(fit: Fit) -> tuple[str, str, str] | None:
    """(text, remedy, right code) where the order of the rows harms."""
    rows = fit.rows
    right = "order = np.random.default_rng(0).permutation(len(x))\nx, y = x[order], y[order]"
    if rows is not None and fit.validation == "split" and rows.only_in_validation and rows.num_classes <= 100:
        missing = [str(c) for c in rows.only_in_validation]
        text = (
            f"validation_split={fit.validation_split:g} takes the last {rows.num_validation} rows as they lie: "
            f"{'class' if len(missing) == 1 else 'classes'} {few(missing)} occur there and in none of the "
            f"{rows.num_rows} training rows."
        )
        remedy = "Shuffle the rows once before fit, or split with stratify"
    elif rows is not None and fit.validation == "split" and _one_class_held_back(rows):
        text = (
            f"validation_split={fit.validation_split:g} takes the last {rows.num_validation} rows as they lie, and "
            f"the rows are sorted by their {rows.num_classes} classes: the validation part holds one class only."
        )
        remedy = "Shuffle the rows once before fit, or split with stratify"
    elif rows is not None and rows.sorted_labels and not fit.shuffle and fit.source == "arrays":
        text = f"the {rows.num_rows} training rows are sorted by their {rows.num_classes} classes and shuffle=False."
        remedy, right = "Leave shuffle=False out", "model.fit(x, y)"
    elif fit.source == "dataset" and _same_single_class(fit):
        text = (
            f"the first batch of each of {len(fit.first_hashes)} epochs is the same and holds "
            f"{fit.targets[0].rows} rows of one class."
        )
        remedy, right = "Shuffle the data set over its whole length", "ds.shuffle(len(x)).batch(32)"
    else:
        return None
    return text, remedy, right


def _one_class_held_back(rows: Rows) -> bool:
    return rows.sorted_labels and rows.num_validation_classes == 1 and rows.num_validation >= MIN_BATCH


def _same_single_class(fit: Fit) -> bool:
    same = len(fit.first_hashes) >= 2 and len(set(fit.first_hashes)) == 1
    if not same or len(fit.targets) != 1 or len(fit.losses) != 1 or fit.targets[0].rows < MIN_BATCH:
        return False
    target, loss = fit.targets[0], fit.losses[0]
    one = target.distinct == 1 or (bool(target.columns) and all(c[1] == 0 for c in target.columns))
    return one and "crossentropy" in loss.name
