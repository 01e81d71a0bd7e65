"""The batch size from a throughput curve."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.playbook.throughput import Speed, choose_batch_size, choose_mode, gain, ladder, most_slots
from luthier.records import ModeSpeed

OOM = math.nan


def curve(*speeds, start=16):
    return [Speed(start * 2**k, s) for k, s in enumerate(speeds)]


def test_the_largest_before_the_plateau():
    chosen = choose_batch_size(curve(100, 190, 350, 380, 385), 10**6)
    assert (chosen.batch_size, chosen.stopped_by) == (64, "plateau")
    assert "1.09" in chosen.reason


def test_memory_ends_the_growth():
    chosen = choose_batch_size(curve(100, 190, OOM), 10**6)
    assert (chosen.batch_size, chosen.stopped_by) == (32, "memory")
    assert "64 rows do not fit" in chosen.reason


def test_small_data_get_at_least_sixteen_steps_an_epoch():
    chosen = choose_batch_size(curve(100, 190, 350, 700), 600)
    assert (chosen.batch_size, chosen.stopped_by) == (32, "rows")


def test_the_smallest_is_allowed_whatever_the_rows():
    assert choose_batch_size(curve(100, 190), 20).batch_size == 16


def test_growth_to_the_end_says_that_more_was_not_measured():
    assert choose_batch_size(curve(100, 190, 350), 10**6).stopped_by == "measured"


def test_steps_other_than_doublings_are_judged_per_doubling():
    """A factor 1.2 for 4 times the rows is 1.095 a doubling."""
    assert choose_batch_size([Speed(16, 100), Speed(64, 120)], 10**6).batch_size == 16
    assert choose_batch_size([Speed(16, 100), Speed(64, 122)], 10**6).batch_size == 64


def test_the_order_of_measuring_does_not_matter():
    speeds = curve(100, 190, 350, 380)
    assert choose_batch_size(speeds[::-1], 10**6) == choose_batch_size(speeds, 10**6)


@pytest.mark.parametrize("speeds", [[], curve(OOM), curve(OOM, OOM)])
def test_nothing_that_ran_is_refused(speeds):
    with pytest.raises(InvalidInput, match="smaller batch_size"):
        choose_batch_size(speeds, 1000)


@given(st.lists(st.floats(1, 1e6) | st.just(OOM), min_size=1, max_size=10), st.integers(1, 10**6))
def test_the_choice_ran_and_leaves_sixteen_steps(speeds, num_train):
    points = curve(*speeds, start=1)
    ran = [s.batch_size for s in points if s.fits]
    if ran:
        chosen = choose_batch_size(points, num_train).batch_size
        assert chosen in ran
        assert chosen == ran[0] or chosen * 16 <= num_train


def speed(mode, P, rows_per_s, refused=""):
    return ModeSpeed(mode=mode, P=P, rows_per_s=rows_per_s, refused=refused)


LOOP = speed("loop", 1, 100.0)


def test_a_short_search_takes_a_narrow_program_and_a_long_one_the_fastest():
    speeds = [LOOP, speed("grouped", 4, 200.0), speed("grouped", 8, 220.0), speed("grouped", 16, 270.0)]
    widths = [choose_mode(speeds, trainings=n, num_workers=2).P for n in (10, 60, 300, 1000, math.inf)]
    assert widths == [1, 4, 16, 16, 16]
    assert "2 times the loop's" in choose_mode(speeds, trainings=60, num_workers=2).reason


def test_a_faster_mode_that_is_not_worth_it_is_told():
    chosen = choose_mode([LOOP, speed("grouped", 4, 150.0)], trainings=20, num_workers=2)
    assert (chosen.mode, chosen.P, chosen.speedup) == ("loop", 1, 1.0)
    assert "1.5 times as fast, but in a search of 20 trainings too many would begin" in chosen.reason


def test_gain_grows_with_speed_and_falls_with_width():
    assert gain(1.0, 1, trainings=50.0, num_workers=2) == 1.0
    assert gain(2.0, 4, trainings=math.inf, num_workers=2) == 2.0
    assert gain(2.0, 4, trainings=50.0, num_workers=2) > gain(1.5, 4, trainings=50.0, num_workers=2)
    assert gain(2.0, 4, trainings=50.0, num_workers=2) > gain(2.0, 8, trainings=50.0, num_workers=2)


def test_a_gain_of_less_than_a_tenth_keeps_the_reference():
    assert choose_mode([LOOP, speed("vmap", 4, 109.0)]).mode == "loop"
    assert choose_mode([LOOP, speed("vmap", 4, 111.0)]).mode == "vmap"


def test_refused_modes_are_passed_over():
    chosen = choose_mode([LOOP, speed("vmap", 4, math.nan, "no rule")])
    assert (chosen.mode, chosen.P, chosen.speedup) == ("loop", 1, 1.0)
    assert "no other takes the model" in chosen.reason


def test_choice_without_a_measured_reference_is_refused():
    for speeds in ([], [speed("loop", 1, math.nan)]):
        with pytest.raises(InvalidInput, match="the first is the measured reference"):
            choose_mode(speeds)


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=6))
def test_the_choice_never_loses_to_the_reference(rates):
    speeds = [LOOP, *(speed("fast", 2**k, rate) for k, rate in enumerate(rates, 1))]
    chosen = choose_mode(speeds)
    found = next(s for s in speeds if (s.mode, s.P) == (chosen.mode, chosen.P))
    assert found.rows_per_s >= 100.0
    assert chosen.mode == "loop" or found.rows_per_s == max(rates)


def test_other_modes_that_pay_stand_ready_in_their_best_width():
    speeds = [
        LOOP,
        speed("a", 4, 200.0),
        speed("a", 8, 300.0),
        speed("b", 1, 150.0),
        speed("c", 4, 105.0),
        speed("a", 16, 400.0),
        speed("d", 4, math.nan, "no rule"),
    ]
    assert ladder(speeds, 8) == (("a", 8), ("b", 1))
    assert ladder([], 8) == ()


def test_few_trials_are_few_slots():
    assert most_slots(1, 2) == 1
    assert most_slots(10, 2) == 5
    assert most_slots(200, 2) == 100
