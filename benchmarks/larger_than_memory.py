"""A table larger than the memory that a process may have: peak memory and rows per second against rows in memory.

python -m benchmarks.larger_than_memory [--copies 12] [--limit-mb 2000] [--trials 8] [--rounds 3]

The table: Fashion-MNIST's 60,000 training images, `--copies` times with noise, one column a pixel and one of
classes, as Parquet. Three programs, interleaved: `limited` and `unlimited` read the file (it is decoded once into
the cache, and read by row as memory), the first under RLIMIT_DATA; `resident` keeps all rows in its own memory. Each
opens the file and tunes a small MLP. Memory: the largest private memory (RssAnon) seen while it ran, and the peak of
all (VmHWM), which counts pages of the file that the system would give back. Told too: trials that failed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from benchmarks.population.models import fashion_pixels

WAYS = ("limited", "unlimited", "resident")


def write_table(path: Path, copies: int) -> int:
    """Write the table; bytes of its numbers as float32."""
    import polars as pl

    pixels, classes = fashion_pixels()
    random = np.random.default_rng(0)
    noisy = [
        np.clip(pixels.astype(np.int16) + random.integers(-8, 9, pixels.shape, np.int16), 0, 255).astype(np.uint8)
        for _ in range(copies)
    ]
    table = pl.DataFrame(np.concatenate(noisy), schema=[f"p{i}" for i in range(784)], orient="row")
    names = pl.Series("label", np.tile(classes, copies)).cast(pl.String)
    table.with_columns(names).write_parquet(path, row_group_size=20_000)
    return 4 * copies * pixels.size


def net(width: int = 64, *, inputs: int, outputs: int) -> Any:
    """One hidden layer."""
    from torch import nn

    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def private_mb() -> float:
    """Private memory of this process."""
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("RssAnon"))


def peak_mb() -> float:
    """The largest memory of this process so far, with pages of files."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(way: str, path: Path, *, limit_mb: int, trials: int) -> dict[str, float]:
    """Open the table and tune on it in this process."""
    import torch

    import luthier
    from luthier.data import mapped

    torch.set_num_threads(1)
    if way == "limited":
        resource.setrlimit(resource.RLIMIT_DATA, (limit_mb << 20, limit_mb << 20))
    most, ended = [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], private_mb())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    begun_s = time.perf_counter()
    resident = mock.patch.object(mapped, "RESIDENT_BYTES", 1 << 60 if way == "resident" else mapped.RESIDENT_BYTES)
    with resident, tempfile.TemporaryDirectory() as root:
        data = luthier.Data(path, target="label")
        opened_s = time.perf_counter() - begun_s
        recipe = luthier.Recipe(batch_size=256, steps=1500)
        run = luthier.tune(net, data, budget=f"{trials}trials", baseline=recipe, workers=0, root=root)
        done = [t for t in run.record.history.trials if t.curve]
        rows = sum(256 * t.curve[-1].step for t in done)
        seconds = sum(t.cost.seconds for t in done)
        failed = sum(t.status == "failed" for t in run.record.history.trials)
    ended.set()
    watcher.join()
    return {
        "opened_s": opened_s,
        "rows_s": rows / seconds,
        "private_mb": most[0],
        "peak_mb": peak_mb(),
        "failed": failed,
    }


def main() -> None:
    """Run all, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--copies", type=int, default=12)
    parser.add_argument("--limit-mb", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "TABLE"))
    asked = parser.parse_args()
    if asked.one:
        found = one(asked.one[0], Path(asked.one[1]), limit_mb=asked.limit_mb, trials=asked.trials)
        sys.stdout.write(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        num_bytes = write_table(path, asked.copies)
        print(f"{num_bytes / 2**20:.0f} MB of float32, {path.stat().st_size / 2**20:.0f} MB of Parquet", flush=True)
        rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for round_ in range(asked.rounds):
            for way in WAYS:
                environment = {**os.environ, "LUTHIER_CACHE": f"{folder}/{way}{round_}", "OMP_NUM_THREADS": "1"}
                more = ["--one", way, str(path), "--limit-mb", str(asked.limit_mb), "--trials", str(asked.trials)]
                command = [sys.executable, "-m", "benchmarks.larger_than_memory", *more]
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
                rows[way].append(json.loads(done.stdout.splitlines()[-1]))
                print(way, {k: round(v, 1) for k, v in rows[way][-1].items()}, flush=True)
        for way, found in rows.items():
            told = {key: statistics.median(row[key] for row in found) for key in found[0]}
            print(way, f"n={len(found)}", {k: round(v, 1) for k, v in told.items()})


if __name__ == "__main__":
    main()
