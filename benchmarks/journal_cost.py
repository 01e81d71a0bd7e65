"""What one appended line of the journal costs, with and without fsync.

    python benchmarks/journal_cost.py [--folder DIR] [--num 20000] [--num-sync 300]

Prints n, median and spread (5 % and 95 % quantiles) in microseconds per line. The line is a report of typical
size. The folder decides what fsync costs: name one on the disk that runs will live on.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from luthier.records import Point
from luthier.runs.journal import Journal

POINT = Point(step=900, fraction=0.5, train_loss=0.123456, val_loss=0.234567, score=0.9375, seconds=1.5)


def append_us(path: Path, num: int, *, sync: bool) -> np.ndarray:
    """Microseconds of each of `num` appends to a new journal."""
    cost_us = np.empty(num)
    with Journal.create(path) as journal:
        for i in range(num):
            start = time.perf_counter()
            journal.append("report", {"trial": i, "point": POINT}, i * 0.01)
            if sync:
                journal.sync()
            cost_us[i] = (time.perf_counter() - start) * 1e6
    return cost_us


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--num", type=int, default=20_000)
    parser.add_argument("--num-sync", type=int, default=300)
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {platform.system()} {platform.release()}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for sync, num in ((False, options.num), (True, options.num_sync)):
            path = Path(folder) / f"sync-{sync}.jsonl"
            cost_us = append_us(path, num, sync=sync)
            low, median, high = np.quantile(cost_us, (0.05, 0.5, 0.95))
            name = "append + fsync" if sync else "append"
            size = path.stat().st_size / num
            spread = f"5 to 95 %: {low:.1f} to {high:.1f} us"
            print(f"{name:15s} n={num}, median {median:.1f} us, {spread}, {size:.0f} bytes a line")


if __name__ == "__main__":
    main()
