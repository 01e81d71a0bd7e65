"""P slots, one model after another: the mode "loop", the reference that faster modes are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from luthier.engines.checks import check_groups, check_mixing, check_rows, check_stack, check_states, must_hold
from luthier.engines.spec import AVERAGED, RULES, Array, Loss, Mode, Plan, Snapshot, evaluated
from luthier.engines.torch.batch import Placed
from luthier.engines.torch.foreign import FOREIGN
from luthier.engines.torch.model import Blueprint, Dress
from luthier.engines.torch.randomness import own_draws
from luthier.engines.torch.reading import Reading, check_targets
from luthier.engines.torch.slot import Slot, chunk_of, fresh_snapshot
from luthier.recipe import Recipe

LOOP = Mode("loop", bit_equal_across_P=True)
State = list[Slot]


class LoopPopulation:
    """See `luthier.engines.spec.Population`. Slots share nothing but the data."""

    def __init__(self, plan: Blueprint, loss: Loss, P: int, mode: Mode = LOOP) -> None:
        self.mode, self.P = mode, P
        self._plan, self._loss = plan, loss

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0.

        Raises:
            InvalidInput: recipe.model is of another structure than that for which the population was opened.
        """
        return fresh_snapshot(self._plan.of(recipe), recipe, seed)

    def stack(self, snapshots: Sequence[Snapshot]) -> State:
        """Live state of P trials, slot p from snapshots[p]."""
        check_stack(len(snapshots), self.P)
        return [self._slot(snapshot) for snapshot in snapshots]

    def take(self, state: State, slot: int) -> Snapshot:
        """A copy of one slot."""
        return state[slot].snapshot()

    def put(self, state: State, slot: int, snapshot: Snapshot) -> State:
        """Replace one slot."""
        state[slot] = self._slot(snapshot)
        return state

    def advance(self, state: State, data: Placed, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Take plan.steps[p] optimizer steps in each slot, one slot after another."""
        check_plan(plan, data, self.P, states=[slot.states for slot in state], loss=self._loss)
        check_groups(plan, self._plan.grouping)
        report = {name: np.full(plan.rows.shape[:2], np.nan, np.float32) for name in ("loss", "grad_norm")}
        with own_draws(self._plan.device) as seed_draws:
            for p in map(int, np.flatnonzero(plan.steps)):  # a frozen slot is not touched
                n = int(plan.steps[p])
                hparams = {name: values[:n, p] for name, values in plan.hparams.items()}
                weights = None if plan.weights is None else plan.weights[:n, p]
                chunk = chunk_of(
                    hparams,
                    plan.rows[:n, p],
                    self._rule(int(plan.kinds[p])),
                    self._plan.device,
                    weights_SB=weights,
                    num_groups=self._plan.grouping.num,
                )
                report["loss"][:n, p], report["grad_norm"][:n, p] = state[p].train(data, chunk, seed_draws)
        return state, report

    def predict(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Model outputs in evaluation mode: float32 [slots, n, C]."""
        return self._reading(state).predict(data, rows, slots)

    def evaluate(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Loss of each example in evaluation mode: float32 [slots, n]."""
        check_targets(data, self._loss)
        return self._reading(state).evaluate(data, rows, slots)

    def measure(
        self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None
    ) -> dict[str, Array]:
        """What functions of one's own say of rows: {name: float32 [slots, n]}."""
        return self._reading(state).measure(data, rows, slots)

    def module(self, state: State, slot: int) -> Any:
        """The model of a slot, with what it is evaluated with, in evaluation mode."""
        snapshot = state[slot].snapshot()
        averaged = any(name.startswith(AVERAGED) for name in snapshot)
        model = (self._slot(snapshot | evaluated(snapshot)) if averaged else state[slot]).model.eval()
        return model.inner() if isinstance(model, Dress) else model

    def probe(self, state: State, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        check_targets(data, self._loss)
        return self._reading(state).probe(data, rows)

    def _rule(self, kind: int) -> str:
        return RULES[kind] if kind >= 0 else FOREIGN

    def _reading(self, state: State) -> Reading:
        return Reading(state.__getitem__, self.P, self._plan.device)

    def _slot(self, snapshot: Snapshot) -> Slot:
        return Slot(self._plan, snapshot, self._loss)


def check_plan(plan: Plan, data: Placed, P: int, *, states: Sequence[set[str]], loss: Loss) -> None:
    """Answer a plan that does not fit before any slot has moved; `states`: what each slot keeps.

    Raises:
        InvalidInput: another width, steps, rows, targets or update rule.
    """
    S, plan_P, _ = plan.rows.shape
    must_hold(plan_P == P, f"a plan for {plan_P} slots", f"P={P}")
    must_hold(bool(((plan.steps >= 0) & (plan.steps <= S)).all()), f"steps={plan.steps}", f"0 <= steps <= {S}")
    if data.stream is None:
        check_rows(plan.rows, len(data.inputs))
    check_targets(data, loss)
    check_mixing(plan, data.inputs.ndim)
    check_states(plan, list(states))
