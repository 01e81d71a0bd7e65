"""Promises on the numbers of a plan: every one is honoured, per step, slot and parameter group."""

from __future__ import annotations

import numpy as np

from luthier.algorithms.losses import cross_entropy
from luthier.engines.conformance.bench import (
    Bench,
    S,
    Supplied,
    Trial,
    assert_bit_equal,
    group_of,
    weights,
    with_weights,
)
from luthier.engines.spec import Array, Snapshot
from luthier.groups import GROUPS
from luthier.recipe import Recipe


class NumberPromises(Supplied):
    """hparams [S, P, G]."""

    def plain(self, **changes: object) -> Recipe:
        """SGD without momentum and decay: a step moves the weights by lr times the gradient."""
        settings = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": 0.1}
        return self.recipe(**(settings | changes))

    def test_no_learning_rate_moves_no_weight(self) -> None:
        """lr = 0 in the plan: weights bit-equal under every rule."""
        for bench in self.benches():
            for rule in self.rules(bench):
                trial = Trial(self.recipe(optimizer=rule, weight_decay=0.5))
                before = bench.population.fresh(trial.recipe, trial.seed)
                plan = bench.plan([trial])
                plan.hparams["lr"][:] = 0.0
                after, out = bench.step_from(before, plan)
                assert_bit_equal(weights(after), weights(before), f"{rule} with lr 0")
                assert (out["grad_norm"] > 0).all()

    def test_learning_rate_is_that_of_the_step(self) -> None:
        """Only step 3 has one: the losses before are those of lr 0, the first other one is that of step 4."""
        for bench in self.benches():
            trial = Trial(self.plain())
            curves = []
            for rates in (np.zeros(S), np.where(np.arange(S) == 3, 0.5, 0.0)):
                plan = bench.plan([trial])
                plan.hparams["lr"][:, 0, :] = rates[:, None]
                curves.append(bench.go(bench.fresh(trial), plan)[1]["loss"][:, 0])
            still, moved = curves
            assert np.array_equal(still[:4], moved[:4])
            assert (still[4:] != moved[4:]).all()

    def test_learning_rate_is_that_of_the_slot(self) -> None:
        """Two rates, two different ends; the doubled rate moves twice as far at the first step."""
        for bench in self.benches(P=2):
            trials = [Trial(self.plain(lr=0.1), 1), Trial(self.plain(lr=0.2), 1)]
            start = weights(bench.population.fresh(trials[0].recipe, 1))
            slow, fast = (weights(s) for s in bench.run(trials, steps=[1, 1])[0])
            for name, before in start.items():
                np.testing.assert_allclose(
                    fast[name] - before,
                    2 * (slow[name] - before),
                    rtol=1e-3,
                    atol=1e-6 * np.abs(before).max() + 1e-9,
                )
            assert any(not np.array_equal(slow[name], before) for name, before in start.items())

    def test_numbers_may_do_without_the_group_axis(self) -> None:
        """[S, P] means the same for all groups."""
        for bench in self.benches():
            trial = Trial(self.recipe(weight_decay=0.0))
            with_groups = bench.plan([trial])
            without = with_groups._replace(hparams={n: v[..., 0] for n, v in with_groups.hparams.items()})
            start = bench.population.fresh(trial.recipe, trial.seed)
            one, other = (bench.step_from(start, plan)[0] for plan in (with_groups, without))
            assert_bit_equal(one, other, "numbers [S, P]")

    def test_groups_have_their_own_learning_rate(self) -> None:
        """A rate of 0 in one group: its weights stay, the others move."""
        for bench in self.benches():
            for still, group in enumerate(GROUPS):
                trial = Trial(self.recipe())
                before = bench.population.fresh(trial.recipe, trial.seed)
                plan = bench.plan([trial], steps=[2])
                plan.hparams["lr"][..., still] = 0.0
                after = weights(bench.step_from(before, plan)[0])
                for name, value in weights(before).items():
                    stays = np.array_equal(after[name], value)
                    assert stays == (group_of(value) == still), f"{name} with lr 0 in {group!r}"

    def test_decay_is_decoupled_and_in_its_group_only(self) -> None:
        """Each rule: a step with decay takes lr * decay * weight more off, where decay is set."""
        rate, decay = 0.1, 0.5
        for bench in self.benches():
            for rule in self.rules(bench):
                trial = Trial(self.recipe(optimizer=rule, lr=rate, d0=1.0))
                before = bench.population.fresh(trial.recipe, trial.seed)
                for name in weights(before):  # biases start at 0 in some frameworks, where decay would not show
                    before[f"weights/{name}"] += np.float32(0.25)
                decayed, plain = (self._one_step(bench, before, trial, d) for d in (decay, 0.0))
                for name, start in weights(before).items():
                    if group_of(start) == GROUPS.index("decay"):
                        taken = rate * decay * start
                        np.testing.assert_allclose(plain[name] - decayed[name], taken, rtol=1e-2, atol=2e-6)
                    else:
                        assert np.array_equal(plain[name], decayed[name]), f"{rule} decays {name}"

    def _one_step(self, bench: Bench, before: Snapshot, trial: Trial, decay: float) -> Snapshot:
        plan = bench.plan([trial], steps=[1])
        plan.hparams["weight_decay"][:] = 0.0
        plan.hparams["weight_decay"][..., GROUPS.index("decay")] = decay
        return weights(bench.step_from(before, plan)[0])

    def test_grad_norm_is_that_of_the_step_taken(self) -> None:
        """Plain SGD: the weights move by lr times the reported norm, over all weights together."""
        for bench in self.benches():
            trial = Trial(self.plain())
            before = bench.population.fresh(trial.recipe, trial.seed)
            after, out = bench.step_from(before, bench.plan([trial], steps=[1]))
            np.testing.assert_allclose(moved(before, after), 0.1 * out["grad_norm"][0, 0], rtol=1e-4)

    def test_clipping_bounds_the_step_and_reports_the_norm_before_it(self) -> None:
        """To half the norm: half the step in the same direction; above the norm, and at inf: none at all."""
        for bench in self.benches():
            trial = Trial(self.plain())
            before = bench.population.fresh(trial.recipe, trial.seed)
            free, out = bench.step_from(before, bench.plan([trial], steps=[1]))
            norm = float(out["grad_norm"][0, 0])
            for clip_norm, share in ((norm / 2, 0.5), (norm * 2, 1.0)):
                plan = bench.plan([trial._replace(recipe=self.plain(clip_norm=clip_norm))], steps=[1])
                clipped, out = bench.step_from(before, plan)
                np.testing.assert_allclose(out["grad_norm"][0, 0], norm, rtol=1e-6)
                for name, start in weights(before).items():
                    np.testing.assert_allclose(
                        weights(clipped)[name] - start,
                        share * (weights(free)[name] - start),
                        rtol=1e-3,
                        atol=1e-6,
                    )

    def test_loss_is_the_mean_over_the_rows_of_the_step(self) -> None:
        """A model that always answers its bias: the loss is known to numpy, with and without smoothing."""
        num_classes = 10
        targets = np.random.default_rng(0).integers(0, num_classes, 60)
        for bench in self.dropout_benches("cross_entropy", targets):
            for smoothing in (0.0, 0.3):
                trial = Trial(self.still(label_smoothing=smoothing))
                snapshot = bench.population.fresh(trial.recipe, 0)
                bias = np.linspace(-1, 2, _outputs(snapshot))
                plan = bench.plan([trial])
                _, out = bench.step_from(with_weights(snapshot, 0.0, bias), plan)
                for s in range(S):
                    rows = plan.rows[s, 0]
                    known = cross_entropy(np, np.tile(bias, (len(rows), 1)), targets[rows], smoothing).mean()
                    np.testing.assert_allclose(out["loss"][s, 0], known, rtol=1e-5)


def _outputs(snapshot: Snapshot) -> int:
    return int(next(v.size for v in weights(snapshot).values() if v.ndim == 1))


def moved(before: Snapshot, after: Snapshot) -> float:
    """L2 distance between the weights of two snapshots, in float64."""
    differences: list[Array] = [
        np.ravel(after[name].astype(np.float64) - value.astype(np.float64))
        for name, value in before.items()
        if name.startswith("weights/")
    ]
    return float(np.linalg.norm(np.concatenate(differences)))
