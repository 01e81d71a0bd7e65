"""The default sampler: its order of proposals, and what evidence does to the mixture."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from luthier.recipe import Recipe
from luthier.records import History
from luthier.search import sampler
from luthier.search.auto import HALTON_SHARE
from luthier.search.conformance import LOSS, RUNGS, make_trial
from luthier.search.draw import generator
from luthier.search.prior import Mixture, incumbents
from luthier.search.table import Table
from luthier.space import Choice, Float, Space

SPACE = Space({"lr": Float(1e-4, 1e-2, log=True), "a": Float(0.0, 1.0), "kind": Choice(("x", "y", "z"))})


def study(num: int, score, *, baseline: dict | None = None, rungs: int = 1) -> History:
    """A baseline and `num` random trials whose score is a function of their configuration."""
    rng = np.random.default_rng(0)
    first = make_trial(0, {}, (1.0,), status="paused")
    recipe = Recipe(lr=1e-3, model=baseline if baseline is not None else {"a": 0.5, "kind": "x"})
    trials = [msgspec.structs.replace(first, recipe=recipe)]
    for number in range(1, num + 1):
        config = SPACE.decode(rng.random(3))
        trials.append(make_trial(number, config, (score(config),) * rungs))
    return History(metric=LOSS, rungs=RUNGS, trials=tuple(trials))


def mixture(history: History) -> Mixture:
    table = Table()
    table.update(SPACE, history)
    return Mixture(SPACE, table)


def test_first_known_points_then_halton_then_the_model_with_a_share_of_halton():
    history, origins = study(0, None), []
    for number in range(1, 101):
        made = sampler("auto").suggest(SPACE, history, number, 1)[0]
        origins.append(made.origin)
        trial = make_trial(number, made.config, (abs(made.config["a"] - 0.3),), origin=made.origin)
        history = msgspec.structs.replace(history, trials=(*history.trials, trial))
    num_known = origins.count("known")
    assert origins[:num_known] == ["known"] * num_known
    assert 3 <= num_known <= 5
    exploring = max(5 - 1 - num_known, 0)  # the baseline has a value too
    assert origins[num_known : num_known + exploring] == ["halton"] * exploring
    rest = origins[num_known + exploring :]
    assert set(rest) == {"halton", "model"}
    assert rest.count("halton") / len(rest) == pytest.approx(HALTON_SHARE, abs=0.15)


def test_trials_without_a_value_do_not_end_the_exploration():
    history = study(30, lambda config: 0.5)
    running = tuple(msgspec.structs.replace(t, curve=(), status="running") for t in history.trials)
    made = sampler("auto").suggest(SPACE, msgspec.structs.replace(history, trials=running), 1, 12)
    assert {s.origin for s in made} == {"known", "halton"}


def test_the_shares_shift_to_the_incumbents_as_evidence_grows():
    shares = [mixture(study(num, lambda c: abs(c["a"] - 0.5))).weights.incumbent for num in (0, 6, 20, 100)]
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


def test_a_bad_prior_loses_its_share_to_the_uniform_and_a_good_one_gains():
    good = mixture(study(20, lambda c: abs(c["a"] - 0.5) + abs(np.log10(c["lr"]) + 3) + (c["kind"] != "x"))).weights
    bad = mixture(study(20, lambda c: -abs(c["a"] - 0.5) - abs(np.log10(c["lr"]) + 3) - (c["kind"] != "x"))).weights
    assert good.prior > 2 * good.uniform
    assert bad.uniform > 2 * bad.prior


def test_draws_gather_around_what_was_good():
    made, rng = mixture(study(200, lambda c: abs(c["a"] - 0.1) + (c["kind"] != "z"))), generator(1)
    draws = [made.draw(rng) for _ in range(300)]
    assert np.median([abs(c["a"] - 0.1) for c in draws]) < 0.1
    assert sum(c["kind"] == "z" for c in draws) > 200


def test_a_jump_leaves_an_incumbent_in_one_setting_or_two_for_anywhere():
    made = mixture(study(60, lambda c: abs(c["a"] - 0.5)))
    jumps_CD = made.jumps(generator(1), 300)
    moved_CMD = jumps_CD[:, None] != made.incumbents_MD[None, :5]
    num_C = moved_CMD.sum(axis=2).min(axis=1)
    assert set(num_C) == {1, 2}
    lr_N = jumps_CD[~np.isin(jumps_CD[:, 0], made.incumbents_MD[:, 0]), 0]
    assert np.histogram(lr_N, 4, (0.0, 1.0))[0].min() > 0.15 * len(lr_N)
    assert mixture(study(0, None)).jumps(generator(1), 9).shape == (0, 3), "no incumbent, nothing to leave"


def test_incumbents_come_from_the_highest_rung_with_a_few_results():
    history = study(40, lambda c: c["a"])
    promoted = [make_trial(t.id, t.config, (t.curve[0].score, 1.0 - t.config["a"])) for t in history.trials[1:9]]
    table = Table()
    table.update(SPACE, msgspec.structs.replace(history, trials=(history.trials[0], *promoted, *history.trials[9:])))
    got_MD = incumbents(table)
    assert len(got_MD) == 2
    assert got_MD[0, 1] == max(t.config["a"] for t in promoted)
    few = msgspec.structs.replace(history, trials=(history.trials[0], *promoted[:2], *history.trials[3:]))
    table.update(SPACE, few)
    assert len(incumbents(table)) == 8


def test_a_baseline_whose_settings_are_not_known_is_no_prior():
    weights = mixture(study(0, None, baseline={})).weights
    assert weights.prior > 0  # lr is a field of every recipe
    only_model = Space({"a": Float(0.0, 1.0)})
    table = Table()
    table.update(only_model, study(0, None, baseline={}))
    assert Mixture(only_model, table).weights == (1.0, 0.0, 0.0)
