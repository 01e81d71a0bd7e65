"""How long full runs will take, by the trials so far, and what is kept of a budget of time for the evidence."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable

from luthier.playbook.budget import EVIDENCE_SHARE
from luthier.records import Metric, RunPlan, Trial
from luthier.training.view import segments

SAFETY = 1.2
"""Later phases are given a fifth more time than the runs so far suggest: a pair too few shows nothing."""
MIN_TIMED = 4
"""Reports that a trial's time is read from."""
NUM_AHEAD = 5
"""Trials ahead that the candidates are expected to resemble: one alone may have had a program for itself, which is
slower than it will be."""


def alone_s(trial: Trial, *, reference: str, anew: bool = False) -> float:
    """Seconds that a trial takes to its end without what was built beside it.

    What it took side by side with others holds the building of its program too: so the median from one report to the
    next counts, times the reports. Its share of a fused step is no more than a step alone takes; the runs of the
    baseline, which count too, are such steps. Of one trial at a time the first report may wait for a compiler, which
    the runs to come find done: what it took more than the others is left out.

    Args:
        reference: the mode of one trial at a time. anew: each run is a program that starts by itself and pays for it.
    """
    if len(trial.curve) < MIN_TIMED or anew:
        return _whole_s(trial, 0.0)
    median = statistics.median(b.seconds - a.seconds for a, b in itertools.pairwise(trial.curve))
    if trial.mode != reference:
        return median * len(trial.curve) / trial.curve[-1].fraction
    return _whole_s(trial, max(trial.curve[0].seconds - median, 0.0))


def _whole_s(trial: Trial, built_s: float) -> float:
    if trial.status == "finished" or not trial.curve:
        return trial.cost.seconds - built_s
    return (trial.curve[-1].seconds - built_s) / trial.curve[-1].fraction


def is_timed(trial: Trial) -> bool:
    """Can its time to the end be told?"""
    return trial.status == "finished" or len(trial.curve) >= MIN_TIMED


def ahead(trials: Iterable[Trial], metric: Metric) -> list[Trial]:
    """The trials of a search that are furthest, of those the best: as far as is known, the candidates to come."""
    timed = (t for t in trials if t.phase == "search" and t.curve and is_timed(t))
    ranked = sorted(timed, key=lambda t: (t.curve[-1].fraction, metric.utility(t.curve[-1].score)))
    return ranked[-NUM_AHEAD:]


def num_begun(plan: RunPlan, trainings: float, num_folds: int = 1) -> float:
    """Configurations that a search of so many full trainings begins: one in eta goes on from each rung, and those
    that come to their end may take all folds. Where trials are counted each is one, whatever it trains."""
    further = (num_folds - 1) / plan.eta ** (len(plan.rungs) - 1)
    one = 1.0 if plan.unit == "trials" else sum(num * part for num, part in segments(plan))
    return float(trainings / (one + further))


def evidence_s(plan: RunPlan, *, baseline_s: float, candidate_s: float, num_folds: int = 1) -> float:
    """Wall-clock seconds to keep for the confirmation and the final comparison: half of the budget at most.

    Args:
        baseline_s: seconds of a worker for a full run of the baseline; candidate_s: of what is compared with it.
    """
    others = max(num_folds - plan.num_final, 0) if plan.num_final else 0
    needed_s = (plan.num_fresh + plan.num_final) * baseline_s
    needed_s += (plan.num_fresh * plan.num_top + plan.num_final + others) * candidate_s
    return min(SAFETY * needed_s / plan.num_workers, EVIDENCE_SHARE * plan.total)
