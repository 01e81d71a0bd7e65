"""Whole processes, interleaved: the script alone and under `luthier check --full` at each tier. Prints a table.

python -m benchmarks.check.overhead.measure [--rounds 7] [--only mlp cnn]
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
import time
from pathlib import Path

HERE = Path(__file__).parent
TIERS = ("quick", "full", "deep")


def run(command: list[str]) -> tuple[float, str, int]:
    """Seconds, standard output and peak memory in KiB (of all children so far) of a process."""
    start = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, cwd=tempfile.gettempdir()
    )
    seconds = time.perf_counter() - start
    return seconds, done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def under(script: str, tier: str, out: Path) -> list[str]:
    """The command that runs a script under watch to its end."""
    options = ["check", "--full", "--tier", tier, "--format", "json", "--output", str(out), "--fail-on", "never"]
    return [sys.executable, "-m", "luthier.cli", *options, script]


def main() -> None:
    """Measure, check that the output is the same, print ratios with their quartiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=["mlp", "cnn"])
    asked = parser.parse_args()
    for name in asked.only:
        script = str(HERE / f"{name}.py")
        seconds: dict[str, list[float]] = {"alone": [], **{tier: [] for tier in TIERS}}
        own: dict[str, float] = {}
        for _ in range(asked.rounds):
            alone, said, _ = run([sys.executable, script])
            seconds["alone"].append(alone)
            for tier in TIERS:
                with tempfile.TemporaryDirectory() as folder:
                    out = Path(folder) / "diagnosis.json"
                    took, watched, _ = run(under(script, tier, out))
                    told = json.loads(out.read_text())
                assert watched == said, f"{name} prints something else under watch"
                seconds[tier].append(took)
                own[tier] = told.get("data", told)["watch_s"]
        for tier in TIERS:
            ratios = sorted(s / a for s, a in zip(seconds[tier], seconds["alone"], strict=True))
            low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
            alone = statistics.median(seconds["alone"])
            print(
                f"{name} {tier}: {statistics.median(ratios):.3f} of the script alone "
                f"(quartiles {low:.3f} to {high:.3f}, n = {len(ratios)}; alone {alone:.1f} s, "
                f"hooks {own[tier]:.2f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
