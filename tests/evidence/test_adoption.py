"""A change is adopted when it helps and not when it does not; the interval says the truth as often as it claims.

Each bound is the promise plus what chance does to so many studies: a one-sided 99 % binomial limit.
"""

import pytest

from evidence.studies import many
from luthier import stats

NULL, PLANTED = 1000, 300


def limit(share, n):
    """The largest count that a true share explains at 99 %."""
    k = 0
    while stats.binomial_lower(k + 1, n, 0.99) <= share:
        k += 1
    return k


@pytest.fixture(scope="module")
def null_studies():
    """Studies in which no setting matters."""
    return many("flat", NULL)


@pytest.fixture(scope="module")
def planted_studies():
    """Studies in which two fifths of a range are better by 2 standard deviations of a single score."""
    return many("plateau", PLANTED, first=5000)


@pytest.mark.slow
def test_without_a_true_difference_at_most_five_percent_adopt(null_studies):
    adopted = sum(s["adopted"] for s in null_studies)
    assert adopted <= limit(0.05, NULL), f"{adopted} of {NULL} adopted"


@pytest.mark.slow
def test_a_gain_of_two_sigma_is_adopted_in_four_of_five(planted_studies):
    adopted = sum(s["adopted"] for s in planted_studies)
    assert adopted >= PLANTED - limit(0.2, PLANTED), f"{adopted} of {PLANTED} adopted"


@pytest.mark.slow
def test_the_interval_covers_the_truth(null_studies, planted_studies):
    studies = null_studies + planted_studies
    missed = sum(not s["interval"][0] <= s["truth"] <= s["interval"][1] for s in studies)
    assert missed <= limit(0.07, len(studies)), f"{missed} of {len(studies)} intervals miss the truth"


@pytest.mark.slow
def test_what_selection_saw_is_optimistic_and_said_to_be(null_studies):
    mean = sum(s["optimism"] for s in null_studies) / NULL
    assert mean > 0.5, "the best of a search without any effect must look better than it is"
