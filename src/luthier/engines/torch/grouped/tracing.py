"""The operations of a model's forward pass, found without data: torch.fx, with its errors in our words.

fx forgets some of what Python does. What it would silently get wrong is refused here: randomness and changes of the
module while it runs, parts without gradients.
"""

from __future__ import annotations

import operator
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from luthier.engines.torch.grouped.values import LAYERS
from luthier.engines.torch.refusal import Refused

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
FACTORIES = ("arange", "zeros", "ones", "full", "eye", "linspace", "rand", "randn", "randint", "randperm")
"""Functions without tensors among their arguments, which fx does not see."""
CONSTANT = "_tensor_constant"
"""How fx names a tensor that the forward pass makes from numbers."""
TORCH = str(Path(torch.__file__).parent)
PLACE = "luthier_place"
"""In a node's notes: the line of the user's code."""
SIZES = "luthier_sizes"
"""In a node's notes: the sizes of a weight or buffer."""
KNOWN: dict[str, Callable[[torch.Size], Any]] = {
    "shape": lambda sizes: sizes,
    "ndim": len,
    "dim": lambda sizes: lambda: len(sizes),
    "size": lambda sizes: lambda dim=None: sizes if dim is None else sizes[dim],
    "numel": lambda sizes: sizes.numel,
}
CONTROL_FLOW = "Let no number of the data decide what is computed: torch.where in the place of if"

PARTS = "Name the parts, as in a, b = x.unbind(1), or take x[:, i] for i in range(a number)"


class _Proxy(fx.Proxy):
    """fx takes `x += y` for `x = x + y`, which hides that x is written into; and it forgets the sizes of weights."""

    def __getattr__(self, name: str) -> Any:
        sizes = self.node.meta.get(SIZES)
        if sizes is None or name not in KNOWN:
            return super().__getattr__(name)
        return KNOWN[name](sizes)

    def __iadd__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.iadd, (self, other), {})

    def __isub__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.isub, (self, other), {})

    def __imul__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.imul, (self, other), {})

    def __itruediv__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.itruediv, (self, other), {})

    def __ipow__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.ipow, (self, other), {})

    def __len__(self) -> int:
        sizes = self.node.meta.get(SIZES)
        number = _num_parts(self.node) if sizes is None else sizes[0]
        return super().__len__() if number is None else number  # fx has no answer


def _num_parts(node: fx.Node) -> int | None:
    """Of a tensor that was taken apart, where the code says it."""
    given = node.args[1] if len(node.args) > 1 else None
    if name_of(node) == "chunk" and isinstance(given, int):
        return given
    return len(given) if name_of(node) == "split" and isinstance(given, tuple | list) else None


class _Tracer(fx.Tracer):
    """Stops at layers that have a rule, and at torch's own."""

    trace_asserts = True
    proxy_buffer_attributes = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Layers by exact type: a subclass may do something else, so one looks into it."""
        return is_leaf(m)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """See `_Proxy`."""
        return _Proxy(node, self)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Weights and buffers as proxies that know their sizes."""
        found = super().getattr(attr, attr_val, parameter_proxy_cache)
        if isinstance(found, fx.Proxy):
            found.node.meta[SIZES] = attr_val.shape
        return found

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """Parts whose number is known; of others fx says that it can not."""
        number = _num_parts(obj.node)
        parts: Iterator[Any] = super().iter(obj) if number is None else iter([obj[i] for i in range(number)])
        return parts

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """A node; torch.no_grad() around it would be lost."""
        node = super().create_node(kind, target, *args, **kwargs)
        node.meta[PLACE] = _user_line()
        if kind.startswith("call") and not torch.is_grad_enabled():
            raise Refused(
                f"{place_of(node)} is computed without gradients", "Use x.detach() in place of torch.no_grad()"
            )
        return node


def is_leaf(module: nn.Module) -> bool:
    """Is the layer one step of the program?"""
    kind = type(module)
    return kind in LAYERS or (kind.__module__.startswith("torch.nn") and kind not in CONTAINERS)


