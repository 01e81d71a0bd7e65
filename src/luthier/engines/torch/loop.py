"""P slots, one model after another: the mode "loop", the reference that faster modes are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from luthier.algorithms.updates import RULES as RULEBOOK
from luthier.engines.checks import check_rows, must_hold
from luthier.engines.spec import RULES, Array, Loss, Mode, Plan, Snapshot
from luthier.engines.torch.model import CRITERIA, Blueprint
from luthier.engines.torch.randomness import own_draws
from luthier.engines.torch.slot import Placed, Slot, chunk_of, fresh_snapshot
from luthier.errors import InvalidInput
from luthier.records import Recipe

LOOP = Mode("loop", bit_equal_across_P=True)
State = list[Slot]


class LoopPopulation:
    """See `luthier.engines.spec.Population`. Slots share nothing but the data."""

    def __init__(self, plan: Blueprint, loss: Loss, P: int) -> None:
        self.mode, self.P = LOOP, P
        self._plan, self._loss = plan, loss

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0.

        Raises:
            InvalidInput: recipe.model is not that for which the population was opened.
        """
        if recipe.model != self._plan.settings:
            raise InvalidInput(
                f"recipe.model={recipe.model}",
                must=f"it equals {self._plan.settings}, for which the population was opened",
                where="torch engine",
                remedy="Open a population for each GroupKey",
            )
        return fresh_snapshot(self._plan, recipe.optimizer, seed)

    def stack(self, snapshots: Sequence[Snapshot]) -> State:
        """Live state of P trials, slot p from snapshots[p]."""
        if len(snapshots) != self.P:
            raise InvalidInput(f"{len(snapshots)} snapshots", must=f"one for each of P={self.P} slots", where="stack")
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
        self._check(state, data, plan)
        report = {name: np.full(plan.rows.shape[:2], np.nan, np.float32) for name in ("loss", "grad_norm")}
        with own_draws(self._plan.device) as seed_draws:
            for p in map(int, np.flatnonzero(plan.steps)):  # a frozen slot is not touched
                n = int(plan.steps[p])
                hparams = {name: values[:n, p] for name, values in plan.hparams.items()}
                chunk = chunk_of(hparams, plan.rows[:n, p], RULES[plan.kinds[p]], self._plan.device)
                report["loss"][:n, p], report["grad_norm"][:n, p] = state[p].train(data, chunk, seed_draws)
        return state, report

    def predict(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Model outputs in evaluation mode: float32 [slots, n, C]."""
        return self._each(Slot.predict, state, data, rows=rows, slots=slots)

    def evaluate(self, state: State, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Loss of each example in evaluation mode: float32 [slots, n]."""
        self._check_targets(data)
        return self._each(Slot.evaluate, state, data, rows=rows, slots=slots)

    def probe(self, state: State, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        self._check_targets(data)
        check_rows(rows, len(data.inputs))
        with own_draws(self._plan.device):
            found = [slot.probe(data, self._on_device(rows)) for slot in state]
        return {name: np.array([float(f[name]) for f in found], np.float32) for name in found[0]}

    def _slot(self, snapshot: Snapshot) -> Slot:
        return Slot(self._plan, snapshot, CRITERIA[self._loss.name])

    def _on_device(self, rows: Array) -> torch.Tensor:
        return torch.from_numpy(np.asarray(rows).astype(np.int64)).to(self._plan.device)

    def _each(
        self,
        function: Callable[[Slot, Placed, torch.Tensor], torch.Tensor],
        state: State,
        data: Placed,
        *,
        rows: Array,
        slots: Sequence[int] | None,
    ) -> Array:
        check_rows(np.asarray(rows), len(data.inputs))
        chosen = range(self.P) if slots is None else slots
        rows_Pn = np.broadcast_to(rows, (len(chosen), np.shape(rows)[-1]))
        with own_draws(self._plan.device):  # a model that draws in evaluation mode moves no one else's numbers
            found = [
                function(state[p], data, self._on_device(rows_n)) for p, rows_n in zip(chosen, rows_Pn, strict=True)
            ]
        return np.stack([values.float().cpu().numpy() for values in found])

    def _check(self, state: State, data: Placed, plan: Plan) -> None:
        """Answer a plan that does not fit before any slot has moved."""
        S, P, _ = plan.rows.shape
        must_hold(P == self.P, f"a plan for {P} slots", f"P={self.P}")
        must_hold(bool(((plan.steps >= 0) & (plan.steps <= S)).all()), f"steps={plan.steps}", f"0 <= steps <= {S}")
        check_rows(plan.rows, len(data.inputs))
        self._check_targets(data)
        for p in map(int, np.flatnonzero(plan.steps)):
            rule = RULES[plan.kinds[p]]
            must = set(RULEBOOK[rule].states)
            must_hold(
                state[p].states == must,
                f"slot {p} keeps {sorted(state[p].states)}",
                f"{rule} keeps {sorted(must)}",
            )

    def _check_targets(self, data: Placed) -> None:
        classes = not data.targets.is_floating_point()
        if self._loss.name == "cross_entropy":
            must_hold(classes, f"targets of {data.targets.dtype}", "cross_entropy has class numbers as targets")
