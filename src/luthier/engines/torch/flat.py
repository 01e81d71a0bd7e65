"""The state of P trials that are trained by one program: a row of numbers for each.

Axes: P slots, N trainable weights of a model, A slots that take part in a step.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from luthier.engines.grouping import Grouping
from luthier.engines.spec import Array, Snapshot
from luthier.engines.torch import constants
from luthier.engines.torch.model import check_room
from luthier.engines.torch.optimizers import group_of
from luthier.engines.torch.refusal import Refused

Tensors = dict[str, torch.Tensor]


class Layout(NamedTuple):
    """Where each trainable weight lies in a row: one parameter group after another, so that a group is a slice."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    groups: tuple[slice, ...]  # by their places on the G axis
    dtype: torch.dtype

    @property
    def num_weights(self) -> int:
        """Trainable weights of a model."""
        return sum(self.sizes)

    def named(self) -> dict[int, slice]:
        """{place of its first weights on the G axis: where all of a named group lie}."""
        halves = enumerate(zip(self.groups[::2], self.groups[1::2], strict=True))
        return {2 * part: slice(a.start, b.stop) for part, (a, b) in halves if part}

    def views(self, rows_AN: torch.Tensor) -> Tensors:
        """{name: [A, *shape]}. One split: its backward is one concatenation, where slices would each make a row."""
        parts = rows_AN.split(self.sizes, -1)
        lead = rows_AN.shape[:-1]
        return {n: part.view(*lead, *s) for n, s, part in zip(self.names, self.shapes, parts, strict=True)}


def layout_of(model: nn.Module, grouping: Grouping) -> Layout:
    """Of the model's trainable weights.

    Raises:
        Refused: weights of several types.
    """
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    dtypes = sorted({str(p.dtype) for _, p in trained})
    if len(dtypes) > 1:
        raise Refused(f"the weights are of {', '.join(dtypes)}", "Let all trainable weights have one type")
    index = group_of(dict(trained), grouping)
    by_group = sorted(trained, key=lambda item: index[item[0]])
    sizes = [p.numel() for _, p in by_group]
    ends = [0] + [sum(p.numel() for n, p in trained if index[n] <= g) for g in range(grouping.num)]
    return Layout(
        names=tuple(n for n, _ in by_group),
        shapes=tuple(tuple(p.shape) for _, p in by_group),
        sizes=tuple(sizes),
        groups=tuple(slice(a, b) for a, b in itertools.pairwise(ends)),
        dtype=by_group[0][1].dtype,
    )