def traced(model: nn.Module) -> tuple[fx.Graph, dict[str, torch.Tensor]]:
    """(graph of the forward pass in training mode, tensors that it makes from numbers).

    Raises:
        Refused: fx can not follow the code, or would not see all that it does.
    """
    before = _plain_attributes(model)
    if is_leaf(model):
        return _single(), {}
    dice = _dice()
    tracer = _Tracer()
    try:
        with _seen_factories(tracer):
            graph = tracer.trace(model)
    except Refused:
        raise
    except Exception as error:  # whatever the model's code says to values that have no numbers
        raise _in_our_words(error) from error
    finally:
        constants = {n: v for n, v in vars(model).items() if n.startswith(CONSTANT)}
        constants |= {n: b for n, b in model.named_buffers() if n.startswith(CONSTANT)}
        for name in constants:
            delattr(model, name)
    if _dice() != dice:
        raise Refused(
            "the forward pass draws random numbers outside of layers", "Draw in a dropout layer (nn.Dropout)"
        )
    after = _plain_attributes(model)
    for place in after:
        if place not in before or before[place] != after[place]:
            raise Refused(f"the forward pass changes {place}", "Keep what changes in a buffer of a layer of torch's")
    return graph, constants


def _single() -> fx.Graph:
    graph = fx.Graph()
    graph.output(graph.call_module("", (graph.placeholder("x"),)))
    return graph


def _plain_attributes(model: nn.Module) -> dict[str, Any]:
    return {
        f"{path}.{name}".lstrip("."): value
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, bool | int | float | str)
    }


def _dice() -> tuple[Any, ...]:
    return random.getstate(), str(np.random.get_state()), torch.random.get_rng_state().tolist()


@contextmanager
def _seen_factories(tracer: fx.Tracer) -> Iterator[None]:
    """torch.arange(x.shape[1]) becomes a node in place of an error."""

    def seen(factory: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            if any(isinstance(a, fx.Proxy) for a in _leaves((args, kwargs))):
                return tracer.create_proxy("call_function", factory, args, kwargs)
            return factory(*args, **kwargs)

        return called

    originals = {name: vars(torch)[name] for name in FACTORIES}
    try:
        for name, factory in originals.items():
            setattr(torch, name, seen(factory))
        yield
    finally:
        for name, factory in originals.items():
            setattr(torch, name, factory)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _in_our_words(error: Exception) -> Refused:
    """What torch.fx or torch say of values without numbers."""
    text = str(error).strip().partition("\n")[0]
    for words, reason, mend in (
        ("cannot be iterated", "a tensor is taken apart into a number of parts that is not known", PARTS),
        ("control flow", "what is computed depends on the data", CONTROL_FLOW),
        ("'len'", "len() is asked of a tensor", "Use x.shape[0]"),
        ("item assignment", "a part of a tensor is written into", "Use torch.where or torch.cat"),
        ("not Proxy", "a function makes a tensor from what is known with data only", "Use x.new_zeros"),
        ("cannot assign", "forward replaces a weight or buffer", "Keep what changes in a layer of torch's"),
    ):
        if words in text:
            return Refused(f"{reason}{_line_of(error)}", mend)
    return Refused(f"the forward pass can not be followed without data{_line_of(error)}: {text}", CONTROL_FLOW)


def _is_torch(file: str) -> bool:
    return file.startswith(TORCH)


def _line_of(error: Exception) -> str:
    """Where in the user's code an error arose."""
    steps = [(f.f_code.co_filename, n) for f, n in traceback.walk_tb(error.__traceback__)]
    lines = [(file, n) for file, n in steps if not _is_torch(file) and file != __file__]
    return f" {_place(*lines[-1])}" if lines else ""


def _user_line() -> str:
    """The innermost line of the user's code that is being traced."""
    for frame, line in traceback.walk_stack(None):
        file = frame.f_code.co_filename
        if file == __file__ and frame.f_code.co_name == traced.__name__:
            break
        if file != __file__ and not _is_torch(file):
            return _place(file, line)
    return ""


def _place(file: str, line: int) -> str:
    return f"({Path(file).name}, line {line})"


def name_of(node: fx.Node) -> str:
    """Of the operation."""
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def place_of(node: fx.Node) -> str:
    """An operation with the line of the user's code: `sort (net.py, line 7)`."""
    place = node.meta.get(PLACE, "")
    return f"{name_of(node)} {place}" if place else name_of(node)
