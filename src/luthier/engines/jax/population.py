"""P slots of one program, one after another: the mode "scan"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from luthier.algorithms.initialisers import begun
from luthier.algorithms.rule import init_all
from luthier.algorithms.updates import RULES
from luthier.engines.checks import check_mixing, check_rows, check_stack, check_states, must_hold
from luthier.engines.jax.build import Blueprint
from luthier.engines.jax.model import Tree, merged, seed_words, split
from luthier.engines.jax.program import Arrays, Chunk, Program
from luthier.engines.jax.slot import Slot, from_snapshot, to_snapshot
from luthier.engines.jax.step import OUTPUTS, How, Placed
from luthier.engines.spec import GROUPS, WHOLE_STEP, Array, Mode, Plan, Snapshot, optimizer_numbers
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import OPTIMIZERS, Recipe

SCAN = Mode("scan", bit_equal_across_P=True, recompiles_on=("S", "B", "shapes", "recipe.model", "optimizer"))
BLOCK = 1024
"""Rows that are evaluated at once; fewer are filled up to a power of two, so that few shapes are compiled."""


State = list[Slot]


class JaxPopulation:
    """See `luthier.engines.spec.Population`. Slots never meet in one program: none depends on P."""

    def __init__(self, blueprint: Blueprint, program: Program, P: int) -> None:
        self.mode, self.P = SCAN, P
        self._blueprint, self._program = blueprint, program

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0.

        Raises:
            InvalidInput: recipe.model is not that for which the population was opened.
        """
        if recipe.model != self._blueprint.settings:
            raise InvalidInput(
                f"recipe.model={recipe.model}",
                must=f"it equals {self._blueprint.settings}, for which the population was opened",
                where="JAX engine",
                remedy="Open a population for each GroupKey",
            )
        _, weights, buffers = split(self._blueprint.build(seed))
        if recipe.init or recipe.zero_init:
            weights = weights | self._begun(weights, recipe, seed)
        average = float(optimizer_numbers(recipe)["averaging"][0]) > 0
        optimizer = init_all(RULES[recipe.optimizer], jnp, weights, average=average)
        return to_snapshot(Slot(Arrays(weights, optimizer, buffers), seed, 0))

    def _begun(self, weights: Tree, recipe: Recipe, seed: int) -> Tree:
        """Weights that begin as the recipe says; those of embeddings stay."""
        _, other, _ = split(self._blueprint.build(seed + 1))
        mine, theirs = ({name: np.asarray(value) for name, value in tree.items()} for tree in (weights, other))
        found = begun(
            mine,
            theirs,
            init=recipe.init,
            factor=recipe.init_gain,
            zero=recipe.zero_init,
            seed=seed,
            outputs=OUTPUTS,
            spared=frozenset(name for name in mine if name.endswith("embedding")),
        )
        return {name: jnp.asarray(value) for name, value in found.items()}

    def stack(self, snapshots: Sequence[Snapshot]) -> State:
        """Live state of P trials, slot p from snapshots[p]."""
        check_stack(len(snapshots), self.P)
        return [from_snapshot(snapshot, self._program.structure) for snapshot in snapshots]

    def take(self, state: State, slot: int) -> Snapshot:
        """A copy of one slot."""
        return to_snapshot(state[slot])

    def put(self, state: State, slot: int, snapshot: Snapshot) -> State:
        """Replace one slot."""
        changed = list(state)
        changed[slot] = from_snapshot(snapshot, self._program.structure)
        return changed

    def advance(self, state: State, data: Placed, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Take plan.steps[p] optimizer steps in each slot."""
        self._check(state, data, plan)
        moved, curves_SP = list(state), {}
        for p in map(int, np.flatnonzero(plan.steps)):  # a frozen slot is not touched at all
            slot, rule = state[p], OPTIMIZERS[plan.kinds[p]]
            how = How.of(rule, {name: values[:, p] for name, values in plan.hparams.items()})
            arrays, *curves_SP[p] = self._program.advance(how, slot.arrays, data, _chunk(slot, plan, p))
            moved[p] = Slot(arrays, slot.seed, slot.step + int(plan.steps[p]))
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

    def measure(
        self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None
    ) -> dict[str, Array]:
        """Not here yet.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("evaluate=", must="a torch model", where="JAX engine", remedy="Use a metric by name")

    def module(self, state: State, slot: int) -> Any:
        """The model of a slot, in evaluation mode."""
        return merged(self._program.structure, state[slot].arrays.weights, state[slot].arrays.buffers)

    def probe(self, state: State, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        self._program.check_targets(data)
        check_rows(rows, len(data.inputs))
        found = jax.device_get([self._program.probe(slot.arrays, data, rows) for slot in state])
        return {name: np.array([values[name] for values in found], np.float32) for name in found[0]}

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
        check_mixing(plan, data.inputs.ndim)
        check_states(plan, [set(slot.arrays.optimizer) for slot in state])


def _chunk(slot: Slot, plan: Plan, p: int) -> Chunk:
    return Chunk(
        rows=plan.rows[:, p],
        hparams={name: _numbers(name, value[:, p]) for name, value in plan.hparams.items()},
        num_steps=np.int32(plan.steps[p]),
        first_step=np.int32(slot.step),
        seed=seed_words(slot.seed),
        weights=None if plan.weights is None else plan.weights[:, p],
    )


def _numbers(name: str, values: Array) -> Array:
    """[S] or [S, G] in one shape whatever the plan says: [S, G], or [S] where a number has no groups."""
    values_SG = values if values.ndim == 2 else np.repeat(values[:, None], len(GROUPS), axis=1)
    return values_SG[:, 0] if name in WHOLE_STEP else values_SG


def _blocks(rows_n: Array) -> Iterator[tuple[Array, int]]:
    """Rows in blocks of few sizes, each with the number of rows that count."""
    for start in range(0, len(rows_n), BLOCK):
        block = rows_n[start : start + BLOCK]
        size = 1 << (len(block) - 1).bit_length()
        yield np.pad(block, (0, size - len(block)), mode="edge"), len(block)
