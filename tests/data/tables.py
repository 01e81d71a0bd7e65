"""Small tables on which the tests agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


def shop(num: int = 120, seed: int = 0) -> pl.DataFrame:
    """Customers: numbers with gaps, a category with rare values, a truth value, a date, names, and two targets."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, num)
    town = rng.choice(["Bonn", "Lyon", "Turin"], num, p=[0.5, 0.3, 0.2]).astype(object)
    town[:2] = "Oslo"  # too few for an input of its own
    churn = (age + 8 * (town == "Bonn") + rng.normal(0, 4, num)) > 44
    return pl.DataFrame(
        {
            "customer_id": np.arange(num) + 1000,
            "age": [None if rng.random() < 0.1 else float(round(x, 2)) for x in age],
            "town": [None if rng.random() < 0.1 else str(x) for x in town],
            "member": rng.random(num) < 0.5,
            "since": [f"2023-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(num)],
            "country": ["EU"] * num,
            "note": [f"spoke with the person number {i} about it" for i in range(num)],
            "spent": np.round(3 * age + rng.normal(0, 5, num), 2),
            "churn": ["yes" if x else "no" for x in churn],
        }
    )


def csv_of(frame: pl.DataFrame, path: Path, **how: Any) -> Path:
    """The frame as a file."""
    frame.write_csv(path, **how)
    return path
