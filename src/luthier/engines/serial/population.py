"""P slots of one program, whose arrays each lie for themselves when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from luthier.algorithms.initialisers import begun
from luthier.algorithms.rule import AVERAGE, init_all
from luthier.algorithms.updates import RULES
from luthier.engines.checks import (
    check_groups,
    check_mixing,
    check_rows,
    check_stack,
    check_states,
    check_targets,
    must_hold,
)
from luthier.engines.serial.looks import Plans
from luthier.engines.serial.outside import Outside
from luthier.engines.serial.parts import (
    OUTPUTS,
    TABLES,
    Arrays,
    Placed,
    Slot,
    Tree,
    check_slot,
    from_snapshot,
    to_snapshot,
)
from luthier.engines.serial.spec import Program, Source
from luthier.engines.serial.step import told_before
from luthier.engines.serial.turns import InTurn, Slots
from luthier.engines.spec import Array, Plan, Snapshot, optimizer_numbers
from luthier.errors import Unsupported
from luthier.recipe import Recipe

BLOCK = 1024
"""Rows that are evaluated at once; fewer are filled up to a power of two, so that few shapes are compiled."""
State = Slots


class SerialPopulation:
    """See `luthier.engines.spec.Population`. The program says how slots train: in turn, or side by side.

    Args:
        outside: the optimizer of a library for which it was opened.
    """

    def __init__(self, plans: Plans, program: Program, P: int, *, outside: Outside | None = None) -> None:
        self.mode, self.P = program.mode, P
        self._plans, self._program, self._outside = plans, program, outside

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0.

        Raises:
            InvalidInput: recipe.model is of another structure than that for which the population was opened, or the
                recipe has other parameter groups.
        """
        self._program.grouping.must_be_of(recipe, self._plans.where)
        source = self._plans.of(recipe)
        weights, buffers, rates = source.start(seed)
        weights = {name: np.asarray(value) for name, value in weights.items()}
        if recipe.init or recipe.zero_init:
            weights |= _begun(weights, source, recipe, seed)
        numbers = optimizer_numbers(recipe)
        average = float(numbers["averaging"][0]) > 0
        if not recipe.foreign:
            optimizer = init_all(RULES[recipe.optimizer], np, weights, average=average)
            return to_snapshot(Slot(Arrays(weights, optimizer, buffers), seed, 0, rates))
        assert self._outside is not None, "opened for a rule of the rulebook"
        told = told_before(self._program.grouping, weights, numbers["lr"], numbers["weight_decay"])
        optimizer = {AVERAGE: dict(weights)} if average else {}
        arrays = Arrays(weights, optimizer, buffers, self._outside.begin(weights, told))
        return to_snapshot(Slot(arrays, seed, 0, rates))

    def stack(self, snapshots: Sequence[Snapshot]) -> State:
        """Live state of P trials, slot p from snapshots[p]."""
        check_stack(len(snapshots), self.P)
        return InTurn(self._slot(snapshot) for snapshot in snapshots)

    def take(self, state: State, slot: int) -> Snapshot:
        """A copy of one slot."""
        return to_snapshot(state[slot])

    def put(self, state: State, slot: int, snapshot: Snapshot) -> State:
        """Replace one slot."""
        return state.put(slot, self._slot(snapshot))

    def advance(self, state: State, data: Placed, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Take plan.steps[p] optimizer steps in each slot."""
        self._check(state, data, plan)
        moved, curves_SP = self._program.train(state, data, plan, outside=self._outside)
        report = {name: np.full(plan.rows.shape[:2], np.nan, np.float32) for name in ("loss", "grad_norm")}
        for p, curves in curves_SP.items():  # only now wait for the device
            for name, curve_S in zip(report, curves, strict=True):
                report[name][:, p] = curve_S
        return moved, report

    def predict(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Model outputs in evaluation mode, by averaged weights where they are kept: float32 [slots, n, C]."""
        return self._by_slot(self._program.predict, state, data, rows=rows, slots=slots)

    def evaluate(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Loss of each example in evaluation mode: float32 [slots, len(rows)]."""
        self._check_targets(data)
        return self._by_slot(self._program.evaluate, state, data, rows=rows, slots=slots)

    def measure(
        self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None
    ) -> dict[str, Array]:
        """Not here yet.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("evaluate=", must="a torch model", where=self._plans.where, remedy="Use a metric by name")

    def module(self, state: State, slot: int) -> Any:
        """The model of a slot, with what it is evaluated with, in evaluation mode."""
        seed, rates, arrays = state[slot].seed, state[slot].rates, state[slot].arrays.evaluated()
        return self._plans.look.source.module(arrays, seed, rates)

    def probe(self, state: State, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        self._check_targets(data)
        check_rows(rows, len(data.inputs))
        found = [self._program.probe(slot.arrays.trained(), data, rows) for slot in state]
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
        looked_at = ((state[p].arrays.evaluated(), rows_n) for p, rows_n in zip(chosen, rows_Pn, strict=True))
        return np.stack(
            [
                np.concatenate([np.asarray(function(arrays, data, block))[:n] for block, n in _blocks(rows_n)])
                for arrays, rows_n in looked_at
            ]
        )

    def _check(self, state: State, data: Placed, plan: Plan) -> None:
        """Answer a plan that does not fit before any slot has moved."""
        S, P, _ = plan.rows.shape
        must_hold(P == self.P == len(state), f"a plan for {P} slots and {len(state)} slots", f"both are P={self.P}")
        must_hold(plan.steps.min() >= 0 and plan.steps.max() <= S, f"plan.steps={plan.steps}", f"0 <= steps <= {S}")
        check_rows(plan.rows, len(data.inputs))
        self._check_targets(data)
        inside = self._outside is not None or plan.kinds.min() >= 0
        must_hold(bool(inside), "the optimizer of a library", "that for which the population was opened")
        check_mixing(plan, len(data.inputs.shape))
        if self._program.words.is_whole(data.inputs):
            alone = (plan.hparams["mixup"] == 1.0).all()
            must_hold(bool(alone), "mixup on whole numbers", "inputs that are real numbers, not tokens")
        check_groups(plan, self._program.grouping)
        check_states(plan, state.keeps())

    def _check_targets(self, data: Placed) -> None:
        check_targets(self._program.words.is_whole(data.targets), data.targets.dtype.name, self._program.loss)


def _begun(weights: Tree, source: Source, recipe: Recipe, seed: int) -> Tree:
    """Weights that begin as the recipe says; those of embeddings stay."""
    other = {name: np.asarray(value) for name, value in source.start(seed + 1).weights.items()}
    return begun(
        weights,
        other,
        init=recipe.init,
        factor=source.factors(recipe.init) if isinstance(recipe.init_gain, str) else recipe.init_gain,
        zero=recipe.zero_init,
        seed=seed,
        outputs=OUTPUTS,
        spared=frozenset(name for name in weights if name.rpartition(".")[2] in TABLES),
    )


def _blocks(rows_n: Array) -> Iterator[tuple[Array, int]]:
    """Rows in blocks of few sizes, each with the number of rows that count."""
    for start in range(0, len(rows_n), BLOCK):
        block = rows_n[start : start + BLOCK]
        size = 1 << (len(block) - 1).bit_length()
        yield np.pad(block, (0, size - len(block)), mode="edge"), len(block)
