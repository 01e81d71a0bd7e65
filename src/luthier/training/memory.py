"""How many trials fit beside each other: planned before the memory is used.

A slot needs its weights, their gradient, the optimizer's states, its buffers, and what a step holds until its
gradient is known (activations). All but the last are known from a snapshot; the last is the growth of the process
during a step of one model. The sum is a plan, not a promise: what does not fit all the same is answered by a smaller
P (`training/driver.py`).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from luthier.engines.spec import Snapshot

HEADROOM = 0.8
"""Of the memory that is free, so much may be planned for."""
COPIES = 2
"""A population may hold its states twice for a moment: when slots are stacked, or the active ones gathered."""


class Need(NamedTuple):
    """Bytes of one slot: what stays from step to step, and what a step needs besides."""

    state: int
    step: int = 0

    def of(self, P: int) -> int:
        """Bytes of P slots in one program."""
        return P * (COPIES * self.state + self.step)


class Peak:
    """The growth of this process over a block, bytes; 0 where the system does not tell."""

    grown = 0


def need_of(snapshot: Snapshot, step: int = 0) -> Need:
    """What a slot like this one needs."""
    weights = sum(a.nbytes for name, a in snapshot.items() if name.startswith("weights/"))
    return Need(sum(a.nbytes for a in snapshot.values()) + weights, step)


@contextlib.contextmanager
def watched() -> Iterator[Peak]:
    """Measures the largest growth of the resident size within the block.

    Linux keeps the largest size so far; writing 5 to clear_refs sets it back to the size now (proc(5)).
    """
    peak = Peak()
    before = 0
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
    yield peak
    if before:
        peak.grown = max(_status("VmHWM") - before, 0)


def available_bytes(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that programs may still take: free memory of the machine, or of the container where that is less.
    None where the system does not tell."""
    free = [_meminfo(proc / "meminfo"), _left_in(cgroup)]
    return min((f for f in free if f is not None), default=None)


def why_not(need: Need, P: int, available: int | None) -> str:
    """Why P slots do not fit, in words; empty where they do, or where nothing is known."""
    if available is None or P == 1 or need.of(P) <= HEADROOM * available:
        return ""
    return f"P={P} needs about {_mib(need.of(P))}, and of {_mib(available)} free no more than {HEADROOM:.0%} is used"


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


def _meminfo(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _left_in(cgroup: Path) -> int | None:
    """Limit less use of the container, version 2 of cgroups or 1; pages of files can be given back."""
    old = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")
    for names in (("memory.max", "memory.current"), old):
        with contextlib.suppress(OSError, ValueError):
            limit, used = (int((cgroup / name).read_text()) for name in names)
            return max(limit - used + _file_pages(cgroup), 0)
    return None


def _file_pages(cgroup: Path) -> int:
    for file in ("memory.stat", "memory/memory.stat"):
        with contextlib.suppress(OSError, ValueError):
            counts = dict(line.split() for line in (cgroup / file).read_text().splitlines())
            return int(counts.get("inactive_file", counts.get("total_inactive_file", 0)))
    return 0


def _status(name: str) -> int:
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
