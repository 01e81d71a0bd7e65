"""The paired experiment: two recipes in, Evidence out.

A seed stands for initialisation, order of the rows, dropout and, where rows are independent, a new split into
training and validation rows; where the split is fixed, the winner is judged on validation rows that the search never
saw. Candidate and baseline meet on the same seeds, so what a seed does to both cancels in the difference. The test is
named before the runs: adopt if the one-sided lower bound of the mean paired difference (Student's t) is above the
declared price of complexity. Selection and report use different seeds: the best of many, judged on the seeds that
chose it, is optimistic (docs/evidence.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from luthier import folds, stats
from luthier.codec import digest
from luthier.recipe import Recipe
from luthier.records import (
    Change,
    Estimate,
    Evidence,
    Facts,
    Metric,
    Noise,
    Phase,
    RunPlan,
    Trial,
    Verdict,
    derive_seed,
)
from luthier.space import Config
from luthier.training.driver import Driver, Source
from luthier.training.ledger import Job

SEEDS = "seeds (initialisation, order, dropout)"
OVER = (
    f"{SEEDS} and splits into training and validation rows",
    f"{SEEDS}; the split is fixed, the validation rows are those kept from the search",
    f"{SEEDS} and folds of the rows; the winner was chosen on the same folds, with other seeds",
)
"""What the interval is an interval of, by the number of splits: a fresh one for each seed, one, several."""
OF_PROGRAM = "seeds, as the program itself uses them"
POWER = 0.8
MOST_PAIRS = 60
"""With so many, a gain of a third of the SD of a difference is shown."""


class Entry(NamedTuple):
    """One training run that an experiment needs."""

    config: Config
    origin: str
    path: tuple[str | int, ...]  # what its seeds are derived from: equal paths, paired runs
    split: tuple[str | int, ...] = ()  # what its split is derived from, where that is another path
    fold_of: int | None = None  # the trial that is the same on another fold


class Bench(NamedTuple):
    """What every experiment of a run shares."""

    driver: Driver
    plan: RunPlan
    facts: Facts
    baseline: Recipe

    @property
    def metric(self) -> Metric:
        """What is compared."""
        return self.facts.metric

    def trial(self, number: int, phase: Phase, entry: Entry) -> Trial:
        """The trial of an entry. The seed follows from the run's seed and the entry's path alone."""
        recipe = self.baseline.with_config(entry.config)
        shares = phase == "search" or (phase == "fold" and not recipe.preparation)  # a program with others
        return Trial(
            id=number,
            phase=phase,
            config=entry.config,
            recipe=recipe,
            seed=derive_seed(self.plan.seed, "seed", *entry.path),
            split_seed=self._split_seed(phase, entry.split or entry.path),
            num_steps=recipe.num_steps(self.facts.num_train),
            fold_of=entry.fold_of,
            origin=entry.origin,
            mode=self.plan.mode if shares else self.facts.mode,
            P=self.plan.slots if shares else 1,
        )

    def _split_seed(self, phase: Phase, path: tuple[str | int, ...]) -> int:
        """Which rows are validation rows: fresh ones by the path; the fold of the path's number; or, where the split
        is the same for all seeds, those that the search may look at (0) and those kept from it (1)."""
        if self.facts.splits == 1:
            return int(phase in ("confirm", "final"))
        if self.facts.splits:
            return next((p for p in reversed(path) if isinstance(p, int)), 0) % self.facts.splits
        return derive_seed(self.plan.seed, "split", *path)

    def fixed(
        self, phase: Phase, entries: Sequence[Entry], may_start: Callable[[int], bool], *, jobs: str = ""
    ) -> Source:
        """A source that runs the entries to the end in their order, as long as `may_start(number)` says so."""

        def source(trials: list[Trial], number: int) -> Job | None:
            if number >= len(entries) or not may_start(number):
                return None
            new = self.trial(len(trials), phase, entries[number])
            return Job(phase=jobs or phase, number=number, action="start", trial=new.id, new=new)

        return source

    def run(
        self, phase: Phase, entries: Sequence[Entry], may_start: Callable[[int], bool], *, jobs: str = ""
    ) -> list[Trial]:
        """Train the entries; the trials in their order, fewer if time did not allow them.

        Args:
            jobs: how their jobs are numbered, where not by the phase's name.
        """
        name = jobs or phase
        source = self.fixed(phase, entries, may_start, jobs=name)
        self.driver.run_phase(name, source, self.plan, time_is_up=lambda: False)
        jobs_of = [job for job in self.driver.ledger.jobs[name] if job.trial >= 0]
        return [self.driver.ledger.trials[job.trial] for job in jobs_of]

    def score(self, trial: Trial) -> float:
        """The final score; a run that diverged or failed counts as the best constant prediction."""
        last = trial.at(1.0)
        return last.score if last is not None and trial.status == "finished" else self.facts.constant_score

    def utility(self, trial: Trial) -> float:
        """The final score, larger is better."""
        return self.metric.utility(self.score(trial))


def estimate(values: Sequence[float]) -> Estimate:
    """Mean with its two-sided 95 % t-interval."""
    found = stats.mean_interval(values)
    return Estimate(score=found.mean, interval=(found.low, found.high), n=found.n, sd=found.sd)


def measure_noise(bench: Bench, may_start: Callable[[int], bool]) -> Noise:
    """Run the baseline on several seeds: how much does the score move when nothing is changed?

    The smallest difference that the final comparison can show assumes that the two sides of a pair are
    independent (sd of a difference = sqrt(2) sd): pairing can only help. Where configurations are judged on K folds,
    the first K runs are the baseline's.
    """
    entries = [
        Entry({}, "baseline", ("noise", i), fold_of=0 if 0 < i < bench.facts.num_folds else None)
        for i in range(bench.plan.num_noise)
    ]
    trials = bench.run("noise", entries, may_start)
    scores = [bench.score(t) for t in trials]
    found = estimate(scores)
    pairs = max(bench.plan.num_final, 2)
    return Noise(
        estimate=found,
        scores=tuple(scores),
        seeds=tuple(t.seed for t in trials),
        detectable=stats.detectable(math.sqrt(2) * found.sd, pairs, bench.plan.alpha, POWER)
        if found.n >= 2
        else math.nan,
    )


class Contender(NamedTuple):
    """A candidate after confirmation: its search trial, its fresh scores and the baseline's beside them."""

    trial: Trial
    fresh: tuple[float, ...]
    baseline: tuple[float, ...]
    seeds: tuple[int, ...]
    pooled: float  # mean utility of the search's scores and the fresh ones: what selection goes by


