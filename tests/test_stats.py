"""Formulas against scipy.stats, enumeration and simulation (whose errors are stated where used)."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier import stats
from luthier.errors import InvalidInput

finite = st.floats(-1e3, 1e3, allow_nan=False)


@pytest.mark.parametrize(("p", "df"), [(0.95, 1), (0.975, 5), (0.01, 30)])
def test_t_quantile_is_scipys(p, df):
    assert stats.t_quantile(p, df) == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-9)


@pytest.mark.parametrize("value", [-3.0, 0.0, 40.0])
def test_t_tail_is_scipys_to_the_last_digits(value):
    assert stats.t_tail(value, 7) == pytest.approx(scipy.stats.t.sf(value, 7), rel=1e-9)


@pytest.mark.parametrize(("p", "df1", "df2"), [(0.99, 2, 9), (0.95, 3, 40)])
def test_f_quantile_and_tail_are_scipys_and_each_others_inverse(p, df1, df2):
    q = stats.f_quantile(p, df1, df2)
    assert q == pytest.approx(scipy.stats.f.ppf(p, df1, df2), rel=1e-9)
    assert stats.f_tail(q, df1, df2) == pytest.approx(1 - p, rel=1e-9)


@given(st.lists(finite, min_size=2, max_size=30).filter(lambda x: np.std(x) > 1e-6))
def test_mean_interval_is_scipys_t_interval(values):
    got = stats.mean_interval(values)
    want = scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy.stats.sem(values))
    assert (got.low, got.high) == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert got.n == len(values)
    assert got.sd == pytest.approx(np.std(values, ddof=1))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, -math.inf], [1.0, math.nan], [math.inf, -math.inf]])
def test_mean_interval_of_too_little_has_no_ends(values):
    got = stats.mean_interval(values)
    assert math.isnan(got.low)
    assert math.isnan(got.high)
    assert math.isnan(got.sd)
    assert got.n == len(values)


def test_mean_interval_covers_as_promised():
    """20,000 simulated triples; 3 standard errors are .0046."""
    x = np.random.default_rng(0).normal(size=(20_000, 3))
    inside = [abs(i.mean) <= i.high - i.mean for i in map(stats.mean_interval, x)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.0046)


@given(
    st.lists(finite, min_size=2, max_size=20).filter(lambda x: np.std(x) > 1e-6),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_paired_lower_is_above_zero_exactly_where_the_one_sided_t_test_rejects(d, alpha):
    p = scipy.stats.ttest_1samp(d, 0, alternative="greater").pvalue
    if abs(p - alpha) > 1e-9:
        assert (stats.paired_lower(d, alpha) > 0) == (p < alpha)


def test_equal_differences_bound_their_own_mean():
    assert stats.paired_lower([0.1] * 7) == 0.1


@pytest.mark.parametrize("d", [[], [1.0], [1.0, math.inf], [1.0, math.nan], [1.0, -math.inf]])
def test_too_little_or_diverged_shows_nothing(d):
    assert stats.paired_lower(d) == -math.inf
    assert math.isnan(stats.prob_better(d))


def test_paired_lower_errs_as_rarely_as_it_says():
    """Pure noise, 20,000 studies of 6 pairs: adoption in 5 %; 4 standard errors are .0062."""
    d = np.random.default_rng(1).normal(size=(20_000, 6))
    assert np.mean([stats.paired_lower(row) > 0 for row in d]) == pytest.approx(0.05, abs=0.0062)


def test_prob_better_is_the_predictive_probability():
    """Seen from the next difference, the promise is uniform on [0, 1]: 20,000 studies, Kolmogorov-Smirnov
    distance below .0136 (p = .001)."""
    d = np.random.default_rng(2).normal(0.7, 2.0, size=(20_000, 6))
    promised = [stats.prob_better(row[:5] - row[5]) for row in d]
    assert scipy.stats.kstest(promised, "uniform").statistic < 0.0136


@pytest.mark.parametrize(("d", "p"), [([1, 1], 1.0), ([0, 0, 0], 0.5), ([-2, -2], 0.0)])
def test_prob_better_of_equal_differences(d, p):
    assert stats.prob_better(d) == p


@pytest.mark.parametrize(("n", "power"), [(2, 0.8), (3, 0.8), (6, 0.8), (20, 0.9), (500, 0.8)])
def test_detectable_has_its_power_by_scipys_noncentral_t(n, power):
    d = stats.detectable(2.0, n, power=power)
    critical = scipy.stats.t.ppf(0.95, n - 1)
    assert scipy.stats.nct.sf(critical, n - 1, d / 2.0 * math.sqrt(n)) == pytest.approx(power, abs=1e-6)


def test_detectable_by_simulation():
    """A true difference of that size is shown in 80 % of 20,000 studies of 6 pairs (3 SE: .0085)."""
    d = np.random.default_rng(3).normal(stats.detectable(1.0, 6), 1.0, size=(20_000, 6))
    assert np.mean([stats.paired_lower(row) > 0 for row in d]) == pytest.approx(0.8, abs=0.0085)


def test_detectable_needs_two_pairs_and_an_sd():
    assert math.isnan(stats.detectable(1.0, 1))
    assert math.isnan(stats.detectable(math.nan, 5))
    assert stats.detectable(0.0, 5) == 0.0


@given(st.floats(0.05, 5), st.floats(0.05, 5))
@settings(max_examples=50)
def test_pairs_needed_is_the_smallest_number_that_detects(sd, difference):
    n = stats.pairs_needed(sd, difference)
    assert stats.detectable(sd, n) <= difference
    assert n == 2 or stats.detectable(sd, n - 1) > difference


def test_pairs_needed_for_a_huge_study_ends():
    assert stats.pairs_needed(1.0, 0.005) == pytest.approx((1.6449 + 0.8416) ** 2 / 0.005**2, rel=1e-3)
    assert stats.pairs_needed(0.0, 0.1) == 2


@pytest.mark.parametrize(
    ("sd", "difference"), [(1, 0), (1, -1), (1, math.nan), (-1, 1), (math.nan, 1), (math.inf, 1)]
)
def test_pairs_needed_refuses_what_has_no_answer(sd, difference):
    with pytest.raises(InvalidInput, match="difference > 0"):
        stats.pairs_needed(sd, difference)


@pytest.mark.parametrize("kind", ["continuous", "0/1"])
def test_bootstrap_covers_the_true_difference(kind):
    """1,000 studies of 80 rows: at least 91.5 % (nominal 95 less 1 for small n, less 3 SE of .007)."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(1000):
        if kind == "0/1":
            a, b = rng.random(80) < 0.8, rng.random(80) < 0.7
        else:
            b = rng.normal(size=80)
            a = b + 0.1 + rng.normal(size=80)
        got = stats.bootstrap_difference(a, b, rng, num=400)
        hits += got.low <= 0.1 <= got.high
    assert 0.915 <= hits / 1000 <= 0.98


