"""Plans are pure functions of (seed, step)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from luthier import Recipe
from luthier.engines.spec import RULES
from luthier.groups import GROUPS
from luthier.training.batches import Course, batch_rows, make_plan, numbers_of, report_steps, step_at

ROWS = np.arange(100, 150, dtype=np.int32)


@given(st.integers(1, 60), st.integers(1, 40), st.integers(0, 30), st.integers(1, 30))
def test_rows_of_a_step_do_not_depend_on_where_the_plan_begins(num_rows, batch_size, first, num):
    rows = np.arange(num_rows)
    whole = batch_rows(rows, seed=7, step=0, num=first + num, batch_size=batch_size)
    part = batch_rows(rows, seed=7, step=first, num=num, batch_size=batch_size)
    assert np.array_equal(whole[first:], part)


@given(st.integers(1, 60), st.integers(1, 40))
def test_every_row_is_seen_once_an_epoch(num_rows, batch_size):
    rows = np.arange(num_rows)
    seen = batch_rows(rows, seed=3, step=0, num=2 * num_rows, batch_size=batch_size).ravel()
    for epoch in range(2 * batch_size):
        assert sorted(seen[epoch * num_rows : (epoch + 1) * num_rows]) == list(rows)


def test_seeds_give_different_orders():
    a = batch_rows(ROWS, seed=1, step=0, num=3, batch_size=10)
    b = batch_rows(ROWS, seed=2, step=0, num=3, batch_size=10)
    assert not np.array_equal(a, b)


def test_epochs_give_different_orders():
    seen = batch_rows(ROWS, seed=1, step=0, num=10, batch_size=10).reshape(2, 50)
    assert not np.array_equal(seen[0], seen[1])


def test_plan_has_the_shapes_of_the_contract():
    course = Course(Recipe(batch_size=8), 1, ROWS, 90, 10, 5)
    plan = make_plan([course, None], 7)
    assert plan.rows.shape == (7, 2, 8)
    assert plan.rows.dtype == np.int32
    assert plan.steps.tolist() == [5, 0]
    assert plan.kinds.tolist() == [RULES.index("adamw"), 0]
    assert all(v.shape == (7, 2, len(GROUPS)) and v.dtype == np.float32 for v in plan.hparams.values())


def test_learning_rate_follows_the_schedule_and_decay_spares_the_other_group():
    recipe = Recipe(lr=0.5, weight_decay=0.1, schedule="linear", warmup=0.0)
    numbers = numbers_of(recipe, num_steps=10, step=0, num=10)
    lr = numbers["lr"][:, 0]
    assert lr[0] == np.float32(0.5)
    assert np.all(np.diff(lr) < 0)
    assert numbers["weight_decay"][0].tolist() == [np.float32(0.1), 0.0]


@given(st.integers(1, 500), st.integers(1, 18))
def test_reports_rise_to_the_last_step(num_steps, num_reports):
    steps = [s for s, _ in report_steps(num_steps, num_reports)]
    assert steps == sorted(steps)
    assert steps[0] >= 1
    assert steps[-1] == num_steps


def test_a_rung_is_a_report():
    assert step_at(1 / 3, 90, 18) == 30
    assert step_at(1.0, 91, 18) == 91
