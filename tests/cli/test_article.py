"""The walk of docs/check.md: the sample is checked, mended round by round, and trains."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from house.tree import ROOT

from .test_check import check

ROUNDS = 6
SEEDED = "import runpy, sys, torch; torch.manual_seed(0); runpy.run_path(sys.argv[1], run_name='__main__')"
"""The sample scales nothing and has no seed: a single look can be far below the others."""


@pytest.mark.slow
def test_sample_is_mended_round_by_round_and_trains(tmp_path):
    script = tmp_path / "sample.py"
    shutil.copy(ROOT / "examples" / "article_sample.py", script)
    rounds = []
    for _ in range(ROUNDS):
        before = script.read_text("utf-8")
        done = check(tmp_path, "--fix", "--apply", "sample.py")
        rounds.append(re.findall(r"^\s*\S+: ([A-Z]\d\d) (?:error|warning|info): ", done.stderr, re.MULTILINE))
        if script.read_text("utf-8") == before:
            break
    assert rounds[0][0] == "X01"
    assert any("E03" in codes for codes in rounds)
    assert any("E01" in codes for codes in rounds)
    assert done.returncode == 0, done.stderr
    trained = subprocess.run(
        [sys.executable, "-c", SEEDED, str(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    accuracies = [float(found) for found in re.findall(r"accuracy: ([\d.]+) %", trained.stdout)]
    assert 85 < accuracies[-1] <= 100
