"""P trials trained by one program: what the modes "vmap", "grouped" and "compiled" have in common.

They differ in how they find losses and gradients (`Gradients`). Here: which slots take part in a step, their batches,
clipping, updates; evaluation, which goes slot by slot through the model itself.

Axes: P slots, A of them active, S steps, B rows of a batch, N trainable weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from luthier.engines.checks import check_groups, check_plain, check_stack
from luthier.engines.spec import Array, Loss, Mode, Plan, Snapshot
from luthier.engines.torch.batch import Placed
from luthier.engines.torch.flat import Rows, Shelf
from luthier.engines.torch.loop import check_plan
from luthier.engines.torch.model import Blueprint
from luthier.engines.torch.randomness import Clock, Draws
from luthier.engines.torch.reading import Reading, check_targets
from luthier.engines.torch.refusal import Refused
from luthier.engines.torch.slot import Slot, fresh_snapshot
from luthier.engines.torch.updates import Updater
from luthier.errors import LuthierError, Unsupported
from luthier.recipe import Recipe

LARGE = 300_000
"""Weights from which on a model is tried with few widths only."""
MENDS = {
    "randomness": "Draw in a dropout layer (nn.Dropout), not in functional.dropout or torch.rand",
    ".item()": "Let no number of the data decide what is computed: use torch.where in the place of if",
    "data-dependent": "Let no number of the data decide what is computed: use torch.where in the place of if",
    "dynamic shape": "Use a mask and torch.where in the place of an index that selects",
    "compiler": "Install a C++ compiler, such as g++",
    "inplace": "Make new tensors by x.new_zeros(...), not torch.zeros(...), before writing into them",
}
"""Words of torch.func's errors -> what to change in the model."""


