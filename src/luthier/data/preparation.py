"""What is done to inputs and targets before training, fitted on the training rows only.

The settings of a recipe's `preparation`:

    scale      none, standard, min-max, robust (median and quartiles), quantile (to a normal distribution)
    clip       training values beyond this quantile, and beyond 1 - it, become that quantile; 0: never. What is
               validated, tested and predicted stays as it is
    target     none, standard: real targets are trained on with mean 0 and variance 1, and predicted as they were
    missing    median, mean, most_frequent: what a gap in a number becomes (tables)
    indicator  true, false: does the model see where a gap was? (tables)

The fit is scikit-learn's; its numbers are plain arrays, so that a model is stored without pickle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data.layout import Layout
from luthier.errors import InvalidInput

Array = npt.NDArray[Any]
Fitted = dict[str, Array]
SETTINGS: dict[str, tuple[Any, ...]] = {
    "scale": ("none", "standard", "min-max", "robust", "quantile"),
    "target": ("none", "standard"),
    "missing": ("median", "mean", "most_frequent"),
    "indicator": (True, False),
}
MOST_CLIP = 0.25
OF_TABLES = ("missing", "indicator")
DEFAULTS = {"scale": "standard", "target": "standard", "missing": "median", "indicator": True}
"""Of a table, where nobody says otherwise; arrays are left as they are."""
FIT_ROWS, FEWEST_FIT_ROWS, FIT_NUMBERS = 200_000, 10_000, 1 << 23
"""Of more training rows, or more numbers in them (64 MiB as float64), an even sample is fitted on. Of 200,000 rows
it moves a quantile by 0.1 % of the rows, of 10,000 by 0.5 %."""
BLOCK_NUMBERS = 1 << 22
"""Rows are prepared in blocks of so many numbers, 32 MiB as float64."""
FITTED_AT_ONCE = 64
"""Columns that are fitted together: it takes several copies of them."""
NUM_QUANTILES = 200


def check(preparation: dict[str, Any], *, is_table: bool, kind: str) -> None:
    """Refuse a setting that there is not.

    Raises:
        InvalidInput: another name or value.
    """
    for name, value in preparation.items():
        if name == "clip":
            if not (isinstance(value, int | float) and 0 <= value < MOST_CLIP):
                raise InvalidInput(f"prepare_clip={value!r}", must=f"0 <= clip < {MOST_CLIP}", where="recipe")
        elif name not in SETTINGS or (name in OF_TABLES and not is_table):
            known = [n for n in (*SETTINGS, "clip") if is_table or n not in OF_TABLES]
            raise InvalidInput(f"preparation={preparation}", must=f"only {', '.join(known)}", where="recipe")
        elif value not in SETTINGS[name]:
            options = ", ".join(str(option) for option in SETTINGS[name])
            raise InvalidInput(f"prepare_{name}={value!r}", must=f"{name} is one of {options}", where="recipe")
    if preparation.get("target", "none") != "none" and kind not in ("", "regression") and not is_table:
        raise InvalidInput("prepare_target", must="real targets", where="recipe", remedy="Classes are not scaled")


def fit(
    inputs: Array,
    train_rows: Array,
    preparation: dict[str, Any],
    *,
    layout: Layout | None = None,
    targets: Array | None = None,
) -> Fitted:
    """What the training rows say; empty where nothing is done.

    Args:
        inputs: [n, ...]; of a table, the numbers of its rows [n, parts].
        layout: of a table.
        targets: real values [n] or [n, k]; None for classes.

    Returns:
        Of the numbers [D]: "fill", "low" and "high" (clip), "shift" and "factor", "quantiles" [Q, D]; of the
        categories "seen"; of the targets "target_shift" and "target_factor" [k]. A feature that is constant on the
        training rows becomes 0.

    Raises:
        InvalidInput: another setting.
    """
    check(preparation, is_table=layout is not None, kind="" if targets is not None else "classes")
    if layout is None and all(preparation.get(name) in (None, "none", 0) for name in ("scale", "clip")):
        return _of_targets(targets, train_rows, preparation)
    rows = sampled(inputs, train_rows)
    raw = np.asarray(inputs[rows]).reshape(len(rows), -1)
    fitted: Fitted = {}
    columns, shape = list(range(raw.shape[1])), inputs.shape[1:]
    if layout is not None:
        columns, shape = [f.part for f in layout.of("number")], (-1,)
        seen = [(raw[:, f.part] == f.codes[0]).any() for f in layout.of("category")]
        fitted |= {"seen": np.array(seen, np.float64)}
        fitted |= {"indicator": np.array(float(preparation.get("indicator", True)))}
    some = [columns[at : at + FITTED_AT_ONCE] for at in range(0, max(len(columns), 1), FITTED_AT_ONCE)]
    parts = [_of_numbers(raw[:, part].astype(np.float64), preparation, gaps=layout is not None) for part in some]
    for name, first in parts[0].items():
        whole = np.concatenate([part[name] for part in parts], axis=-1)
        fitted[name] = whole.reshape(*first.shape[:-1], *shape)
    return fitted | _of_targets(targets, train_rows, preparation)


def _of_numbers(seen: Array, preparation: dict[str, Any], *, gaps: bool) -> Fitted:
    """What some columns [n, D] say, each by itself; `gaps`: NaN is filled."""
    fitted: Fitted = {}
    if gaps:
        fitted["fill"] = _filling(seen, preparation.get("missing", DEFAULTS["missing"]))
    clip = float(preparation.get("clip", 0.0))
    if clip:
        known = np.where(np.isnan(seen).all(0), 0.0, seen)  # without any number: it is filled and constant anyhow
        fitted["low"], fitted["high"] = np.nanquantile(known, [clip, 1 - clip], axis=0)
        seen = np.clip(seen, fitted["low"], fitted["high"])
    if gaps:
        seen = np.where(np.isnan(seen), fitted["fill"], seen)
    return fitted | _scaling(seen, preparation.get("scale", "none"))


def sampled(inputs: Array, rows: Array) -> Array:
    """The rows that are fitted on: all, or an even sample."""
    width = max(int(np.prod(inputs.shape[1:])), 1)
    most = min(max(FIT_NUMBERS // width, FEWEST_FIT_ROWS), FIT_ROWS)
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def blocks(inputs: Array) -> Iterator[slice]:
    """The rows of each block."""
    size = max(BLOCK_NUMBERS // max(int(np.prod(inputs.shape[1:])), 1), 1)
    return (slice(start, start + size) for start in range(0, len(inputs), size))


def _filling(seen: Array, how: str) -> Array:
    """What stands in for a gap, [D]."""
    from sklearn.impute import SimpleImputer

    if seen.shape[1] == 0:
        return np.zeros(0)
    found = SimpleImputer(strategy=how, keep_empty_features=True).fit(seen).statistics_
    filling: Array = np.nan_to_num(found.astype(np.float64))
    return filling


def _scaling(seen: Array, scale: str) -> Fitted:
    """The numbers of a scaler of scikit-learn, for columns [n, D] without gaps."""
    from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler

    if scale == "none" or seen.shape[1] == 0:
        return {}
    if scale == "quantile":
        num = min(NUM_QUANTILES, len(seen))
        scaler = QuantileTransformer(n_quantiles=num, output_distribution="normal", random_state=0).fit(seen)
        return {"quantiles": scaler.quantiles_}
    if scale == "min-max":
        found = MinMaxScaler().fit(seen)
        shift, width = found.data_min_, found.data_range_
    elif scale == "robust":
        found = RobustScaler().fit(seen)
        quarters = np.quantile(seen, [0.25, 0.75], axis=0)
        # a feature of which half the values are equal has quartiles without width: its spread stands in
        shift, width = found.center_, np.where(quarters[1] > quarters[0], quarters[1] - quarters[0], seen.std(0))
    else:
        found = StandardScaler().fit(seen)
        shift, width = found.mean_, np.sqrt(found.var_)
    constant = seen.max(0) == seen.min(0)
    factor = np.where(constant | (width <= 0), 0.0, 1.0 / np.where(width > 0, width, 1.0))
    return {"shift": shift, "factor": factor}


def _of_targets(targets: Array | None, train_rows: Array, preparation: dict[str, Any]) -> Fitted:
    if targets is None or preparation.get("target", "none") == "none":
        return {}
    seen = targets[train_rows].astype(np.float64).reshape(len(train_rows), -1)
    width = seen.std(0)
    return {"target_shift": seen.mean(0), "target_width": np.where(width > 0, width, 1.0)}


def apply(inputs: Array, fitted: Fitted, *, layout: Layout | None = None, clipped: Array | None = None) -> Array:
    """Any rows, prepared as the training rows said: float32 [n, ...], of a table [n, inputs of the model].

    Args:
        clipped: bool [n], rows whose outlying values are clipped: the training rows.
    """
    if layout is None:
        return np.asarray(_scaled(_clip(inputs, fitted, clipped), fitted), np.float32)
    number, gap, category, other = (layout.of(kind) for kind in ("number", "gap", "category", "other"))
    raw = np.asarray(inputs)
    values = _clip(raw[:, [f.part for f in number]], fitted, clipped)
    values = np.where(np.isnan(values), fitted["fill"], values)
    gaps = np.isnan(raw[:, [f.part for f in gap]]) * fitted["indicator"]
    hot = (raw[:, [f.part for f in category]] == np.array([f.codes[0] for f in category])) * fitted["seen"]
    rest = np.empty((len(raw), len(other)))
    for i, feature in enumerate(other):
        code = raw[:, feature.part]
        rest[:, i] = ~np.isnan(code) & ~np.isin(code, feature.codes)
    blocks = {"number": _scaled(values, fitted), "gap": gaps, "category": hot, "other": rest}
    out = np.empty((len(raw), len(layout)), np.float32)
    for kind, block in blocks.items():
        out[:, [i for i, f in enumerate(layout.features) if f.kind == kind]] = block
    return out


def in_blocks(
    inputs: Array, fitted: Fitted, *, layout: Layout | None = None, clipped: Array | None = None
) -> Iterator[Array]:
    """`apply`, a block of rows at a time: it takes several copies of what it is handed, as float64."""
    for part in blocks(inputs):
        yield apply(inputs[part], fitted, layout=layout, clipped=None if clipped is None else clipped[part])


def _clip(values: Array, fitted: Fitted, clipped: Array | None) -> Array:
    if "low" not in fitted or clipped is None:
        return values
    wide = clipped.reshape(-1, *[1] * (values.ndim - 1))
    return np.where(wide, np.clip(values, fitted["low"], fitted["high"]), values)


def _scaled(values: Array, fitted: Fitted) -> Array:
    if "quantiles" in fitted:
        flat = values.reshape(len(values), -1)
        return _normal(flat, fitted["quantiles"].reshape(len(fitted["quantiles"]), -1)).reshape(values.shape)
    if "shift" in fitted:
        scaled: Array = (values - fitted["shift"]) * fitted["factor"]
        return scaled
    return values


def _normal(values_nD: Array, quantiles_QD: Array) -> Array:
    """Values by the quantiles of the training rows to a standard normal distribution, as scikit-learn's
    QuantileTransformer does: the mean of both directions, so that equal quantiles map to their middle."""
    from scipy.special import ndtri

    positions = np.linspace(0, 1, len(quantiles_QD))
    out = np.empty(values_nD.shape, np.float64)
    for d in range(values_nD.shape[1]):
        knots, column = quantiles_QD[:, d], values_nD[:, d]
        up = np.interp(column, knots, positions)
        down = np.interp(-column, -knots[::-1], -positions[::-1])
        share = 0.5 * (up - down)
        share = np.where(column <= knots[0], 0.0, np.where(column >= knots[-1], 1.0, share))
        out[:, d] = 0.0 if knots[0] == knots[-1] else ndtri(np.clip(share, EDGE, 1 - EDGE))
    return out


EDGE = 1e-7
"""As scikit-learn: the normal distribution ends at +- 5.2."""


def to_training(targets: Array, fitted: Fitted) -> Array:
    """Targets as they are trained on."""
    if "target_shift" not in fitted:
        return targets
    flat = (targets.reshape(len(targets), -1) - fitted["target_shift"]) / fitted["target_width"]
    return np.asarray(flat.reshape(targets.shape), np.float32)


def from_training(outputs: Array, fitted: Fitted) -> Array:
    """Outputs of a model in the units of the targets: the inverse of `to_training`, [n, k]."""
    if "target_shift" not in fitted:
        return outputs
    return np.asarray(outputs * fitted["target_width"] + fitted["target_shift"], np.float32)
