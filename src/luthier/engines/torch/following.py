"""Which activation follows each layer of a torch model: read from its graph (torch.fx)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import fx, nn

from luthier.algorithms.initialisers import Factors
from luthier.engines.following import LINEAR, Activation, factor_or_reason
from luthier.engines.torch.refusal import Refused

MODULES = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid", nn.SELU: "selu"}
FUNCTIONS = frozenset(("relu", "relu_", "tanh", "sigmoid", "selu", "selu_"))
END = (nn.Softmax, nn.LogSoftmax)
"""At the end of a network: the layer before gives logits."""
PASSED = ("Dropout", "Norm", "Pool", "Flatten", "Unflatten", "Identity")
"""In the names of modules that leave the choice to what comes after them."""
PASSED_CALLS = (
    "dropout",
    "norm",
    "pool",
    "flatten",
    "view",
    "reshape",
    "permute",
    "transpose",
    "contiguous",
    "squeeze",
    "add",
    "iadd",
    "mean",
)
"""The same in the names of functions and methods; sums are those of residual connections."""
SILENT = ("size", "getattr", "dim", "shape", "numel")
"""Calls that read no numbers of a tensor."""


def factors(model: nn.Module, init: str) -> Factors:
    """Of the weights of all layers with a matrix or kernel.

    Args:
        model: new, in training mode.
    """
    from luthier.engines.torch.grouped.tracing import traced

    try:
        graph, _ = traced(model)
    except Refused as refused:
        reason = f"what follows it is not seen, as {refused.reason}"
        return {name: reason for name, _ in model.named_parameters()}
    seen: dict[str, set[Activation]] = {}
    for node in graph.nodes:
        if node.op == "call_module" and _has_matrix(model.get_submodule(node.target)):
            name = ".".join(filter(None, (node.target, "weight")))
            seen.setdefault(name, set()).update(_followers(node, model))
    return {name: _factor(init, found) for name, found in seen.items()}


def _factor(init: str, found: set[Activation]) -> float | str:
    if len(found) > 1:
        return f"several follow it: {', '.join(sorted(activation.name for activation in found))}"
    return factor_or_reason(init, *found)


def _has_matrix(module: nn.Module) -> bool:
    return getattr(getattr(module, "weight", None), "ndim", 0) >= 2


def _followers(node: fx.Node, model: nn.Module) -> Iterator[Activation]:
    """What the numbers of a node go through first, on all ways; linear where they are the output."""
    for user in node.users:
        if user.op == "call_module":
            found = _of_module(model.get_submodule(str(user.target)))
        elif user.op == "output":
            found = LINEAR
        else:
            found = _of_call(user)
        if found is not None:
            yield found
        elif not _is_silent(user):
            yield from _followers(user, model)


def _of_module(module: nn.Module) -> Activation | None:
    """None: what comes after it tells."""
    kind = type(module)
    if kind in MODULES:
        return Activation(MODULES[kind])
    if isinstance(module, nn.LeakyReLU):
        return Activation("leaky_relu", module.negative_slope)
    if _has_matrix(module) or kind in END:
        return LINEAR
    return None if any(word in kind.__name__ for word in PASSED) else Activation(kind.__name__)


def _of_call(user: fx.Node) -> Activation | None:
    name = _name(user)
    if name in FUNCTIONS:
        return Activation(name.rstrip("_"))
    if name == "leaky_relu":
        return Activation(name, _slope(user))
    if name in ("softmax", "log_softmax"):
        return LINEAR
    passed = _is_silent(user) or any(word in name for word in PASSED_CALLS)
    return None if passed else Activation(name)


def _is_silent(user: fx.Node) -> bool:
    return user.op != "call_module" and _name(user) in SILENT


def _name(user: fx.Node) -> str:
    target: Any = user.target
    return target if isinstance(target, str) else getattr(target, "__name__", str(target))


def _slope(user: fx.Node) -> float:
    slope: Any = user.args[1] if len(user.args) > 1 else user.kwargs.get("negative_slope", 0.01)
    return float(slope)
