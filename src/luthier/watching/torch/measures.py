"""Small measurements of gradients, graphs and the process."""

from __future__ import annotations

import math
import os
from typing import Any

from luthier.watching.torch.state import Key

NODES = 5000


def key_of(grad: Any) -> Key:
    """Memory and version of a gradient."""
    try:
        return grad.data_ptr(), grad._version
    except RuntimeError:  # sparse ones have no memory of their own, inference tensors no version
        return (grad._values().data_ptr(), grad._version) if grad.is_sparse else (id(grad), 0)


def is_nonzero(grad: Any) -> bool:
    """Has a gradient an entry that is not zero?"""
    values = grad.detach()
    if values.is_sparse:
        values = values._values()
    return bool(values.any())


def wants_parameters(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether autograd.grad asks for gradients of weights, and not of inputs or of intermediate results."""
    from torch.nn import Parameter as Weight

    inputs = args[1] if len(args) > 1 else kwargs.get("inputs", ())
    return any(isinstance(i, Weight) for i in (inputs if isinstance(inputs, (list, tuple)) else [inputs]))


def count_nodes(root: Any) -> int:
    """Nodes of a graph, counted up to a bound."""
    seen, todo = {root}, [root]
    while todo and len(seen) < NODES:
        for node, _ in todo.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                todo.append(node)
    return len(seen)


SCALED = "luthier.scaled"


def mark_scaled(scaled: Any) -> None:
    """Mark what a GradScaler has scaled: one tensor, or several."""
    for tensor in scaled if isinstance(scaled, (list, tuple)) else [scaled]:
        if getattr(tensor, "grad_fn", None) is not None:
            tensor.grad_fn.metadata[SCALED] = True


def is_scaled(node: Any) -> bool:
    """Does a loss come from one that a GradScaler has scaled, by a few operations?"""
    todo = [node]
    for _ in range(32):
        if not todo:
            return False
        here = todo.pop(0)
        if SCALED in here.metadata:
            return True
        todo += [below for below, _ in here.next_functions if below is not None]
    return False


def rss_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no such file on macOS
        return 0


def number_of(value: Any) -> float:
    """A setting as a number; NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
