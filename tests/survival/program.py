"""A user's program that tunes, as a process of its own; can be told to die after a certain journal line.

    python program.py '{"task": ..., "options": ..., "arguments": {...}, "kill_after": ["report", 3]}'

Prints what a run decided: trials, curves, verdict; nothing that a clock says.
"""

import json
import os
import signal
import sys

import fakes
import luthier
from luthier.errors import LuthierError
from luthier.runs.journal import Journal


def die_after(kind, count):
    """SIGKILL to this process once `count` lines of this kind are in the journal."""
    seen = 0
    whole = Journal.append

    def append(self, line_kind, data, t):
        nonlocal seen
        line = whole(self, line_kind, data, t)
        seen += line_kind == kind
        if line_kind == kind and seen == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return line

    Journal.append = append


def decided(run):
    """Everything that must not depend on how often the run was cut off."""
    record = run.record
    return {
        "trials": [
            [t.id, t.phase, t.config, t.seed, t.split_seed, t.origin, t.status, t.rung, t.step,
             [[p.step, repr(p.train_loss), repr(p.val_loss), repr(p.score)] for p in t.curve]]
            for t in record.history.trials
        ],
        "verdict": record.verdict,
        "adopted": record.adopted,
        "test": [repr(record.test.baseline), repr(record.test.candidate), repr(record.test.difference)],
        "looks": record.test.looks,
    }  # fmt: skip


def main(asked):
    """Tune as asked; says on stderr why it could not."""
    if asked.get("kill_after"):
        die_after(*asked["kill_after"])
    task = asked["task"]
    if task.startswith("fake:"):
        task = fakes.task(task.removeprefix("fake:"))
        if asked.get("step_s"):
            task = fakes.slow(task, asked["step_s"])
    arguments = asked["arguments"]
    arguments["space"] = {name: luthier.Choice(tuple(o)) for name, o in arguments.get("space", {}).items()} or None
    try:
        run = luthier.tune(task, **arguments)
    except LuthierError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(decided(run)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
