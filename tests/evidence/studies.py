"""Simulated studies: `luthier.tune` itself on an engine of which the truth is known.

    python studies.py '{"truth": "flat", "num": 500, "first": 0, "root": "/tmp/x"}'

Prints a JSON list, one object a study.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fakes
import luthier
from evidence.twins import TWINS

HERE = Path(__file__).parent
BUDGET = "62trials"


def study(truth, seed, root, **more):
    """One study: what was decided, and what is true of it."""
    task = fakes.task(truth, **more)
    run = luthier.tune(task, budget=BUDGET, workers=0, root=root, name=f"s{seed}", seed=seed)
    deciding = run.record.evidence[0]
    trial = run.record.history.trials[deciding.change.trial]
    build = getattr(fakes, truth)
    shutil.rmtree(run.folder)
    return {
        "adopted": run.adopted,
        "n": deciding.n,
        "estimate": deciding.difference.score,
        "interval": list(deciding.difference.interval),
        "truth": build(**trial.recipe.model).mean - build(**task.baseline.model).mean,
        "optimism": deciding.optimism,
    }


def many(truth, num, *, first=0, processes=2, twin="", **more):
    """`num` studies with the seeds first, first + 1, ..., shared among processes; `twin` makes them wrong."""
    share = -(-num // processes)
    parts = [
        {"truth": truth, "num": min(share, num - i), "first": first + i, "more": more, "twin": twin}
        for i in range(0, num, share)
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, __file__, json.dumps(p)], stdout=subprocess.PIPE, env=environment)
        for p in parts
    ]
    found = []
    for program in running:
        out, _ = program.communicate()
        if program.returncode:
            raise RuntimeError(f"a study failed with exit code {program.returncode}")
        found += json.loads(out)
    return found


def main():
    asked = json.loads(sys.argv[1])
    if asked["twin"]:
        TWINS[asked["twin"]]()
    memory = Path("/dev/shm")  # journals of simulations need no disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as root:
        first = asked["first"]
        found = [study(asked["truth"], s, root, **asked["more"]) for s in range(first, first + asked["num"])]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
