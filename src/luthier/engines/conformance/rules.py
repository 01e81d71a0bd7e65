"""Promises on the update rules: they are those of the rulebook, and training gets somewhere."""

from __future__ import annotations

import numpy as np

from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.conformance.bench import Bench, S, Supplied, Trial, copied, group_of, weights
from luthier.engines.spec import Array, Plan, Snapshot
from luthier.records import Recipe


class RulePromises(Supplied):
    """The engine against the rulebook in numpy and float64."""

    def test_sgd_is_the_rulebooks(self) -> None:
        """Momentum and decay."""
        self._follows(self.recipe(optimizer="sgd", lr=0.1, weight_decay=0.1, momentum=0.9))

    def test_nesterov_is_the_rulebooks(self) -> None:
        """SGD that looks ahead."""
        self._follows(self.recipe(optimizer="sgd", lr=0.1, weight_decay=0.1, momentum=0.9, nesterov=True))

    def test_adamw_is_the_rulebooks(self) -> None:
        """Both bias corrections, eps and decay."""
        self._follows(self.recipe(optimizer="adamw", weight_decay=0.1, beta1=0.8, beta2=0.95, eps=1e-3))

    def test_nadamw_is_the_rulebooks(self) -> None:
        """The corrections of the next step and of this one."""
        self._follows(self.recipe(optimizer="nadamw", weight_decay=0.1, beta1=0.8, beta2=0.95, eps=1e-3))

    def test_rmsprop_is_the_rulebooks(self) -> None:
        """eps outside the root, momentum, decay."""
        self._follows(self.recipe(optimizer="rmsprop", weight_decay=0.1, momentum=0.8, beta2=0.95, eps=1e-3))

    def _follows(self, recipe: Recipe) -> None:
        """Ten steps, with other numbers at each: state and weights follow from the gradient of each step.

        The gradient is what plain SGD with lr 1 takes off the weights at the same place.
        """
        for bench in self.benches():
            trial = Trial(recipe, 2)
            plan = bench.plan([trial])
            plan.hparams["lr"] *= np.linspace(1.0, 0.3, S, dtype=np.float32)[:, None, None]
            snapshot = bench.population.fresh(recipe, trial.seed)
            for step in range(S):
                gradient = self._gradient(bench, snapshot, trial, step)
                here = bench.plan([trial], steps=[1], start=step)
                for name, values in plan.hparams.items():
                    here.hparams[name][0] = values[step]
                after, _ = bench.step_from(snapshot, here)
                self._compare(recipe.optimizer, snapshot, gradient, after=after, plan=plan, step=step)
                snapshot = after

    def _gradient(self, bench: Bench, snapshot: Snapshot, trial: Trial, step: int) -> Snapshot:
        plain = self.recipe(optimizer="sgd", lr=1.0, momentum=0.0, weight_decay=0.0)
        here = bench.population.fresh(plain, trial.seed)
        here |= {k: v for k, v in copied(snapshot).items() if not k.startswith("optimizer/")}
        plan = bench.plan([Trial(plain, trial.seed)], steps=[1], start=step)
        after, _ = bench.step_from(here, plan)
        return {n: value.astype(np.float64) - weights(after)[n] for n, value in weights(here).items()}

    def _compare(
        self, name: str, before: Snapshot, gradient: Snapshot, *, after: Snapshot, plan: Plan, step: int
    ) -> None:
        rule = RULEBOOK[name]
        for weight, value in weights(before).items():
            numbers = {n: float(v[step, 0, group_of(value)]) for n, v in plan.hparams.items()}
            kept = {s: _double(before[f"optimizer/{s}/{weight}"]) for s in rule.states}
            new, kept = rule.update(np, gradient[weight], kept, _double(value), numbers, step)
            where = f"{name}, step {step}, {weight}"
            # the gradient is known to the rounding of the weights, 1e-7; rules with eps 1e-3 divide by that
            np.testing.assert_allclose(weights(after)[weight], new, rtol=1e-5, atol=1e-5, err_msg=where)
            for state, expected in kept.items():
                have = after[f"optimizer/{state}/{weight}"]
                tolerance = 1e-5 + 1e-4 * float(np.abs(expected).max())
                np.testing.assert_allclose(have, expected, atol=tolerance, err_msg=f"{where}: {state}")

    def test_learning_happens(self) -> None:
        """Ten chunks: the loss on all rows falls below 0.7 of what it was, under each rule."""
        rates = {"adamw": 0.01, "nadamw": 0.01, "sgd": 0.1, "rmsprop": 0.001}
        for bench in self.benches(P=len(rates)):
            trials = [Trial(self.recipe(optimizer=rule, lr=lr), 1) for rule, lr in rates.items()]
            state = bench.fresh(*trials)
            rows = np.arange(bench.num_rows, dtype=np.int32)
            before = bench.population.evaluate(state, bench.data, rows).mean(1)
            for chunk in range(10):
                state, _ = bench.go(state, bench.plan(trials, start=chunk * S))
            after = bench.population.evaluate(state, bench.data, rows).mean(1)
            assert (after < 0.7 * before).all(), dict(zip(rates, zip(before, after, strict=True), strict=True))


def _double(array: Array) -> Array:
    return array.astype(np.float64)
