"""The learning rate has come to nothing long before the end of the training.

Schedules of Keras count batches, not epochs: `decay_steps` equal to the number of epochs lets the rate fall to zero
within the first ones, and the rest of the training changes nothing. There is no error; the loss simply stays.

Evidence: the schedule asked at 201 steps spread over the planned ones (epochs times the batches of the first epoch):
from before a fifth of them on to the last the rate is below 1 % of its highest; exact.

Mend: count the batches.

    CosineDecay(0.02, decay_steps=epochs)                         # wrong
    CosineDecay(0.02, decay_steps=epochs * batches_per_epoch)     # right

It keeps silent for schedules of one's own and with restarts, for fewer than 50 planned steps, where a callback ended
`fit` early, and where the optimizer goes on in a second `fit` or had taken steps before.
"""

from __future__ import annotations

from typing import Any

from luthier.checks import fitting
from luthier.checks.patches import calls_in, last_name
from luthier.checks.reading import gone_from
from luthier.checks.wording import Sources, line_at, percent, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.fits import Fit, Schedule

TITLE = "the learning rate is gone early"
TIER = "quick"
CAUSES = ()
MIN_STEPS = 50
EARLY = 0.2


def judge(trace: Any) -> list[Finding] | Unknown:
    """The only fit of a line, with a schedule of Keras."""
    compiled = [fitting.where(fit) for fit in trace.fits]
    found = []
    for fit in trace.fits:
        if fit.schedule is None or compiled.count(fitting.where(fit)) > 1:
            continue
        if fit.ended and fit.num_steps < fit.schedule.num_steps:
            continue  # a callback ended it
        share = _gone_after(fit.schedule)
        if share < EARLY:
            found.append(_finding(trace.sources, fit, fit.schedule, share))
    return found


def _gone_after(schedule: Schedule) -> float:
    """Share of the planned steps after which the rate stays below 1 % of its highest; 1 where it does not."""
    if schedule.num_steps < MIN_STEPS or "Restarts" in schedule.kind or not schedule.rates:
        return 1.0
    return gone_from(schedule.rates) / len(schedule.rates)


def _finding(sources: Sources, fit: Fit, schedule: Schedule, share: float) -> Finding:
    line = _line(sources, fit, schedule)
    unit = f"decay_steps={schedule.decay_steps} counts batches, and " if schedule.decay_steps else ""
    return Finding(
        code="K25",
        title=TITLE,
        number=share,
        threshold=EARLY,
        n=schedule.num_steps,
        text=f"{unit}{plural(schedule.num_steps, 'batch')} are planned in {plural(fit.epochs, 'epoch')}: after "
        f"{percent(share)} of them {schedule.kind} has brought the rate below 1 % of its highest "
        f"({fitting.plain(max(schedule.rates))}), and it stays there.",
        remedy="Give decay_steps in batches: epochs times the batches of an epoch",
        severity="error",
        certain=True,
        place=line or fitting.where(fit),
        others=(fit.place,) if fit.place is not None and fit.place != line else (),
        cause="Steps of a rate near zero change nothing: the rest of the training is idle.",
        wrong=f"keras.optimizers.schedules.{schedule.kind}(rate, decay_steps=epochs)",
        right=f"keras.optimizers.schedules.{schedule.kind}(rate, decay_steps=epochs * batches_per_epoch)",
        evidence={"decay_steps": schedule.decay_steps, "planned": schedule.num_steps, "kind": schedule.kind},
    )


def _line(sources: Sources, fit: Fit, schedule: Schedule) -> Place | None:
    """The line that makes the schedule, where the file of `fit` makes one of its kind."""
    if fit.place is None or fit.place.file not in sources:
        return None
    calls = [call for call in calls_in(sources[fit.place.file]) if last_name(call.func) == schedule.kind]
    return line_at(sources, fit.place.file, calls[0].lineno) if len(calls) == 1 else None
