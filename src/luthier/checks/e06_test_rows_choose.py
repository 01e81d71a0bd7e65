"""The rows that choose the model also report its quality.

What it detects

One and the same loader is evaluated while weights are kept or saved in between (so its score chooses them), and is
evaluated once more after the last training step as the final result; no other rows are held back.

Why it hurts

The best of many scores on the same rows is high partly by luck. The final number is too good, more so the fewer the
rows and the more often it was looked at.

Evidence

Exact: the identity of the loader, and what was saved between its evaluations.

Mend

Wrong:

    for epoch in ...: keep the weights with the best accuracy(test_loader)
    print(accuracy(test_loader))

Right:

    for epoch in ...: keep the weights with the best accuracy(val_loader)
    print(accuracy(test_loader))            # once, at the end

When it keeps silent

Nothing is kept between evaluations, or several held-out loaders are read.

Source

zuozhaorui/SWnet#2; Deep Learning Tuning Playbook ("check the test set only then").
"""

from __future__ import annotations

from luthier.checks.reading import feeds_training
from luthier.checks.wording import plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.trace import Evaluation, Trace

CODE, TITLE, TIER, CAUSES = "E06", "the rows that choose also report", "quick", ()
MIN_EVALUATIONS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Evaluations by loader, with what was kept between them."""
    training = {n for n, loader in trace.loaders.items() if feeds_training(loader)}
    runs = [r for r in trace.evaluations() if r.loader is not None and r.loader not in training]
    sets = {trace.loaders[r.loader].base for r in runs if r.loader in trace.loaders}
    if len(sets) != 1 or len(runs) < MIN_EVALUATIONS or trace.stopped:
        return []
    last_trained = max((f.at for f in trace.forwards if f.trained_by), default=0)
    during = [r for r in runs if r.last_at < last_trained]
    after = [r for r in runs if r.last_at > last_trained]
    kept = [
        s
        for s in [*trace.states_taken, *(u for u in trace.states_used if u.call == "save")]
        if during and during[0].last_at < s.at
    ]
    chosen = kept and len({s.step for s in kept}) <= len(during) + 1
    reported = bool(after) and _read_again(trace, after[-1], last_trained)
    return [_finding(trace, runs, after[-1], kept[0].place)] if during and reported and chosen else []


def _read_again(trace: Trace, run: Evaluation, last_trained: int) -> bool:
    """Are the rows of a set that is called a test set read once more after the choice was over: by two passes behind
    the last training call, of which one still belongs to the loop, or after kept weights were loaded?"""
    loader = trace.loaders[run.loader or 0]
    loads = [u.at for u in trace.states_used if u.call == "load_state_dict" and last_trained < u.at < run.last_at]
    passes = [e for e in loader.epochs if e.at > last_trained]
    return "test" in loader.variable.lower() and (bool(loads) or len(passes) >= 2)


def _finding(trace: Trace, runs: list[Evaluation], last: Evaluation, kept: Place | None) -> Finding:
    loader = trace.loaders[last.loader or 0]
    name = loader.variable or "the held-out loader"
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(runs)),
        threshold=1.0,
        n=len(runs),
        text=f"{name} was evaluated {plural(len(runs), 'time')}, weights were kept by its scores, and it gives the "
        "final number as well; no other rows are held back.",
        remedy="Hold a validation set back from the training rows for the choice; read the test rows once, at the "
        "end.",
        severity="warning",
        certain=True,
        place=last.place,
        others=tuple(p for p in (kept, loader.place) if p),
        step=last.step,
        cause="The best of many scores on the same rows is high partly by luck.",
        wrong="best = max(best, accuracy(test_loader))   # ... and at the end: print(accuracy(test_loader))",
        right="best = max(best, accuracy(val_loader))    # ... and at the end: print(accuracy(test_loader))",
        evidence={"num_evaluations": len(runs), "num_rows": loader.num_rows},
    )