def test_bootstrap_averages_seeds_first_and_pairs_rows():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=500)
    a_Sn = rows + 0.3 + np.array([[-0.5], [0.5]])
    got = stats.bootstrap_difference(a_Sn, rows, rng)
    assert got.mean == pytest.approx(0.3)
    assert (got.low, got.high) == pytest.approx((0.3, 0.3))
    assert got.n == 500


def test_both_ways_of_resampling_agree():
    """Tied values and the same with a tiny jitter give one interval, within Monte Carlo error."""
    rng = np.random.default_rng(6)
    d = rng.integers(-1, 2, 400).astype(float)
    tied = stats.bootstrap_difference(d, np.zeros(400), rng, num=20_000)
    jittered = stats.bootstrap_difference(d + rng.normal(size=400) * 1e-9, np.zeros(400), rng, num=20_000)
    assert (tied.low, tied.high) == pytest.approx((jittered.low, jittered.high), abs=0.008)


def test_chunking_covers_every_resample_when_rows_are_many():
    got = stats.bootstrap_difference(np.arange(300_000.0), np.zeros(300_000), np.random.default_rng(0), num=20)
    half = 2 * got.sd / math.sqrt(got.n)
    assert got.mean - 2 * half < got.low < got.high < got.mean + 2 * half


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0, 2.0], [1.0]), (np.ones((2, 3)), np.ones((3, 2)))])
def test_bootstrap_refuses_rows_that_do_not_pair(a, b):
    with pytest.raises(InvalidInput, match="same rows"):
        stats.bootstrap_difference(a, b, np.random.default_rng(0))


def test_one_row_has_no_interval():
    assert math.isnan(stats.bootstrap_difference([1.0], [0.0], np.random.default_rng(0)).low)


@given(st.lists(finite, min_size=1, max_size=8), st.data())
def test_expected_max_is_the_mean_over_all_subsets(values, data):
    n = data.draw(st.integers(1, len(values)))
    want = np.mean([max(s) for s in itertools.combinations(values, n)])
    assert stats.expected_max(values, n) == pytest.approx(want, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5000, 9999, 10_000])
def test_expected_max_of_ten_thousand_values(n):
    """E[max of n out of 1..B] = n (B + 1) / (n + 1)."""
    B = 10_000
    assert stats.expected_max(np.arange(1, B + 1), n) == pytest.approx(n * (B + 1) / (n + 1), rel=1e-10)


def test_expected_max_is_unbiased():
    """20,000 studies of 20 normal values: E[max of 10] = 1.5388; 3 standard errors are .006."""
    x = np.random.default_rng(7).normal(size=(20_000, 20))
    assert np.mean([stats.expected_max(row, 10) for row in x]) == pytest.approx(1.5388, abs=0.006)


def test_expected_max_with_diverged_trials():
    assert stats.expected_max([1.0, -math.inf], 2) == 1.0
    assert stats.expected_max([1.0, -math.inf, -math.inf], 2) == -math.inf
    assert stats.expected_max([-math.inf] * 5000 + [1.0] * 5000, 5001) == pytest.approx(1.0)


@pytest.mark.parametrize("n", [0, 4])
def test_expected_max_refuses_more_than_there_is(n):
    with pytest.raises(InvalidInput, match="1 <= n <= 3"):
        stats.expected_max([1, 2, 3], n)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (81, 100)])
def test_binomial_bounds_are_clopper_pearson(k, n):
    want = scipy.stats.binomtest(k, n).proportion_ci(0.90, method="exact")
    assert stats.binomial_lower(k, n) == pytest.approx(want.low)
    assert stats.binomial_upper(k, n) == pytest.approx(want.high)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_binomial_bounds_refuse_impossible_counts(k, n):
    with pytest.raises(InvalidInput, match="0 <= k <= n"):
        stats.binomial_upper(k, n)


def test_importing_stats_does_not_import_scipy():
    code = "import sys, luthier.stats; sys.exit(any(m.split('.')[0] == 'scipy' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
