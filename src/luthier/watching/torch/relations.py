"""What ties the inputs of a model, its target and its loss together: tokens, rows, graphs, reshaped tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.watching.calls import LossCall
from luthier.watching.facts import Layer
from luthier.watching.torch.graphs import Graphs
from luthier.watching.torch.reshapes import Reshapes
from luthier.watching.torch.samples import Numbers, numbers
from luthier.watching.torch.state import Watch
from luthier.watching.torch.tokens import Tokens
from luthier.watching.values import only_alike, windows_of

MIN_ROWS, MIN_COLUMNS, MAX_COLUMNS = 8, 3, 256


class Relations:
    """Facts that need more than one call to be seen."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.tokens = Tokens(watch)
        self.graphs = Graphs(watch, self.tokens)
        self.reshapes = Reshapes(watch)
        self.rows: Numbers | None = None
        self.steps = 0

    def install(self) -> None:
        """Put the functions in."""
        self.tokens.install()
        self.reshapes.install()

    def begins(self) -> None:
        """Another call of a model begins."""
        self.tokens.clear()
        self.rows, self.steps = None, 0

    def given(self, tensor: Any, copy: Numbers) -> None:
        """The model is given these rows; `copy` holds the first of them, with all of their numbers."""
        if tensor.dtype.is_floating_point and copy.shape[1] <= MAX_COLUMNS and tensor.dim() in (2, 3):
            self.rows = copy
            self.steps = tensor.shape[1] if tensor.dim() == 3 else 0

    def layer(self, layer: Layer, args: Any, output: Any) -> None:
        """A layer was called, looked at closely."""
        if layer.kind == "Embedding" and args and self.watch.samples.readable(args[0]):
            self.tokens.seen(layer, args[0])
        elif layer.kind in ("LSTM", "GRU", "RNN") and isinstance(output, tuple):
            self.graphs.recurrent(output[0], layer.name)
            if args and layer.options.get("batch_first") and self.watch.samples.readable(args[0]):
                self.tokens.steps(args[0])
            self.reshapes.state(output)

    def loss(self, record: LossCall, source: Any, target: Any) -> None:
        """A loss is computed, looked at closely: how does its target lie to what the model was given?"""
        readable = self.watch.samples.readable
        if target is None or not readable(target):
            return
        self.tokens.match(record, target)
        if self.rows is not None and MIN_ROWS <= target.shape[:1].numel() == target.numel() and record.grad_enabled:
            self._column(record, numbers(target.detach().cpu()).reshape(-1).astype(np.float64))
        if self.rows is not None and record.grad_enabled and target.dtype.is_floating_point:
            self._windows(record, target)
        if record.name == "cross_entropy" and readable(source) and source.dim() == 2:
            record.own_row = _own_row(source, target)

    def _windows(self, record: LossCall, target: Any) -> None:
        """Were the windows that the model was given scaled together with what follows them?"""
        assert self.rows is not None
        few = self.steps in (0, 1, self.rows.shape[1])  # one series, not several
        if few and target.dim() and len(target) >= len(self.rows) and target.numel() <= MAX_COLUMNS * len(target):
            goal = numbers(target.detach()[: len(self.rows)].cpu())
            record.windows = windows_of(self.rows, goal)

    def _column(self, record: LossCall, goal: Numbers) -> None:
        """Is the target one of the numbers of its row?"""
        assert self.rows is not None
        rows, goal = self.rows.astype(np.float64), goal[: len(self.rows)]
        if len(rows) != len(goal) or rows.shape[1] < MIN_COLUMNS or not np.isfinite(rows).all() or goal.std() == 0:
            return
        last = rows.shape[1] // self.steps * (self.steps - 1) if self.steps else rows.shape[1] - 1
        equal = np.flatnonzero((rows == goal[:, None]).all(axis=0))
        if len(equal) and equal[-1] >= last:
            record.column, record.bit_equal, record.last = int(equal[-1]), True, True
            return
        best = only_alike(rows, goal)
        if best >= 0:
            record.column, record.bit_equal, record.last = best, best in equal, best >= last


def _own_row(source: Any, target: Any) -> bool:
    """Is the diagonal of a square matrix of scores one number, the largest of each row, which no target asks for?"""
    if source.shape[0] != source.shape[1] or source.shape[0] < MIN_ROWS or target.dim() != 1:
        return False
    scores = numbers(source.detach().cpu()).astype(np.float64)
    goal, own = numbers(target.detach().cpu()), np.diag(scores)
    size = float(np.abs(own).max())
    same = float(own.max() - own.min()) <= 1e-3 * size
    highest = bool((own >= scores.max(axis=1) - 1e-3 * size).all())
    return size > 0 and same and highest and not bool((goal == np.arange(len(goal))).any())
