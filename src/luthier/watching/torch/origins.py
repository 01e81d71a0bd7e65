"""Where a tensor came from: marks on tensors by identity, marks on autograd nodes, and the names of the nodes.

A node's `metadata` belongs to the C++ node, so a mark lives exactly as long as the graph; a tensor's mark dies with
the tensor. Neither keeps anything alive.
"""

from __future__ import annotations

import re
import weakref
from collections import deque
from typing import Any

from luthier.watching.facts import Origin
from luthier.watching.torch.registry import Registry

KEY = "luthier"
OUTPUTS = 4
"""Outputs of models whose memory is remembered."""
SHAPING = {
    "view", "unsafeview", "reshapealias", "squeeze", "unsqueeze", "tocopy", "clone", "select", "slice", "permute",
    "transpose", "t", "alias", "expand", "contiguous", "flatten", "unflatten", "asstrided", "swapaxes", "index",
    "movedim", "narrow", "split", "unbind", "chunk",
}  # fmt: skip
"""Nodes that change shape or type only."""
NAMES = {
    "addmm": "linear", "mm": "linear", "linear": "linear", "convolution": "conv", "bmm": "bmm",
    "logsoftmax": "log_softmax", "logsigmoid": "logsigmoid", "logsigmoidforward": "logsigmoid",
    "nativebatchnorm": "batch_norm", "cudnnbatchnorm": "batch_norm", "nativelayernorm": "layer_norm",
    "accumulategrad": "leaf",
}  # fmt: skip
_NODE = re.compile(r"^(?:torch::autograd::)?(\w+?)(?:Backward)?\d*$")


def node_name(node: Any) -> str:
    """The operation of an autograd node, in lower case: "softmax", "linear", "leaf"."""
    found = _NODE.match(node.name())
    raw = (found.group(1) if found else node.name()).lower()
    return NAMES.get(raw, raw)


def saved(node: Any, name: str) -> Any:
    """What an autograd node keeps for the backward pass ("self", "other", "result" ...); None where it does not, and
    where an earlier pass has freed it."""
    try:
        return getattr(node, f"_saved_{name}", None)
    except RuntimeError:  # freed: the person's own pass is about to raise the same
        return None


class Origins:
    """Marks on tensors."""

    def __init__(self) -> None:
        self._marks: Registry[Origin] = Registry()
        self._outputs: deque[tuple[weakref.ref[Any], int, Any, Origin, int]] = deque(maxlen=OUTPUTS)

    def mark(self, tensor: Any, origin: Origin) -> None:
        """Say where a tensor came from."""
        self._marks.put(tensor, origin)
        if tensor.grad_fn is not None:
            tensor.grad_fn.metadata[KEY] = origin

    def output(self, tensor: Any, origin: Origin, call: int = 0) -> None:
        """Say what the model that was called last returned, in the call of this number."""
        self.mark(tensor, origin)
        self._outputs.append((weakref.ref(tensor), tensor.data_ptr(), tensor.shape, origin, call))

    def call_of(self, tensor: Any) -> int:
        """The call that returned a tensor, or the one that it is the detached form of; 0: none of the last ones."""
        found = self._same_memory(tensor)
        return found[4] if found else 0

    def of(self, tensor: Any) -> Origin | None:
        """Where a tensor came from; None where that is not known."""
        mark = self._marks.get(tensor)
        if mark is not None:
            return mark
        node = tensor.grad_fn
        if node is None:
            return Origin(op="leaf") if tensor.requires_grad else self._detached(tensor)
        return _walk(node, tensor)

    def _detached(self, tensor: Any) -> Origin | None:
        """The origin of the last output where a tensor has its memory and shape: `.data` and `detach()` of it.

        The output must be alive: otherwise its memory may have been given to another tensor.
        """
        found = self._same_memory(tensor)
        return _with_via(found[3], ["detach"], None) if found else None

    def _same_memory(self, tensor: Any) -> tuple[weakref.ref[Any], int, Any, Origin, int] | None:
        if tensor.layout is not torch_strided():
            return None
        here = (tensor.data_ptr(), tensor.shape)
        return next((o for o in reversed(self._outputs) if o[0]() is not None and o[1:3] == here), None)


def torch_strided() -> Any:
    """The layout of tensors that have an address."""
    import torch

    return torch.strided


def _walk(node: Any, tensor: Any) -> Origin:
    via: list[str] = []
    through_model: Origin | None = None
    for _ in range(16):
        mark = node.metadata.get(KEY)
        if isinstance(mark, Origin):
            if not mark.is_model_output or mark.op:
                return _with_via(mark, via, through_model)
            through_model = through_model or mark
        name = node_name(node)
        if name not in SHAPING or not node.next_functions or node.next_functions[0][0] is None:
            origin = Origin(op=name, via=tuple(via), axis_size=_axis_size(node, name, tensor if not via else None))
            return origin if through_model is None else _with_model(origin, through_model)
        via.append(name)
        node = node.next_functions[0][0]
    return Origin(via=tuple(via))


def _with_via(mark: Origin, via: list[str], model: Origin | None) -> Origin:
    found = Origin(
        op=mark.op,
        via=(*via, *mark.via),
        axis_size=mark.axis_size,
        layer=mark.layer,
        layer_class=mark.layer_class,
        is_model_output=mark.is_model_output,
        place=mark.place,
        at=mark.at,
    )
    return found if model is None else _with_model(found, model)


def _with_model(origin: Origin, model: Origin) -> Origin:
    origin.is_model_output = True
    origin.layer, origin.layer_class = origin.layer or model.layer, origin.layer_class or model.layer_class
    origin.place, origin.at = origin.place or model.place, origin.at or model.at
    return origin


def _axis_size(node: Any, name: str, tensor: Any) -> int | None:
    if name not in ("softmax", "log_softmax") or tensor is None or not tensor.dim():
        return None
    axis = getattr(node, "_saved_dim", None)
    if axis is None:
        return None
    axis = axis - 2**64 if axis >= 2**63 else axis
    return int(tensor.shape[axis])
