"""Promises on what is done around an update rule: penalties, bounds, a second gradient, averages, mixed rows, losses.

Tried with plain SGD in every mode that takes the setting; the reference must.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.algorithms.losses import LOSSES, OF_CLASSES
from luthier.engines.conformance.bench import (
    Bench,
    S,
    Supplied,
    Trial,
    copied,
    group_of,
    weights,
    with_weights,
)
from luthier.engines.spec import Array, Loss, Snapshot, Source
from luthier.groups import GROUPS
from luthier.recipe import Recipe

RATE = 0.1


class WrapperPromises(Supplied):
    """The settings of a recipe that compose with every rule."""

    def wrapped(self, **changes: Any) -> Recipe:
        """Plain SGD with a setting."""
        plain = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": RATE}
        return self.recipe(**(plain | changes))

    def _step(self, bench: Bench, recipe: Recipe, start: Snapshot | None = None) -> tuple[Snapshot, Snapshot]:
        """(before, after) one step; no weight begins at 0."""
        before = bench.population.fresh(recipe, 1) if start is None else start
        after, _ = bench.step_from(before, bench.plan([Trial(recipe, 1)], steps=[1]))
        return before, after

    def _off_zero(self, bench: Bench, recipe: Recipe) -> Snapshot:
        start = bench.population.fresh(recipe, 1)
        for name in weights(start):
            start[f"weights/{name}"] += np.float32(0.25)
        return start

    def test_penalties_are_in_the_gradient_of_matrices(self) -> None:
        """l2 w + l1 sign(w) more than without, and nothing in biases."""
        recipe = self.wrapped(l1=0.2, l2=0.5)
        for bench in self.benches_for(recipe):
            start = self._off_zero(bench, recipe)
            _, penalised = self._step(bench, recipe, copied(start))
            _, plain = self._step(next(self.benches_for(self.wrapped())), self.wrapped(), copied(start))
            for name, value in weights(start).items():
                matrix = group_of(value) == GROUPS.index("decay")
                more = RATE * (0.5 * value + 0.2 * np.sign(value)) if matrix else 0.0 * value
                np.testing.assert_allclose(
                    weights(plain)[name] - weights(penalised)[name], more, rtol=1e-3, atol=1e-6, err_msg=name
                )

    def test_clipping_by_value_bounds_every_element(self) -> None:
        """Elements beyond it step by lr times the bound, all others as they were."""
        plain = self.wrapped()
        start, free = self._step(next(self.benches_for(plain)), plain)
        steps = {name: value - weights(free)[name] for name, value in weights(start).items()}
        limit = 0.3 * max(float(np.abs(step).max()) for step in steps.values()) / RATE
        recipe = self.wrapped(clip_value=limit)
        for bench in self.benches_for(recipe):
            _, clipped = self._step(bench, recipe, copied(start))
            for name, step in steps.items():
                bounded = np.clip(step, -RATE * limit, RATE * limit)
                np.testing.assert_allclose(weights(start)[name] - weights(clipped)[name], bounded, atol=1e-6)

    def test_units_are_held_within_their_norm(self) -> None:
        """After a step the weights into each unit of a matrix have at most the norm, some exactly; biases stay."""
        limit = 0.3
        recipe = self.wrapped(max_norm=limit)
        for bench in self.benches_for(recipe):
            _, after = self._step(bench, recipe)
            norms = [
                np.linalg.norm(
                    np.moveaxis(value, self.outputs_axis, 0).reshape(value.shape[self.outputs_axis], -1), axis=1
                )
                for value in weights(after).values()
                if value.ndim >= 2
            ]
            assert all((norm <= limit * (1 + 1e-5)).all() for norm in norms)
            assert any(np.isclose(norm, limit, rtol=1e-4).any() for norm in norms)

    def test_sam_steps_by_the_gradient_uphill(self) -> None:
        """The step that plain SGD takes from w + rho g / |g|, taken at w."""
        recipe, plain = self.wrapped(sam_rho=0.5), self.wrapped()
        for bench in self.benches_for(recipe):
            before, after = self._step(bench, recipe)
            _, first = self._step(next(self.benches_for(plain)), plain, copied(before))
            taken = {n: v.astype(np.float64) - weights(first)[n] for n, v in weights(before).items()}
            norm = np.sqrt(sum((step**2).sum() for step in taken.values()))
            uphill = copied(before)
            for name, step in taken.items():
                uphill[f"weights/{name}"] = (weights(before)[name] + 0.5 * step / norm).astype(np.float32)
            _, second = self._step(next(self.benches_for(plain)), plain, copied(uphill))
            for name, value in weights(before).items():
                expected = value - (weights(uphill)[name] - weights(second)[name])
                np.testing.assert_allclose(weights(after)[name], expected, atol=3e-6, err_msg=name)

    def test_models_are_evaluated_with_averaged_weights(self) -> None:
        """The average forgets at its rate, and predict answers with it, whatever the weights are."""
        recipe = self.wrapped(ema_decay=0.75)
        for bench in self.benches_for(recipe):
            before, after = self._step(bench, recipe)
            for name, value in weights(before).items():
                mean = 0.75 * value + 0.25 * weights(after)[name]
                np.testing.assert_allclose(after[f"optimizer/average/{name}"], mean, rtol=1e-5, atol=1e-7)
            rows = np.arange(20, dtype=np.int32)
            as_mean = copied(after)
            for name in weights(after):
                as_mean[f"weights/{name}"] = np.array(after[f"optimizer/average/{name}"])
            for look in (bench.population.predict, bench.population.evaluate):
                told, expected = (
                    look(bench.population.stack([snapshot]), bench.data, rows) for snapshot in (after, as_mean)
                )
                assert np.array_equal(told, expected)
            assert any(not np.array_equal(as_mean[f"weights/{n}"], v) for n, v in weights(after).items())

    def test_gradient_in_parts_is_that_of_the_batch(self) -> None:
        """A model that answers its bias, whose gradient knows no dropout: four parts, the same step and loss."""
        whole, known, once = self._losses_of_biases({"lr": RATE})
        parts, _, in_parts = self._losses_of_biases({"lr": RATE, "accumulate": 4.0})
        np.testing.assert_allclose([parts[0], whole[0]], known[0].mean(), rtol=1e-5)
        for name, value in weights(once).items():
            if value.ndim == 1:
                np.testing.assert_allclose(weights(in_parts)[name], value, rtol=1e-4)

    def test_mixed_rows_have_both_targets(self) -> None:
        """A model that answers its bias: 0.7 of the row's own loss and 0.3 of that of the row before it."""
        drawn = np.random.default_rng(0).random((S, 1, 16)).astype(np.float32)
        told, known, _ = self._losses_of_biases({"mixup": 0.7}, drawn)  # weights tell a row from its partner
        both = 0.7 * known + 0.3 * np.roll(known, 1, 1)
        np.testing.assert_allclose(told, (drawn[:, 0] * both).mean(1), rtol=1e-5)

    def test_rows_count_by_their_weights(self) -> None:
        """The mean of weight times loss."""
        drawn = np.random.default_rng(0).random((S, 1, 16)).astype(np.float32)
        told, known, _ = self._losses_of_biases({}, drawn)
        np.testing.assert_allclose(told, (drawn[:, 0] * known).mean(1), rtol=1e-5)

    def _losses_of_biases(
        self, numbers: dict[str, float], drawn: Array | None = None
    ) -> tuple[Array, Array, Snapshot]:
        """(losses of S steps in the reference mode, those of each row by rulebook [S, B], snapshot after one)."""
        targets = np.random.default_rng(0).integers(0, 10, 60)
        engine, width = self.engine(), int(np.prod(self.source().inputs.shape[1:]))
        population = engine.open(self.dropout_builder(), self.still(), Loss("cross_entropy"), engine.modes()[0], 1)
        data = engine.place(Source(np.ones((len(targets), width), np.float32), targets))
        bench = Bench(population, data, len(targets))
        trial = Trial(self.still())
        snapshot = bench.population.fresh(trial.recipe, 0)
        num_outputs = next(v.size for v in weights(snapshot).values() if v.ndim == 1)
        bias = np.linspace(-1, 2, num_outputs)
        plan = bench.plan([trial])
        for name, value in numbers.items():
            plan.hparams[name][:] = value
        start = with_weights(snapshot, 0.0, bias)
        _, out = bench.step_from(start, plan._replace(weights=drawn))
        after, _ = bench.step_from(start, plan._replace(steps=np.ones(1, np.int32), weights=drawn))
        tiled = np.tile(bias, (plan.rows.shape[2], 1))
        known = np.array([LOSSES["cross_entropy"](np, tiled, targets[rows]) for rows in plan.rows[:, 0]])
        return out["loss"][:, 0], known, after

    def test_loss_of_the_recipe_is_the_one_that_is_minimised(self) -> None:
        """Losses with numbers of their own, on targets that fit them: evaluate, and steps that lower it."""
        given = self.source()
        reals = Source(given.inputs, np.random.default_rng(0).normal(size=(len(given.inputs), 10)).astype(np.float32))
        rows = np.arange(40, dtype=np.int32)
        for name in ("focal", "huber"):
            classes = name in OF_CLASSES
            if classes and not np.issubdtype(given.targets.dtype, np.integer):
                continue
            source = given if classes else reals
            recipe = self.wrapped(loss=name, focal_gamma=1.5, huber_delta=0.4)
            engine, mode = self.engine(), self.engine().modes()[0]
            population = engine.open(self.builder(), recipe, self.loss(), mode, 1)
            bench = Bench(population, engine.place(source), len(source.inputs))
            state = bench.fresh(Trial(recipe, 1))
            outputs = population.predict(state, bench.data, rows)[0].astype(np.float64)
            settings = Loss("").of(recipe).settings
            expected = LOSSES[name](np, outputs, source.targets[rows], **settings)
            np.testing.assert_allclose(
                population.evaluate(state, bench.data, rows)[0], expected, rtol=1e-4, atol=1e-5
            )
            every = np.arange(bench.num_rows, dtype=np.int32)
            before = population.evaluate(state, bench.data, every).mean()
            for chunk in range(3):
                state, _ = bench.go(state, bench.plan([Trial(recipe, 1)], start=chunk * S))
            assert population.evaluate(state, bench.data, every).mean() < before, name

    def test_weights_begin_as_the_recipe_says(self) -> None:
        """orthogonal with gain 2: matrices have equal singular values of 2; biases begin as ever."""
        recipe = self.wrapped(init="orthogonal", init_gain=2.0)
        for bench in self.benches_for(recipe):
            begun, usual = (bench.population.fresh(r, 3) for r in (recipe, self.wrapped()))
            for name, value in weights(begun).items():
                if value.ndim >= 2:
                    flat = np.moveaxis(value, self.outputs_axis, 0).reshape(value.shape[self.outputs_axis], -1)
                    np.testing.assert_allclose(np.linalg.svd(flat, compute_uv=False), 2.0, rtol=1e-4)
                else:
                    assert np.array_equal(value, weights(usual)[name])
