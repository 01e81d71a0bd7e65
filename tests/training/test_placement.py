"""Which worker takes a trial."""

from hypothesis import given
from hypothesis import strategies as st

from luthier.training.placement import Guest, choose_worker, next_mode

A, B = Guest("a"), Guest("b")
GUESTS = st.lists(st.sampled_from([A, B]), max_size=4)


def test_an_idle_worker_comes_first():
    assert choose_worker({0: [A], 1: []}, A, 4) == 1


def test_the_same_structure_comes_before_the_emptier_worker():
    assert choose_worker({0: [B], 1: [A, A]}, A, 4) == 1


def test_of_two_with_the_structure_the_emptier_one():
    assert choose_worker({0: [A, A, B], 1: [A, B]}, A, 4) == 1


def test_no_room_is_no_worker():
    assert choose_worker({0: [A, B], 1: [B, B]}, A, 2) is None
    assert choose_worker({}, A, 2) is None


def test_a_trial_whose_workers_were_lost_sits_alone():
    assert choose_worker({0: [A], 1: [A, A]}, Guest("a", alone=True), 4) is None
    assert choose_worker({0: [A], 1: []}, Guest("a", alone=True), 4) == 1
    assert choose_worker({0: [Guest("a", alone=True)], 1: [A, A, A]}, A, 4) == 1


def test_where_a_mode_fails_the_next_of_the_ladder_and_in_the_end_the_reference():
    ladder = [("grouped", 8), ("vmap", 4)]
    assert next_mode(ladder, "grouped", "loop") == ("vmap", 4)
    assert next_mode(ladder, "vmap", "loop") == ("loop", 1)
    assert next_mode([], "grouped", "loop") == ("loop", 1)


@given(st.lists(GUESTS, min_size=1, max_size=4), st.integers(1, 4))
def test_never_more_than_there_is_room_for(held, most):
    chosen = choose_worker(dict(enumerate(held)), A, most)
    if chosen is None:
        assert all(len(guests) >= most for guests in held)
    else:
        assert len(held[chosen]) < most