class Gradients(Protocol):
    """Losses and gradients of A slots, each on its own batch."""

    def __call__(
        self, rows: Rows, inputs: torch.Tensor, targets: torch.Tensor, smoothing_A: torch.Tensor | None, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(loss [A], gradient [A, N]); inputs [A, B, ...], targets [A, B, ...]. Smoothing None is none at all.
        Buffers move on in place."""
        ...


Once = Callable[[list[int]], list[torch.Tensor]]
"""Slots -> loss, gradient and buffers of each after one batch."""


class Part(NamedTuple):
    """Steps first .. last - 1 of a plan, in which the same slots are active."""

    first: int
    last: int
    active: list[int]


class FusedPopulation:
    """See `luthier.engines.spec.Population`. Frozen slots take no part, where that is proven to change no bit.

    Args:
        make_gradients: called with the first inputs [P, B, ...] that are trained on.
        one_width: the program is made for P slots; all of them are always computed.
    """

    def __init__(
        self,
        mode: Mode,
        plan: Blueprint,
        loss: Loss,
        P: int,
        *,
        shelf: Shelf,
        make_gradients: Callable[[torch.Tensor], Gradients],
        one_width: bool = False,
    ) -> None:
        self.mode, self.P = mode, P
        self._plan, self._loss, self._shelf = plan, loss, shelf
        self._make_gradients = make_gradients
        self._gradients: Gradients | None = None
        self._compact, self._one_width = False, one_width
        self._reader: Slot | None = None

    # -------------------------------------------------------------------------------------------- snapshots

    def fresh(self, recipe: Recipe, seed: int) -> Snapshot:
        """A newly initialised trial at step 0.

        Raises:
            InvalidInput: recipe.model is of another structure.
        """
        return fresh_snapshot(self._plan.of(recipe), recipe, seed)

    def stack(self, snapshots: Sequence[Snapshot]) -> Rows:
        """Live state of P trials, slot p from snapshots[p]."""
        check_stack(len(snapshots), self.P)
        return self._shelf.stack(snapshots)

    def take(self, state: Rows, slot: int) -> Snapshot:
        """A copy of one slot."""
        return self._shelf.take(state, slot)

    def put(self, state: Rows, slot: int, snapshot: Snapshot) -> Rows:
        """Replace one slot."""
        self._shelf.put(state, slot, snapshot)
        return state

    # --------------------------------------------------------------------------------------------- training

    def advance(self, state: Rows, data: Placed, plan: Plan) -> tuple[Rows, dict[str, Array]]:
        """Take plan.steps[p] optimizer steps in each slot, all slots side by side."""
        check_plan(plan, data, self.P, states=state.states, loss=self._loss)
        check_groups(plan, self._plan.grouping)
        check_plain(plan)
        report = {name: np.full(plan.rows.shape[:2], np.nan, np.float32) for name in ("loss", "grad_norm")}
        if plan.steps.any():
            if self._gradients is None:
                self._prepare(state, data, plan)
            for part in _parts(plan.steps):
                losses, norms = self._train(state, data, plan, part)
                report["loss"][part.first : part.last, part.active] = losses
                report["grad_norm"][part.first : part.last, part.active] = norms
        return state, report

    def _train(self, state: Rows, data: Placed, plan: Plan, part: Part) -> tuple[Array, Array]:
        """(loss, gradient norm) of the active slots [S, A]."""
        if len(part.active) == self.P:
            work, chosen = state, part.active
        else:
            chosen = self._chosen(part.active)
            work = state.select(chosen)
        places = [chosen.index(p) for p in part.active]
        found = self._steps(work, data, _cut(plan, part, chosen), places)
        state.write(part.active, work, places)
        return tuple(torch.stack(values)[:, places].float().cpu().numpy() for values in found)

    def _chosen(self, active: list[int]) -> list[int]:
        """The slots that are computed: the active ones, if others can be left out without changing a bit. Never one
        alone: convolutions in one group take another way through the kernels than those in several."""
        if not self._compact:
            return list(range(self.P))
        spare = [p for p in range(self.P) if p not in active]
        return sorted(active + spare[: max(0, 2 - len(active))])

    def _steps(self, work: Rows, data: Placed, plan: Plan, places: list[int]) -> Any:
        gradients, (S, A, _) = self._gradients, plan.rows.shape
        assert gradients is not None
        rows_SAB = torch.from_numpy(plan.rows.astype(np.int64)).to(data.inputs.device)
        smoothing_SA, clip_SA = (self._column(plan.hparams[name]) for name in ("label_smoothing", "clip_norm"))
        smooths, clips = bool(smoothing_SA.any()), bool(torch.isfinite(clip_SA[:, places]).any())
        draws, kinds = Draws([Clock() for _ in range(A)]), [int(plan.kinds[a]) for a in places]
        by_group = _by_group(plan.hparams, self._plan.grouping.num)
        updater = Updater(work, self._shelf.layout, by_group, kinds=kinds, places=places)
        bound_ = self._clipping_of_groups(by_group["group_clip_norm"], places)
        losses, norms = [], []
        for s in range(S):
            draws.begin(work.seeds, work.steps)
            inputs, targets = _gather(data, rows_SAB[s])
            smoothing_A = smoothing_SA[s] if smooths else None
            loss_A, grads_AN = gradients(work, inputs, targets, smoothing_A, draws)
            norm_A = torch.linalg.vector_norm(grads_AN, dim=1)
            left_A = norm_A if bound_ is None else bound_(s, grads_AN := grads_AN.clone())
            if clips:
                grads_AN = grads_AN * (clip_SA[s] / left_A).clamp(max=1.0)[:, None]
            updater.step_(s, grads_AN)
            for a in places:
                work.steps[a] += 1
            losses.append(loss_A)
            norms.append(norm_A)
        return losses, norms

    def _clipping_of_groups(
        self, limits_SAG: Array, places: list[int]
    ) -> Callable[[int, torch.Tensor], torch.Tensor] | None:
        """What clips, at a step, the rows of gradients [A, N] within each named group, in place, and answers the
        norms that are left; None where nothing is clipped."""
        if not np.isfinite(limits_SAG[:, places]).any():
            return None
        named = [(self._column(limits_SAG[..., g]), part) for g, part in self._shelf.layout.named().items()]

        def bound_(s: int, grads_AN: torch.Tensor) -> torch.Tensor:
            for limits_SA, part in named:
                norm_A = torch.linalg.vector_norm(grads_AN[:, part].contiguous(), dim=1)
                grads_AN[:, part] *= (limits_SA[s] / norm_A).clamp(max=1.0)[:, None]
            return torch.linalg.vector_norm(grads_AN, dim=1)

        return bound_

    def _column(self, values: Array) -> torch.Tensor:
        """[S, A] of a number that concerns the slot as a whole."""
        whole = values if values.ndim == 2 else values[..., 0]
        return torch.from_numpy(np.ascontiguousarray(whole)).to(self._plan.device, self._shelf.layout.dtype)

    def _prepare(self, state: Rows, data: Placed, plan: Plan) -> None:
        """Make the program, and find out whether slots may be left out.

        Raises:
            Unsupported: the mode can not take this model; it names the reason and the mend.
        """
        try:
            if data.tree is not None:
                raise Refused("its inputs are a dict or a tuple", "Give one array")
            if data.stream is not None:
                raise Refused("its batches come from loaders", "Give the rows themselves")
            rows_AB = torch.from_numpy(plan.rows[0].astype(np.int64)).to(data.inputs.device)
            self._gradients = self._make_gradients(_gather(data, rows_AB)[0])
            once = partial(self._once, state, data, rows_AB)
            whole = once(list(range(self.P)))
            if not _same(once, whole, list(range(self.P))[::-1]):
                raise Refused("a kernel of its layers rounds in another way in another slot")
            self._compact = not self._one_width and self._is_compact(once, whole)
        except Refused as refused:
            raise unsupported(self.mode.name, refused) from None
        except LuthierError:
            raise
        except Exception as error:  # whatever torch.func or a rule says of the model's code
            raise unsupported(self.mode.name, Refused(_first_line(error), _mend(error))) from error

    def _is_compact(self, once: Once, whole: list[torch.Tensor]) -> bool:
        """Does a slot get the same bits whatever the number of its neighbours? `whole`: what all slots get in order.

        Tried on a batch with most widths; with few of them where a step of the model is long.
        """
        every, widths = list(range(self.P)), {2, 3, self.P - 1}
        if self._shelf.layout.num_weights < LARGE:
            widths |= {4, 5, 7, 8, 11, 13}
        fewer = sorted(widths & set(range(2, self.P)))
        return all(_same(once, whole, slots) for w in fewer for slots in (every[:w], every[-w:]))

    def _once(self, state: Rows, data: Placed, rows_AB: torch.Tensor, slots: list[int]) -> list[torch.Tensor]:
        """Loss, gradient and buffers of some slots after one batch; the state stays as it is."""
        work = state.select(slots)
        draws = Draws([Clock() for _ in slots])
        draws.begin(work.seeds, work.steps)
        inputs, targets = _gather(data, rows_AB[slots])
        smoothing_A = torch.full((len(slots),), 0.1, dtype=work.weights.dtype, device=work.weights.device)
        assert self._gradients is not None
        loss_A, grads_AN = self._gradients(work, inputs, targets, smoothing_A, draws)
        return [loss_A, grads_AN, *work.buffers.values()]

    # ------------------------------------------------------------------------------------------- evaluation

    def predict(self, state: Rows, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Model outputs in evaluation mode: float32 [slots, n, C]."""
        return self._reading(state).predict(data, rows, slots)

    def evaluate(self, state: Rows, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> Array:
        """Loss of each example in evaluation mode: float32 [slots, n]."""
        check_targets(data, self._loss)
        return self._reading(state).evaluate(data, rows, slots)

    def measure(self, state: Rows, data: Placed, rows: Array, slots: Sequence[int] | None = None) -> dict[str, Array]:
        """What functions of one's own say of rows: {name: float32 [slots, n]}."""
        return self._reading(state).measure(data, rows, slots)

    def module(self, state: Rows, slot: int) -> nn.Module:
        """The model of a slot, in evaluation mode."""
        return Slot(self._plan, self.take(state, slot), self._loss).model.eval()

    def probe(self, state: Rows, data: Placed, rows: Array) -> dict[str, Array]:
        """Loss, gradient norm and weight norm of each slot on one batch, in evaluation mode: float32 [P]."""
        check_targets(data, self._loss)
        return self._reading(state).probe(data, rows)

    def _reading(self, state: Rows) -> Reading:
        return Reading(partial(self._read, state), self.P, self._plan.device)

    def _read(self, state: Rows, slot: int) -> Slot:
        """The model with the weights of a slot, as views."""
        if self._reader is None:
            self._reader = Slot(self._plan, self.take(state, slot), self._loss)
        weights = self._shelf.layout.views(state.weights[slot]) | state.shared
        weights |= {name: tensor[slot] for name, tensor in state.frozen.items()}
        buffers = {name: tensor[slot] for name, tensor in state.buffers.items()}
        self._reader.look_at(weights, buffers, state.constants[slot])
        return self._reader


def _same(once: Once, whole: list[torch.Tensor], slots: list[int]) -> bool:
    """Do these slots, in this order and without the others, get the bits that they get among all?"""
    return all(torch.equal(a[slots], b) for a, b in zip(whole, once(slots), strict=True))


def unsupported(mode: str, refused: Refused) -> Unsupported:
    """A mode can not take a model."""
    return Unsupported(
        f"mode {mode!r} can not take this model: {refused.reason}", where="torch engine", remedy=refused.mend
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2]) or 'no message'}"


