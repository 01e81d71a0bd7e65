"""Operations that write into a tensor, as operations that make a new one: the rules know no other.

Who reads the tensor afterwards reads the new one. That is the same unless another name of the same memory is read.
"""

from __future__ import annotations

import operator
from inspect import signature

import torch
from torch import fx, nn

from luthier.engines.torch.grouped.tracing import name_of, place_of
from luthier.engines.torch.refusal import Refused

IN_PLACE = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
    operator.ipow: operator.pow,
}
_VIEWS = """view reshape flatten unflatten squeeze unsqueeze transpose permute t swapaxes swapdims movedim moveaxis
expand expand_as view_as reshape_as getitem chunk split tensor_split unbind narrow select diagonal contiguous to float
double type type_as detach T mT getattr"""
VIEWS = frozenset(_VIEWS.split())
"""What may give another name to the same memory."""
VIEW_LAYERS = ("Identity", "Flatten", "Unflatten", "DropoutTwin")


def out_of_place_(graph: fx.Graph, model: nn.Module) -> None:
    """Let what reads a value after it was written into read the result.

    Raises:
        Refused: it is read under another name, or it is a weight or buffer.
    """
    order = {node: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        if not _writes(node, model):
            continue
        written = node.args[0]
        names = _names(written, model, {n for n in order if order[n] < order[node]})
        if any(n.op == "get_attr" for n in names):
            raise Refused(f"{place_of(node)} writes into a weight or buffer", "Make a new tensor: y = x + 1")
        if any(order[user] > order[node] for n in names - {written} for user in n.users):
            raise Refused(
                f"{place_of(node)} writes into a tensor that is read later under another name",
                "Make a new tensor: y = x + 1 in the place of x += 1",
            )
        written.replace_all_uses_with(node, lambda user, node=node: user is not node and order[user] > order[node])
        _make_anew(node)


def _writes(node: fx.Node, model: nn.Module) -> bool:
    """Does the operation change its first argument?"""
    if node.op == "call_module":
        return bool(getattr(model.get_submodule(node.target), "inplace", False))
    if node.op not in ("call_function", "call_method") or not node.args or not isinstance(node.args[0], fx.Node):
        return False
    name = name_of(node)
    if getattr(node.target, "__module__", "") == "_operator":  # or_ and its like only end so
        return node.target in IN_PLACE
    return (name.endswith("_") and not name.endswith("__")) or _inplace(node)


def _inplace(node: fx.Node) -> bool:
    """Is a function called with inplace=True?"""
    if node.op != "call_function" or (len(node.args) < 2 and not node.kwargs):
        return False
    try:
        bound = signature(node.target).bind(*node.args, **node.kwargs)
    except (ValueError, TypeError):  # a builtin has no signature, and none of those has the argument
        return False
    return bound.arguments.get("inplace") is True


def _make_anew(node: fx.Node) -> None:
    if node.op == "call_module":
        return  # the rules of layers never write into their input
    if node.target in IN_PLACE:
        node.target = IN_PLACE[node.target]
    elif isinstance(node.target, str):
        node.target = node.target[:-1]
    elif name_of(node).endswith("_"):
        name = name_of(node)[:-1]
        node.target = vars(torch).get(name) or vars(torch.nn.functional)[name]
    else:
        bound = signature(node.target).bind(*node.args, **node.kwargs)
        arguments = {**bound.arguments, "inplace": False}
        first = next(iter(arguments))
        node.args, node.kwargs = (arguments.pop(first),), arguments


def _names(written: fx.Node, model: nn.Module, before: set[fx.Node]) -> set[fx.Node]:
    """All values that may lie in the memory of one; of those that exist `before` it is written into."""
    found, waiting = {written}, [written]
    while waiting:
        at = waiting.pop()
        near = {user for user in at.users if user in before and user.args[:1] == (at,) and _shares(user, model)}
        if _shares(at, model) and isinstance(at.args[0], fx.Node):
            near.add(at.args[0])
        waiting += near - found
        found |= near
    return found


def _shares(node: fx.Node, model: nn.Module) -> bool:
    """May the result lie in the memory of the first argument?"""
    if node.op == "call_module":
        kind = type(model.get_submodule(node.target)).__name__
        return kind in VIEW_LAYERS
    return node.op in ("call_function", "call_method") and bool(node.args) and name_of(node) in VIEWS
