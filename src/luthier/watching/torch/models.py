"""What a model is made of, looked at once, at its first call."""

from __future__ import annotations

import inspect
import re
import sys
from types import FrameType
from typing import Any

from luthier.findings import Place
from luthier.watching.facts import Hidden, Layer, Model, Override
from luthier.watching.lines import is_users, place_at
from luthier.watching.torch.samples import Numbers
from luthier.watching.torch.state import Watch

LAYERS = 1000
COPIED = 16
"""Entries of a copied parameter that are compared later."""
AVERAGED = 8
"""Parameters and layers of a model in evaluation that are compared with those of the next one."""
OPTIONS = (
    "p", "inplace", "dim", "momentum", "eps", "affine", "track_running_stats", "num_features", "in_features",
    "out_features", "in_channels", "out_channels", "kernel_size", "stride", "padding", "groups", "batch_first",
    "num_layers", "dropout", "num_heads", "num_embeddings", "embedding_dim", "padding_idx", "reduction",
    "hidden_size",
    "input_size", "bidirectional", "negative_slope", "normalized_shape",
)  # fmt: skip
OVERRIDES = (
    "train", "eval", "parameters", "named_parameters", "zero_grad", "state_dict", "load_state_dict", "__call__",
    "modules", "children", "to", "requires_grad_",
)  # fmt: skip
_DROPOUTS = ("Dropout", "AlphaDropout", "FeatureAlphaDropout", "Dropout1d", "Dropout2d", "Dropout3d")


def describe(watch: Watch, module: Any, place: Place | None) -> Model:
    """The fact of a model, with its parameters and layers in the trace."""
    number = len(watch.trace.models) + 1
    model = Model(number=number, name=type(module).__name__, at=watch.recorder.at, place=place)
    model.inside = watch.inside.get(module)
    model.default_dtype, model.variable = default_dtype(), _variable(module)
    inner, prefix = module, ""
    if type(module).__name__ in ("DataParallel", "DistributedDataParallel", "OptimizedModule"):
        model.wrapper = "" if type(module).__name__ == "OptimizedModule" else type(module).__name__
        model.compiled = type(module).__name__ == "OptimizedModule"
        inner = getattr(module, "module", None) or getattr(module, "_orig_mod", module)
        prefix = "module." if model.wrapper else "_orig_mod."
    numbers: dict[str, int] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        slot = watch.slot(parameter)
        fact = slot.fact
        plain = name.removeprefix(prefix)
        fact.requires_grad = parameter.requires_grad
        fact.was_trainable = fact.was_trainable or parameter.requires_grad
        _copied(watch, parameter, fact)
        if fact.model is None:
            fact.model, fact.name = number, plain
            _first_values(watch, parameter, fact)
        elif fact.model == number and fact.name != plain:
            fact.other_names = (*fact.other_names, plain)
        numbers[plain] = fact.number
        if parameter.requires_grad:
            model.num_trainable += fact.size
        else:
            model.num_frozen += fact.size
    model.parameters = tuple(dict.fromkeys(numbers.values()))
    for name, part in list(inner.named_modules())[:LAYERS]:
        model.layers.append(_layer(name, part, numbers))
        model.hidden.extend(_hidden(watch, name, part, module))
    model.overrides = _overrides(inner)
    watch.trace.models[number] = model
    return model


def _copied(watch: Watch, parameter: Any, fact: Any) -> None:
    """Whether a parameter came from a deep copy, and whether it still has the values of then."""
    copy = watch.copies.get(parameter)
    if copy is not None and watch.samples.readable(parameter) and not watch.blind():
        fact.copied_at = copy[0]
        fact.untouched = bool((watch.samples.few(parameter, COPIED) == copy[1]).all())


def still_untouched(watch: Watch) -> None:
    """Look at copied parameters once more, at the end."""
    for parameter, slot in watch.parameters.living():
        if slot.fact.untouched:
            _copied(watch, parameter, slot.fact)


def _first_values(watch: Watch, parameter: Any, fact: Any) -> None:
    if parameter.dim() < 2 or parameter.shape[0] < 2 or not watch.samples.readable(parameter) or watch.blind():
        return

    def use(read: Numbers) -> None:
        fact.rows_equal = bool((read == read[0]).all())
        fact.constant = fact.rows_equal and bool((read == read.flat[0]).all())

    watch.samples.copied(watch.samples.rows(parameter, 16, 128), use)


def _layer(name: str, part: Any, numbers: dict[str, int]) -> Layer:
    kind = type(part).__name__
    options: dict[str, float | int | str | bool | None] = {}
    for option in OPTIONS:
        value = part.__dict__.get(option, _MISSING)
        if isinstance(value, tuple) and value and all(v == value[0] for v in value):
            value = value[0]
        if value is None or isinstance(value, (bool, int, float, str)):
            options[option] = value
    parameters = dict(part._parameters.items())  # a scripted module has a wrapper here that is no dict
    if "bias" in parameters:
        options["bias"] = parameters["bias"] is not None
    if part.__dict__.get("requires_grad") is False:
        options["requires_grad"] = False
    if any(type(hook).__name__ == "SpectralNorm" for hook in part._forward_pre_hooks.values()):
        options["spectral_norm"] = True
    own = [f"{name}.{p}" if name else p for p in parameters]
    return Layer(
        name=name,
        kind=kind,
        options=options,
        parameters=tuple(numbers[p] for p in own if p in numbers),
        training=part.training,
        active=is_active(part),
        foreign=_foreign(type(part)),
    )


