"""How long `import luthier` and `luthier --help` take, beside `import numpy`: whole processes, interleaved.

python benchmarks/startup.py [--rounds 15] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import luthier": [sys.executable, "-c", "import luthier"],
    "luthier.tune (loaded)": [sys.executable, "-c", "import luthier; luthier.tune"],
    "luthier --help": [str(Path(sys.executable).with_name("luthier")), "--help"],
}


def once(command: list[str]) -> float:
    """Wall seconds of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for command in COMMANDS.values():
        once(command)  # warm the file cache
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(asked.rounds):
        for name, command in COMMANDS.items():
            seconds[name].append(once(command))
    numpy_s = statistics.median(seconds["import numpy"])
    rows = {
        name: {
            "median_s": statistics.median(times),
            "min_s": min(times),
            "max_s": max(times),
            "n": len(times),
            "ratio_to_numpy": statistics.median(times) / numpy_s,
        }
        for name, times in seconds.items()
    }
    if asked.json:
        print(json.dumps(rows))
        return
    print("| process | median s | min | max | n | ratio to import numpy |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(
            f"| {name} | {row['median_s']:.3f} | {row['min_s']:.3f} | {row['max_s']:.3f} | {row['n']} "
            f"| {row['ratio_to_numpy']:.2f} |"
        )


if __name__ == "__main__":
    main()
