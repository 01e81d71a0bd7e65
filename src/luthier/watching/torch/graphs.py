"""Shapes of autograd graphs that tell a mistake of meaning, looked for before the first backward passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luthier.watching.steps import Backward, GraphSign
from luthier.watching.torch.latent import divergence
from luthier.watching.torch.origins import KEY, SHAPING, node_name
from luthier.watching.torch.similar import scaled_similarity
from luthier.watching.torch.state import Watch
from luthier.watching.torch.teaching import CALL, lessons
from luthier.watching.torch.tokens import Tokens

PASSES = 12
"""Backward passes from one line that are looked at."""
BARREN, READ = 3, 40
"""Losses from one line that are looked at for a divergence where there is none, and where there is one."""
NODES = 2000
STEPS = 24
RECURRENT = KEY + ".recurrent"
JUMPS = ("round", "sign", "floor", "ceil", "trunc")
"""Functions that are level almost everywhere: their gradient is zero."""
DIFFERENCES = ("sub", "rsub", "mseloss", "smoothl1loss", "huberloss", "l1loss")
PICKING = SHAPING | {"gather", "max", "amax", "min", "amin", "stack", "cat", "mean", "sum", "neg", "minimum"}
SQUASHED = {"log_softmax", "softmax", "logsumexp", "exp", "gather", "sigmoid"}
MEANS = {"nllloss", "nllloss2d", "nllloss_nd", "binarycrossentropywithlogits", "binarycrossentropy"}


class Graphs:
    """Marks what calls return, and walks through graphs."""

    def __init__(self, watch: Watch, tokens: Tokens) -> None:
        self.watch, self.tokens = watch, tokens
        self._passes: dict[Any, int] = {}
        self._teachers: set[int] = set()
        self._barren: dict[Any, int] = {}
        self._read: dict[Any, int] = {}

    def called(self, output: Any, model: int, call: int) -> None:
        """A model returned something: its tensors are known again in graphs."""
        for tensor in _tensors(output):
            tensor.grad_fn.metadata[CALL] = (model, call)

    def recurrent(self, output: Any, layer: str) -> None:
        """A recurrent layer returned its steps and its last state."""
        if getattr(output, "grad_fn", None) is not None:
            output.grad_fn.metadata[RECURRENT] = layer

    def look(self, record: Backward, root: Any) -> None:
        """Walk through the graph of a loss, from one line at most `PASSES` times until there is another optimizer."""
        here = (record.place, len(self.watch.trace.optimizers))
        seen = self._passes[here] = self._passes.get(here, 0) + 1
        if seen <= PASSES or self.watch.close:
            self._divergence(record, root, here)
        if seen > PASSES:
            return
        jumps = ""
        for node in _nodes(root):
            name = node_name(node)
            jumps = jumps or (name if name in JUMPS else "")
            sign = _sign(record)
            if name in DIFFERENCES and _bootstraps(node):
                sign.kind = "bootstrap"
            elif name == "mul" and _advantage(node):
                sign.kind = "advantage"
            elif name == "exp" and _of_mean(node):
                sign.kind = "exp of mean"
            elif name == "log_softmax" and (scaled := scaled_similarity(node)) is not None:
                sign.kind, sign.share, sign.size = "similarity", scaled.scale, scaled.num_choices
            elif name == "select":
                sign.layer = _last_step(node)
                sign.kind, sign.share = ("last step", self.tokens.ends_in_padding()) if sign.layer else ("", 0.0)
            if sign.kind:
                self.watch.trace.signs.append(sign)
        if jumps:
            size = len(_leaves(_nodes(root)) - _leaves(_nodes(root, JUMPS)))
            self.watch.trace.signs.append(_sign(record, kind="jump", layer=jumps, size=size))
        self._teaching(record, root)

    def _divergence(self, record: Backward, root: Any, here: Any) -> None:
        """Note the divergence of a posterior, where the first losses from this line hold one."""
        if self._barren.get(here, 0) >= BARREN or self._read.get(here, 0) >= READ:
            return
        found = divergence(root)
        if found is None:
            self._barren[here] = self._barren.get(here, 0) + 1
            return
        self._read[here] = self._read.get(here, 0) + 1
        self.watch.trace.signs.append(_sign(record, kind="divergence", share=found))

    def _teaching(self, record: Backward, root: Any) -> None:
        """Note teachers that the gradient flows into, and later losses that reach them in another way."""
        found, reached = lessons(root)
        if self._teachers and not found:
            reached = {node.metadata[CALL][0] for node in _nodes(root) if CALL in node.metadata}
        self._teachers |= {lesson.teacher for lesson in found}
        signs = [("lesson", (each.pupil, each.teacher), each.even) for each in sorted(found)]
        signs += [("own loss", (number, number), False) for number in sorted(reached & self._teachers)]
        for kind, models, even in signs:
            self.watch.trace.signs.append(_sign(record, kind=kind, models=models, even=even))


def _sign(record: Backward, **what: Any) -> GraphSign:
    """Something that is seen in the graph of this pass."""
    return GraphSign(at=record.at, step=record.step, place=record.place, backward=record.at, **what)


def _tensors(output: Any) -> list[Any]:
    if isinstance(output, dict):
        output = tuple(output.values())
    some = output[:4] if isinstance(output, (list, tuple)) else (output,)
    return [t for t in some if getattr(t, "grad_fn", None) is not None]


def _nodes(root: Any, closed: tuple[str, ...] = ()) -> Iterator[Any]:
    """The nodes of a graph from its root; nothing is looked for below nodes of these names."""
    seen, todo = {root}, [root]
    while todo:
        node = todo.pop()
        yield node
        if closed and node_name(node) in closed:
            continue
        for below, _ in node.next_functions:
            if below is not None and below not in seen and len(seen) < NODES:
                seen.add(below)
                todo.append(below)


def _leaves(nodes: Iterator[Any]) -> set[int]:
    """The weights, by identity, that a graph ends at."""
    return {id(node.variable) for node in nodes if hasattr(node, "variable")}


def _sides(node: Any) -> list[Any]:
    return [below for below, _ in node.next_functions]


def _only(node: Any) -> Any:
    """The one side of a node that carries a gradient; None where that are several or none."""
    sides = [s for s in _sides(node) if s is not None]
    return sides[0] if len(sides) == 1 else None


def _call(node: Any) -> tuple[int, int] | None:
    found: tuple[int, int] | None = node.metadata.get(CALL)
    return found


def _bootstraps(node: Any) -> bool:
    sides = _sides(node)
    if len(sides) < 2 or sides[0] is None or sides[1] is None:
        return False
    for plain, other in (sides[:2], sides[1::-1]):
        one, two = _returned(plain), _target(other)
        if one is not None and two is not None and one[0] == two[0] and one != two:
            return True
    return False


def _returned(node: Any) -> tuple[int, int] | None:
    """The call whose output a node is, through changes of shape and picking."""
    for _ in range(STEPS):
        if node is None or _call(node) is not None:
            return _call(node) if node is not None else None
        if node_name(node) not in PICKING:
            return None
        node = _sides(node)[0] if node.next_functions else None
    return None


def _target(node: Any) -> tuple[int, int] | None:
    """The call behind `a + b * output`, where neither a nor b has a gradient."""
    added = scaled = False
    for _ in range(STEPS):
        if node is None:
            return None
        if _call(node) is not None:
            return _call(node) if added and scaled else None
        name = node_name(node)
        if name in ("add", "mul"):
            added, scaled = added or name == "add", scaled or (added and name == "mul")
            node = _only(node)
        elif name in PICKING:
            node = _sides(node)[0] if node.next_functions else None
        else:
            return None
    return None


def _advantage(node: Any) -> bool:
    sides = _sides(node)
    if len(sides) != 2 or sides[0] is None or sides[1] is None:
        return False
    return any(_log_probability(a) and _difference(b) for a, b in (sides, sides[::-1]))


def _log_probability(node: Any) -> bool:
    """One entry of a log-softmax, picked by a number, as Categorical.log_prob does."""
    picked = False
    for _ in range(STEPS):
        if node is None:
            return False
        name = node_name(node)
        if name == "log_softmax":
            return picked
        if name == "sub":
            sides = _sides(node)
            return picked and sides[1] is not None and node_name(sides[1]) == "logsumexp"
        picked = picked or name in ("gather", "index", "select")
        if name not in PICKING:
            return False
        node = _sides(node)[0] if node.next_functions else None
    return False


def _difference(node: Any) -> bool:
    """Is there "something without gradient - something with one", and nothing that is made of probabilities?"""
    found, todo, num = False, [node], 0
    while todo and num < 60:
        num += 1
        here = todo.pop()
        name = node_name(here)
        if name in SQUASHED:
            return False
        sides = _sides(here)
        found = found or (name == "sub" and len(sides) == 2 and sides[0] is None)
        if _call(here) is None:
            todo += [s for s in sides if s is not None]
    return found


def _of_mean(node: Any) -> bool:
    """Is it exp(-loss), where the loss is one number of a whole batch?"""
    for _ in range(4):
        node = _only(node)
        if node is None:
            return False
        name = node_name(node)
        if name in MEANS:
            shapes = [tuple(m.shape) for m in node._input_metadata]
            return bool(shapes) and shapes[0] == () and getattr(node, "_saved_reduction", 1) == 1
        if name not in ("neg", "mul"):
            return False
    return False


def _last_step(node: Any) -> str:
    """The recurrent layer of whose steps a node takes the last one: x[:, -1]."""
    index, axis = node._saved_index, node._saved_dim
    shape = tuple(node._saved_self_sym_sizes)
    below = _sides(node)[0]
    for _ in range(4):
        if below is None or axis != 1 or len(shape) != 3 or index not in (2**64 - 1, -1, shape[1] - 1):
            return ""
        layer = below.metadata.get(RECURRENT)
        if layer is not None:
            return str(layer)
        if node_name(below) != "slice":
            return ""
        below = _sides(below)[0]
    return ""
