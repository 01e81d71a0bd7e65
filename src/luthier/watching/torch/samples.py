"""Numbers of tensors without disturbing the program: a few entries are copied now and read later, all at once.

On a GPU reading a number makes the program wait, so copies are gathered and fetched together at the end of a step.
Nothing here draws random numbers, changes a tensor or its version, or keeps the program's tensor alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.watching.facts import Stats, TensorFact

ENTRIES = 4096
"""Entries of a tensor that are looked at."""
WAITING = 512
"""Copies that may wait."""
Numbers = npt.NDArray[Any]


class Samples:
    """Copies that wait to be read."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self._waiting: list[tuple[Any, Callable[[Numbers], None]]] = []
        self._after: list[Callable[[], None]] = []

    def later(self, tensor: Any, use: Callable[[Numbers], None], entries: int = ENTRIES) -> None:
        """Call `use` with at most `entries` numbers of a tensor, 1-D, at even distances, at the next `flush`."""
        if self.readable(tensor):
            self._waiting.append((self.few(tensor, entries), use))
            if len(self._waiting) >= WAITING:
                self.flush()

    def copied(self, copy: Any, use: Callable[[Numbers], None]) -> None:
        """Call `use` with the numbers of a copy that the caller made itself, in its shape, at the next `flush`."""
        self._waiting.append((copy, use))

    def then(self, use: Callable[[], None]) -> None:
        """Call `use` at the next `flush`, after everything that waits now was read."""
        self._after.append(use)

    def readable(self, tensor: Any) -> bool:
        """Whether a tensor has numbers that can be read here: no sparse, quantised, fake or transformed one."""
        torch = self._torch
        return (
            type(tensor) in (torch.Tensor, torch.nn.Parameter)
            and tensor.layout is torch.strided
            and not tensor.is_meta
            and not tensor.is_quantized
            and not tensor.is_complex()
            and tensor.numel() > 0
            and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        )

    def few(self, tensor: Any, entries: int = ENTRIES) -> Any:
        """A copy of at most `entries` numbers of a tensor, at even distances."""
        flat = tensor.detach()
        flat = flat.view(-1) if flat.is_contiguous() else flat.reshape(-1)
        num = flat.numel()
        if num > entries:
            flat = flat[:: -(-num // entries)]
        return flat.clone()

    def rows(self, tensor: Any, num_rows: int, entries: int) -> Any:
        """A copy of the first rows of a tensor, each with at most `entries` numbers: 2-D."""
        some = tensor.detach()[:num_rows].reshape(min(num_rows, tensor.shape[0]), -1)
        width = some.shape[1]
        if width > entries:
            some = some[:, :: -(-width // entries)]
        return some.clone()

    def flush(self) -> None:
        """Read what waits."""
        waiting, self._waiting = self._waiting, []
        by_kind: dict[tuple[Any, Any], list[tuple[Any, Callable[[Numbers], None]]]] = {}
        for copy, use in waiting:
            by_kind.setdefault((copy.device, copy.dtype), []).append((copy, use))
        for (device, _), some in by_kind.items():
            if device.type == "cpu":
                for copy, use in some:
                    use(numbers(copy))
                continue
            sizes = np.cumsum([copy.numel() for copy, _ in some])[:-1]
            together = numbers(self._torch.cat([copy.reshape(-1) for copy, _ in some]).cpu())
            for part, (copy, use) in zip(np.split(together, sizes), some, strict=True):
                use(part.reshape(tuple(copy.shape)))
        after, self._after = self._after, []
        for done in after:
            done()


def numbers(tensor: Any) -> Numbers:
    """A CPU tensor as an array; types that NumPy lacks come as float32."""
    tensor = tensor.detach()
    if str(tensor.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2"):
        tensor = tensor.float()
    array: Numbers = tensor.numpy()
    return array


def stats_of(array: Numbers, *, distinct: bool = True) -> Stats:
    """The numbers of a sample.

    >>> s = stats_of(np.array([0.0, 1.0, 3.0, np.nan]))
    >>> s.n, s.low, s.high, s.num_nan, s.integer_share
    (4, 0.0, 3.0, 1, 1.0)
    """
    wide = array.reshape(-1).astype(np.float64)
    n = wide.size
    total = float(wide.sum()) if n else 0.0
    num_nonfinite = num_nan = 0
    if not np.isfinite(total):
        finite = np.isfinite(wide)
        num_nan = int(np.isnan(wide).sum())
        num_nonfinite = n - int(finite.sum())
        wide = wide[finite]
    if not wide.size:
        return Stats(n=n, num_nonfinite=num_nonfinite, num_nan=num_nan)
    low, high = float(wide.min()), float(wide.max())
    return Stats(
        n=n,
        low=low,
        high=high,
        mean=float(wide.mean()),
        std=float(wide.std()),
        absmax=max(-low, high),
        zero_share=1.0 - np.count_nonzero(wide) / wide.size,
        integer_share=float(np.count_nonzero(wide == np.rint(wide))) / wide.size if distinct else float("nan"),
        unit_share=float(np.count_nonzero((wide >= 0) & (wide <= 1))) / wide.size if distinct else float("nan"),
        num_nonfinite=num_nonfinite,
        num_nan=num_nan,
        num_distinct=len(np.unique(wide)) if distinct else 0,
    )


def fact_of(tensor: Any) -> TensorFact:
    """Shape and type of a tensor, without its numbers."""
    return TensorFact(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype)[6:],
        device="cpu" if tensor.device.type == "cpu" else str(tensor.device),
        requires_grad=tensor.requires_grad,
        is_leaf=tensor.is_leaf,
    )


def first_tensor(value: Any, depth: int = 3) -> Any:
    """The first tensor in what a function was given or returned; None where there is none."""
    if hasattr(value, "grad_fn") and hasattr(value, "shape"):
        return value
    if depth and isinstance(value, dict):
        value = list(value.values())
    elif depth and hasattr(value, "logits"):
        return value.logits
    if depth and isinstance(value, (list, tuple)):
        for item in value:
            found = first_tensor(item, depth - 1)
            if found is not None:
                return found
    return None


MULTIPLIERS = np.random.Generator(np.random.PCG64(7)).integers(1, 2**63, 256, dtype=np.uint64) | np.uint64(1)
"""Odd numbers that a row's entries are weighted with: a row's hash is their sum modulo 2**64."""


def row_hashes(rows: Numbers) -> tuple[int, ...]:
    """One number a row of a 2-D array of at most 256 columns; equal rows have equal numbers."""
    bits = np.ascontiguousarray(rows)
    if bits.dtype.kind == "f":
        bits = bits + bits.dtype.type(0)  # minus zero is zero
    width = bits.dtype.itemsize
    words = bits.view(f"u{width}").astype(np.uint64)
    with np.errstate(over="ignore"):
        words ^= words >> np.uint64(17)
        sums = (words * MULTIPLIERS[: words.shape[1]]).sum(axis=1, dtype=np.uint64)
    return tuple(sums.tolist())
