"""Results that outlive an interruption: one JSON line each, found again by their key; and how numbers are told."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path("runs") / "benchmarks"
"""Where results lie; git ignores it."""


class Store:
    """Rows of a file, the newest of each key. A line cut short by an interruption is left out."""

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self.path, self.keys = path, tuple(keys)
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                self._hold(json.loads(line))
            except json.JSONDecodeError:
                continue

    def _hold(self, row: dict[str, Any]) -> None:
        self.rows[tuple(row[key] for key in self.keys)] = row

    def add(self, row: dict[str, Any]) -> None:
        """Keep a result, on the disk at once."""
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        self._hold(row)

    def get(self, *key: Any) -> dict[str, Any] | None:
        """What was found for this key, if anything."""
        return self.rows.get(key)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median with the quartiles; all three are the value where there is one."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return {"median": middle, "low": low, "high": high, "n": len(values)}


def told(found: dict[str, float], digits: int = 2) -> str:
    """ "2.31 [2.20, 2.40]"."""
    return f"{found['median']:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(*packages: str) -> dict[str, str]:
    """What the figures depend on."""
    found = {name: version(name) for name in packages}
    return {"python": platform.python_version(), "system": platform.machine(), "cores": str(usable_cores()), **found}
