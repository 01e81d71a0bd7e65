"""What the training curves of the best trials say about the length of training and its troubles.

Playbook, "Examining training curves" and "Deciding how long to train when training is not compute-bound"
(CC-BY-4.0). A person looks at plots there; here each look is a rule with a number, a threshold and a count.
Too few reports give "unknown", never "fine".
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from luthier import stats
from luthier.findings import Finding
from luthier.playbook.wording import unknown
from luthier.records import Facts, History, Point, Trial

NUM_BEST = 5  # trials that are looked at
MIN_BEST = 3
MIN_REPORTS = 10  # to place the best step within a tenth of training
MIN_TAIL = 4  # reports in the last quarter
EARLY, LATE = 0.10, 0.75  # the Playbook's first 10 % and last 25 %
CONSISTENT = 0.8  # share of the trials that "consistently" asks for
ALPHA = 0.01  # of one-sided tests of a slope
MIN_RISE = 0.05  # rise after the minimum, as a share of the loss at the first report, that is worth a word
MIN_GAIN = 0.02  # fall in the last quarter, as a share of the same, that is worth a word
NOISY = 2.0  # late SD over binomial SE above which the optimizer, not the validation set, makes the variance
AS_SET = 0.5  # below it the late variance is smaller than what the validation set could show

Array = npt.NDArray[np.float64]


def judge(history: History, facts: Facts) -> list[Finding]:
    """All rules of this file on the complete search trials, best first.

    Args:
        history: reports at equal steps of a trial (`Trial.curve`).
        facts: its `num_val`, the validation rows behind each score.
    """
    best = _best(history)
    if not best:
        return [unknown("P19", "training curves", 0, 1, of="complete trials")]
    rising = train_loss_rises(best)
    length, improving = best_step(history, best), still_improving(best[0])
    # one cause, one finding: a loss that still falls puts the best step late, and a training loss that rises
    # takes the validation loss along
    findings = [
        None if length and improving and length.code == improving.code else length,
        improving,
        rising,
        overfitting(best) if rising is None else None,
        late_variance(history, best[0], facts.num_val),
    ]
    return [finding for finding in findings if finding is not None]


def _best(history: History) -> list[Trial]:
    """The best complete trials, best first."""
    scored = [(u, t) for t in history.search() if (u := history.utility(t)) is not None and math.isfinite(u)]
    return [t for _, t in sorted(scored, key=lambda pair: (-pair[0], pair[1].id))[:NUM_BEST]]


# ------------------------------------------------------------------------------------------- number of steps


def best_step(history: History, best: list[Trial]) -> Finding | None:
    """Retrospective best step: always in the first 10 % is too long, consistently in the last 25 % too short.

    The best step of a trial is that of its best score. "Always" is all, "consistently" 80 % of the best
    trials.
    """
    title = "number of training steps"
    long = [t for t in best if len(t.curve) >= MIN_REPORTS]
    if len(long) < MIN_BEST:
        return unknown("P23", title, len(long), MIN_BEST, of=f"complete trials with {MIN_REPORTS} reports")
    where_n = np.array([max(t.curve, key=lambda p: history.metric.utility(p.score)).fraction for t in long])
    early, late = float((where_n <= EARLY).mean()), float((where_n > LATE).mean())
    if early == 1.0:
        return Finding(
            code="P23",
            title="training is longer than it needs to be",
            number=float(where_n.max()),
            threshold=EARLY,
            n=len(long),
            text=f"All of the best {len(long)} trials had their best score in the first tenth of training.",
            remedy="Train for fewer steps and try more settings in the time",
            severity="warning",
        )
    if late >= CONSISTENT:
        return Finding(
            code="P22",
            title="the best step comes late",
            number=late,
            threshold=CONSISTENT,
            n=len(long),
            text=f"{late:.0%} of the best {len(long)} trials reached their best score in the last quarter of "
            "training. A schedule that decays to zero makes this likely in itself.",
            remedy="Train longer, or decay earlier; keep the number of steps equal for all trials of a round",
        )
    return None


def still_improving(trial: Trial) -> Finding | None:
    """Validation loss of the best trial still falls in the last quarter (one-sided t test of its slope)."""
    title = "still improving at the end"
    tail = _tail(trial.curve)
    if len(tail) < MIN_TAIL:
        return unknown("P22", title, len(tail), MIN_TAIL, of=f"reports in the last quarter of trial {trial.id}")
    slope = fit_slope([p.fraction for p in tail], [p.val_loss for p in tail])
    gain = -slope.rise / _scale([p.val_loss for p in trial.curve])
    if slope.p_falls >= ALPHA or gain < MIN_GAIN:
        return None
    return Finding(
        code="P22",
        title=title,
        number=gain,
        threshold=MIN_GAIN,
        n=len(tail),
        text=f"Validation loss of trial {trial.id} still fell in the last quarter, by {gain:.0%} of its "
        f"value at the first report (p = {slope.p_falls:.1g}).",
        remedy="More steps will help: raise epochs",
    )


# -------------------------------------------------------------------------------------------------- troubles


def overfitting(best: list[Trial]) -> Finding | None:
    """Validation loss rises after its minimum in one of the best trials (P20, "problematic overfitting")."""
    return _rises(
        best,
        "val_loss",
        code="P20",
        title="problematic overfitting",
        remedy="Add regularisation (weight_decay, dropout, label_smoothing) to the space, or train for fewer "
        "steps; compare other changes only after that: an overfit baseline flatters whatever regularises",
    )


def train_loss_rises(best: list[Trial]) -> Finding | None:
    """Training loss rises after its minimum in one of the best trials (P24): usually a fault."""
    return _rises(
        best,
        "train_loss",
        code="P24",
        title="training loss rises",
        remedy="Look for a learning rate that is too high late (decay it to 0) or a fault in the input data",
    )


def _rises(best: list[Trial], loss: str, *, code: str, title: str, remedy: str) -> Finding | None:
    """One finding for all of the best trials whose loss rises; its number is that of the best of them."""
    long = [t for t in best if len(t.curve) >= MIN_REPORTS]
    if not long:
        return unknown(code, title, max(len(t.curve) for t in best), MIN_REPORTS, of="reports of a best trial")
    rises = {t.id: rise for t in long if (rise := rise_after_minimum(t, loss))}
    if not rises:
        return None
    first, rise = next(iter(rises.items()))
    name = loss.replace("val_", "validation ").replace("train_", "training ")
    return Finding(
        code=code,
        title=title,
        number=rise.share,
        threshold=MIN_RISE,
        n=rise.n,
        text=f"In {len(rises)} of the best {len(long)} trials the {name} rises after its minimum; in trial "
        f"{first} from {rise.fraction:.0%} of training on, by {rise.share:.0%} of its value at the first "
        f"report (p = {rise.p:.1g}).",
        remedy=remedy,
        severity="warning" if long[0].id in rises else "info",
    )


class Rise(NamedTuple):
    """A loss that rises after its minimum at `fraction`: its fitted rise, and p of the slope."""

    fraction: float
    share: float  # of the loss at the first report
    p: float
    n: int  # reports after the minimum


def rise_after_minimum(trial: Trial, loss: str) -> Rise | None:
    """A straight line through the reports after the minimum: does it rise (p < .01), and by 5 %?

    The minimum itself is left out of the fit: it is low partly by chance, so a line through it would rise.
    None where the loss does not rise, or fewer than 4 reports follow the minimum.
    """
    y_n = np.array([getattr(p, loss) for p in trial.curve])
    x_n = np.array([p.fraction for p in trial.curve])
    keep_n = np.isfinite(y_n)
    x_n, y_n = x_n[keep_n], y_n[keep_n]
    if not y_n.size:
        return None
    low = int(y_n.argmin())
    if y_n.size - low - 1 < MIN_TAIL:
        return None
    slope = fit_slope(x_n[low + 1 :], y_n[low + 1 :])
    share = slope.rise / _scale(y_n)
    if slope.p_rises >= ALPHA or share < MIN_RISE:
        return None
    return Rise(float(x_n[low]), share, slope.p_rises, y_n.size - low - 1)


class Slope(NamedTuple):
    """A least-squares line: its rise over the span of x, the SD about it, and p of both one-sided t tests."""

    rise: float
    sd: float
    p_rises: float
    p_falls: float


def _scale(losses: npt.ArrayLike) -> float:
    """The loss at the first report: what a change of the loss is measured by."""
    return max(abs(float(np.asarray(losses)[0])), 1e-12)


def fit_slope(x: npt.ArrayLike, y: npt.ArrayLike) -> Slope:
    """Line through (x, y), 3 points or more; the t test takes the deviations from the line as independent."""
    x_n, y_n = np.asarray(x, np.float64), np.asarray(y, np.float64)
    dx_n, dy_n = x_n - x_n.mean(), y_n - y_n.mean()
    spread = float(dx_n @ dx_n)
    slope = float(dx_n @ dy_n) / spread
    residual = float(((dy_n - slope * dx_n) ** 2).sum())
    free = len(x_n) - 2
    span = float(x_n.max() - x_n.min())
    se = math.sqrt(residual / free / spread)
    p_rises = stats.t_tail(slope / se, free) if se > 0 else 0.5 - 0.5 * float(np.sign(slope))
    return Slope(slope * span, math.sqrt(residual / free), p_rises, 1 - p_rises)


def late_variance(history: History, trial: Trial, num_val: int) -> Finding | None:
    """Score of the best trial jumps from report to report late in training (P21); accuracy only.

    The SD is that about a straight line: a trend does not count. The yardstick is the binomial standard error
    of the validation set, sqrt(a (1 - a) / rows).
    """
    title = "late variance of the score"
    if history.metric.name != "accuracy":
        return None  # other scores have no yardstick in closed form
    tail = _tail(trial.curve)
    tail_n = np.array([p.score for p in tail])
    if len(tail_n) < MIN_TAIL or num_val < 1:
        return unknown("P21", title, len(tail_n), MIN_TAIL, of=f"reports in the last quarter of trial {trial.id}")
    sd = fit_slope([p.fraction for p in tail], tail_n).sd
    accuracy = min(max(float(tail_n.mean()), 1 / (2 * num_val)), 1 - 1 / (2 * num_val))
    ratio = sd / math.sqrt(accuracy * (1 - accuracy) / num_val)
    if ratio < AS_SET:
        return None
    steady = ratio <= NOISY
    cause = "about what a validation set of that size gives" if steady else "more than the validation set explains"
    return Finding(
        code="P21",
        title=title,
        number=ratio,
        threshold=AS_SET if steady else NOISY,
        n=len(tail_n),
        text=f"In the last quarter of trial {trial.id} the accuracy varies from report to report by {sd:.2g} "
        f"(SD), {ratio:.1f} times the standard error of {num_val} validation rows: {cause}.",
        remedy="Use more validation rows"
        if steady
        else "Decay the learning rate to 0, average the weights, or take a larger batch",
        severity="info" if steady else "warning",
    )


def _tail(curve: tuple[Point, ...]) -> list[Point]:
    """The reports of the last quarter with finite numbers."""
    return [p for p in curve if p.fraction > LATE and math.isfinite(p.val_loss) and math.isfinite(p.score)]
