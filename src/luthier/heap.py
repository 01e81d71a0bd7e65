"""What the C library (glibc) does with memory that a step has freed: it keeps it for the next one.

Returned to the system, each page of it is filled with zeros again at every step: a quarter of the time of a small
CNN's eight models, and more of it where a watch frees small pieces in between.
"""

import ctypes
import os

TRIM_BYTES, MAP_BYTES = 256 << 20, 32 << 20
"""Free memory at the end of the heap that is kept; the size from which on a piece comes from the system by itself."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(TRIM_BYTES), "MALLOC_MMAP_THRESHOLD_": str(MAP_BYTES)}
"""The same for a program that is started."""


def keep_freed_memory() -> None:
    """From now on in this process; what the person's environment says counts, and another C library is left alone."""
    if any(name in os.environ for name in KEPT_MEMORY):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
    mallopt(M_MMAP_THRESHOLD, MAP_BYTES)