def shortlist(bench: Bench, trials: Sequence[Trial]) -> list[Trial]:
    """The best complete trials of the search, at most `num_top`, no two with the same settings.

    With folds: those with all of them; the final score is then the mean.
    """
    done = [t for t in trials if t.phase == "search" and t.status == "finished"]
    if bench.facts.num_folds > 1:
        whole = folds.complete(folds.standings(trials, bench.facts.constant_score), bench.facts.num_folds)
        done = [folds.averaged(one.leader, one.mean) for one in whole if one.leader.id != 0]
    ranked = sorted(done, key=lambda t: (-bench.utility(t), t.id))
    chosen: list[Trial] = []
    for trial in ranked:
        if trial.recipe != bench.baseline and all(trial.recipe != other.recipe for other in chosen):
            chosen.append(trial)
    return chosen[: max(bench.plan.num_top, 1)]


def confirm(bench: Bench, candidates: Sequence[Trial], may_start: Callable[[int], bool]) -> list[Contender]:
    """Run candidates and baseline on fresh seeds, seed by seed, so that what time allows is paired.

    Returns the contenders, best pooled mean first.
    """
    sides = [Entry({}, "baseline", ())] + [Entry(t.config, t.origin, ()) for t in candidates]
    num_fresh = bench.plan.num_fresh if bench.plan.num_top else 0
    entries = [side._replace(path=("confirm", i)) for i in range(num_fresh) for side in sides]
    width = len(sides)
    runs = bench.run("confirm", entries, may_start) if candidates and entries else []
    rows = [runs[i : i + width] for i in range(0, len(runs) - width + 1, width)]
    contenders = []
    for column, trial in enumerate(candidates, 1):
        fresh = tuple(bench.score(row[column]) for row in rows)
        seen = [bench.utility(trial)] * bench.facts.num_folds + [bench.metric.utility(score) for score in fresh]
        contenders.append(
            Contender(
                trial,
                fresh,
                tuple(bench.score(row[0]) for row in rows),
                tuple(row[0].seed for row in rows),
                sum(seen) / len(seen),
            )
        )
    return sorted(contenders, key=lambda c: (-c.pooled, c.trial.id))


def pairs_wanted(bench: Bench, contender: Contender) -> int:
    """Pairs that show half of the confirmation's gain with 80 % power, at most `MOST_PAIRS`; 0 where it saw none.

    Half: the best of several looks better than it is. The two sides of a pair are taken to be as independent, and
    each as noisy, as runs of the baseline.
    """
    plan, metric = bench.plan, bench.metric
    seen = [metric.utility(c) - metric.utility(b) for c, b in zip(contender.fresh, contender.baseline, strict=True)]
    gain = _mean(seen) - plan.price
    runs = [bench.utility(t) for t in bench.driver.ledger.trials.values() if t.phase == "noise"]
    sd = math.sqrt(2) * estimate(runs).sd if len(runs) > 1 else math.nan
    if not (gain > 0 and math.isfinite(sd)):
        return 0
    if stats.detectable(sd, MOST_PAIRS, plan.alpha, POWER) > gain / 2:
        return MOST_PAIRS
    return stats.pairs_needed(sd, gain / 2, plan.alpha, POWER)


