"""Freed memory: it is kept for the next step, unless the person has said what the C library should do."""

import os
import platform
import subprocess
import sys

import pytest

from luthier.heap import KEPT_MEMORY

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library: nothing is set")
STEPS = """
import resource, sys
import numpy as np
from luthier.heap import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def step():
    some = [np.ones(1_000_000) for _ in range(5)]

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(way, **environment):
    """Pages that 20 equal steps had to ask of the system."""
    inherited = {name: value for name, value in os.environ.items() if name not in KEPT_MEMORY}
    command = [sys.executable, "-c", STEPS, way]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**inherited, **environment})
    return int(done.stdout)


def test_a_step_gets_the_pages_that_the_last_one_has_freed():
    assert faults("kept") * 10 < faults("as it comes")


def test_a_program_that_is_started_with_the_settings_keeps_them_as_well():
    assert faults("as it comes", **KEPT_MEMORY) * 10 < faults("as it comes")


def test_what_the_environment_says_counts():
    returned = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
    assert faults("kept", **returned) > faults("kept") * 10
