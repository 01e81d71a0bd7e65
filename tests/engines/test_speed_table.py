"""What the table of speeds times (benchmarks/population) trains: it is run by hand, and would break unseen."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("optuna")

from benchmarks.population import contestants
from benchmarks.population.models import CASES, flops_per_step


@pytest.mark.parametrize(
    "make",
    [
        lambda case: contestants.by_hand(case, fused=True),
        contestants.by_optuna_threads,
        lambda case: contestants.by_engine(case, "grouped", 4, num_steps=3),
    ],
)
def test_each_contestant_of_the_table_trains_some_rows(make):
    assert make(CASES["mlp"])() > 0


def test_a_step_of_the_mlp_has_the_products_of_its_layers():
    rows, weights = CASES["mlp"].batch_size, (64 * 128, 128 * 128, 128 * 10)
    assert flops_per_step(CASES["mlp"]) == 2 * rows * (2 * weights[0] + 3 * weights[1] + 3 * weights[2])
