"""Budgets: what is read, how it is divided, what is said about the rest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import BudgetTooSmall, InvalidInput
from luthier.playbook.budget import LADDER, Budget, Price, amount_text, ladder, least_budget, parse_budget, split
from luthier.records import RunPlan

seconds = st.floats(1.0, 1e6)
costs = st.floats(0.01, 1e4)
workers = st.integers(1, 16)
startups = st.floats(0.0, 60.0)


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("5min", "seconds", 300),
        ("90s", "seconds", 90),
        ("2h", "seconds", 7200),
        ("1h30m", "seconds", 5400),
        ("1h 30min 5s", "seconds", 5405),
        ("1.5h", "seconds", 5400),
        (" 5 MIN ", "seconds", 300),
        ("40trials", "trials", 40),
        ("1 trial", "trials", 1),
    ],
)
def test_budgets_as_people_write_them(text, unit, amount):
    assert parse_budget(text) == (unit, amount)


@pytest.mark.parametrize(
    "text", ["", "5", "min", "0s", "0trials", "-5min", "5min40trials", "2.5trials", "5days", "1h-", "nan s"]
)
def test_other_texts_are_refused_with_examples(text):
    with pytest.raises(InvalidInput, match="40trials") as caught:
        parse_budget(text)
    assert repr(text) in str(caught.value)


@given(seconds, costs, workers, startups)
def test_the_shares_sum_to_the_budget_and_evidence_takes_half_at_most(amount, cost, num_workers, startup):
    try:
        parts = split(Budget("seconds", amount), cost, num_workers, startup)
    except BudgetTooSmall:
        return
    shares = parts["split"]
    assert math.fsum(shares.values()) == pytest.approx(amount)
    assert shares["noise"] + shares["confirm"] + shares["final"] <= amount / 2 * (1 + 1e-9)
    assert all(share >= 0 for share in shares.values())
    assert shares["search"] >= cost * (1 - 1e-9)
    assert shares["report"] == pytest.approx(2 + 0.02 * amount)
    RunPlan(**parts)


@given(st.integers(2, 10_000))
def test_a_count_counts_every_run_once(n):
    parts = split(Budget("trials", n), 1.0, num_workers=7, startup_s=9.0)
    confirm = (parts["num_top"] + 1) * parts["num_fresh"]
    evidence = parts["num_noise"] + confirm + 2 * parts["num_final"]
    assert sum(parts["split"].values()) == n
    assert parts["split"]["search"] == n - evidence >= n / 2


@given(seconds, st.floats(1.0, 100.0), costs, workers, startups)
def test_more_budget_never_gives_weaker_evidence(amount, times, cost, num_workers, startup):
    try:
        little = split(Budget("seconds", amount), cost, num_workers, startup)
    except BudgetTooSmall:
        return
    much = split(Budget("seconds", amount * times), cost, num_workers, startup)
    for size in ("num_noise", "num_top", "num_fresh", "num_final"):
        assert much[size] >= little[size]


@given(costs, workers, startups, st.sampled_from(LADDER))
def test_the_least_budget_of_a_rung_is_its_border(cost, num_workers, startup, rung):
    least = least_budget(rung, Price(cost, num_workers), "seconds", startup)
    at = split(Budget("seconds", least * (1 + 1e-9)), cost, num_workers, startup)
    assert LADDER.index(rung) >= next(
        i for i, r in enumerate(LADDER) if (r.noise, r.top, r.fresh, r.final) == tuple(
            at[k] for k in ("num_noise", "num_top", "num_fresh", "num_final"))
    )  # fmt: skip
    try:
        below = split(Budget("seconds", least * 0.999), cost, num_workers, startup)
    except BudgetTooSmall:
        return
    assert (below["num_noise"], below["num_top"], below["num_fresh"], below["num_final"]) < rung


@pytest.mark.parametrize(
    ("trials", "sizes"),
    [
        (82, (5, 5, 4, 6)),
        (81, (4, 4, 3, 6)),
        (42, (2, 2, 2, 6)),
        (40, (2, 2, 2, 6)),
        (39, (2, 2, 2, 4)),
        (20, (2, 1, 1, 3)),
        (2, (1, 0, 0, 0)),
    ],
)
def test_the_ladder_on_counts(trials, sizes):
    parts = split(Budget("trials", trials), 1.0)
    assert tuple(parts[k] for k in ("num_noise", "num_top", "num_fresh", "num_final")) == sizes


def test_what_is_not_paid_for_is_said_with_its_price():
    assert split(Budget("trials", 100), 1.0)["note"] == ""
    assert "5 on 4" in split(Budget("trials", 62), 1.0)["note"]
    assert "20 trials more" in split(Budget("trials", 62), 1.0)["note"]
    assert split(Budget("trials", 32), 1.0)["note"] == (
        "The budget pays for 4 of the 6 pairs that adoption asks for: that needs about 8 trials more."
    )
    assert "does not pay for the 6 pairs" in split(Budget("seconds", 60), 10.0)["note"]


@given(seconds, costs, workers, startups)
def test_the_price_in_the_note_is_enough(amount, cost, num_workers, startup):
    """Adding what the note asks for, rounded up as it is, pays for the six pairs."""
    try:
        parts = split(Budget("seconds", amount), cost, num_workers, startup)
    except BudgetTooSmall:
        return
    if parts["num_final"] == 6:
        return
    number, unit = parts["note"].rsplit("about ", 1)[1].split()[:2]
    more = float(number) * {"s": 1, "m": 60, "h": 3600}[unit[0]]
    assert split(Budget("seconds", amount + more), cost, num_workers, startup)["num_final"] == 6


def test_a_budget_that_pays_for_nothing_says_what_one_run_costs():
    with pytest.raises(BudgetTooSmall) as caught:
        split(Budget("seconds", 30), 40.0)
    text = str(caught.value)
    assert "about 40 s" in text
    assert "Give at least 84 seconds" in text
    split(Budget("seconds", 84), 40.0)


def test_a_single_trial_has_nothing_to_beat():
    with pytest.raises(BudgetTooSmall, match="at least 2 trials"):
        split(Budget("trials", 1), 1.0)


@pytest.mark.parametrize(("cost", "num_workers"), [(0, 1), (-1, 1), (math.nan, 1), (math.inf, 1), (1, 0)])
def test_impossible_costs_are_refused(cost, num_workers):
    with pytest.raises(InvalidInput):
        split(Budget("seconds", 100), cost, num_workers)


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (("seconds", 1), "1 second"),
        (("seconds", 89.5), "90 seconds"),
        (("seconds", 91), "2 minutes"),
        (("seconds", 5401), "2 hours"),
        (("trials", 12), "12 trials"),
        (("trials", 1), "1 trial"),
    ],
)
def test_amounts_in_words_are_rounded_up(budget, text):
    assert amount_text(Budget(*budget)) == text


@pytest.mark.parametrize("folds", [2, 5, 8, 10])
def test_folds_are_counted(folds):
    """The baseline on all of them, one configuration at least, and the winner on those that the pairs leave out."""
    for rung, plain in zip(ladder(folds), LADDER, strict=True):
        assert rung.noise == max(plain.noise, folds)
        assert (rung.top, rung.fresh, rung.final) == (plain.top, plain.fresh, plain.final)
        others = max(folds - 6, 0) if plain.final == 6 else 0
        assert rung.phases()["final"] == 2 * plain.final + others
    least = 2 * folds
    found = split(Budget("trials", least), 1.0, folds=folds)
    assert (found["split"]["noise"], found["split"]["search"]) == (folds, folds)
    with pytest.raises(BudgetTooSmall, match=f"each on {folds} folds"):
        split(Budget("trials", least - 1), 1.0, folds=folds)


def test_one_fold_is_none():
    assert ladder(1) == LADDER
    assert split(Budget("trials", 62), 1.0, folds=1) == split(Budget("trials", 62), 1.0)


def test_the_folds_of_a_configuration_take_their_time_one_after_the_other():
    """Ten workers train ten baselines at once, but no two folds of one configuration."""
    rung = ladder(5)[-1]
    assert least_budget(rung, Price(10.0, 10, 5), "seconds") == pytest.approx((10 + 50 + 2) / 0.98)
