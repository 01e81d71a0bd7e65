"""Promises on names and types: signatures, keys, refusals."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import numpy as np

from luthier.engines.conformance.bench import S, Supplied, Trial, assert_bit_equal, refusal
from luthier.engines.spec import Engine, GroupKey, Loss, Mode, Population
from luthier.errors import InvalidInput, Unsupported


def signatures(thing: Any, protocol: type) -> dict[str, tuple[Any, Any]]:
    """{function: (signature here, signature in the protocol)} where they differ, "missing" where it lacks."""
    found = {}
    for name, function in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_"):
            continue
        must = _parameters(function)[1:]
        have = _parameters(getattr(thing, name)) if hasattr(thing, name) else "missing"
        if have != must:
            found[name] = (have, must)
    return found


def _parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


class ShapePromises(Supplied):
    """What can be told without training."""

    def test_signatures_are_the_protocols(self) -> None:
        """Names, kinds and defaults of all arguments."""
        engine = self.engine()
        assert isinstance(engine, Engine)
        assert not signatures(engine, Engine), signatures(engine, Engine)
        for bench in self.benches():
            assert isinstance(bench.population, Population)
            differing = signatures(bench.population, Population)
            assert not differing, differing

    def test_modes_are_named_and_open(self) -> None:
        """Every offered mode opens under its name, with its width."""
        assert len(self.engine().modes()) > 0
        for name, bench in zip(self.modes(), self.benches(P=3), strict=True):
            assert isinstance(bench.population.mode, Mode)
            assert bench.population.mode.name == name
            assert bench.population.P == 3

    def test_unknown_mode_is_refused_in_words(self) -> None:
        """A mode that is not offered is answered by one of luthier's errors that names those that are."""
        engine = self.engine()
        said = refusal(
            Unsupported, lambda: engine.open(self.builder(), self.recipe(), self.loss(), "no such mode", 1)
        )
        assert engine.modes()[0] in said

    def test_unknown_loss_is_refused_in_words(self) -> None:
        """So is a loss: at once, not at the first step."""
        engine, mode = self.engine(), self.modes()[0]
        said = refusal(Unsupported, lambda: engine.open(self.builder(), self.recipe(), Loss("no such loss"), mode, 1))
        assert "cross_entropy" in said

    def test_unknown_setting_is_refused_in_words(self) -> None:
        """A setting that the builder does not take."""
        recipe = self.recipe(model={"no_such_setting": 1})
        assert "no_such_setting" in refusal(InvalidInput, lambda: self.engine().inspect(self.builder(), recipe))

    def test_key_says_what_the_program_depends_on(self) -> None:
        """The batch size does; the learning rate and the seed do not."""
        key = self.engine().inspect(self.builder(), self.recipe())
        assert isinstance(key, GroupKey)
        assert key == self.engine().inspect(self.builder(), self.recipe(lr=0.5))
        assert key != self.engine().inspect(self.builder(), self.recipe(batch_size=7))
        assert key.batch_size == self.recipe().batch_size

    def test_rows_that_do_not_exist_are_refused(self) -> None:
        """By a sentence, before anything has moved."""
        for bench in self.benches():
            trial = Trial(self.recipe())
            state, plan = bench.fresh(trial), bench.plan([trial])
            before = bench.population.take(state, 0)
            plan.rows[S - 1, 0, 0] = bench.num_rows
            assert str(bench.num_rows) in refusal(InvalidInput, partial(bench.go, state, plan))
            assert_bit_equal(bench.population.take(state, 0), before, "after a refused plan")

    def test_snapshot_of_another_model_is_refused(self) -> None:
        """A weight of another shape is named."""
        for bench in self.benches():
            snapshot = bench.population.fresh(self.recipe(), 0)
            name = next(name for name in snapshot if name.startswith("weights/"))
            snapshot[name] = np.zeros((3, 1, 4, 1, 5), np.float32)
            assert name in refusal(InvalidInput, partial(bench.population.stack, [snapshot]))

    def test_plan_of_another_rule_is_refused(self) -> None:
        """A trial of adamw has no momentum of sgd to go on with."""
        for bench in self.benches():
            state = bench.fresh(Trial(self.recipe(optimizer="adamw")))
            plan = bench.plan([Trial(self.recipe(optimizer="sgd"))])
            assert "sgd" in refusal(InvalidInput, partial(bench.go, state, plan))
