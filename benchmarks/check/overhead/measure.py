"""Whole processes, interleaved: the script alone and under `luthier check --full` at each tier. Prints ratios.

python -m benchmarks.check.overhead.measure [--rounds 7] [--only mlp cnn] [--tiers quick full]
"""

from __future__ import annotations

import argparse
import json
import math
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


def run(command: list[str]) -> tuple[float, float, str]:
    """Seconds by the clock, seconds of the processor and standard output of a process."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a package that is installed is translated once
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, cwd=tempfile.gettempdir()
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def under(script: str, tier: str, out: Path) -> list[str]:
    """The command that runs a script under watch to its end."""
    options = ["check", "--full", "--tier", tier, "--format", "json", "--output", str(out), "--fail-on", "never"]
    return [sys.executable, "-m", "luthier.cli", *options, script]


def main() -> None:
    """Measure, check that the output is the same, print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tiers", nargs="*", default=list(TIERS), choices=TIERS)
    parser.add_argument("--only", nargs="*", default=["mlp", "cnn"])
    asked = parser.parse_args()
    for name in asked.only:
        script = str(HERE / f"{name}.py")
        ratios: dict[str, list[tuple[float, float]]] = {tier: [] for tier in asked.tiers}
        own: dict[str, float] = {}
        fastest: dict[str, float] = dict.fromkeys(("", *asked.tiers), math.inf)
        for _ in range(asked.rounds):
            alone_s, alone_cpu_s, said = run([sys.executable, script])
            fastest[""] = min(fastest[""], alone_cpu_s)
            for tier in asked.tiers:
                with tempfile.TemporaryDirectory() as folder:
                    out = Path(folder) / "diagnosis.json"
                    took_s, cpu_s, watched = run(under(script, tier, out))
                    told = json.loads(out.read_text())
                assert watched == said, f"{name} prints something else under watch"
                ratios[tier].append((took_s / alone_s, cpu_s / alone_cpu_s))
                own[tier] = told["watch_s"]
                fastest[tier] = min(fastest[tier], cpu_s)
        for tier, pairs in ratios.items():
            clock, processor = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
            each = " ".join(f"{pair[1]:.3f}" for pair in pairs)
            print(
                f"{name} {tier}: {clock:.3f} of the script alone by the clock, {processor:.3f} by the processor "
                f"(medians of n = {len(pairs)}: {each}; hooks {own[tier]:.2f} s of {alone_s:.1f} s); fastest over "
                f"fastest {fastest[tier] / fastest['']:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
