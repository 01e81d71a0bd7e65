"""The running statistics of batch normalisation are thrown away after each step.

In Flax Linen a call in training mode returns the new statistics beside its output (`mutable=["batch_stats"]`), and
the program has to hand them to the next step. Where it does not, every step and every evaluation is given those that
the model was made with, mean 0 and variance 1: training looks well, as it uses the statistics of each batch, and the
evaluation normalises nothing.

Evidence: the argument named batch_stats of the jitted training function was bit-equal in each of at least five calls,
while batch normalisation ran in training mode in its loss and the weights changed.

Mend:

    params, _, opt_state, loss = step(params, stats, opt_state, x, y)        # wrong: stats stay as they were made
    params, stats, opt_state, loss = step(params, stats, opt_state, x, y)    # right

It keeps silent where normalisation runs with its running statistics (fine-tuning), where evaluations use the
statistics of their batch as training does, and where the statistics are no argument of a jitted function.

Source: Flax documentation, "Batch normalization" (the updated statistics have to be kept).
"""

from __future__ import annotations

from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Jitted, Modes, Program

TITLE = "running statistics thrown away"
TIER = "quick"
CAUSES = ("J03",)
MIN_CALLS = 5


def judge(trace: Any) -> list[Finding] | Unknown:
    """One finding a training function."""
    trains = any(m.in_loss_train for m in trace.programs if isinstance(m, Modes) and m.kind == "BatchNorm")
    moves = any(p.moves for p in trace.programs if isinstance(p, Program))
    if not trains or not moves or _never_used(trace):
        return []
    return [
        _finding(record)
        for record in trace.programs
        if isinstance(record, Jitted)
        and record.trains
        and record.num_statistics >= MIN_CALLS
        and record.num_same_statistics == record.num_statistics
    ]


def _never_used(trace: Any) -> bool:
    """Do evaluations, too, normalise by the statistics of their batch? Then the running ones are of no account."""
    modes = [m for m in trace.programs if isinstance(m, Modes) and m.kind == "BatchNorm"]
    return any(m.outside_train for m in modes) and not any(m.outside_eval for m in modes)


def _finding(record: Jitted) -> Finding:
    return Finding(
        code="J18",
        title=TITLE,
        number=float(record.num_same_statistics),
        threshold=0.0,
        n=record.num_statistics,
        text=f"{record.name} was given the batch_stats that the model was made with in each of its first "
        f"{record.num_statistics + 1} calls: the new ones that it returns are thrown away.",
        remedy="Hand the batch_stats that a step returns to the next step and to the evaluation",
        severity="error",
        certain=True,
        place=record.place,
        cause="In evaluation the layers normalise by mean 0 and variance 1, which are not those of the data.",
        wrong="params, _, opt_state, loss = step(params, stats, opt_state, x, y)",
        right="params, stats, opt_state, loss = step(params, stats, opt_state, x, y)",
    )
