"""What the ranks of a distributed run have at the same step, told over the store of their process group."""

from __future__ import annotations

import json
from typing import Any

from luthier.watching.steps import RanksCompared
from luthier.watching.torch.ranks import process_group, store_of
from luthier.watching.torch.state import Watch

KEY = "luthier/step"
STEPS = (1, 2, 3, 4, 5, 10, 20, 50, 100, 200)
"""Optimizer steps after which the ranks are compared."""
PARAMETERS, ENTRIES = 200, 4096
"""Of a model that are added up."""


class Replicas:
    """Each rank posts what it has, and the first one reads what the others have posted by then: nobody waits."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        self._made = self.recorder.safely("replicas", self._made_)
        self._open: dict[tuple[int, int], dict[str, Any]] = {}
        self._lost = False

    def install(self) -> None:
        """Put the hooks in."""
        import torch

        if torch.distributed.is_available():
            self.watch.patches.wrap(torch.nn.parallel.DistributedDataParallel, "__init__", self._around_made)
            self.recorder.on_step.append(self.recorder.safely("replicas", self._compare))

    def _around_made(self, original: Any, *args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        if not self.recorder.off:
            self._made(args[0].module)

    def _made_(self, model: Any) -> None:
        self.watch.inside.put(model, self.recorder.place(5))

    def _compare(self) -> None:
        """After a step: post, and read what can be read."""
        step = self.trace.num_steps
        models = self.watch.inside.living() if step in STEPS and not self._lost else []
        group = process_group() if models else None
        if group is None:
            return
        store, rank, world = store_of(group), group.get_rank(), group.get_world_size()
        mine = {"rows": self._rows(step - 1), "weights": [n for model, _ in models for n in _weights(model)]}
        try:
            if rank:
                store.set(f"{KEY}/{step}/{rank}", json.dumps(mine))
                return
            self._open |= {(step, other): mine for other in range(1, world)}
            for (at, other), own in list(self._open.items()):
                if store.check([f"{KEY}/{at}/{other}"]):
                    del self._open[at, other]
                    self._differ(at, other, own, json.loads(store.get(f"{KEY}/{at}/{other}")))
        except RuntimeError:  # the rank that holds the store has gone: nothing is left to compare
            self._lost = True

    def _differ(self, step: int, other: int, own: dict[str, Any], told: dict[str, Any]) -> None:
        apart = [
            max(abs(a - b) for a, b in zip(mine, theirs, strict=True)) / max(mine[1], theirs[1], 1e-30)
            for mine, theirs in zip(own["weights"], told["weights"], strict=False)
        ]
        self.trace.ranks.append(
            RanksCompared(
                step=step - 1,
                rank=other,
                weights_apart=max(apart, default=0.0),
                rows_known=bool(own["rows"] and told["rows"]),
                same_rows=own["rows"] == told["rows"],
            )
        )

    def _rows(self, step: int) -> int:
        """A digest of the rows that the step was trained on; 0: not known."""
        rows = tuple(f.rows for f in self.trace.forwards if f.step == step and f.training and f.rows)
        return hash(rows) if rows else 0


def _weights(model: Any) -> list[tuple[float, float]]:
    """The sum and the sum of sizes of each parameter."""
    found = []
    for parameter in list(model.parameters())[:PARAMETERS]:
        part = parameter.detach().reshape(-1)[:ENTRIES].double()
        found.append((float(part.sum()), float(part.abs().sum())))
    return found
