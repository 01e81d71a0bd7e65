"""Where a run stands, for those who watch."""

from __future__ import annotations

import math
import time
from collections import Counter, deque

from luthier.folds import standings
from luthier.records import Metric, Progress, RunPlan
from luthier.training.ledger import Ledger


class Rate:
    """Optimizer steps a second over the last seconds, all workers together."""

    def __init__(self, window_s: float = 5.0) -> None:
        self.window_s = window_s
        self.seen: deque[tuple[float, int]] = deque()
        self.at: dict[int, int] = {}

    def count(self, trial: int, step: int) -> None:
        """A trial stands at a step."""
        taken = step - self.at.get(trial, 0)
        self.at[trial] = step
        if taken > 0:
            self.seen.append((time.monotonic(), taken))

    def per_s(self) -> float:
        """The rate now."""
        now = time.monotonic()
        while self.seen and now - self.seen[0][0] > self.window_s:
            self.seen.popleft()
        span = max(now - self.seen[0][0], 0.5) if self.seen else 1.0
        return sum(taken for _, taken in self.seen) / span


def progress_of(
    ledger: Ledger,
    *,
    metric: Metric | None,
    plan: RunPlan | None,
    elapsed_s: float,
    running: int,
    steps_per_s: float,
) -> Progress:
    """Counts by status, final scores so far (with folds: means over those that are there), speed, what is left."""
    counts = Counter(trial.status for trial in ledger.trials.values())
    ends = {one.leader.id: one.mean for one in standings(ledger.trials.values(), math.nan) if one.scores}
    searched = [score for i, score in ends.items() if i != 0]
    timed = plan is not None and plan.unit == "seconds"
    return Progress(
        phase=ledger.phase,
        running=running,
        paused=counts["paused"],
        stopped=counts["stopped"],
        finished=counts["finished"],
        diverged=counts["diverged"],
        failed=counts["failed"],
        baseline=ends.get(0, math.nan),
        best=max(searched, key=metric.utility, default=math.nan) if metric else math.nan,
        steps_per_s=steps_per_s,
        elapsed_s=elapsed_s,
        left_s=max(plan.total - elapsed_s, 0.0) if plan and timed else math.nan,
        trials_left=max(round(plan.total) - len(ledger.trials), 0) if plan and not timed else None,
    )
