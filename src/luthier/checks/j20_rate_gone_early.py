"""The learning rate has come to nothing while the training goes on.

Schedules of optax count steps of the optimizer, not epochs: `decay_steps` equal to the number of epochs lets the rate
fall to zero within the first batches, and the rest of the training changes nothing. There is no error.

Evidence: the schedule asked at 46 steps from 0 on, and the steps that were seen: from before a third of them on to
the last the rate is below 1 % of its highest, at fifty steps at least; exact.

Mend: count the batches.

    optax.cosine_decay_schedule(1e-3, decay_steps=epochs)                         # wrong
    optax.cosine_decay_schedule(1e-3, decay_steps=epochs * batches_per_epoch)     # right

It keeps silent for rates that rise again, and where several batches make one step of the optimizer (MultiSteps).
"""

from __future__ import annotations

from typing import Any

from luthier.checks.reading import gone_from, num
from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.programs import Rates

TITLE = "the learning rate is gone early"
TIER = "quick"
CAUSES = ()
MIN_STEPS = 50
EARLY = 1 / 3


def judge(trace: Any) -> list[Finding] | Unknown:
    """One finding a schedule."""
    found = []
    for rates in (r for r in trace.programs if isinstance(r, Rates) and not r.multiplied):
        past = [r for c, r in zip(rates.counts, rates.rates, strict=True) if c < trace.num_steps]
        gone = gone_from(past)
        since = rates.counts[gone] if gone < len(past) else trace.num_steps
        if trace.num_steps >= MIN_STEPS and since < EARLY * trace.num_steps:
            found.append(_finding(rates, max(past), since, trace.num_steps))
    return found


def _finding(rates: Rates, peak: float, since: int, steps: int) -> Finding:
    return Finding(
        code="J20",
        title=TITLE,
        number=since / steps,
        threshold=EARLY,
        n=steps,
        text=f"by step {since} the schedule has brought the rate below 1 % of its highest ({num(peak)}), and "
        f"{plural(steps - since, 'step')} followed.",
        remedy="Give the schedule's steps in batches: epochs times the batches of an epoch",
        severity="error",
        certain=True,
        place=rates.place,
        cause="Steps of a rate near zero change nothing: the rest of the training is idle.",
        wrong="optax.cosine_decay_schedule(1e-3, decay_steps=epochs)",
        right="optax.cosine_decay_schedule(1e-3, decay_steps=epochs * batches_per_epoch)",
        evidence={"since": since, "steps": steps},
    )
