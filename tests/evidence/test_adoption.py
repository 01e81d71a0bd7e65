"""A change is adopted when it helps and not when it does not; the interval says the truth as often as it claims.

Each bound is the promise plus what chance does to so many studies: a one-sided 99 % binomial limit.
"""

import pytest

from evidence.studies import many
from luthier import stats

NULL, PLANTED = 400, 100


def limit(share, n):
    """The largest count that a true share explains at 99 %."""
    k = 0
    while stats.binomial_lower(k + 1, n, 0.99) <= share:
        k += 1
    return k


@pytest.fixture(scope="module")
def null_studies():
    """Studies in which no setting matters."""
    return many("flat", NULL, processes=1)


@pytest.fixture(scope="module")
def planted_studies():
    """Studies in which two fifths of a range are better by 2 standard deviations of a single score."""
    return many("plateau", PLANTED, first=5000, processes=1)


def adopts_too_often(studies):
    """More adoptions than a true share of 5 % explains."""
    return sum(s["adopted"] for s in studies) > limit(0.05, len(studies))


def adopts_too_seldom(studies):
    """Fewer adoptions than a true share of 80 % explains."""
    return sum(s["adopted"] for s in studies) < len(studies) - limit(0.2, len(studies))


def misses_the_truth(studies):
    """More intervals beside the truth than a true share of 7 % explains."""
    missed = sum(not s["interval"][0] <= s["truth"] <= s["interval"][1] for s in studies)
    return missed > limit(0.07, len(studies))


@pytest.mark.slow
def test_without_a_true_difference_at_most_five_percent_adopt(null_studies):
    assert not adopts_too_often(null_studies), f"{sum(s['adopted'] for s in null_studies)} of {NULL} adopted"


@pytest.mark.slow
def test_a_gain_of_two_sigma_is_adopted_in_four_of_five(planted_studies):
    adopted = sum(s["adopted"] for s in planted_studies)
    assert not adopts_too_seldom(planted_studies), f"{adopted} of {PLANTED} adopted"


@pytest.mark.slow
def test_the_interval_covers_the_truth(null_studies, planted_studies):
    assert not misses_the_truth(null_studies + planted_studies)


@pytest.mark.slow
def test_what_selection_saw_is_optimistic_and_said_to_be(null_studies):
    mean = sum(s["optimism"] for s in null_studies) / NULL
    assert mean > 0.5, "the best of a search without any effect must look better than it is"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("twin", "truth", "broken"),
    [
        ("reuses_selection_seeds", "flat", adopts_too_often),
        ("never_adopts", "plateau", adopts_too_seldom),
        ("standard_error_as_interval", "flat", misses_the_truth),
    ],
)
def test_a_wrong_protocol_is_noticed(twin, truth, broken):
    assert broken(many(truth, 40, first=9000, twin=twin, processes=1))
