"""The divergence of a normal posterior from the standard normal one, found in the graph of a loss and read there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luthier.watching.torch.origins import node_name, saved

ELEMENTWISE = {"add", "sub", "rsub", "neg", "mul", "div"}
NODES = 400
ROWS = 1024


def divergence(root: Any) -> float | None:
    """Mean over rows of KL(N(mu, exp(logvar)) || N(0, 1)) [nats]; None where the loss holds no such term.

    The term is known by its parts: a number, its own exponential and a square are added up entry by entry (Kingma and
    Welling 2014, arXiv 1312.6114, appendix B), or a square, its logarithm and another square (torch.distributions).
    """
    import torch

    for node in _below(root, lambda _: True, NODES):
        if node_name(node) not in ("add", "sub", "rsub"):
            continue
        leaves = list(_below(node, lambda n: node_name(n) in ELEMENTWISE, 32))
        mean, variance = _parts(leaves)
        if mean is None or variance is None or mean.shape != variance.shape or mean.dim() < 2:
            continue
        with torch.no_grad():
            mean, variance = mean[:ROWS].double(), variance[:ROWS].double()
            terms = 0.5 * (mean**2 + variance - variance.log() - 1)
            return float(terms.flatten(1).sum(1).mean())
    return None


def _parts(leaves: list[Any]) -> tuple[Any, Any]:
    """The mean and the variance among what is added up."""
    powers = [n for n in leaves if node_name(n) == "pow" and saved(n, "exponent") == 2]
    growths = [n for n in leaves if node_name(n) == "exp" and n.next_functions[0][0] in leaves]
    if powers and growths:
        return saved(powers[0], "self"), saved(growths[0], "result")
    for node in leaves:
        if node_name(node) == "log" and node.next_functions[0][0] in powers:
            spread = node.next_functions[0][0]
            mean, scale = next((saved(n, "self") for n in powers if n is not spread), None), saved(spread, "self")
            return mean, None if scale is None else scale**2
    return None, None


def _below(root: Any, goes_on: Any, limit: int) -> Iterator[Any]:
    """A node and those below it, level by level; not what stands below a node for which `goes_on` is false."""
    seen, todo = {root}, [root]
    for node in todo:
        yield node
        if not goes_on(node):
            continue
        for below, _ in node.next_functions:
            if below is not None and below not in seen and len(seen) < limit:
                seen.add(below)
                todo.append(below)
