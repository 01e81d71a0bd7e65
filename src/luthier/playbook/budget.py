"""What a budget is spent on: first the evidence that can be afforded, the rest is search.

One budget pays for all of it. Evidence takes at most half; the strongest step of a fixed ladder that fits is
taken, so that more budget never gives weaker evidence. What can not be paid for is said before the start.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal, NamedTuple

from luthier.errors import BudgetTooSmall, InvalidInput

REPORT_S = 2.0
REPORT_SHARE = 0.02
EVIDENCE_SHARE = 0.5
REQUIRED_FINAL = 6

_UNITS = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0, "sec": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|min|m|sec|s)")
_TRIALS = re.compile(r"(\d+)trials?")


class Budget(NamedTuple):
    """Seconds of wall clock, or a number of training runs."""

    unit: Literal["seconds", "trials"]
    amount: float


class Rung(NamedTuple):
    """Sizes of the evidence: `noise` baseline runs before the search, the best `top` on `fresh` seeds beside
    the baseline, and `final` pairs on seeds used for nothing else; `others`: runs of the winner on the folds that
    these pairs leave out."""

    noise: int
    top: int
    fresh: int
    final: int
    others: int = 0

    @property
    def runs(self) -> int:
        """Full training runs."""
        return sum(self.phases().values())

    def phases(self) -> dict[str, int]:
        """Runs of each phase; the baseline is confirmed beside the best few."""
        return {"noise": self.noise, "confirm": (self.top + 1) * self.fresh, "final": 2 * self.final + self.others}


LADDER = (
    Rung(5, 5, 4, 6),
    Rung(4, 4, 3, 6),
    Rung(3, 3, 3, 6),
    Rung(2, 2, 2, 6),
    Rung(2, 2, 2, 4),
    Rung(2, 1, 1, 3),
    Rung(1, 0, 0, 0),
)
"""Strongest first. Of 20 runs, the best 5 on 4 fresh seeds each lose least quality to luck in simulations."""


def ladder(folds: int = 1) -> tuple[Rung, ...]:
    """The ladder where each configuration is judged on so many folds: the baseline is trained on all of them, and a
    winner that can be adopted is too."""
    return tuple(
        r._replace(noise=max(r.noise, folds), others=max(folds - r.final, 0) if r.final >= REQUIRED_FINAL else 0)
        for r in LADDER
    )


def parse_budget(text: str) -> Budget:
    """Read "5min", "90s", "2h", "1h30m" or "40trials"; spaces and capitals do not matter.

    >>> parse_budget("1h30m")
    Budget(unit='seconds', amount=5400.0)

    Raises:
        InvalidInput: anything else, and an amount of zero.
    """
    plain = re.sub(r"\s+", "", text.lower())
    parts = _PART.findall(plain)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    count = _TRIALS.fullmatch(plain)
    if count and int(count[1]) > 0:
        return Budget("trials", float(count[1]))
    if parts and "".join(number + unit for number, unit in parts) == plain and seconds > 0:
        return Budget("seconds", seconds)
    raise InvalidInput(
        f"budget={text!r}",
        must="a positive time or number of trials, with its unit",
        where="budget",
        remedy='Write for example "5min", "90s", "2h", "1h30m" or "40trials"',
    )


def split(
    budget: Budget, full_cost_s: float, num_workers: int = 1, startup_s: float = 0.0, *, folds: int = 1
) -> dict[str, Any]:
    """Divide the budget among open, noise, search, confirm, final and report.

    Args:
        full_cost_s: seconds of one full training run while `num_workers` train side by side; not used where
        the
            budget counts trials.
        startup_s: wall-clock seconds until the workers can train.
        folds: runs that a configuration may take, one after the other.

    The shares sum to the budget. Runs of a phase go to the workers in waves, so a phase of k runs takes
    ceil(k / workers) times the cost of one. A budget of trials counts every training run once.

    Returns:
        Fields of `records.RunPlan`: unit, total, split, the sizes of the evidence, and the note on what it
        does not pay for.

    Raises:
        BudgetTooSmall: the baseline and one trial do not fit.
    """
    price = _price(budget, full_cost_s, num_workers)._replace(folds=folds)
    rungs = ladder(folds)
    least = least_budget(rungs[-1], price, budget.unit, startup_s)
    if budget.amount < least:
        raise _too_small(budget, least, full_cost_s, folds)
    rung = next(r for r in rungs if budget.amount >= least_budget(r, price, budget.unit, startup_s))
    shares = {phase: price.of(runs) for phase, runs in rung.phases().items()}
    if budget.unit == "seconds":
        shares |= {"open": startup_s, "report": REPORT_S + REPORT_SHARE * budget.amount}
    else:
        shares |= {"open": 0.0, "report": 0.0}
    shares["search"] = budget.amount - sum(shares.values())
    order = ("open", "noise", "search", "confirm", "final", "report")
    return {
        "unit": budget.unit,
        "total": budget.amount,
        "split": {phase: shares[phase] for phase in order},
        "num_noise": rung.noise,
        "num_top": rung.top,
        "num_fresh": rung.fresh,
        "num_final": rung.final,
        "required_final": REQUIRED_FINAL,
        "note": _note(rung, budget, price, startup_s),
    }


class Price(NamedTuple):
    """What full runs cost in units of the budget."""

    one: float
    workers: int
    folds: int = 1

    @property
    def configuration(self) -> float:
        """Cost of a configuration on all its folds, one after the other."""
        return self.one * self.folds

    def of(self, runs: int) -> float:
        """Cost of a phase of so many runs."""
        return self.one * math.ceil(runs / self.workers)


def _price(budget: Budget, full_cost_s: float, num_workers: int) -> Price:
    if num_workers < 1:
        raise InvalidInput(f"num_workers={num_workers}", must="num_workers >= 1", where="budget")
    if budget.unit == "trials":
        return Price(1.0, 1)
    if not 0 < full_cost_s < math.inf:
        raise InvalidInput(f"full_cost_s={full_cost_s}", must="0 < full_cost_s < inf", where="budget")
    return Price(full_cost_s, num_workers)


def least_budget(rung: Rung, price: Price, unit: str, startup_s: float = 0.0) -> float:
    """Smallest budget of which this evidence takes half or less, with one configuration of search left."""
    evidence = sum(price.of(runs) for runs in rung.phases().values())
    one_trial = evidence + price.configuration
    if unit == "seconds":
        one_trial = (one_trial + startup_s + REPORT_S) / (1 - REPORT_SHARE)
    return max(evidence / EVIDENCE_SHARE, one_trial)


def _note(rung: Rung, budget: Budget, price: Price, startup_s: float) -> str:
    """What can not be paid for, and how much more it would take."""
    rungs = ladder(price.folds)
    if rung == rungs[0]:
        return ""
    full_pairs = rung.final >= REQUIRED_FINAL
    wanted = rungs[0] if full_pairs else min((r for r in rungs if r.final >= REQUIRED_FINAL), key=lambda r: r.runs)
    more = amount_text(Budget(budget.unit, least_budget(wanted, price, budget.unit, startup_s) - budget.amount))
    if full_pairs:
        return (
            f"Confirmation takes the best {rung.top} on {rung.fresh} fresh seeds instead of {wanted.top} on "
            f"{wanted.fresh}: that needs about {more} more."
        )
    pays = f"pays for {rung.final} of the" if rung.final else "does not pay for the"
    return f"The budget {pays} {REQUIRED_FINAL} pairs that adoption asks for: that needs about {more} more."


def amount_text(budget: Budget) -> str:
    """An amount in words, rounded up: "4 minutes", "12 trials"."""
    amount, word = budget.amount, "trial"
    if budget.unit == "seconds":
        amount, word = next(
            (budget.amount / size, name)
            for size, name, below in ((1, "second", 90), (60, "minute", 5400), (3600, "hour", math.inf))
            if budget.amount <= below
        )
    count = max(1, math.ceil(amount - 1e-9))
    return f"{count} {word}{'' if count == 1 else 's'}"


def _too_small(budget: Budget, least: float, full_cost_s: float, folds: int) -> BudgetTooSmall:
    cost = "" if budget.unit == "trials" else f"; one full training run takes about {full_cost_s:.3g} s"
    each = f", each on {folds} folds," if folds > 1 else ""
    remedy = f"Give at least {amount_text(Budget(budget.unit, least))}"
    return BudgetTooSmall(
        f"budget of {amount_text(budget)}{cost}",
        must=f"the budget pays for the baseline, one trial{each} and the report",
        where="budget",
        remedy=remedy if budget.unit == "trials" else f"{remedy}, or train for fewer epochs",
    )
