"""What a model sees of a table: its inputs, one after another, the same for all trials of a run.

The width of a model must not depend on the split, so the layout is decided once a run, on the rows that are not test
rows and without a look at the targets: which columns say something, which categories are frequent enough to have an
input of their own, which columns have gaps. Every number that is fitted (`luthier.data.preparation`) is fitted on the
training rows of the split alone.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from luthier.codec import Record
from luthier.data.schema import Schema

Array = npt.NDArray[Any]
MOST_CATEGORIES = 64
"""Values of a column that have an input of their own, at most."""
RARE_FRAC, RARE_ROWS = 0.002, 3
"""A value in fewer rows than this share, or than so many, shares the input "other" with its like."""


class Feature(Record, frozen=True, kw_only=True):
    """One input of the model.

    `number` is the value itself; `gap` is 1 where there is none; `category` is 1 where the code is `codes[0]`;
    `other` is 1 where there is a code and it is none of `codes`.
    """

    name: str
    part: int  # column of the numbers of a row
    kind: Literal["number", "gap", "category", "other"]
    codes: tuple[int, ...] = ()


class Layout(Record, frozen=True, kw_only=True):
    """The inputs of the model in their order: numbers first. `left_out`: parts that are no input, with the reason."""

    features: tuple[Feature, ...]
    left_out: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.features)

    def of(self, kind: str) -> list[Feature]:
        """The features of one kind, in their order."""
        return [feature for feature in self.features if feature.kind == kind]


def lay_out(schema: Schema, numbers: Array, rows: Array) -> Layout:
    """The inputs for a table.

    Args:
        numbers: float32 [n, parts], as `Schema.encode` gives them. rows: those that may be looked at.
    """
    numeric: list[Feature] = []
    gaps: list[Feature] = []
    categories: list[Feature] = []
    left_out: dict[str, str] = {}
    at = 0
    for column in schema.columns:
        for offset, part in enumerate(column.parts):
            values = np.asarray(numbers[rows, at + offset])
            known = values[np.isfinite(values)]
            missing = len(known) < len(values)
            if len(known) == 0 or (known[0] == known).all():
                if len(known) and missing and offset == 0:
                    gaps.append(Feature(name=f"{part} missing", part=at + offset, kind="gap"))
                left_out[part] = "it has no values" if len(known) == 0 else "it is the same in all rows"
            elif column.kind == "category":
                words = {code: word for word, code in column.codes.items()}
                categories += _of_category(part, at + offset, known, words)
                if missing:
                    gaps.append(Feature(name=f"{part} missing", part=at + offset, kind="gap"))
            else:
                numeric.append(Feature(name=part, part=at + offset, kind="number"))
                if missing and offset == 0:
                    gaps.append(Feature(name=f"{part} missing", part=at + offset, kind="gap"))
        at += len(column.parts)
    return Layout(features=(*numeric, *gaps, *categories), left_out=left_out)


def _of_category(name: str, part: int, codes: Array, words: dict[int, str]) -> list[Feature]:
    """An input for each frequent value and one for all others, by scikit-learn's rule for infrequent categories."""
    from sklearn.preprocessing import OneHotEncoder

    num = max(RARE_ROWS, math.ceil(RARE_FRAC * len(codes)))
    encoder = OneHotEncoder(min_frequency=num, max_categories=MOST_CATEGORIES, handle_unknown="infrequent_if_exist")
    encoder.fit(codes[:, None].astype(np.int64))
    rare = encoder.infrequent_categories_[0]
    rare = set() if rare is None else {int(code) for code in rare}
    kept = tuple(int(code) for code in encoder.categories_[0] if int(code) not in rare and int(code) in words)
    features = [Feature(name=f"{name}={words[code]}", part=part, kind="category", codes=(code,)) for code in kept]
    if rare:
        features.append(Feature(name=f"{name}=other", part=part, kind="other", codes=kept))
    return features


def used(schema: Schema, layout: Layout) -> Schema:
    """The schema less what no input looks at: what must be kept for new rows. Every part keeps its place."""
    import msgspec

    codes = {code for feature in layout.of("category") for code in [(feature.part, feature.codes[0])]}
    columns, at = [], 0
    for column in schema.columns:
        kept = {word: code for word, code in column.codes.items() if (at, code) in codes}
        columns.append(msgspec.structs.replace(column, codes=kept) if column.codes else column)
        at += len(column.parts)
    return Schema(columns=tuple(columns))