def _mend(error: Exception) -> str:
    """What to change in the model, by what torch.func says of it."""
    return next((mend for word, mend in MENDS.items() if word in str(error)), "")


def _parts(steps_P: Array) -> Iterator[Part]:
    """The plan in parts, cut where a slot stops."""
    first = 0
    for last in sorted(set(steps_P.tolist()) - {0}):
        yield Part(first, last, np.flatnonzero(steps_P > first).tolist())
        first = last


def _cut(plan: Plan, part: Part, chosen: list[int]) -> Plan:
    hparams = {name: values[part.first : part.last, chosen] for name, values in plan.hparams.items()}
    return Plan(plan.rows[part.first : part.last, chosen], hparams, plan.steps[chosen], plan.kinds[chosen])


def _by_group(hparams: dict[str, Array], num_groups: int) -> dict[str, Array]:
    """{name: [S, A, G]}."""
    return {n: v if v.ndim == 3 else np.repeat(v[..., None], num_groups, -1) for n, v in hparams.items()}


def _gather(data: Placed, rows_AB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs [A, B, ...] and targets [A, B, ...]."""
    A, B = rows_AB.shape
    inputs, targets = data.batch(rows_AB.reshape(-1))
    return inputs.view(A, B, *inputs.shape[1:]), targets.view(A, B, *targets.shape[1:])
