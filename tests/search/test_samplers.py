"""Every sampler of the registry keeps the promises of the contract."""

from __future__ import annotations

import sys

import msgspec
import pytest

from luthier.errors import InvalidInput, MissingExtra
from luthier.search import SAMPLERS, sampler
from luthier.search.conformance import LOSS, RUNGS, SPACES, SamplerConformance, make_history, make_trial
from luthier.search.table import Table


class TestAuto(SamplerConformance):
    def make(self):
        return sampler("auto")


class TestHalton(SamplerConformance):
    def make(self):
        return sampler("halton")


class TestPrior(SamplerConformance):
    def make(self):
        return sampler("prior")


class TestTpe(SamplerConformance):
    def make(self):
        return sampler("tpe")


class TestCmaes(SamplerConformance):
    def make(self):
        return sampler("cmaes")


class TestNsga2(SamplerConformance):
    def make(self):
        return sampler("nsga2")


@pytest.mark.slow
class TestGp(SamplerConformance):
    """A second a proposal: fewer spaces and histories."""

    spaces = {name: SPACES[name] for name in ("mixed", "conditional")}  # read only

    def make(self):
        pytest.importorskip("torch")
        return sampler("gp")

    def histories(self, space):
        running, diverged = (make_history(space, 3, status=status) for status in ("running", "diverged"))
        empty = msgspec.structs.replace(running, trials=())
        return [empty, running, diverged, make_history(space, 14, status="paused")]


def test_every_registered_sampler_is_under_test():
    tested = {c.__name__.removeprefix("Test").lower() for c in SamplerConformance.__subclasses__()}
    assert set(SAMPLERS) <= tested


@pytest.mark.parametrize(("wrong", "near"), [("haltn", "halton"), ("TPE", "tpe"), ("cma-es", "cmaes"), ("gpr", "gp")])
def test_an_unknown_name_is_answered_by_the_nearest(wrong, near):
    with pytest.raises(InvalidInput, match=f"Did you mean '{near}'"):
        sampler(wrong)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(MissingExtra, match="pip install cmaes"):
        sampler("cmaes")


class TestTable:
    """The arrays say what the history says."""

    @pytest.mark.parametrize("label", SPACES)
    def test_capped_is_the_historys(self, label):
        history = make_history(SPACES[label], 40)
        table = Table()
        table.update(SPACES[label], history)
        for rung in range(1, len(RUNGS) + 1):
            want = [(t.id, u) for t, u in history.capped(history.search(), rung)]
            rows, utility = table.capped(rung - 1)
            assert [(table.trials[r].id, u) for r, u in zip(rows, utility, strict=True)] == want

    def test_only_what_changed_is_read_again(self):
        space, table = SPACES["mixed"], Table()
        history = make_history(space, 20)
        assert table.update(space, history) == list(range(21))
        assert table.update(space, history) == []
        trials = list(history.trials)
        trials[5] = make_trial(5, trials[5].config, (0.25,))
        history = type(history)(metric=LOSS, rungs=RUNGS, trials=(*trials, make_trial(21, trials[5].config)))
        assert table.update(space, history) == [5, 21]
        assert table.utility_NK[5, 0] == -0.25

    def test_the_baselines_values_come_from_its_recipe(self):
        table = Table()
        table.update(SPACES["mixed"], make_history(SPACES["mixed"], 0))
        assert table.configs == [{"lr": 1e-3}]
