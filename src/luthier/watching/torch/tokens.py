"""Token numbers that embeddings are given, held against the target of the loss and against padding masks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from luthier.watching.calls import LossCall, PaddingMask, TokenMatch
from luthier.watching.facts import Layer
from luthier.watching.torch.samples import Numbers, numbers
from luthier.watching.torch.state import Watch

MIN_TOKENS, ROWS = 4, 32
MIN_LENGTHS = 4
MASKS = 64


class Given(NamedTuple):
    """What an embedding was given: the whole shape, the first rows, and its padding_idx."""

    layer: str
    shape: tuple[int, ...]
    rows: Numbers
    padding: int | None


class Tokens:
    """What embeddings were given in the call of a model that is on, or was last, where it is looked at closely."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._given: list[Given] = []
        self._blank_ends = math.nan
        self.masked = watch.recorder.safely("mask", self._masked_)

    def install(self) -> None:
        """Put a function around that of attention."""
        import torch

        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            mask = kwargs.get("key_padding_mask")
            if mask is not None and self._given and self.watch.close and self.watch.recorder.looking:
                self.masked(mask)
            return original(*args, **kwargs)

        self.watch.patches.wrap(torch.nn.functional, "multi_head_attention_forward", around)

    def clear(self) -> None:
        """Another call of a model begins."""
        self._given.clear()
        self._blank_ends = math.nan

    def seen(self, layer: Layer, tensor: Any) -> None:
        """An embedding was called with a tensor."""
        if tensor.dtype.is_floating_point or tensor.dim() != 2 or tensor.shape[1] < MIN_TOKENS:
            return
        rows = numbers(tensor.detach()[:ROWS].cpu()).copy()
        padding = layer.options.get("padding_idx")
        self._given.append(
            Given(layer.name, tuple(tensor.shape), rows, padding if isinstance(padding, int) else None)
        )

    def steps(self, tensor: Any) -> None:
        """A recurrent layer that takes the batch first was called with rows of steps [B, T, F]."""
        if tensor.dim() != 3 or tensor.shape[1] < MIN_TOKENS or not tensor.dtype.is_floating_point:
            return
        blank = (numbers(tensor.detach()[:ROWS].cpu()) == 0).all(axis=2)
        if _only_at_the_end(blank) and len(set((~blank).sum(axis=1).tolist())) >= MIN_LENGTHS:
            self._blank_ends = float(blank[:, -1].mean())

    # ---- the target ----

    def match(self, record: LossCall, target: Any) -> None:
        """Write how a target lies to the tokens: the embedding whose tokens are most like it counts."""
        if target.dtype.is_floating_point or record.name not in ("cross_entropy", "nll_loss"):
            return
        for given in self._given:
            if target.numel() != math.prod(given.shape):
                continue
            goal = numbers(target.detach().reshape(given.shape)[:ROWS].cpu())
            found = _match(given, goal, record.ignore_index)
            if found is not None and (record.tokens is None or found.share > record.tokens.share):
                record.tokens = found

    # ---- padding ----

    def ends_in_padding(self) -> float:
        """Share of the rows of the last embedding whose last token is padding; without one, of those given to a
        recurrent layer that end in steps of zeros; NaN where that is not known."""
        for given in reversed(self._given):
            padding = _padding(given)
            if padding is not None:
                return float(padding[:, -1].mean())
        return self._blank_ends

    def _masked_(self, mask: Any) -> None:
        trace = self.watch.trace
        for given in self._given:
            padding = _padding(given) if given.padding is not None else _repeated_at_the_end(given)
            if padding is None or tuple(mask.shape) != given.shape or len(trace.masks) >= MASKS:
                continue
            read = numbers(mask.detach()[:ROWS].cpu())
            hidden = read if read.dtype == bool else np.isneginf(read)
            trace.masks.append(
                PaddingMask(
                    at=self.watch.recorder.tick(),
                    step=trace.num_steps,
                    place=self.watch.recorder.place(4),
                    num_real=int((~padding).sum()),
                    num_padding=int(padding.sum()),
                    real_hidden=int((hidden & ~padding).sum()),
                    padding_hidden=int((hidden & padding).sum()),
                    forward=self.watch.forward.number if self.watch.forward else 0,
                )
            )
            return


def _match(given: Given, goal: Numbers, ignore: int | None) -> TokenMatch | None:
    counts = (goal >= 0) & (goal != (-100 if ignore is None else ignore))
    n = int(counts.sum())
    if not n:
        return None
    same = (goal == given.rows) & counts
    found = TokenMatch(layer=given.layer, n=n, share=float(same.sum()) / n, num_ignored=int((~counts).sum()))
    others, times = np.unique(given.rows[counts & ~same], return_counts=True)
    if len(others):
        most = int(times.argmax())
        found.stand_in = int(others[most])
        found.stand_in_share = float(times[most]) / float(times.sum())
        found.asked = bool((goal[counts] == found.stand_in).any())
    return found


def _repeated_at_the_end(given: Given) -> Numbers | None:
    """Which tokens are padding where no padding_idx says it: the one that fills up rows of several lengths."""
    values, counts = np.unique(given.rows[:, -1], return_counts=True)
    padding = _padding(given._replace(padding=int(values[counts.argmax()])))
    lengths = set() if padding is None else set((~padding).sum(axis=1).tolist())
    return padding if len(lengths) >= MIN_LENGTHS else None


def _padding(given: Given) -> Numbers | None:
    """Which tokens are padding: those of padding_idx, which stand at the end of some rows and nowhere between."""
    if given.padding is None:
        return None
    padding = given.rows == given.padding
    return padding if _only_at_the_end(padding) else None


def _only_at_the_end(padding: Numbers) -> bool:
    """Does padding stand at the end of some rows, nowhere between, and make up no whole row?"""
    begun = np.maximum.accumulate(padding, axis=1)
    return bool(padding.any() and not padding.all(axis=1).any() and (padding == begun).all())
