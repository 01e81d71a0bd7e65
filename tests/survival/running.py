"""Start the program of this folder, kill it, go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}


def command(**asked):
    """The command line of the program."""
    return [sys.executable, str(HERE / "program.py"), json.dumps(asked)]


def start(log, **asked):
    """The running program; what it says on stderr goes to `log`."""
    with open(log, "ab") as stream:
        return subprocess.Popen(command(**asked), stdout=subprocess.PIPE, stderr=stream, env=ENVIRONMENT)


def finish(**asked):
    """Run to the end; (exit code, what was decided or None, what it said)."""
    done = subprocess.run(command(**asked), capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def whole_lines(journal):
    """The lines of a journal as records; of one that is being written, or broke off, the last may be half there."""
    text = journal.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def kinds_of(folder):
    """{kind: how many lines} of a run's journal."""
    counts = {}
    for line in whole_lines(Path(folder) / "journal.jsonl"):
        counts[line["k"]] = counts.get(line["k"], 0) + 1
    return counts


def alive(pid):
    """Is there a process with this number that is not a zombie?"""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
