"""The few formulas by which luthier says what a measurement shows.

Seeds get Student-t intervals (a percentile bootstrap of 3 to 10 seeds covers only 74 to 90 % where it
promises 95 %), rows get a bootstrap. "Larger is better" everywhere. `scipy.special` is imported when a
formula needs it; `scipy.stats` takes 1.7 s to import and is not used.
Axes: n rows or pairs, S seeds, B values.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.errors import InvalidInput

_CHUNK = 2_000_000  # resampled rows held in memory at once by the bootstrap: 16 MB


class Interval(NamedTuple):
    """A mean, the ends of its two-sided interval (NaN: unknown), the count and the SD (n - 1) behind it."""

    mean: float
    low: float
    high: float
    n: int
    sd: float


# ------------------------------------------------------------------------------------------------- quantiles


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: float) -> float:
    """The value below which Student's t with `df` degrees of freedom falls with probability p."""
    from scipy.special import stdtrit

    return float(stdtrit(df, p))


@lru_cache(maxsize=1024)
def f_quantile(p: float, df1: float, df2: float) -> float:
    """The value below which F with (df1, df2) degrees of freedom falls with probability p."""
    from scipy.special import fdtri

    return float(fdtri(df1, df2, p))


def t_tail(value: float, df: float) -> float:
    """Probability that Student's t exceeds `value`: the p value of a one-sided t test."""
    from scipy.special import stdtr

    return float(stdtr(df, -value))


def f_tail(value: float, df1: float, df2: float) -> float:
    """Probability that F with (df1, df2) degrees of freedom exceeds `value`: the p value of an F test."""
    from scipy.special import fdtrc

    return float(fdtrc(df1, df2, value))


