"""Promises on slots side by side: frozen, of unequal length, whatever the neighbours do."""

from __future__ import annotations

import numpy as np

from luthier.engines.conformance.bench import Bench, S, Supplied, Trial, assert_bit_equal, copied
from luthier.engines.spec import Array, Snapshot


class SlotPromises(Supplied):
    """P trials in one population."""

    def test_curves_have_the_shape_of_the_plan(self) -> None:
        """loss and grad_norm, float32 [S, P], finite where a step was taken and NaN where not."""
        for bench in self.benches(P=2):
            _, out = bench.run([Trial(self.recipe(), 1), Trial(self.recipe(), 2)], steps=[S, 4])
            assert set(out) == {"loss", "grad_norm"}
            for name, curve in out.items():
                assert type(curve) is np.ndarray
                assert (curve.shape, curve.dtype) == ((S, 2), np.dtype(np.float32)), name
                taken = np.arange(S)[:, None] < np.array([[S, 4]])
                assert np.array_equal(np.isfinite(curve), taken), f"{name}: {curve}"
                assert (curve[taken] > 0).all()

    def test_chunking_does_not_matter(self) -> None:
        """10 steps equal 4 and 6, bit for bit."""
        for bench in self.benches():
            trial = Trial(self.recipe(), 2)
            state, first = bench.go(bench.fresh(trial), bench.plan([trial], steps=[4]))
            state, second = bench.go(state, bench.plan([trial], steps=[6], start=4))
            whole, curves = bench.run([trial])
            assert_bit_equal(bench.population.take(state, 0), whole[0], "in two chunks")
            assert np.array_equal(np.concatenate([first["loss"][:4], second["loss"][:6]]), curves["loss"])

    def test_frozen_slot_stays(self) -> None:
        """steps = 0 beside a slot that trains: bit-equal, and NaN in the curves."""
        for bench in self.benches(P=2):
            trials = [Trial(self.recipe(), 1), Trial(self.recipe(), 2)]
            state, _ = bench.go(bench.fresh(*trials), bench.plan(trials, steps=[3, 3]))
            before = bench.population.take(state, 1)
            state, out = bench.go(state, bench.plan(trials, steps=[S, 0], start=3))
            assert_bit_equal(bench.population.take(state, 1), before, "frozen slot")
            assert np.isnan(out["loss"][:, 1]).all()
            assert np.isnan(out["grad_norm"][:, 1]).all()
            assert np.isfinite(out["loss"][:, 0]).all()

    def test_each_slot_takes_its_own_number_of_steps(self) -> None:
        """3, 0 and 7 of 10: each as if it had been asked for alone in the same place."""
        for bench in self.benches(P=3):
            trials = [Trial(self.recipe(), seed) for seed in (1, 2, 3)]
            mixed, _ = bench.run(trials, steps=[3, 0, 7])
            assert [int(snapshot["step"]) for snapshot in mixed] == [3, 0, 7]
            for p, num in ((0, 3), (2, 7)):
                only = [num if q == p else 0 for q in range(3)]
                assert_bit_equal(bench.run(trials, steps=only)[0][p], mixed[p], f"slot {p}")

    def test_neighbours_do_not_matter(self) -> None:
        """Slot 1 among other trials, among diverging ones (lr 1e38), and alone where the mode says so."""
        for bench in self.benches(P=3):
            trial = Trial(self.recipe(), 4)
            own, curve = self._second_of(bench, trial, Trial(self.recipe(), 5))
            for neighbour in (Trial(self.recipe(lr=0.3), 6), Trial(self.recipe(optimizer="sgd", lr=1e38), 7)):
                other, other_curve = self._second_of(bench, trial, neighbour)
                assert_bit_equal(other, own, f"beside trials with lr {neighbour.recipe.lr:g}")
                assert np.array_equal(other_curve, curve)
            if bench.population.mode.bit_equal_across_P:
                (single,), out = self.alone(bench).run([trial])
                assert_bit_equal(single, own, "alone")
                assert np.array_equal(out["loss"][:, 0], curve)

    def _second_of(self, bench: Bench, trial: Trial, neighbour: Trial) -> tuple[Snapshot, Array]:
        """Snapshot and losses of a trial with the same neighbour on both sides."""
        snapshots, out = bench.run([neighbour, trial, neighbour])
        if neighbour.recipe.lr >= 1e38:
            assert not np.isfinite(out["loss"][-1, [0, 2]]).any(), "lr 1e38 did not diverge"
        return snapshots[1], out["loss"][:, 1]

    def test_place_in_the_population_does_not_matter(self) -> None:
        """Slot 0 or slot 2."""
        for bench in self.benches(P=3):
            one, two, three = (Trial(self.recipe(), seed) for seed in (1, 2, 3))
            first, _ = bench.run([one, two, three])
            last, _ = bench.run([three, two, one])
            assert_bit_equal(first[0], last[2], "moved to another slot")

    def test_two_rules_train_side_by_side(self) -> None:
        """SGD and AdamW in one population: each as among its own kind."""
        for bench in self.benches(P=2):
            by_rule = {rule: Trial(self.recipe(optimizer=rule), 3) for rule in ("sgd", "adamw")}
            mixed, _ = bench.run(list(by_rule.values()))
            for p, trial in enumerate(by_rule.values()):
                pure, _ = bench.run([trial, trial])
                assert_bit_equal(mixed[p], pure[p], trial.recipe.optimizer)

    def test_plan_is_not_changed(self) -> None:
        """What the caller handed over stays as it was."""
        for bench in self.benches():
            trial = Trial(self.recipe(clip_norm=0.1))
            plan = bench.plan([trial])
            arrays = {"rows": plan.rows, "steps": plan.steps, "kinds": plan.kinds, **plan.hparams}
            before = copied(arrays)
            bench.go(bench.fresh(trial), plan)
            assert_bit_equal(arrays, before, "plan")
