"""The devices that programs may train on, without loading a framework."""

from __future__ import annotations

import os
import shutil
import subprocess


def visible_devices() -> list[str]:
    """["cuda:0", ...] of the GPUs that a program started from here sees; empty: none."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    program = shutil.which("nvidia-smi")
    if program is None or named in ("", "-1"):
        return []
    try:
        done = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    there = sum(line.startswith("GPU ") for line in done.stdout.splitlines()) if done.returncode == 0 else 0
    count = there if named is None else min(there, len(named.split(",")))
    return [f"cuda:{number}" for number in range(count)]
