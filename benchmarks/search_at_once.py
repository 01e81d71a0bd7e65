"""What does a search lose by training trials side by side? The same curves and budget, more trials at work at once.

    python benchmarks/search_at_once.py [--at-once 1 2 4 8 24] [--budgets 15 30 60] [--tasks 12] [--seeds 2]

LCBench's modelled curves as in `search_quality.py`; the sampler "auto" and the scheduler. K trials are at work at any
moment and advance equally fast, so that all together take as many training steps a second as one alone would: what is
lost is lost because trials are begun and sent on before the others' results are known. What a fused program gains in
steps a second is not in it. As many trainings as the budget says, whatever K is.
"""

from __future__ import annotations

import argparse
import heapq
import math
from typing import NamedTuple

import msgspec
import numpy as np

from luthier.records import Trial
from luthier.search import Cohorts, next_segment, sampler
from search_quality import Study, Task, curves_module, lcbench  # beside this script


class Job(NamedTuple):
    """A trial on its way, and the moment at which it is there, in reports that a slot has taken."""

    ends: float
    trial: int
    until: float


class AtOnce(Study):
    """A search with `num` trials at work at once."""

    def __init__(self, task: Task, num: int, seed: int) -> None:
        super().__init__(task, Cohorts(sampler("auto"), task.structural, 1), True, seed)
        self.num, self.jobs = num, list[Job]()

    def run(self, budget: float) -> float:
        """Final loss of the chosen configuration. What is at work when the time is over counts for nothing."""
        now, end = 0.0, budget * self.task.num_reports / self.num
        self._give(self.history.trials[0], 1.0, now)
        while now < end:
            while len(self.jobs) < self.num:
                self._give(*self._decide(end - now), now)
            job = heapq.heappop(self.jobs)
            now = job.ends
            if now <= end:
                self._advance(self.history.trials[job.trial], math.inf, until=job.until)
        return self.chosen()

    def _give(self, trial: Trial, until: float, now: float) -> None:
        self._set(msgspec.structs.replace(trial, status="running"))
        heapq.heappush(self.jobs, Job(now + round(until * self.task.num_reports) - trial.step, trial.id, until))

    def _decide(self, left: float) -> tuple[Trial, float]:
        """The trial for a free slot, and how far it trains."""
        bounds = self.sampler.upper_bounds(self.task.space, self.history)
        last = self._last_jobs(left, bounds)
        if last:
            return self.history.trials[last[0]], 1.0
        trial = self._next(bounds)
        return trial, next_segment(self.history, trial)

    def _time_of(self, jobs: list[int]) -> int:
        """All at once."""
        return max(jobs, default=0)


def main() -> None:
    """Run and print: mean regret, and the mean difference to the first K with its standard error over the runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 2, 4, 8, 24])
    parser.add_argument("--budgets", nargs="+", type=float, default=[15, 30, 60])
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    tasks = lcbench(curves_module(), held_out=False)[: args.tasks]
    print("| trainings | at once | regret | against the first | n |\n|---|---|---|---|---|")
    for budget in args.budgets:
        first_N = None
        for num in args.at_once:
            runs = [(task, seed) for task in tasks for seed in range(args.seeds)]
            regret_N = np.array([task.regret(AtOnce(task, num, seed).run(budget)) for task, seed in runs])
            first_N = regret_N if first_N is None else first_N
            apart_N = regret_N - first_N
            error = apart_N.std(ddof=1) / math.sqrt(len(runs)) if len(runs) > 1 else math.nan
            told = [f"{budget:g}", f"{num}", f"{regret_N.mean():.3f}", f"{apart_N.mean():+.3f} ± {error:.3f}"]
            print(f"| {' | '.join(told)} | {len(runs)} |", flush=True)


if __name__ == "__main__":
    main()
