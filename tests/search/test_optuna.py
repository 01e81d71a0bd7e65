"""Optuna's samplers and CMA-ES learn from a history that they did not make, and leave the process as it was."""

from __future__ import annotations

import subprocess
import sys
import warnings

import msgspec
import numpy as np
import pytest

from luthier.errors import InvalidInput, MissingExtra
from luthier.records import History
from luthier.search import sampler
from luthier.search.conformance import LOSS, RUNGS, SPACES, make_history, make_trial
from luthier.search.optuna import OptunaSampler, one_thread
from luthier.space import Float, Space

SPACE = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})


def bowl(config: dict) -> float:
    return float((config["x"] - 0.2) ** 2 + (config["y"] - 0.7) ** 2)


def run(name: str, num: int, rungs: tuple[float, ...] = (1.0,)) -> list[float]:
    """Scores of a study of `num` complete trials on a bowl."""
    made = sampler(name)
    history = History(metric=LOSS, rungs=rungs)
    for number in range(1, num + 1):
        suggestion = made.suggest(SPACE, history, number, 1)[0]
        score = bowl(suggestion.config)
        trial = make_trial(
            number, suggestion.config, (score,), status="finished", origin=suggestion.origin, rungs=(1.0,)
        )
        history = msgspec.structs.replace(history, trials=(*history.trials, trial))
    return [bowl(trial.config) for trial in history.trials]


@pytest.mark.parametrize(("name", "num"), [("tpe", 60), ("cmaes", 90), ("prior", 60), ("auto", 60)])
def test_it_learns(name, num):
    """The last third is far better than the first: random points have a median of 0.15."""
    scores = run(name, num)
    assert np.median(scores[-num // 3 :]) < 0.4 * np.median(scores[: num // 3])


def test_nsga2_breeds_from_the_best_and_does_not_stay_in_its_first_generation():
    """A child takes its coordinates from parents, of whom a better one is kept: both can be seen in the values."""
    rng = np.random.default_rng(0)
    trials = [make_trial(i, SPACE.decode(rng.random(2)), (0.0,) * 3, status="finished") for i in range(1, 61)]
    scored = [make_trial(t.id, t.config, (bowl(t.config),) * 3, status="finished") for t in trials]
    best = sorted(scored, key=lambda t: t.curve[-1].score)[:20]
    history = History(metric=LOSS, rungs=RUNGS, trials=tuple(scored))
    made = [sampler("nsga2").suggest(SPACE, history, key, 1)[0].config for key in range(30)]
    inherited = [c for c in made if any(c["x"] == t.config["x"] or c["y"] == t.config["y"] for t in best)]
    assert len(inherited) > 10  # half of the coordinates mutate; in a first generation nothing is inherited


@pytest.mark.slow
def test_the_gaussian_process_learns():
    pytest.importorskip("torch")
    assert min(run("gp", 18)) < 0.002


def test_tpe_ranks_trials_of_a_higher_rung_above_those_of_a_lower():
    """Trials near x = 0.9 look good at the first rung only; those near 0.1 went on: TPE proposes near 0.1."""
    rng, space = np.random.default_rng(0), Space({"x": Float(0.0, 1.0)})
    low = [make_trial(i, {"x": 0.9 + 0.05 * rng.standard_normal()}, (0.01,)) for i in range(1, 31)]
    high = [make_trial(i, {"x": 0.1 + 0.03 * rng.standard_normal()}, (0.3, 0.3)) for i in range(31, 41)]
    trials = tuple(msgspec.structs.replace(t, config={"x": min(1.0, max(0.0, t.config["x"]))}) for t in (*low, *high))
    history = History(metric=LOSS, rungs=RUNGS, trials=trials)
    made = [sampler("tpe").suggest(space, history, key, 1)[0].config["x"] for key in range(10)]
    assert np.median(made) < 0.3


@pytest.mark.parametrize("name", ["tpe", "nsga2", "cmaes"])
def test_a_trial_from_outside_of_the_space_does_no_harm(name):
    """A round that moved the space leaves trials behind whose values do not fit."""
    old = tuple(make_trial(i, {"x": 5.0, "z": 1}, (0.5,), origin=name) for i in range(1, 15))
    history = History(metric=LOSS, rungs=RUNGS, trials=old)
    assert SPACE.contains(sampler(name).suggest(SPACE, history, 1, 1)[0].config)


def test_log_level_and_warning_filters_are_set_back(capfd):
    import optuna

    before = optuna.logging.get_verbosity(), list(warnings.filters)
    for name in ("tpe", "nsga2"):
        sampler(name).suggest(SPACES["conditional"], make_history(SPACES["conditional"], 30), 1, 2)
    assert (optuna.logging.get_verbosity(), list(warnings.filters)) == before
    out = capfd.readouterr()
    assert out.out + out.err == ""


def test_torch_runs_on_one_thread_and_gets_its_threads_back():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_gp_without_torch_names_the_extra(monkeypatch):
    monkeypatch.setattr("luthier.search.optuna.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'luthier\[torch\]'"):
        sampler("gp")


def test_a_name_that_is_not_optunas_is_refused():
    with pytest.raises(InvalidInput, match="tpe, gp or nsga2"):
        OptunaSampler("grid")


def test_the_room_imports_neither_optuna_nor_a_framework():
    code = (
        "import sys, luthier.search\n"
        "print([m for m in ('optuna', 'cmaes', 'torch', 'jax', 'scipy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
