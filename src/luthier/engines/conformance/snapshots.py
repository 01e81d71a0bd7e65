"""Promises on snapshots: fresh, stack, take, put."""

from __future__ import annotations

import numpy as np

from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.conformance.bench import Supplied, Trial, assert_bit_equal, buffers, copied, weights


class SnapshotPromises(Supplied):
    """A trial outside its engine."""

    def test_snapshot_holds_numpy_under_the_names_of_the_contract(self) -> None:
        """Weights, the states that the rule keeps, buffers, numbers of layers, seed and step."""
        for bench in self.benches():
            for rule in self.rules(bench):
                trial = Trial(self.recipe(optimizer=rule), seed=7)
                state, _ = bench.go(bench.fresh(trial), bench.plan([trial], steps=[2]))
                snapshot = bench.population.take(state, 0)
                assert all(type(value) is np.ndarray for value in snapshot.values())
                assert snapshot["seed"] == 7
                assert snapshot["step"] == 2
                assert {snapshot["seed"].dtype, snapshot["step"].dtype} == {np.dtype(np.int64)}
                assert {snapshot["seed"].shape, snapshot["step"].shape} == {()}
                named = {f"optimizer/{s}/{n}" for s in RULEBOOK[rule].states for n in weights(snapshot)}
                named |= {f"optimizer/{s}/" for s in RULEBOOK[rule].scalars}
                named |= {f"weights/{n}" for n in weights(snapshot)} | {f"buffers/{n}" for n in buffers(snapshot)}
                numbers = {name for name in snapshot if name.startswith("constants/")}
                assert {(snapshot[n].shape, snapshot[n].dtype) for n in numbers} <= {((), np.dtype(np.float64))}
                assert len(weights(snapshot)) > 0
                assert set(snapshot) == named | numbers | {"seed", "step"}

    def test_fresh_depends_on_model_and_seed_only(self) -> None:
        """Neither on other settings nor on what was drawn before; another seed starts elsewhere."""
        for bench in self.benches(P=2):
            one = bench.population.fresh(self.recipe(), 3)
            bench.run([Trial(self.recipe(), 8), Trial(self.recipe(), 9)])
            np.random.default_rng().random()
            again = bench.population.fresh(self.recipe(lr=0.3, epochs=1.0, label_smoothing=0.1), 3)
            assert_bit_equal(one, again, "fresh with one seed")
            assert one["step"] == 0
            other = bench.population.fresh(self.recipe(), 4)
            assert any(not np.array_equal(value, one[f"weights/{n}"]) for n, value in weights(other).items())

    def test_fresh_is_the_same_in_another_population(self) -> None:
        """A retry opens a new population."""
        for bench in self.benches(P=2):
            one = bench.population.fresh(self.recipe(), 3)
            assert_bit_equal(one, self.alone(bench).population.fresh(self.recipe(), 3), "fresh, opened again")

    def test_stack_take_is_a_round_trip(self) -> None:
        """Weights, optimizer state, buffers, seed and step of each slot, bit for bit."""
        for bench in self.benches(P=2):
            trials = [Trial(self.recipe(), 1), Trial(self.recipe(), 2)]
            snapshots, _ = bench.run(trials, steps=[3, 5])
            state = bench.population.stack(snapshots)
            for p, snapshot in enumerate(snapshots):
                assert_bit_equal(bench.population.take(state, p), snapshot, f"slot {p}")

    def test_snapshot_is_a_copy(self) -> None:
        """Training on changes no snapshot taken before, and changing a snapshot changes no state."""
        for bench in self.benches():
            trial = Trial(self.recipe())
            given = bench.population.fresh(trial.recipe, trial.seed)
            before = copied(given)
            state = bench.population.stack([given])
            taken = bench.population.take(state, 0)
            state, _ = bench.go(state, bench.plan([trial]))
            assert_bit_equal(given, before, "the snapshot that was stacked")
            assert_bit_equal(taken, before, "the snapshot that was taken")
            after = bench.population.take(state, 0)
            for value in (*taken.values(), *given.values()):
                value[...] = 0
            assert_bit_equal(bench.population.take(state, 0), after, "the live slot")

    def test_taking_leaves_the_state_usable(self) -> None:
        """A checkpoint in the middle changes nothing."""
        for bench in self.benches():
            trial = Trial(self.recipe())
            state, _ = bench.go(bench.fresh(trial), bench.plan([trial], steps=[4]))
            bench.population.take(state, 0)
            state, _ = bench.go(state, bench.plan([trial], steps=[6], start=4))
            assert_bit_equal(bench.population.take(state, 0), bench.run([trial])[0][0], "with a checkpoint")

    def test_pause_and_resume_is_exact(self) -> None:
        """4 steps, a snapshot, another trial in the slot, a new population, 6 steps: as 10 in one go."""
        for bench in self.benches():
            trial = Trial(self.recipe(), 5)
            straight, curves = bench.run([trial])
            paused, first = bench.run([trial], steps=[4])
            bench.run([Trial(self.recipe(), 6)])
            resumed, second = self.alone(bench).step_from(paused[0], bench.plan([trial], steps=[6], start=4))
            assert_bit_equal(resumed, straight[0], "resumed")
            for name, curve in curves.items():
                whole = np.concatenate([first[name][:4], second[name][:6]])
                assert np.array_equal(whole, curve), f"{name} of a resumed trial differs"

    def test_put_replaces_one_slot_and_no_other(self) -> None:
        """The others are bit-equal, at once and after training on."""
        for bench in self.benches(P=3):
            trials = [Trial(self.recipe(), seed) for seed in (1, 2, 3)]
            newcomer = Trial(self.recipe(), 9)
            undisturbed, _ = bench.run(trials)
            state, _ = bench.go(bench.fresh(*trials), bench.plan(trials, steps=[4, 4, 4]))
            others = [bench.population.take(state, p) for p in (0, 2)]
            state = bench.population.put(state, 1, bench.population.fresh(newcomer.recipe, newcomer.seed))
            for p, snapshot in zip((0, 2), others, strict=True):
                assert_bit_equal(bench.population.take(state, p), snapshot, f"slot {p} beside a put")
            assert_bit_equal(
                bench.population.take(state, 1), bench.population.fresh(newcomer.recipe, newcomer.seed), "put"
            )
            mixed = [trials[0], newcomer, trials[2]]
            state, _ = bench.go(state, bench.plan(mixed, steps=[6, 6, 6], start=[4, 0, 4]))
            for p in (0, 2):
                assert_bit_equal(bench.population.take(state, p), undisturbed[p], f"slot {p} after a put")
