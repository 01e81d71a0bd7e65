"""Promises on predict, evaluate and probe."""

from __future__ import annotations

import numpy as np

from luthier.algorithms.losses import LOSSES
from luthier.engines.conformance.bench import (
    B,
    Bench,
    Supplied,
    Trial,
    assert_bit_equal,
    buffers,
    copied,
    weights,
)
from luthier.engines.spec import Array, State

RTOL, ATOL = 1e-4, 1e-5
"""float32 outputs of a small model; matrices of other heights are multiplied in another order."""


class EvaluationPromises(Supplied):
    """What is looked at, without changing it."""

    def _trained(self, P: int) -> list[tuple[Bench, State, Array]]:
        """(bench, P trials after a few steps, 40 rows) in each mode."""
        found = []
        for bench in self.benches(P):
            trials = [Trial(self.recipe(label_smoothing=0.2), seed) for seed in range(P)]
            state, _ = bench.go(bench.fresh(*trials), bench.plan(trials, steps=[3] * P))
            found.append((bench, state, np.arange(3, 43, dtype=np.int32)))
        return found

    def test_outputs_are_per_slot_and_row(self) -> None:
        """predict float32 [slots, n, C], evaluate float32 [slots, n]."""
        for bench, state, rows in self._trained(P=2):
            outputs = bench.population.predict(state, bench.data, rows)
            losses = bench.population.evaluate(state, bench.data, rows)
            assert type(outputs) is np.ndarray
            assert type(losses) is np.ndarray
            assert outputs.shape[:2] == losses.shape == (2, len(rows))
            assert outputs.ndim == 3
            assert outputs.dtype == losses.dtype == np.float32
            assert not np.array_equal(losses[0], losses[1])

    def test_evaluate_is_the_loss_of_predict(self) -> None:
        """Example by example by the rulebook in numpy, without smoothing although training has some."""
        targets = self.source().targets
        for bench, state, rows in self._trained(P=2):
            outputs = bench.population.predict(state, bench.data, rows).astype(np.float64)
            losses = bench.population.evaluate(state, bench.data, rows)
            for p in range(2):
                expected = LOSSES[self.loss().name](np, outputs[p], targets[rows])
                np.testing.assert_allclose(losses[p], expected, rtol=RTOL, atol=ATOL)

    def test_evaluation_does_not_depend_on_the_split_into_calls(self) -> None:
        """A row's output is its own, whatever rows come with it."""
        for bench, state, rows in self._trained(P=2):
            for look in (bench.population.predict, bench.population.evaluate):
                whole = look(state, bench.data, rows)
                parts = [look(state, bench.data, part) for part in (rows[:7], rows[7:])]
                np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=RTOL, atol=ATOL)
                np.testing.assert_allclose(look(state, bench.data, rows[::-1])[:, ::-1], whole, rtol=RTOL, atol=ATOL)

    def test_rows_may_differ_between_slots(self) -> None:
        """[slots, n]: each slot its own rows."""
        for bench, state, rows in self._trained(P=2):
            both = np.stack([rows, rows + 20])
            for look in (bench.population.predict, bench.population.evaluate):
                found = look(state, bench.data, both)
                for p in range(2):
                    assert np.array_equal(found[p], look(state, bench.data, both[p])[p])

    def test_slots_may_be_chosen(self) -> None:
        """Some slots in some order, bit-equal to all of them."""
        for bench, state, rows in self._trained(P=3):
            for look in (bench.population.predict, bench.population.evaluate):
                assert np.array_equal(look(state, bench.data, rows, [2, 0]), look(state, bench.data, rows)[[2, 0]])

    def test_evaluation_does_not_depend_on_the_width(self) -> None:
        """Alone and beside others: bit-equal in every mode."""
        for bench, state, rows in self._trained(P=3):
            alone = self.alone(bench)
            single = alone.population.stack([bench.population.take(state, 1)])
            for name in ("evaluate", "predict"):
                among = getattr(bench.population, name)(state, bench.data, rows, [1])
                assert np.array_equal(getattr(alone.population, name)(single, bench.data, rows), among)

    def test_evaluation_changes_nothing(self) -> None:
        """No weight, no buffer, no optimizer state, no step."""
        for bench, state, rows in self._trained(P=2):
            before = [bench.population.take(state, p) for p in range(2)]
            bench.population.predict(state, bench.data, rows)
            bench.population.evaluate(state, bench.data, rows)
            for p in range(2):
                assert_bit_equal(bench.population.take(state, p), before[p], "after evaluation")

    def test_probe_changes_nothing_and_tells_norms(self) -> None:
        """loss, grad_norm, weight_norm: float32 [P]; the last is that of the snapshot."""
        for bench, state, rows in self._trained(P=2):
            before = [bench.population.take(state, p) for p in range(2)]
            found = bench.population.probe(state, bench.data, rows[:B])
            assert set(found) == {"loss", "grad_norm", "weight_norm"}
            for name, value in found.items():
                assert (value.shape, value.dtype) == ((2,), np.dtype(np.float32)), name
                assert (value > 0).all(), name
            for p in range(2):
                assert_bit_equal(bench.population.take(state, p), before[p], "after a probe")
                flat = np.concatenate([v.ravel() for v in weights(before[p]).values()]).astype(np.float64)
                np.testing.assert_allclose(found["weight_norm"][p], np.linalg.norm(flat), rtol=1e-5)

    def test_batch_statistics_move_in_training_and_are_used_in_evaluation(self) -> None:
        """BatchNorm: with lr 0 the buffers move and outputs with them; other buffers, other outputs."""
        for bench in self.benches():
            trial = Trial(self.recipe())
            start = bench.population.fresh(trial.recipe, 0)
            assert (len(buffers(start)) > 0) == self.has_batch_norm
            if not self.has_batch_norm:
                continue
            plan = bench.plan([trial])
            plan.hparams["lr"][:] = 0.0
            after, _ = bench.step_from(start, plan)
            moved = {
                name for name, value in buffers(start).items() if not np.array_equal(buffers(after)[name], value)
            }
            assert moved == set(buffers(start))
            rows = np.arange(20, dtype=np.int32)
            looks = []
            for snapshot in (start, after, self._wider(after)):
                state = bench.population.stack([snapshot])
                looks.append(bench.population.predict(state, bench.data, rows))
            assert not np.allclose(looks[0], looks[1])
            assert not np.allclose(looks[1], looks[2])

    def _wider(self, snapshot: dict[str, Array]) -> dict[str, Array]:
        """Ten times the variance, and means."""
        changed = copied(snapshot)
        for name, value in buffers(changed).items():
            if value.dtype.kind == "f":
                changed[f"buffers/{name}"] = value * np.float32(10.0)
        return changed
