"""Start the program of this folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import luthier

PROGRAM = Path(__file__).parent / "program.py"
PLACES = (PROGRAM.parents[1], Path(luthier.__file__).parents[1], *os.environ.get("PYTHONPATH", "").split(os.pathsep))
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(place) for place in PLACES if str(place)),
    "OMP_NUM_THREADS": "1",
}


def finish(**asked):
    """Run to the end; (exit code, what was decided or None, what it said)."""
    more = asked.pop("environment", {})
    done = subprocess.run(
        [sys.executable, str(PROGRAM), json.dumps(asked)],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **more},
        timeout=300,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def start(log, **asked):
    """The running program; what it says goes to `log`."""
    more = asked.pop("environment", {})
    with Path(log).open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(asked)],
            stdout=stream,
            stderr=stream,
            env={**ENVIRONMENT, **more},
        )
