"""Promises on the update rules: they are those of the rulebook, and training gets somewhere."""

from __future__ import annotations

import numpy as np

from luthier.algorithms.rule import step_all
from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.conformance.bench import Bench, S, Supplied, Trial, copied, group_of, weights
from luthier.engines.spec import Array, Plan, Snapshot
from luthier.recipe import Recipe


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

    def test_gd_is_the_rulebooks(self) -> None:
        """Against the gradient, and nothing kept."""
        self._follows(self.recipe(optimizer="gd", lr=0.1, weight_decay=0.1))

    def test_adagrad_is_the_rulebooks(self) -> None:
        """The sum of all squares, from a start inside the root."""
        self._follows(self.recipe(optimizer="adagrad", lr=0.1, weight_decay=0.1, eps=1e-3, eps_root=0.01))

    def test_lion_is_the_rulebooks(self) -> None:
        """A sign; where it hangs on the last bit of a gradient, it is not asked for."""
        self._follows(self.recipe(optimizer="lion", weight_decay=0.1, beta1=0.8, beta2=0.95), signs=True)

    def test_schedule_free_is_the_rulebooks(self) -> None:
        """Gradients between the fast weights and their average."""
        self._follows(self.recipe(optimizer="schedule_free", weight_decay=0.1, beta1=0.8, beta2=0.95, eps=1e-3))

    def test_prodigy_is_the_rulebooks(self) -> None:
        """The distance is that of all weights together."""
        self._follows(self.recipe(optimizer="prodigy", lr=1.0, weight_decay=0.1, d0=1e-3, d_coef=2.0, eps=1e-3))

    def test_muon_is_the_rulebooks(self) -> None:
        """Matrices are made orthogonal, vectors get AdamW."""
        self._follows(self.recipe(optimizer="muon", weight_decay=0.1, momentum=0.8, beta2=0.95, eps=1e-3))

    def _follows(self, recipe: Recipe, *, signs: bool = False) -> None:
        """Ten steps, with other numbers at each: state and weights follow from the gradient of each step.

        The gradient is what plain SGD with lr 1 takes off the weights at the same place. `signs`: weights whose
        gradient is rounding noise are left out, as its sign means nothing.
        """
        for bench in self.benches_for(recipe):
            trial = Trial(recipe, 2)
            plan = bench.plan([trial])
            plan.hparams["lr"] *= np.linspace(1.0, 0.3, S, dtype=np.float32)[:, None, None]
            plan.hparams["averaging"] /= np.arange(1, S + 1, dtype=np.float32)[:, None, None]
            snapshot = bench.population.fresh(recipe, trial.seed)
            for step in range(S):
                gradient = self._gradient(bench, snapshot, trial, step)
                here = bench.plan([trial], steps=[1], start=step)
                for name, values in plan.hparams.items():
                    here.hparams[name][0] = values[step]
                after, _ = bench.step_from(snapshot, here)
                expected = self._expected(recipe.optimizer, snapshot, gradient, plan=plan, step=step)
                told = {n: np.abs(g) > 1e-5 if signs else np.isfinite(g) for n, g in gradient.items()}
                self._compare(after, expected, f"{recipe.optimizer}, step {step}", told=told)
                snapshot = after

    def _gradient(self, bench: Bench, snapshot: Snapshot, trial: Trial, step: int) -> Snapshot:
        plain = self.recipe(optimizer="sgd", lr=1.0, momentum=0.0, weight_decay=0.0)
        here = bench.population.fresh(plain, trial.seed)
        here |= {k: v for k, v in copied(snapshot).items() if not k.startswith("optimizer/")}
        plan = bench.plan([Trial(plain, trial.seed)], steps=[1], start=step)
        after, _ = bench.step_from(here, plan)
        return {n: value.astype(np.float64) - weights(after)[n] for n, value in weights(here).items()}

    def _expected(self, name: str, before: Snapshot, gradient: Snapshot, *, plan: Plan, step: int) -> Snapshot:
        """Weights and states after the step by the rulebook, by their names in a snapshot."""
        rule, params = RULEBOOK[name], {n: _double(v) for n, v in weights(before).items()}
        states = {
            state: {n: _double(before[f"optimizer/{state}/{n}"]) for n in (params if state in rule.states else [""])}
            for state in rule.keeps
        }
        numbers = {
            n: {key: float(v[step, 0, group_of(value)]) for key, v in plan.hparams.items()}
            for n, value in params.items()
        }
        moved, states = step_all(
            rule, np, gradient, states, params=params, numbers=numbers, step=step, outputs=self.outputs_axis
        )
        named = {f"weights/{n}": value for n, value in moved.items()}
        return named | {f"optimizer/{s}/{n}": value for s, kept in states.items() for n, value in kept.items()}

    def _compare(self, after: Snapshot, expected: Snapshot, where: str, *, told: Snapshot) -> None:
        for name, value in expected.items():
            # the gradient is known to the rounding of the weights, 1e-7; rules with eps 1e-3 divide by that
            tolerance = 1e-5 if name.startswith("weights/") else 1e-5 + 1e-4 * float(np.abs(value).max())
            relative = 1e-5 if name.startswith("weights/") else 1e-7
            near = np.isclose(after[name], value, rtol=relative, atol=tolerance)
            asked = told.get(name.removeprefix("weights/"), True)
            assert (near | ~np.asarray(asked)).all(), f"{where}: {1 - np.mean(near):.1%} of {name} differ"

    def test_learning_happens(self) -> None:
        """Ten chunks: the loss on all rows falls below 0.7 of what it was, under each rule."""
        rates = {
            "adamw": 0.01,
            "nadamw": 0.01,
            "sgd": 0.1,
            "rmsprop": 0.001,
            "gd": 0.3,
            "adagrad": 0.03,
            "lion": 0.003,
            "schedule_free": 0.01,
            "prodigy": 1.0,
            "muon": 0.01,
        }
        for rule, lr in rates.items():
            recipe = self.recipe(optimizer=rule, lr=lr, d0=1e-3)
            for bench in self.benches_for(recipe):
                trial = Trial(recipe, 1)
                state = bench.fresh(trial)
                rows = np.arange(bench.num_rows, dtype=np.int32)
                before = bench.population.evaluate(state, bench.data, rows).mean()
                for chunk in range(10):
                    state, _ = bench.go(state, bench.plan([trial], start=chunk * S))
                after = bench.population.evaluate(state, bench.data, rows).mean()
                assert after < 0.7 * before, f"{rule}: {before:.3g} before, {after:.3g} after"


def _double(array: Array) -> Array:
    return array.astype(np.float64)
