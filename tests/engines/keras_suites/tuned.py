"""A program: `luthier.tune` on a Keras builder, which may die after some journal lines; prints what was decided.

python -m engines.keras_suites.tuned FOLDER digits|table [KIND COUNT]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import luthier
from engines.keras_suites.models import mlp
from luthier import Float, Int
from luthier.recipe import Recipe
from survival.program import decided, die_after

SPACE = {"lr": Float(1e-3, 3e-2, log=True), "width": Int(15, 16), "dropout": Float(0.05, 0.5)}
"""Each width is a program of its own, which JAX compiles anew: two show that structures are searched."""


def digits() -> dict[str, Any]:
    """Arrays."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return {"data": (X[:600].astype(np.float32) / 16.0, y[:600])}


def table() -> dict[str, Any]:
    """A table with words, numbers and gaps, whose target follows from two columns."""
    import pandas as pd

    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"age": draw.normal(40, 9, 500), "town": draw.choice(["a", "b", "c"], 500)})
    frame["paid"] = np.where((frame["age"] > 40) ^ (frame["town"] == "b"), "yes", "no")
    frame.loc[::17, "age"] = np.nan
    return {"data": frame, "target": "paid"}


if __name__ == "__main__":
    folder, name, *kill = sys.argv[1:]
    if kill:
        die_after(kill[0], int(kill[1]))
    run = luthier.tune(
        mlp,
        **{"digits": digits, "table": table}[name](),
        root=folder,
        name=name,
        budget="14 trials",
        space=SPACE,
        space_only=True,
        baseline=Recipe(epochs=3.0, batch_size=32, lr=2e-3),
        workers=1,
        resume=(Path(folder) / name).exists(),
    )
    model = luthier.load(run.folder, builder=mlp)
    rows = digits()["data"][0][:5] if name == "digits" else table()["data"].drop(columns="paid").head(5)
    outputs = model.predict(rows)
    assert outputs.shape == (5, len(model.labels))
    assert np.isfinite(outputs).all()
    assert (Path(run.folder) / "report.html").exists()
    assert run.record.facts.framework == "keras"
    sys.stdout.write(json.dumps(decided(run) | {"outputs": outputs.tolist()}))