def _variable(module: Any) -> str:
    """The person's name for a module where it is called: a local or global name, or an attribute of self."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return ""
    for scope in (frame.f_locals, frame.f_globals):
        for name, value in list(scope.items()):
            if value is module and not name.startswith("_"):
                return name
    owner = frame.f_locals.get("self")
    inside = {**getattr(owner, "__dict__", {}), **getattr(owner, "__dict__", {}).get("_modules", {})}
    return next((f"self.{name}" for name, value in inside.items() if value is module), "")


def averages(watch: Watch, module: Any, model: Model) -> None:
    """Note, when a model is called, whether it is an average of others."""
    if model.name == "AveragedModel":
        _averaged(module, model)
    elif watch.close and not module.training:
        _compare_evaluations(watch, module, model)


def _averaged(module: Any, model: Model) -> None:
    """How many models an AveragedModel has averaged, with equal weights, when it is called."""
    if module.avg_fn is None and module.multi_avg_fn is None:
        model.num_averaged, model.keeps_buffers = int(module.n_averaged), bool(module.use_buffers)


def _compare_evaluations(watch: Watch, module: Any, model: Model) -> None:
    """Compare weights and running statistics with those that an evaluation after another step found.

    A model that is trained moves both; an average of another one's weights, made by hand, may move the weights only.
    """
    before = watch.evaluated.get(module)
    if before is not None and before[2] == watch.trace.num_steps:
        return
    norms = [m.running_mean for m in module.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    weights = [watch.samples.few(p, COPIED) for p in list(module.parameters())[:AVERAGED]]
    statistics = [watch.samples.few(mean, COPIED) for mean in norms[:AVERAGED]]
    if before is not None and model.num_moved >= 0:
        if not _alike(statistics, before[1]):
            model.num_moved = -1
        elif not _alike(weights, before[0]):
            model.num_moved += 1
    watch.evaluated.put(module, (weights, statistics, watch.trace.num_steps))


def _alike(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all((a == b).all() for a, b in zip(some, others, strict=True))


def default_dtype() -> str:
    """The type of floating numbers that new tensors have."""
    import torch

    return str(torch.get_default_dtype())[6:]


def _foreign(kind: type) -> bool:
    """Whether a class comes from an installed package other than the framework."""
    if kind.__module__.partition(".")[0] in ("torch", "__main__"):
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and not is_users(file)


_MISSING = object()


def is_active(part: Any) -> bool:
    """Whether a module behaves differently in training mode."""
    from torch.nn.modules.batchnorm import _NormBase

    if isinstance(part, _NormBase):
        return bool(part.track_running_stats)
    kinds = {c.__name__ for c in type(part).__mro__}
    if not kinds.isdisjoint(_DROPOUTS):
        return float(getattr(part, "p", 0.0)) > 0.0
    return type(part).__name__ in ("LSTM", "GRU", "RNN") and float(getattr(part, "dropout", 0.0)) > 0.0


def _hidden(watch: Watch, name: str, part: Any, root: Any) -> list[Hidden]:
    """Modules and trainable tensors in plain attributes, lists, tuples and dictionaries of a module."""
    from torch import Tensor
    from torch.nn import Module

    if type(part).__module__.startswith("torch."):
        return []
    found = []
    known = {id(m) for m in root.modules()} | {id(p) for p in root.parameters()}
    for attribute, value in list(vars(part).items()):
        if attribute.startswith("_") and attribute in ("_parameters", "_buffers", "_modules"):
            continue
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        parts = [i for i in list(inside)[:200] if isinstance(i, (Module, Tensor)) and id(i) not in known]
        weights = [p for i in parts if isinstance(i, Module) for p in i.parameters() if p.requires_grad]
        weights += [t for t in parts if isinstance(t, Tensor) and t.requires_grad and t.is_leaf]
        if weights:
            slots = [watch.parameters.get(w) for w in weights]
            first = next(i for i in parts)
            found.append(
                Hidden(
                    owner=name,
                    attribute=attribute,
                    kind=type(first).__name__,
                    num_parameters=len(weights),
                    in_optimizer=any(s is not None and bool(s.optimizers) for s in slots),
                )
            )
    return found


def _overrides(root: Any) -> list[Override]:
    found: list[Override] = []
    seen: set[type] = set()
    for part in root.modules():
        for kind in type(part).__mro__:
            if kind in seen or kind.__module__.startswith("torch."):
                continue
            seen.add(kind)
            found.extend(o for n in OVERRIDES if (o := _override(kind, n)) is not None)
    return found


def _override(kind: type, name: str) -> Override | None:
    method = kind.__dict__.get(name)
    code = getattr(method, "__code__", None)
    if method is None or (code is not None and not is_users(code.co_filename)):
        return None
    if code is None:
        return Override(name=name, kind=kind.__name__)
    try:
        source = inspect.getsource(code)
    except (OSError, TypeError):
        source = ""
    return Override(
        name=name,
        kind=kind.__name__,
        arguments=tuple(code.co_varnames[1 : code.co_argcount]),
        calls_super=bool(re.search(rf"super\([^)]*\)\s*\.\s*{name}|Module\.{name}", source)),
        returns_value=bool(re.search(r"\breturn[ (]", source)),
        place=place_at(code.co_filename, code.co_firstlineno, name),
    )
