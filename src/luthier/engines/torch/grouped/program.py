"""A model's forward pass compiled for P slots: a flat list of steps, each a rule applied to values of all slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

import torch
from torch import fx, nn
from torch.nn import functional

from luthier.engines.torch import constants
from luthier.engines.torch.grouped.functions import FUNCTIONS
from luthier.engines.torch.grouped.tracing import CONTROL_FLOW, name_of, place_of, traced
from luthier.engines.torch.grouped.values import LAYERS, Call, Constant, Draw, Slotted
from luthier.engines.torch.grouped.writes import out_of_place_
from luthier.engines.torch.refusal import Refused

_RANDOM = """dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout rand randn randint randperm
rand_like randn_like randint_like bernoulli multinomial normal poisson rrelu gumbel_softmax uniform exponential
random"""
RANDOM = frozenset(_RANDOM.split())
OUT_OF_THE_DATA = frozenset({"item", "tolist", "numpy", "nonzero", "unique", "masked_select"})
FRESH = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)
"""Layers whose output is memory that nothing else reads, not even their own backward pass."""
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Run(NamedTuple):
    """What one forward pass is handed."""

    tensors: Mapping[str, torch.Tensor]
    constants: Mapping[str, Constant]
    draw: Draw
    P: int


Step = Callable[[list[Any], Run], Any]
Fetch = Callable[[list[Any]], Any]


class Program:
    """One forward pass of P slots in training mode.

    Args:
        steps: each computes one value from earlier ones.
        dead: for each step the values that nothing reads afterwards.
        words: for each step how a refusal within it begins.
    """

    def __init__(self, steps: list[Step], dead: list[list[int]], words: list[str]) -> None:
        self._steps, self._words = list(zip(range(1, len(steps) + 1), steps, dead, strict=True)), words

    def __call__(
        self, tensors: Mapping[str, torch.Tensor], constants: Mapping[str, Constant], x: torch.Tensor, draw: Draw
    ) -> torch.Tensor:
        """Outputs [P, B, C] or [P, B].

        Args:
            tensors: parameters and buffers by their full names, [P, ...]; buffers move on in place.
            constants: lifted numbers by "path.name".
            x: inputs [P, B, ...].

        Raises:
            Refused: a layer or function has no rule for what it is given.
        """
        run = Run(tensors, constants, draw, len(x))
        values: list[Any] = [None] * (len(self._steps) + 1)
        values[0] = Slotted(x, run.P)
        at = 0
        try:
            for at, step, dead in self._steps:
                values[at] = step(values, run)
                for i in dead:
                    values[i] = None
        except Refused as refused:
            words = self._words[at - 1]
            raise refused if not words else Refused(f"{words} {refused.reason}", refused.mend) from None
        found = values[-1]
        if not isinstance(found, Slotted):
            raise Refused(f"the model returns a {type(found).__name__}", "Let it return its outputs [B, C] only")
        return found.stacked()


def trace(model: nn.Module) -> Program:
    """Compile the model's forward pass in training mode. The program keeps the layers, not their weights.

    Raises:
        Refused: the reason names the layer, or the operation with the line of the user's code.
    """
    _check_modules(model)
    graph, made = traced(model)
    out_of_place_(graph, model)
    return _Compiler(model, made).compile(graph)


def _check_modules(model: nn.Module) -> None:
    for path, module in model.named_modules():
        name = f"{path or 'the model'} ({type(module).__name__})"
        if any(vars(module).get(hooks) for hooks in HOOKS):
            raise Refused(f"{name} has hooks", "Compute what they do in forward")
        if "forward" in vars(module):
            raise Refused(f"{name} has a forward of its own beside that of its class", "Make it a class")
        if not module.training:
            raise Refused(f"{name} is in evaluation mode while the model trains", "Leave out .eval()")


class _Compiler:
    def __init__(self, model: nn.Module, made: dict[str, torch.Tensor]) -> None:
        self._model, self._made = model, made
        named = [*model.named_parameters(), *model.named_buffers()]
        self._names = {id(tensor): name for name, tensor in named}
        self._paths = {id(module): path for path, module in model.named_modules()}

    def compile(self, graph: fx.Graph) -> Program:
        nodes = list(graph.nodes)
        inputs = [n for n in nodes if n.op == "placeholder"]
        work = [n for n in nodes if n is not inputs[0] and (n.users or n.op in ("output", "call_module"))]
        self._at = {inputs[0]: 0} | {node: i + 1 for i, node in enumerate(work)}
        last: dict[fx.Node, int] = {}
        for i, node in enumerate(work):
            last |= dict.fromkeys((n for n in node.all_input_nodes if n in self._at), i)
        dead: list[list[int]] = [[] for _ in work]
        for node, i in last.items():
            dead[i].append(self._at[node])
        words = ["" if n.op == "call_module" else place_of(n) for n in work]
        return Program([self._step(node) for node in work], dead, words)

    def _step(self, node: fx.Node) -> Step:
        if node.op == "placeholder":
            if not node.args:
                raise Refused(f"forward takes a second input, {node.target}", "Let it take the batch only")
            default = node.args[0]
            return lambda _values, _run: default
        if node.op == "output":
            fetch = self._fetch(node.args[0])
            return lambda values, _run: fetch(values)
        if node.op == "get_attr":
            return self._tensor(node)
        if node.op == "call_module":
            return self._layer(node)
        return self._function(node)

    def _tensor(self, node: fx.Node) -> Step:
        made = self._made.get(node.target)
        if made is not None:
            return lambda _values, run: everywhere(made, run.P)
        owner, _, last = node.target.rpartition(".")
        name = self._names.get(id(getattr(self._model.get_submodule(owner), last)))
        if name is None:
            raise Refused(f"{node.target} is a tensor, but neither a parameter nor a buffer", "Use register_buffer")
        return lambda _values, run: Slotted(run.tensors[name], run.P)

    def _layer(self, node: fx.Node) -> Step:
        module = self._model.get_submodule(node.target)
        path, kind = node.target, type(module)
        if kind not in LAYERS:
            raise Refused(f"{path or 'the model'} ({kind.__name__}) has no rule", "")
        if kind is nn.ReLU and self._is_fresh(node.args[0]):
            (fetch,) = (self._fetch(a) for a in node.args)
            return lambda values, _run: _relu(fetch(values))
        rule = LAYERS[kind]
        own = [(local, self._names[id(t)]) for local, t in _tensors_of(module)]
        lifted, defaults = self._numbers(module)
        fetches = [self._fetch(a) for a in node.args]
        keywords = [(name, self._fetch(a)) for name, a in node.kwargs.items()]

        def step(values: list[Any], run: Run) -> Any:
            tensors = {local: run.tensors[name] for local, name in own}
            numbers = {local: run.constants.get(name, defaults[local]) for local, name in lifted}
            call = Call(module, path, tensors, numbers, run.draw)
            return rule(call, *[f(values) for f in fetches], **{n: f(values) for n, f in keywords})

        return step

    def _numbers(self, module: nn.Module) -> tuple[list[tuple[str, str]], dict[str, float]]:
        """([(local name, full name)], {local name: value}) of the lifted numbers of a layer and those within."""
        names, values = [], {}
        for within, layer in module.named_modules(remove_duplicate=False):
            for name in constants.names_of(layer):
                local = f"{within}.{name}" if within else name
                path = self._paths[id(layer)]
                names.append((local, f"{path}.{name}" if path else name))
                values[local] = float(getattr(layer, name))
        return names, values

    def _is_fresh(self, node: Any) -> bool:
        """Is the value one that may be overwritten?"""
        return (
            isinstance(node, fx.Node)
            and len(node.users) == 1
            and node.op == "call_module"
            and type(self._model.get_submodule(node.target)) in FRESH
        )

    def _function(self, node: fx.Node) -> Step:
        name = name_of(node)
        if name in RANDOM:
            raise Refused(
                f"{place_of(node)} draws random numbers outside of layers",
                "Draw in a dropout layer (nn.Dropout), not in functional.dropout or torch.rand",
            )
        if name in OUT_OF_THE_DATA:
            raise Refused(f"{place_of(node)} takes a number out of the data", CONTROL_FLOW)
        rule = FUNCTIONS.get(node.target)
        if rule is None:
            raise Refused(f"{place_of(node)} has no rule", "")
        fetches = [self._fetch(a) for a in node.args]
        keywords = [(name, self._fetch(a)) for name, a in node.kwargs.items()]

        def step(values: list[Any], run: Run) -> Any:
            found = rule(*[f(values) for f in fetches], **{n: f(values) for n, f in keywords})
            return everywhere(found, run.P) if isinstance(found, torch.Tensor) else found

        return step

    def _fetch(self, value: Any) -> Fetch:
        """How an argument of the graph is found among the values."""
        if isinstance(value, fx.Node):
            return itemgetter(self._at[value])
        if isinstance(value, slice):
            parts = [self._fetch(v) for v in (value.start, value.stop, value.step)]
            return lambda values: slice(*[f(values) for f in parts])
        if isinstance(value, tuple | list):
            kind = list if isinstance(value, list) else tuple
            parts = [self._fetch(v) for v in value]
            return lambda values: kind(f(values) for f in parts)
        if isinstance(value, dict):
            named = {n: self._fetch(v) for n, v in value.items()}
            return lambda values: {n: f(values) for n, f in named.items()}
        return lambda _values: value


def everywhere(tensor: torch.Tensor, P: int) -> Any:
    """A tensor that is the same for all slots; one without axes stays as it is, which keeps its type out of sums."""
    return Slotted(tensor.expand(P, *tensor.shape), P) if tensor.ndim else tensor


def _tensors_of(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]


def _relu(x: Slotted) -> Slotted:
    """In place, where the value is no view of another (which autograd would have to copy)."""
    dense = x.data.is_contiguous(memory_format=torch.channels_last) if x.data.ndim == 4 else x.data.ndim <= 3
    if dense:
        return Slotted(functional.relu_(x.data), x.P, x.merged)
    return Slotted(functional.relu(x.data), x.P, x.merged)