def decide(
    bench: Bench, winner: Trial, num_pairs: int, may_start: Callable[[int], bool]
) -> tuple[Evidence, list[Trial]]:
    """The final comparison: winner and baseline on seeds used for nothing else.

    Returns the evidence, and the trained pairs (baseline, candidate, baseline, ...).
    """
    sides = (Entry({}, "baseline", ()), Entry(winner.config, winner.origin, ()))
    entries = [side._replace(path=("final", i)) for i in range(num_pairs) for side in sides]
    runs = bench.run("final", entries, may_start) if entries else []
    runs = runs[: len(runs) // 2 * 2]
    judged = judge(
        bench,
        winner,
        candidate=[bench.score(t) for t in runs[1::2]],
        baseline=[bench.score(t) for t in runs[0::2]],
        seeds=[t.seed for t in runs[0::2]],
    )
    return judged, runs


def judge(bench: Bench, winner: Trial, *, candidate: Sequence[float], baseline: Sequence[float],
          seeds: Sequence[int], deciding: bool = True) -> Evidence:  # fmt: skip
    """Evidence from paired scores. Only the deciding comparison can adopt: the others chose the winner.

    adopted: enough pairs, and the one-sided lower bound is above the price. rejected: the two-sided interval
    lies below the price. not shown: anything else.
    """
    plan, metric = bench.plan, bench.metric
    differences = [metric.utility(c) - metric.utility(b) for c, b in zip(candidate, baseline, strict=True)]
    n = len(differences)
    found = estimate(differences) if n else Estimate(score=math.nan)
    lower = stats.paired_lower(differences, plan.alpha)
    enough = deciding and n >= plan.required_final
    verdict: Verdict
    if enough and lower > plan.price:
        verdict = "adopted"
    elif n >= 2 and found.interval[1] < plan.price:
        verdict = "rejected"
    else:
        verdict = "not shown"
    return Evidence(
        change=change_of(bench.baseline, winner),
        test=_test_name(plan, deciding),
        verdict=verdict,
        n=n,
        required=plan.required_final if deciding else plan.num_fresh,
        difference=found,
        lower=lower,
        p_better=stats.prob_better(differences),
        price=plan.price,
        over=OF_PROGRAM if bench.facts.num_reports else OVER[min(bench.facts.splits, 2)],
        seeds=tuple(seeds),
        candidate=tuple(candidate),
        baseline=tuple(baseline),
        optimism=bench.utility(winner) - _mean([metric.utility(c) for c in candidate]),
        detectable=stats.detectable(found.sd, n, plan.alpha, POWER) if n >= 2 else math.nan,
        missing=_missing(bench, found, n, winner) if deciding and verdict == "not shown" else "",
    )


def change_of(baseline: Recipe, trial: Trial) -> Change:
    """What the trial's recipe changes, as the ledger names it."""
    settings = {name: (old, new) for name, (old, new) in baseline.differs(trial.recipe).items()}
    words = ", ".join(f"{name} {_short(old)} -> {_short(new)}" for name, (old, new) in settings.items())
    return Change(name=words or "nothing", kind="settings", base=digest(baseline), settings=settings, trial=trial.id)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _test_name(plan: RunPlan, deciding: bool) -> str:
    if not deciding:
        return "selection: mean of search and fresh scores; not a test"
    return (
        f"one-sided paired t-test, alpha {plan.alpha:g}: lower bound of the mean difference above {plan.price:g}, "
        f"on {plan.required_final} fresh seeds or more"
    )


def _missing(bench: Bench, found: Estimate, n: int, winner: Trial) -> str:
    """What it would take to show more."""
    plan = bench.plan
    pair_s = winner.cost.seconds + bench.driver.ledger.trials[0].cost.seconds
    needed = plan.required_final
    if n >= 2 and found.score > plan.price:
        needed = max(needed, stats.pairs_needed(found.sd, found.score - plan.price, plan.alpha, POWER))
    elif n >= plan.required_final:
        return "no number of further pairs is likely to show a gain: the estimate is not above the price"
    more = max(needed - n, 0)
    if not more:
        return "a repeat has 80 % power at this size of difference"
    if plan.unit == "trials":
        return f"about {more} more pairs of runs ({2 * more} more trials)"
    return f"about {more} more pairs of runs ({_span(more * pair_s / plan.num_workers / 60)})"


def _span(minutes: float) -> str:
    return f"{minutes:.0f} more minutes" if minutes >= 1.5 else f"{max(60 * minutes, 1):.0f} more seconds"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
