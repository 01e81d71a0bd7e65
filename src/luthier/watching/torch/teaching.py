"""Two models in one loss, where what one returns is the target of the other: a teacher and its pupil."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from luthier.watching.torch.origins import KEY, SHAPING, node_name

CALL = KEY + ".call"
NODES = 2000
STEPS = 8
ALIKE = ("mseloss", "smoothl1loss", "huberloss", "l1loss")
"""Losses whose two sides change places without a difference."""
Edge = tuple[Any, Any]


class Lesson(NamedTuple):
    """pupil, teacher: numbers of models; even: the loss does not say which of the two is which."""

    pupil: int
    teacher: int
    even: bool


def lessons(root: Any) -> tuple[set[Lesson], set[int]]:
    """Lessons in the graph of a loss, where the gradient flows into the teacher as well; and the models that the loss
    reaches in another way than as such a target."""
    found: set[Lesson] = set()
    cut: set[Edge] = set()
    nodes = list(_above_models(root, frozenset()))
    for node in nodes:
        name = node_name(node)
        if name == "mul":
            _soft(node, found, cut)
        elif name in ALIKE:
            _even(node, found, cut)
    if not found:
        return found, set()
    targets = {below for _, below in cut}
    entropies = (node for node in nodes if node_name(node) == "xlogy")
    cut |= {(node, below) for node in entropies for below in _sides(node) if below in targets}
    return found, _models(root, frozenset(cut))


def _sides(node: Any) -> list[Any]:
    return [below for below, _ in node.next_functions if below is not None]


def _above_models(root: Any, cut: frozenset[Edge]) -> Iterator[Any]:
    """The nodes between a loss and what models returned, those included."""
    seen, todo = {root}, [root]
    while todo:
        node = todo.pop()
        yield node
        if CALL in node.metadata:
            continue
        for below in _sides(node):
            if below not in seen and (node, below) not in cut and len(seen) < NODES:
                seen.add(below)
                todo.append(below)


def _models(root: Any, cut: frozenset[Edge] = frozenset()) -> set[int]:
    return {node.metadata[CALL][0] for node in _above_models(root, cut) if CALL in node.metadata}


def _only_model(node: Any) -> int | None:
    found = _models(node)
    return found.pop() if len(found) == 1 else None


def _below_shapes(node: Any) -> Any:
    for _ in range(STEPS):
        if node_name(node) not in SHAPING or not _sides(node):
            return node
        node = _sides(node)[0]
    return node


def _soft(node: Any, found: set[Lesson], cut: set[Edge]) -> None:
    """p * log q, and p * (log p - log q): kl_div, cross_entropy with probabilities, and both by hand."""
    sides = _sides(node)
    if len(sides) != 2:
        return
    for soft, logs in (sides, sides[::-1]):
        top = _below_shapes(soft)
        if node_name(top) not in ("softmax", "exp"):
            continue
        teacher, inner = _only_model(top), _below_shapes(logs)
        terms = _sides(inner) if node_name(inner) == "sub" else [logs]
        for term in terms:
            pupil = _only_model(term) if node_name(_below_shapes(term)) == "log_softmax" else None
            if teacher is not None and pupil is not None and pupil != teacher:
                found.add(Lesson(pupil, teacher, even=False))
                cut.add((node, soft))
                cut.update((inner, other) for other in terms if other is not term and len(terms) > 1)


def _even(node: Any, found: set[Lesson], cut: set[Edge]) -> None:
    """The distance of what two models return."""
    sides = _sides(node)
    if len(sides) != 2:
        return
    one, other = map(_only_model, sides)
    if one is not None and other is not None and one != other:
        found |= {Lesson(one, other, even=True), Lesson(other, one, even=True)}
        cut.update((node, side) for side in sides)
