"""Promises on random numbers: f(seed, step, layer), in training only.

The model is two dropout layers of rate 0.5 before a linear one with weights 1 / D and bias 0, on rows of D
ones: it answers with the share of inputs that both layers kept, times 4; the loss against 0 is its square.
"""

from __future__ import annotations

import numpy as np

from luthier.engines.conformance.bench import (
    Bench,
    S,
    Supplied,
    Trial,
    assert_bit_equal,
    with_weights,
)
from luthier.engines.spec import Array, Snapshot

NUM_ROWS = 64


class RandomnessPromises(Supplied):
    """Dropout, seen from outside."""

    def _ones(self) -> list[tuple[Bench, Snapshot, int]]:
        """(bench, snapshot that answers the kept share, D) in each mode."""
        outputs = self._num_outputs()
        found = []
        for bench in self.dropout_benches("mse", np.zeros((NUM_ROWS, outputs), np.float32)):
            D = int(np.prod(self.source().inputs.shape[1:]))
            fresh = bench.population.fresh(self.still(), 0)
            found.append((bench, with_weights(fresh, 1.0 / D, np.zeros(outputs)), D))
        return found

    def _num_outputs(self) -> int:
        population = self.engine().open(self.dropout_builder(), self.still(), self.loss(), self.modes()[0], 1)
        return int(next(v.size for n, v in population.fresh(self.still(), 0).items()
                        if n.startswith("weights/") and v.ndim == 1))  # fmt: skip

    def _losses(self, bench: Bench, snapshot: Snapshot, *, seed: int = 0, same_rows: bool = True) -> Array:
        """Losses [S] of steps that move nothing."""
        plan = bench.plan([Trial(self.still())])
        if same_rows:
            plan.rows[:] = plan.rows[0]
        plan.hparams["lr"][:] = 0.0
        return bench.step_from(snapshot | {"seed": np.array(seed, np.int64)}, plan)[1]["loss"][:, 0]

    def _many(self, bench: Bench, snapshot: Snapshot) -> Array:
        """Of five seeds: the mean is then known to 1.5 %, the tolerance is three times that."""
        return np.concatenate([self._losses(bench, snapshot, seed=seed) for seed in range(5)])

    def test_dropout_is_on_in_training_and_off_in_evaluation(self) -> None:
        """Evaluation answers 1 exactly; training has the variance of two masks: 4^2 * 3/16 / D a row."""
        for bench, snapshot, D in self._ones():
            state = bench.population.stack([snapshot])
            rows = np.arange(NUM_ROWS, dtype=np.int32)
            for _ in range(2):
                outputs = bench.population.predict(state, bench.data, rows)
                np.testing.assert_allclose(outputs, 1.0, rtol=1e-5)
                np.testing.assert_allclose(bench.population.evaluate(state, bench.data, rows), 1.0, rtol=1e-5)
                state, _ = bench.go(state, bench.plan([Trial(self.still())], steps=[1]))
            losses = self._many(bench, snapshot)
            np.testing.assert_allclose(losses.mean(), 1.0 + 3.0 / D, rtol=0.05)
            assert losses.std() > 0.0

    def test_masks_differ_between_layers(self) -> None:
        """Equal masks would keep a half, not a quarter: the loss would be 4, not 1."""
        for bench, snapshot, D in self._ones():
            np.testing.assert_allclose(self._many(bench, snapshot).mean(), 1.0 + 3.0 / D, rtol=0.05)

    def test_masks_differ_between_steps(self) -> None:
        """The same rows, weights that stay: S different losses."""
        for bench, snapshot, _ in self._ones():
            assert len(set(self._losses(bench, snapshot).tolist())) == S

    def test_masks_differ_between_rows(self) -> None:
        """One mask for all rows of a batch would make the loss of a step a single row's, and vary widely."""
        for bench, snapshot, D in self._ones():
            many = self._many(bench, snapshot)
            batch = bench.plan([Trial(self.still())]).rows.shape[2]
            assert many.std() < 2.0 * np.sqrt(4.0 * 3.0 / D / batch)

    def test_masks_depend_on_the_seed(self) -> None:
        """Other seed, other masks, also in seeds beyond 32 bits; the same seed, the same masks."""
        for bench, snapshot, _ in self._ones():
            losses = {seed: self._losses(bench, snapshot, seed=seed) for seed in (0, 1, 2**31, 2**40, 2**40 + 1)}
            assert len({tuple(curve.tolist()) for curve in losses.values()}) == len(losses)
            assert np.array_equal(self._losses(bench, snapshot, seed=1), losses[1])

    def test_masks_depend_on_the_step_of_the_trial(self) -> None:
        """Step 5 has its mask whether it comes first in a chunk or sixth."""
        for bench, snapshot, _ in self._ones():
            whole = self._losses(bench, snapshot)
            later = self._losses(bench, snapshot | {"step": np.array(5, np.int64)})
            assert np.array_equal(later[: S - 5], whole[5:])

    def test_evaluating_in_between_changes_nothing(self) -> None:
        """Training with predict, evaluate and probe in the middle is bit-equal."""
        for bench in self.benches():
            trial = Trial(self.recipe(), 3)
            rows = np.arange(40, dtype=np.int32)
            state, _ = bench.go(bench.fresh(trial), bench.plan([trial], steps=[4]))
            bench.population.predict(state, bench.data, rows)
            bench.population.evaluate(state, bench.data, rows)
            bench.population.probe(state, bench.data, rows[:16])
            state, _ = bench.go(state, bench.plan([trial], steps=[6], start=4))
            assert_bit_equal(bench.population.take(state, 0), bench.run([trial])[0][0], "with reports")
