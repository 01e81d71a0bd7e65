"""Promises on parameter groups that a module names: their numbers are those of its weights and of no others."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from luthier.engines.conformance.bench import Bench, Supplied, Trial, assert_bit_equal, copied, refusal, weights
from luthier.engines.spec import Snapshot
from luthier.errors import InvalidInput
from luthier.recipe import Recipe

RATE = 0.1


class GroupPromises(Supplied):
    """`Recipe.groups` with the path of a module: here the one that holds the first matrix."""

    def module_path(self) -> str:
        """The path of the module of the first matrix."""
        engine = self.engine()
        population = engine.open(self.builder(), self.recipe(), self.loss(), engine.modes()[0], 1)
        matrices = (name for name, v in weights(population.fresh(self.recipe(), 0)).items() if v.ndim >= 2)
        return next(matrices).rpartition(".")[0]

    def grouped(self, path: str, numbers: dict[str, float], **changes: Any) -> Recipe:
        """Plain SGD, with numbers of its own for a module."""
        plain = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": RATE}
        return self.recipe(**(plain | {"groups": {path: numbers}} | changes))

    def _steps(self, bench: Bench, recipe: Recipe, start: Snapshot, num: int = 1) -> tuple[Snapshot, float]:
        """(how far each weight has gone down, reported norm of the first gradient)."""
        after, out = bench.step_from(copied(start), bench.plan([Trial(recipe, 1)], steps=[num]))
        far = {name: value.astype(np.float64) - weights(after)[name] for name, value in weights(start).items()}
        return far, float(out["grad_norm"][0, 0])

    def test_a_frozen_module_does_not_move(self) -> None:
        """lr_factor 0: its weights stay bit-equal under rules of every kind, with decay; the others move."""
        path = self.module_path()
        for rule in ("adamw", "schedule_free", "prodigy"):
            recipe = self.grouped(path, {"lr_factor": 0.0}, optimizer=rule, weight_decay=0.5, d0=1.0)
            for bench in self.benches_for(recipe):
                start = self._off_zero(bench, recipe)
                after, _ = bench.step_from(copied(start), bench.plan([Trial(recipe, 1)], steps=[3]))
                for name, value in weights(start).items():
                    stays = np.array_equal(weights(after)[name], value)
                    assert stays == inside(name, path), f"{rule}: {name} with {path} frozen"

    def test_the_rate_of_a_module_is_a_factor_of_the_recipes(self) -> None:
        """A tenth: its weights go a tenth as far at the first step, the others as before; so by an absolute rate."""
        path = self.module_path()
        for numbers in ({"lr_factor": 0.1}, {"lr": 0.1 * RATE}):
            recipe, usual = self.grouped(path, numbers), self.grouped(path, {})
            for bench in self.benches_for(recipe):
                start = bench.population.fresh(recipe, 1)
                slow, _ = self._steps(bench, recipe, start)
                fast, _ = self._steps(bench, usual, start)
                for name, far in fast.items():
                    share = 0.1 if inside(name, path) else 1.0
                    np.testing.assert_allclose(slow[name], share * far, rtol=1e-3, atol=1e-6, err_msg=name)

    def test_decay_of_a_module_is_for_its_matrices_only(self) -> None:
        """lr * decay * weight more off its matrices; its vectors and all other weights as without."""
        path, decay = self.module_path(), 0.5
        recipe, usual = self.grouped(path, {"weight_decay": decay}), self.grouped(path, {})
        for bench in self.benches_for(recipe):
            start = self._off_zero(bench, recipe)
            decayed, plain = (self._steps(bench, r, start)[0] for r in (recipe, usual))
            for name, value in weights(start).items():
                more = RATE * decay * value if inside(name, path) and value.ndim >= 2 else 0.0 * value
                np.testing.assert_allclose(decayed[name] - plain[name], more, rtol=1e-2, atol=2e-6, err_msg=name)

    def test_clipping_the_norm_of_a_module(self) -> None:
        """To half its own norm: it steps half as far, the others as before, and the reported norm is that before.
        With a bound on the whole besides: what is left is scaled down together."""
        path = self.module_path()
        usual = self.grouped(path, {})
        for bench in self.benches_for(usual):
            start = bench.population.fresh(usual, 1)
            free, whole = self._steps(bench, usual, start)
            own = norm({name: far / RATE for name, far in free.items() if inside(name, path)})
            left = float(np.sqrt(whole**2 - 0.75 * own**2))
            for bound, share in ((None, 1.0), (left / 4, 0.25)):
                recipe = self.grouped(path, {"clip_norm": own / 2}, clip_norm=bound)
                if not self.takes(bench, recipe):
                    continue
                clipped, told = self._steps(bench, recipe, start)
                np.testing.assert_allclose(told, whole, rtol=1e-6)
                for name, far in free.items():
                    expected = share * (0.5 if inside(name, path) else 1.0) * far
                    np.testing.assert_allclose(clipped[name], expected, rtol=1e-3, atol=1e-6, err_msg=name)

    def test_clipping_the_elements_of_a_module(self) -> None:
        """Elements of its gradient beyond the value step by lr times it; those of others are left."""
        path = self.module_path()
        usual = self.grouped(path, {})
        start, free = self._free(next(self.benches_for(usual)), usual)
        limit = 0.3 * max(float(np.abs(far).max()) for name, far in free.items() if inside(name, path)) / RATE
        recipe = self.grouped(path, {"clip_value": limit})
        for bench in self.benches_for(recipe):
            clipped, _ = self._steps(bench, recipe, start)
            for name, far in free.items():
                expected = np.clip(far, -RATE * limit, RATE * limit) if inside(name, path) else far
                np.testing.assert_allclose(clipped[name], expected, rtol=1e-3, atol=1e-6, err_msg=name)

    def test_trials_of_one_program_have_the_same_groups(self) -> None:
        """Which modules are groups is part of the key; their numbers are not."""
        path, engine = self.module_path(), self.engine()
        keys = [engine.inspect(self.builder(), self.grouped(path, numbers)) for numbers in ({}, {"lr_factor": 0.0})]
        assert keys[0] == keys[1]
        assert keys[0] != engine.inspect(self.builder(), self.grouped(path, {}, groups={}))

    def test_trial_of_other_groups_is_refused(self) -> None:
        """A population of plain trials says so, for which modules the recipe has numbers."""
        path = self.module_path()
        for bench in self.benches():
            recipe = self.grouped(path, {})
            assert path in refusal(InvalidInput, partial(bench.population.fresh, recipe, 0))

    def test_group_without_weights_is_refused_in_words(self) -> None:
        """The message names the module that comes nearest, when the trial is looked at and when it is opened."""
        path, engine = self.module_path(), self.engine()
        recipe, mode = self.grouped(f"{path}z", {}), self.modes()[0]
        assert repr(path) in refusal(InvalidInput, lambda: engine.inspect(self.builder(), recipe))
        assert repr(path) in refusal(InvalidInput, lambda: engine.open(self.builder(), recipe, self.loss(), mode, 1))

    def test_groups_without_numbers_change_nothing(self) -> None:
        """A step of the reference mode is bit-equal with and without a group that says nothing."""
        path, engine, source = self.module_path(), self.engine(), self.source()
        found = []
        choices: list[dict[str, dict[str, float]]] = [{}, {path: {}}]
        for groups in choices:
            recipe = self.grouped(path, {}, optimizer="adamw", weight_decay=0.1, groups=groups)
            population = engine.open(self.builder(), recipe, self.loss(), engine.modes()[0], 1)
            bench = Bench(population, engine.place(source), len(source.inputs))
            start = population.fresh(recipe, 1)
            found.append(bench.step_from(start, bench.plan([Trial(recipe, 1)], steps=[3]))[0])
        assert_bit_equal(found[0], found[1], "with an empty group")

    def _free(self, bench: Bench, recipe: Recipe) -> tuple[Snapshot, Snapshot]:
        start = bench.population.fresh(recipe, 1)
        return start, self._steps(bench, recipe, start)[0]

    @staticmethod
    def _off_zero(bench: Bench, recipe: Recipe) -> Snapshot:
        """A start at which decay shows in every weight."""
        start = bench.population.fresh(recipe, 1)
        moved = {name for name in start if name.startswith(("weights/", "optimizer/z/", "optimizer/start/"))}
        for name in moved | {name for name in start if name.startswith("optimizer/average/")}:
            start[name] += np.float32(0.25)
        return start


def inside(name: str, path: str) -> bool:
    """Is it a weight of the module?"""
    return name.startswith(f"{path}.")


def norm(arrays: Snapshot) -> float:
    """L2 norm over all arrays together."""
    return float(np.sqrt(sum((array**2).sum() for array in arrays.values())))
