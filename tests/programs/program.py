"""A user's program that tunes one of `functions.py`, as a process of its own; may die after a journal line.

python program.py '{"function": "train", "arguments": {...}, "kill_after": ["report", 3]}'
"""

import json
import sys

import luthier
from luthier.errors import LuthierError
from programs import functions
from survival.program import die_after


def decided(run):
    """Everything that must not depend on how often the run was cut off."""
    record = run.record
    trials = [
        [
            t.id,
            t.phase,
            t.config,
            t.seed,
            t.origin,
            t.status,
            t.rung,
            t.step,
            [[p.step, p.fraction, repr(p.val_loss), repr(p.score)] for p in t.curve],
        ]
        for t in record.history.trials
    ]
    return {"trials": trials, "verdict": record.verdict, "adopted": record.adopted}


def main():
    asked = json.loads(sys.argv[1])
    if asked.get("kill_after"):
        die_after(*asked["kill_after"])
    function = getattr(functions, asked["function"]) if asked.get("function") else None
    wide = asked.get("space", {"lr": [1e-5, 1.0]})
    space = {name: luthier.Float(low, high, log=True) for name, (low, high) in wide.items()}
    try:
        run = luthier.tune(
            function, space=space, **{"metric": "val_loss", "baseline": {"lr": 1e-4}, **asked["arguments"]}
        )
    except LuthierError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(decided(run)))


if __name__ == "__main__":
    main()
