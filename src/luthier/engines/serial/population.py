"""P slots of one program, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from luthier.algorithms.updates import RULES
from luthier.engines.checks import check_rows, check_stack, must_hold
from luthier.engines.serial.looks import Plans
from luthier.engines.serial.parts import Arrays, Placed, Slot, check_slot, chunk_of, from_snapshot, to_snapshot
from luthier.engines.serial.spec import Program
from luthier.engines.spec import Array, Plan, Snapshot
from luthier.records import OPTIMIZERS, Recipe

BLOCK = 1024
"""Rows that are evaluated at once; fewer are filled up to a power of two, so that few shapes are compiled."""
State = list[Slot]


class SerialPopulation:
    """See `luthier.engines.spec.Population`. Slots never meet in one program: none depends on P."""

    def __init__(self, plans: Plans, program: Program, P: int) -> None:
        self.mode, self.P = program.mode, P
        self._plans, self._program = plans, program

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0.

        Raises:
            InvalidInput: recipe.model is of another structure than that for which the population was opened.
        """
        weights, buffers, rates = self._plans.of(recipe).start(seed)
        optimizer = self._program.init_optimizer(recipe.optimizer, weights)
        return to_snapshot(Slot(Arrays(weights, optimizer, buffers), seed, 0, rates))

    def stack(self, snapshots: Sequence[Snapshot]) -> State:
        """Live state of P trials, slot p from snapshots[p]."""
        check_stack(len(snapshots), self.P)
        return [self._slot(snapshot) for snapshot in snapshots]

    def take(self, state: State, slot: int) -> Snapshot:
        """A copy of one slot."""
        return to_snapshot(state[slot])

    def put(self, state: State, slot: int, snapshot: Snapshot) -> State:
        """Replace one slot."""
        changed = list(state)
        changed[slot] = self._slot(snapshot)
        return changed

    def advance(self, state: State, data: Placed, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Take plan.steps[p] optimizer steps in each slot."""
        self._check(state, data, plan)
        moved, curves_SP = list(state), {}
        for p in map(int, np.flatnonzero(plan.steps)):  # a frozen slot is not touched at all
            slot, rule = state[p], OPTIMIZERS[plan.kinds[p]]
            arrays, *curves_SP[p] = self._program.advance(rule, slot.arrays, data, chunk_of(slot, plan, p))
            moved[p] = slot._replace(arrays=arrays, step=slot.step + int(plan.steps[p]))
        report = {name: np.full(plan.rows.shape[:2], np.nan, np.float32) for name in ("loss", "grad_norm")}
        for p, curves in curves_SP.items():  # only now wait for the device
            for name, curve_S in zip(report, curves, strict=True):
                report[name][:, p] = curve_S
        return moved, report

    def predict(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Model outputs in evaluation mode: float32 [slots, len(rows), C]."""
        return self._by_slot(self._program.predict, state, data, rows=rows, slots=slots)

    def evaluate(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Loss of each example in evaluation mode: float32 [slots, len(rows)]."""
        self._program.check_targets(data)
        return self._by_slot(self._program.evaluate, state, data, rows=rows, slots=slots)

    def probe(self, state: State, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        self._program.check_targets(data)
        check_rows(rows, len(data.inputs))
        found = [self._program.probe(slot.arrays, data, rows) for slot in state]
        return {name: np.array([np.asarray(values[name]) for values in found], np.float32) for name in found[0]}

    def _slot(self, snapshot: Snapshot) -> Slot:
        slot = from_snapshot(snapshot, self._program.array)
        structure = self._program.structure
        check_slot(slot, structure.weights, structure.buffers)
        return slot._replace(rates=self._plans.rates() | dict(slot.rates))

    def _by_slot(
        self, function: Any, state: State, data: Placed, *, rows: Array, slots: Sequence[int] | None
    ) -> Array:
        check_rows(np.asarray(rows), len(data.inputs))
        chosen = range(self.P) if slots is None else slots
        rows_Pn = np.broadcast_to(rows, (len(chosen), np.shape(rows)[-1]))
        return np.stack(
            [
                np.concatenate(
                    [np.asarray(function(state[p].arrays, data, block))[:n] for block, n in _blocks(rows_n)]
                )
                for p, rows_n in zip(chosen, rows_Pn, strict=True)
            ]
        )

    def _check(self, state: State, data: Placed, plan: Plan) -> None:
        """Answer a plan that does not fit before any slot has moved."""
        S, P, _ = plan.rows.shape
        must_hold(P == self.P == len(state), f"a plan for {P} slots and {len(state)} slots", f"both are P={self.P}")
        must_hold(plan.steps.min() >= 0 and plan.steps.max() <= S, f"plan.steps={plan.steps}", f"0 <= steps <= {S}")
        check_rows(plan.rows, len(data.inputs))
        self._program.check_targets(data)
        for p in map(int, np.flatnonzero(plan.steps)):
            rule, kept = RULES[OPTIMIZERS[plan.kinds[p]]], tuple(state[p].arrays.optimizer)
            must_hold(set(kept) == set(rule.states), f"slot {p} keeps {kept}", f"{rule.name} keeps {rule.states}")


def _blocks(rows_n: Array) -> Iterator[tuple[Array, int]]:
    """Rows in blocks of few sizes, each with the number of rows that count."""
    for start in range(0, len(rows_n), BLOCK):
        block = rows_n[start : start + BLOCK]
        size = 1 << (len(block) - 1).bit_length()
        yield np.pad(block, (0, size - len(block)), mode="edge"), len(block)