def binomial_upper(k: int, n: int, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound of a probability, after k hits in n tries.

    The largest p for which k hits or fewer still happen with probability 1 - confidence:
    the `confidence` quantile of Beta(k + 1, n - k) (Clopper and Pearson, 1934).

    >>> round(binomial_upper(0, 100), 4)
    0.0295
    """
    from scipy.special import betaincinv

    _check_counts(k, n)
    return 1.0 if k == n else float(betaincinv(k + 1, n - k, confidence))


def binomial_lower(k: int, n: int, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson lower bound: the 1 - confidence quantile of Beta(k, n - k + 1)."""
    from scipy.special import betaincinv

    _check_counts(k, n)
    return 0.0 if k == 0 else float(betaincinv(k, n - k + 1, 1.0 - confidence))


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n or n < 1:
        raise InvalidInput(f"k={k}, n={n}", must="0 <= k <= n and n >= 1", where="binomial bound")


# ------------------------------------------------------------------------------------- a few seeds, in pairs


def mean_interval(values: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean with its two-sided Student-t interval, mean -+ t * sd / sqrt(n), over independent values (seeds).

    Fewer than two values, or one that is not finite, leave the ends and the SD unknown (NaN).
    """
    x_n = np.asarray(values, np.float64).ravel()
    n = x_n.size
    mean = _mean(x_n)
    if n < 2 or not np.isfinite(x_n).all():
        return Interval(mean, math.nan, math.nan, n, math.nan)
    sd = _sd(x_n)
    half = t_quantile(0.5 + confidence / 2, n - 1) * sd / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n, sd)


def paired_lower(differences: npt.ArrayLike, alpha: float = 0.05) -> float:
    """One-sided lower bound of the mean of paired differences: mean - t(1 - alpha, n - 1) * sd / sqrt(n).

    The true mean lies above it with probability 1 - alpha. Equal differences give their mean. -inf (nothing
    is shown) where n < 2 or a difference is not finite, as after a diverged run.
    """
    d_n = np.asarray(differences, np.float64).ravel()
    if d_n.size < 2 or not np.isfinite(d_n).all():
        return -math.inf
    return _mean(d_n) - t_quantile(1 - alpha, d_n.size - 1) * _sd(d_n) / math.sqrt(d_n.size)


def prob_better(differences: npt.ArrayLike) -> float:
    """Estimated probability that one more paired difference is positive.

    From the predictive distribution of the next normal value: (d - mean) / (sd * sqrt(1 + 1/n)) is Student-t
    with n - 1 degrees of freedom, so P(d > 0) = T_{n-1}(mean / (sd * sqrt(1 + 1/n))). Equal differences give
    0, 1/2 or 1. NaN where n < 2 or a difference is not finite.

    >>> round(prob_better([1.0, 2.0, 3.0]), 3)
    0.887
    """
    from scipy.special import stdtr

    d_n = np.asarray(differences, np.float64).ravel()
    if d_n.size < 2 or not np.isfinite(d_n).all():
        return math.nan
    mean, sd = _mean(d_n), _sd(d_n)
    if sd == 0.0:
        return 0.5 + 0.5 * float(np.sign(mean))
    return float(stdtr(d_n.size - 1, mean / (sd * math.sqrt(1 + 1 / d_n.size))))


def _mean(x_n: npt.NDArray[np.float64]) -> float:
    """Mean; exactly x where all values equal x (a pairwise sum may miss it by a rounding step)."""
    if x_n.size == 0:
        return math.nan
    if (x_n == x_n[0]).all():
        return float(x_n[0])
    with np.errstate(invalid="ignore"):
        return float(x_n.mean())


def _sd(x_n: npt.NDArray[np.float64]) -> float:
    """SD with n - 1; exactly 0 where all values are equal."""
    return 0.0 if (x_n == x_n[0]).all() else float(x_n.std(ddof=1))


def detectable(sd_difference: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest true mean difference that the one-sided paired t test of n pairs shows with this power.

    The statistic is noncentral t with n - 1 degrees of freedom and noncentrality delta = d * sqrt(n) / sd;
    the delta that exceeds t(1 - alpha, n - 1) with probability `power` is found by bisection. NaN where n < 2
    or the SD is not known.

    >>> round(detectable(1.0, 6), 3)
    1.186
    """
    if n < 2 or math.isnan(sd_difference):
        return math.nan
    return _noncentrality(n, alpha, power) * sd_difference / math.sqrt(n)


def pairs_needed(sd_difference: float, difference: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Smallest number of pairs (2 or more) with which the one-sided paired t test shows `difference`.

    Raises:
        InvalidInput: the difference is not above 0, or the SD is negative or not a number.
    """
    if not (difference > 0 and 0 <= sd_difference < math.inf):
        raise InvalidInput(
            f"difference={difference}, sd_difference={sd_difference}",
            must="difference > 0 and 0 <= sd_difference < inf",
            where="number of pairs",
        )
    low, high = 1, 2
    while detectable(sd_difference, high, alpha, power) > difference:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if detectable(sd_difference, middle, alpha, power) > difference:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=4096)
def _noncentrality(n: int, alpha: float, power: float) -> float:
    """Noncentrality at which the one-sided t test of n pairs has the given power."""
    from scipy.special import nctdtr, ndtri

    if n > 10_000:  # t and normal agree to 4 digits, and the noncentral series grows slow
        return float(ndtri(1 - alpha) + ndtri(power))
    critical = t_quantile(1 - alpha, n - 1)
    low, high = 0.0, 1.0
    while 1 - nctdtr(n - 1, high, critical) < power:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        if 1 - nctdtr(n - 1, middle, critical) < power:
            low = middle
        else:
            high = middle
    return high


# -------------------------------------------------------------------------------------------------- many rows


def bootstrap_difference(
    a_n: npt.ArrayLike,
    b_n: npt.ArrayLike,
    rng: np.random.Generator,
    num: int = 2000,
    *,
    confidence: float = 0.95,
) -> Interval:
    """mean(a) - mean(b) over the same rows, with its percentile bootstrap interval over rows (Efron, 1979).

    Args:
        a_n, b_n: a value for each row, [n], or [S, n] for S seeds: averaged over the seeds first, so that the
            interval is one of rows for these very seeds. The two may differ in S, not in n.
        rng: draws the resamples.
        num: resamples.

    Rows with equal differences are drawn together as multinomial counts, which makes 0/1 scores fast; else
    rows are drawn in chunks, so memory does not grow with n * num.

    Raises:
        InvalidInput: no rows, or a different number of them.
    """
    d_n = _row_means(a_n) - _row_means(b_n) if np.shape(a_n)[-1:] == np.shape(b_n)[-1:] else np.empty(0)
    n = d_n.size
    if n == 0:
        raise InvalidInput(
            f"shapes {np.shape(a_n)} and {np.shape(b_n)}",
            must="the same rows, one or more",
            where="paired bootstrap",
        )
    if n < 2:
        return Interval(_mean(d_n), math.nan, math.nan, n, math.nan)
    means = _resampled_means(d_n, rng, num)
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(_mean(d_n), float(low), float(high), n, _sd(d_n))


def _row_means(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """[n] or [S, n] -> [n]."""
    means_n: npt.NDArray[np.float64] = np.atleast_2d(np.asarray(x, np.float64)).mean(axis=0)
    return means_n


def _resampled_means(d_n: npt.NDArray[np.float64], rng: np.random.Generator, num: int) -> npt.NDArray[Any]:
    """Means of `num` resamples of d, [num]."""
    values_k, counts_k = np.unique(d_n, return_counts=True)
    n = d_n.size
    if 8 * values_k.size <= n:  # a multinomial draw costs about eight times a row draw
        chunk = max(1, _CHUNK // values_k.size)
        draws = [rng.multinomial(n, counts_k / n, size=min(chunk, num - i)) for i in range(0, num, chunk)]
        return np.concatenate([counts @ values_k for counts in draws]) / n
    chunk = max(1, _CHUNK // n)
    sizes = [min(chunk, num - i) for i in range(0, num, chunk)]
    return np.concatenate([d_n[rng.integers(0, n, size=(size, n), dtype=np.int32)].mean(axis=1) for size in sizes])


# ------------------------------------------------------------------------------------------- the best of many


def expected_max(values: npt.ArrayLike, n: int) -> float:
    """Expected best of n random trials out of the B that were run, without bias.

    sum_i C(i-1, n-1) / C(B, n) * x_(i) over the sorted values: the mean of the maximum over all subsets of
    size n (Dodge et al., arXiv 1909.03004, whose own estimator is biased; Tang et al., arXiv 2004.13705). The
    weights follow from w_B = n / B and w_{i-1} = w_i * (i - n) / (i - 1): products of numbers below 1, so
    nothing overflows. Values are utilities, larger is better; -inf (diverged) counts as it is.

    >>> expected_max([1.0, 2.0, 3.0], 2)
    2.6666666666666665

    Raises:
        InvalidInput: n is not in 1..B.
    """
    x_B = np.sort(np.asarray(values, np.float64).ravel())
    B = x_B.size
    if not 1 <= n <= B:
        raise InvalidInput(f"n={n}", must=f"1 <= n <= {B} (the number of values)", where="expected maximum")
    i = np.arange(B, n, -1)
    weights = n / B * np.concatenate([[1.0], np.cumprod((i - n) / (i - 1))])  # of x_(B), x_(B-1), ..., x_(n)
    best = x_B[::-1][: weights.size]
    seen = weights > 0  # far below the top a weight underflows to 0, and 0 * -inf is not a number
    return float(weights[seen] @ best[seen])
