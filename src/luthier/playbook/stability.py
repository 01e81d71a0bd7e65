"""Does divergence decide which learning rate is best? Then the search is at a cliff, not at an optimum.

Playbook, "Identifying bad search space boundaries" and "How do I know if ... instability ...": where all
trials above some learning rate fail and the best trials lie next to it, the workload is held back by
instability. A wider range does not help there; warm-up, then clipping, does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.findings import Finding
from luthier.playbook.wording import setting, unknown
from luthier.records import History, Trial
from luthier.space import Space

MIN_TRIALS = 10  # trials with a known fate
MIN_DIVERGED = 3
MAX_P = 0.01  # likelihood-ratio test of "divergence depends on the learning rate"
NEAR = math.sqrt(10.0)  # half a decade: a best learning rate nearer to the cliff than this is bound by it
MAX_INFEASIBLE = 0.5  # share of diverged trials above which a range is called too wide
_PRIOR = 0.1  # weight of the ridge on the slope: the fit stays finite where the classes separate perfectly
_BEST = 3

_TITLE = "instability binds the learning rate"


class Cliff(NamedTuple):
    """The learning rate `lr_50` at which half of the trials diverge, and where the best trials lie."""

    name: str
    lr_50: float
    lr_best: float  # geometric mean over the best three
    share: float  # diverged trials of all
    p: float
    n: int
    binds: bool


def judge(history: History, space: Space) -> list[Finding]:
    """What divergence says about each learning rate of the space (P18); see `cliffs` for the rule."""
    judged = [_judge(name, history) for name in space if setting(name) == "lr"]
    return [finding for _, finding in judged if finding is not None]


def cliffs(history: History, space: Space) -> list[Cliff]:
    """Fit P(diverged) = logistic(a + b log lr) for each learning rate of the space, and compare (P18).

    A learning rate is bound by instability if at least 10 trials have a known fate and 3 of them diverged,
    divergence rises with it (likelihood-ratio test, p < .01), and the best three trials lie within half a
    decade of the 50 % point, or beyond it. Trials stopped early count as not diverged.
    """
    judged = [_judge(name, history) for name in space if setting(name) == "lr"]
    return [cliff for cliff, _ in judged if cliff is not None]


def _judge(name: str, history: History) -> tuple[Cliff | None, Finding | None]:
    trials = [t for t in history.search() if name in t.config and t.status in ("finished", "stopped", "diverged")]
    fate_n = np.array([t.status == "diverged" for t in trials], float)
    n, num_diverged = len(trials), int(fate_n.sum())
    if n < MIN_TRIALS:
        return None, unknown("P18", "stability of the learning rate", n, MIN_TRIALS, of=f"trials with {name}")
    best = _best(history, trials)
    if num_diverged < MIN_DIVERGED or not best:
        return None, None
    x_n = np.log([float(t.config[name]) for t in trials])
    centre, slope, p = logistic(x_n, fate_n)
    lr_best = math.exp(float(np.mean([math.log(t.config[name]) for t in best])))
    lr_50 = math.exp(centre)
    rises = slope > 0 and p < MAX_P
    cliff = Cliff(name, lr_50, lr_best, num_diverged / n, p, n, rises and lr_best >= lr_50 / NEAR)
    if cliff.binds:
        return cliff, _binds(cliff, best[0])
    return cliff, _too_wide(cliff) if cliff.share > MAX_INFEASIBLE else None


def _best(history: History, trials: list[Trial]) -> list[Trial]:
    """The best three complete trials."""
    scored = [(u, t) for t in trials if (u := history.utility(t)) is not None and math.isfinite(u)]
    return [t for _, t in sorted(scored, key=lambda pair: (-pair[0], pair[1].id))[:_BEST]]


def logistic(x_n: npt.NDArray[np.float64], hit_n: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """(x at which a hit is as likely as none, slope, p) of a logistic regression of hits on x.

    Newton's method on the log likelihood with a light ridge on the standardised slope, so that perfectly
    separated data give a finite slope. p is that of the likelihood-ratio test against a constant share
    (chi-square, one degree of freedom: p = erfc(sqrt(ratio / 2))). A flat fit has its centre at infinity.
    """
    spread = float(x_n.std())
    share = float(hit_n.mean())
    if spread == 0.0 or share in (0.0, 1.0):
        return math.inf, 0.0, 1.0
    X_n2 = np.stack([np.ones_like(x_n), (x_n - x_n.mean()) / spread], axis=1)
    ridge_2 = np.array([1e-9, _PRIOR])
    w_2 = np.array([math.log(share / (1 - share)), 0.0])
    for _ in range(50):
        p_n = 1 / (1 + np.exp(-np.clip(X_n2 @ w_2, -30, 30)))
        gradient_2 = X_n2.T @ (hit_n - p_n) - ridge_2 * w_2
        hessian_22 = (X_n2 * (p_n * (1 - p_n))[:, None]).T @ X_n2 + np.diag(ridge_2)
        step_2 = np.linalg.solve(hessian_22, gradient_2)
        w_2 = w_2 + np.clip(step_2, -2, 2)  # a full step may overshoot where the classes separate
        if float(np.abs(step_2).max()) < 1e-8:
            break
    z_n = X_n2 @ w_2
    fitted = float((hit_n * z_n - np.logaddexp(0, z_n)).sum())
    constant = len(hit_n) * (share * math.log(share) + (1 - share) * math.log(1 - share))
    p = math.erfc(math.sqrt(max(fitted - constant, 0.0)))
    if w_2[1] == 0.0:
        return math.inf, 0.0, p
    return float(x_n.mean() - spread * w_2[0] / w_2[1]), float(w_2[1] / spread), p


def _binds(cliff: Cliff, best: Trial) -> Finding:
    return Finding(
        code="P18",
        title=_TITLE,
        number=cliff.lr_best / cliff.lr_50,
        threshold=1 / NEAR,
        n=cliff.n,
        text=f"Half of the trials diverge at {cliff.name} = {cliff.lr_50:.2g}, and the best three lie at "
        f"{cliff.lr_best:.2g}, within half a decade of it ({cliff.share:.0%} of {cliff.n} trials diverged, "
        f"p = {cliff.p:.1g}): a higher learning rate might be better if training were stable.",
        remedy=_remedy(best),
        severity="warning",
    )


def _remedy(best: Trial) -> str:
    """Playbook, "How can optimization failures be debugged and mitigated?": in this order, cheapest first."""
    recipe = best.recipe
    if recipe.warmup == 0:
        return "Warm up: warmup=0.05 (sweep .01 to .1); if it still diverges, clip gradients"
    norms = [p.grad_norm for p in best.curve if math.isfinite(p.grad_norm)]
    if recipe.clip_norm is None and norms:
        # the 90th percentile of gradient norms is the Playbook's start; here of the medians between reports
        return f"Warm up longer (up to .1), then clip gradients: clip_norm={np.quantile(norms, 0.9):.2g}"
    if recipe.clip_norm is None:
        return "Warm up longer (up to .1), then clip gradients at the 90th percentile of their norms"
    return "Put normalisation inside the residual branches or try another optimizer; lower lr last of all"


def _too_wide(cliff: Cliff) -> Finding:
    return Finding(
        code="P18",
        title="most trials diverge",
        number=cliff.share,
        threshold=MAX_INFEASIBLE,
        n=cliff.n,
        text=f"{cliff.share:.0%} of {cliff.n} trials diverged; the best are well below the cliff.",
        remedy=f"Lower the upper end of {cliff.name} to about {cliff.lr_50:.2g}"
        if cliff.p < MAX_P and math.isfinite(cliff.lr_50)
        else "Look for a fault in the model or the data: divergence does not follow the learning rate",
        severity="warning",
    )
