"""Cosine similarities that a cross-entropy is given as logits, found in the graph of a loss, and their scale."""

from __future__ import annotations

from typing import Any, NamedTuple

from luthier.watching.torch.origins import node_name, saved

MASKING = {"maskedfill", "filldiagonal", "where", "add", "sub", "copyslices", "view", "unsafeview", "t", "transpose"}
DEPTH = 6
UNIT = 1e-2
"""Largest distance of a row's length from 1."""


class Scaled(NamedTuple):
    """Similarities in [-scale, scale], and among how many the cross-entropy chooses."""

    scale: float
    num_choices: int


def scaled_similarity(node: Any) -> Scaled | None:
    """The scale of what a log-softmax is given, where that is a product of rows of length 1 times a number."""
    below, result = node.next_functions[0][0], saved(node, "result")
    if result is None:
        return None
    for _ in range(DEPTH):
        if below is None or node_name(below) not in MASKING:
            break
        below = next((n for n, _ in below.next_functions if n is not None), None)
    if below is None or node_name(below) not in ("mul", "div"):
        return None
    factor = saved(below, "other")
    product = below.next_functions[0][0]
    if factor is None or factor.numel() != 1 or product is None or node_name(product) != "linear":
        return None
    scale = abs(float(factor.detach())) if node_name(below) == "mul" else 1 / max(abs(float(factor.detach())), 1e-30)
    left, right = saved(product, "self"), saved(product, "mat2")
    if left is None or right is None or not _is_unit(left, 1) or not _is_unit(right, 0):
        return None
    return Scaled(scale, int(result.shape[-1]))


def _is_unit(rows: Any, axis: int) -> bool:
    lengths = rows.detach().norm(dim=axis)
    return bool(((lengths - 1).abs() < UNIT).all())