@dataclass
class Rows:
    """P trials. Owned by a population's state and changed in place.

    Args:
        weights: [P, N]. `kept`: optimizer states [P, N] by name; `states`: which of them each slot keeps.
        buffers: [P, ...] by name. `shared`: frozen weights that all slots have in common, held once; `frozen`:
            those in which they differ, [P, ...].
        constants: the lifted numbers of each slot.
    """

    weights: torch.Tensor
    kept: Tensors = field(default_factory=dict)
    buffers: Tensors = field(default_factory=dict)
    shared: Tensors = field(default_factory=dict)
    frozen: Tensors = field(default_factory=dict)
    states: list[set[str]] = field(default_factory=list)
    constants: list[dict[str, float]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    @property
    def num_slots(self) -> int:
        """Number of slots."""
        return len(self.weights)

    def select(self, slots: Sequence[int]) -> Rows:
        """A copy of some slots; frozen weights that are shared stay shared."""
        index = torch.tensor(slots, device=self.weights.device)

        return Rows(
            weights=self.weights[index],
            kept={n: t[index] for n, t in self.kept.items()},
            buffers={n: t[index] for n, t in self.buffers.items()},
            shared=self.shared,
            frozen={n: t[index] for n, t in self.frozen.items()},
            states=[self.states[p] for p in slots],
            constants=[self.constants[p] for p in slots],
            seeds=[self.seeds[p] for p in slots],
            steps=[self.steps[p] for p in slots],
        )

    def write(self, slots: Sequence[int], trained: Rows, places: Sequence[int]) -> None:
        """Put the rows of `trained` at `places` back into slots; what training changes only."""
        if trained is self:
            return
        to = torch.tensor(slots, device=self.weights.device)
        at = torch.tensor(places, device=self.weights.device)
        self.weights[to] = trained.weights[at]
        for mine, theirs in ((self.kept, trained.kept), (self.buffers, trained.buffers)):
            for name, tensor in mine.items():
                tensor[to] = theirs[name][at]
        for p, place in zip(slots, places, strict=True):
            self.steps[p] = trained.steps[place]


class Shelf(NamedTuple):
    """How the snapshots of a model lie in rows."""

    layout: Layout
    buffers: dict[str, torch.Tensor]  # shapes and types
    frozen: dict[str, torch.Tensor]
    device: torch.device

    def stack(self, snapshots: Sequence[Snapshot]) -> Rows:
        """Rows of P trials.

        Raises:
            InvalidInput: a snapshot of another model.
        """
        self._check(snapshots[0])  # the others are when they are put
        P = len(snapshots)
        rows = Rows(torch.zeros(P, self.layout.num_weights, dtype=self.layout.dtype, device=self.device))
        rows.buffers = {n: b.new_zeros((P, *b.shape)) for n, b in self.buffers.items()}
        rows.shared = {n: self._tensor(snapshots[0][f"weights/{n}"], w) for n, w in self.frozen.items()}
        rows.states, rows.constants = [set() for _ in range(P)], [{} for _ in range(P)]
        rows.seeds, rows.steps = [0] * P, [0] * P
        for p, snapshot in enumerate(snapshots):
            self.put(rows, p, snapshot)
        return rows

    def put(self, rows: Rows, slot: int, snapshot: Snapshot) -> None:
        """Replace one slot.

        Raises:
            InvalidInput: a snapshot of another model; nothing has changed then.
        """
        self._check(snapshot)
        rows.weights[slot] = self._row(snapshot, "weights")
        rows.states[slot] = {key.split("/")[1] for key in snapshot if key.startswith("optimizer/")}
        for state in rows.states[slot]:
            kept = rows.kept.setdefault(state, torch.zeros_like(rows.weights))
            kept[slot] = self._row(snapshot, f"optimizer/{state}")
        for name, buffer in rows.buffers.items():
            buffer[slot] = self._tensor(snapshot[f"buffers/{name}"], buffer)
        for name in self.frozen:
            self._put_frozen(rows, slot, name, snapshot)
        rows.constants[slot] = constants.in_snapshot(snapshot)
        rows.seeds[slot], rows.steps[slot] = int(snapshot["seed"]), int(snapshot["step"])

    def _check(self, snapshot: Snapshot) -> None:
        trained = dict(zip(self.layout.names, self.layout.shapes, strict=True))
        check_room("weights", trained | {n: tuple(w.shape) for n, w in self.frozen.items()}, snapshot)
        check_room("buffers", {n: tuple(b.shape) for n, b in self.buffers.items()}, snapshot)
        for state in {key.split("/")[1] for key in snapshot if key.startswith("optimizer/")}:
            check_room(f"optimizer/{state}", trained, snapshot)

    def _put_frozen(self, rows: Rows, slot: int, name: str, snapshot: Snapshot) -> None:
        new = self._tensor(snapshot[f"weights/{name}"], self.frozen[name])
        if name in rows.shared:
            if torch.equal(rows.shared[name], new):
                return
            rows.frozen[name] = rows.shared.pop(name).expand(rows.num_slots, *new.shape).clone()
        rows.frozen[name][slot] = new

    def take(self, rows: Rows, slot: int) -> Snapshot:
        """A copy of one slot."""
        arrays: Snapshot = {f"weights/{n}": a for n, a in self._arrays(rows.weights[slot]).items()}
        for name in self.frozen:
            value = rows.shared[name] if name in rows.shared else rows.frozen[name][slot]
            arrays[f"weights/{name}"] = np.array(value.cpu().numpy())
        for state in sorted(rows.states[slot]):
            named = self._arrays(rows.kept[state][slot])
            arrays |= {f"optimizer/{state}/{n}": a for n, a in named.items()}
        arrays |= {f"buffers/{n}": np.array(b[slot].cpu().numpy()) for n, b in rows.buffers.items()}
        arrays |= {f"constants/{n}": np.array(c, np.float64) for n, c in rows.constants[slot].items()}
        arrays["seed"] = np.array(rows.seeds[slot], np.int64)
        return arrays | {"step": np.array(rows.steps[slot], np.int64)}

    def _arrays(self, row_N: torch.Tensor) -> dict[str, Array]:
        return {n: np.array(t.cpu().numpy()) for n, t in self.layout.views(row_N).items()}

    def _row(self, snapshot: Snapshot, room: str) -> torch.Tensor:
        parts = [np.ravel(snapshot[f"{room}/{name}"]) for name in self.layout.names]
        return torch.from_numpy(np.concatenate(parts)).to(self.layout.dtype)

    def _tensor(self, array: Array, like: torch.Tensor) -> torch.Tensor:
        return torch.tensor(np.asarray(array), dtype=like.dtype, device=self.device)
