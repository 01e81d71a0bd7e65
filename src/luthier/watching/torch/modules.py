"""Calls of models and, when looked at closely, of the layers inside."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from luthier.watching.calls import Forward, LayerRun, Units
from luthier.watching.facts import Layer, Model, Origin, TensorFact
from luthier.watching.steps import ModeCall
from luthier.watching.torch.inputs import Inputs
from luthier.watching.torch.models import averages, describe, is_active, still_untouched
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.relations import Relations
from luthier.watching.torch.samples import Numbers, fact_of, first_tensor, numbers, stats_of
from luthier.watching.torch.state import Watch

BURST, LATER = 8, 3
"""Calls that are looked at closely after a model was switched to another mode, the first times and later on."""
FIRST_SWITCHES = 2
CLOSE_CALLS = 20
"""Calls after a step that are looked at closely at most."""
NO_MODEL = Model()
MIN_TOKENS, TOKEN_ROWS = 4, 4
RECTIFIERS = ("ReLU", "ReLU6")
SEQUENTIAL = ("MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "TransformerEncoder",
              "TransformerDecoder", "Transformer")  # fmt: skip
"""Layers with layers inside that tell a time axis from the batch."""


class Modules:
    """Hooks of module calls, train and eval."""

    def __init__(self, watch: Watch, relations: Relations) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        self.relations = relations
        safely = self.recorder.safely
        self._before = safely("forward", self._before_)
        self._after = safely("forward", self._after_)
        self._enter = safely("layer", self._enter_)
        self._leave = safely("layer", self._leave_)
        self._mode = safely("mode", self._mode_)
        self.inputs = Inputs(watch, relations)
        self._modes: Registry[list[int]] = Registry()
        self._layers: dict[int, dict[int, Layer]] = {}
        self._outputs: Registry[tuple[str, TensorFact, tuple[int, int]]] = Registry()
        self._units: dict[tuple[int, str], tuple[Units, Any]] = {}
        self._last: tuple[int, bool, bool] = (0, True, True)
        self._bursts: dict[tuple[int, bool, bool], int] = {}
        self._burst = 0
        self._num_since_step = 0
        self._step = -1
        self._in_mode = 0
        self.recorder.finishers.append(self._finish)

    def install(self) -> None:
        """Put the hooks in."""
        import torch
        from torch.compiler import is_compiling

        implementation = torch.nn.Module.__call__
        local, outermost = self.watch.local, self._outermost

        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if is_compiling() or local.depth:
                return implementation(module, *args, **kwargs)
            return outermost(implementation, module, args, kwargs)

        self.watch.patches.put(torch.nn.Module, "__call__", call)
        self.watch.patches.wrap(torch.nn.Module, "train", self._around_mode)
        self.watch.patches.wrap(torch.nn.Module, "eval", self._around_mode)

    # ---- outermost calls ----

    def _outermost(self, implementation: Any, module: Any, args: Any, kwargs: Any) -> Any:
        if self.recorder.off or self.recorder.busy or self._rests(module):
            return implementation(module, *args, **kwargs)
        known = self.watch.models.get(module)
        if known is None:
            known = self._meet(module)
        if known is NO_MODEL or known is None:
            return implementation(module, *args, **kwargs)
        record = self._before(module, known, args, kwargs)
        if record is None:
            return implementation(module, *args, **kwargs)
        handles = self._taps() if record.sampled else ()
        self.watch.local.depth = 1
        try:
            output = implementation(module, *args, **kwargs)
        finally:
            self.watch.local.depth = 0
            for handle in handles:
                handle.remove()
        self._after(record, module, known, output)
        self.recorder.stop_if_due()
        return output

    def _rests(self, module: Any) -> bool:
        """Is this a training call while the watch rests? Another call wakes it."""
        if not self.recorder.resting:
            return False
        import torch

        if module.training and torch.is_grad_enabled():
            return True
        self.recorder.wake()
        return False

    def _meet(self, module: Any) -> Model | None:
        def meet() -> Model:
            known = NO_MODEL
            if next(module.parameters(), None) is not None:
                if any("Uninitialized" in type(p).__name__ for p in module.parameters()):
                    return known  # a lazy model has no shapes before its first call
                known = describe(self.watch, module, self.recorder.place(4))
                counts = self._modes.get(module) or [0, 0]
                known.num_train_calls, known.num_eval_calls = counts
                self._layers[known.number] = {
                    id(part): layer
                    for (_, part), layer in zip(_inner(module).named_modules(), known.layers, strict=False)
                }
            return self.watch.models.put(module, known)

        found: Model | None = self.recorder.safely("model", meet)()
        return found

    def _before_(self, module: Any, model: Model, args: Any, kwargs: Any) -> Forward:
        import torch

        watch = self.watch
        self.recorder.called()
        self.trace.num_forwards += 1
        model.num_forwards += 1
        grad = torch.is_grad_enabled()
        record = watch.forward = Forward(
            number=self.trace.num_forwards,
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(4),
            model=model.number,
            training=module.training,
            grad_before=grad,
            inference=torch.is_inference_mode_enabled(),
            loader=watch.loader,
        )
        watch.num_since += 1
        watch.num_quiet_since += not grad or not module.training
        watch.close = self._choose(model, module.training, grad) and not watch.blind()
        record.sampled = watch.close and not self.trace.compiled
        tensor = first_tensor(args) if args else None
        if tensor is None:
            tensor = first_tensor(kwargs)
        device = tensor.device.type if tensor is not None else "cpu"
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            record.autocast = str(torch.get_autocast_dtype(device))[6:]
        averages(watch, module, model)
        watch.tokens_in = None
        self.relations.begins()
        if tensor is not None:
            record.fed_by = watch.origins.call_of(tensor) if watch.close and watch.samples.readable(tensor) else 0
            record.input = fact_of(tensor)
            if watch.close and tensor.dim() == 2 and not tensor.dtype.is_floating_point:
                watch.tokens_in = _tokens(watch, tensor)
            if not watch.blind():
                self.inputs.seen(record, model, tensor)
            watch.origins.mark(tensor, Origin(op="input", at=record.at)) if tensor.grad_fn is None else None
        watch.stack.clear()
        record.seconds = time.perf_counter()
        return record

    def _choose(self, model: Model, training: bool, grad: bool) -> bool:
        """Whether this call is looked at closely: the step is, or the model was just switched to this mode."""
        if self._step != self.trace.num_steps:
            self._step, self._num_since_step = self.trace.num_steps, 0
        self._num_since_step += 1
        now = (model.number, training, grad)
        if now != self._last:
            self._last = now
            count = self._bursts[now] = self._bursts.get(now, 0) + 1
            if count <= 6 or not count & (count - 1):
                self._burst = BURST if count <= FIRST_SWITCHES else LATER
        if self._burst:
            self._burst -= 1
            return True
        return self.recorder.sampled and self._num_since_step <= CLOSE_CALLS

    def _after_(self, record: Forward, module: Any, model: Model, output: Any) -> None:
        import torch

        watch = self.watch
        record.seconds = time.perf_counter() - record.seconds
        record.grad_after = torch.is_grad_enabled()
        tensor = first_tensor(output)
        if tensor is not None:
            record.output = fact_of(tensor)
            watch.on_backward(tensor, record)
            if not watch.blind():
                self.relations.graphs.called(output, model.number, record.number)
                if watch.close:
                    self._output(record, model, tensor)
        self.trace.forwards.append(record)

    def _output(self, record: Forward, model: Model, tensor: Any) -> None:
        watch = self.watch
        fact = record.output
        assert fact is not None
        made = self._outputs.get(tensor)
        if made is not None and made[0]:
            model.last_layer = made[0]
        if made is not None and made[1].stats is not None:
            fact.stats = made[1].stats
        watch.samples.later(tensor, lambda read: _put_stats(fact, read))
        self.inputs.spread(record, tensor)
        known = watch.origins.of(tensor)
        if known is not None and known.at in watch.ops:
            watch.ops[known.at].is_model_output = True
        layer = next((x for x in model.layers if x.name == model.last_layer), None) if model.last_layer else None
        origin = Origin(
            op=known.op if known else "",
            via=known.via if known else (),
            axis_size=known.axis_size if known else None,
            layer=model.last_layer or (known.layer if known else ""),
            layer_class=layer.kind if layer else (known.layer_class if known else ""),
            is_model_output=True,
            place=(known.place if known else None) or record.place,
            at=(known.at if known else 0) or record.at,
        )
        if watch.samples.readable(tensor) and (tensor.grad_fn is not None or not tensor.requires_grad):
            watch.origins.output(tensor, origin, record.number)

    # ---- layers ----

    def _taps(self) -> tuple[Any, ...]:
        from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

        return register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave)

    def _enter_(self, module: Any, _args: Any) -> None:
        layer = self._layer(module)
        self.watch.stack.append((layer.name, layer.kind) if layer else ("", type(module).__name__))

    def _layer(self, module: Any) -> Layer | None:
        record = self.watch.forward
        return self._layers.get(record.model, {}).get(id(module)) if record else None

    def _leave_(self, module: Any, args: Any, output: Any) -> None:
        watch, record = self.watch, self.watch.forward
        if watch.stack:
            watch.stack.pop()
        layer = self._layer(module)
        if record is None or layer is None or watch.blind():
            return
        layer.num_calls += 1
        layer.training = module.training
        if layer.active and is_active(module):
            record.active_train = max(record.active_train, 0) + bool(module.training)
            record.active_eval = max(record.active_eval, 0) + (not module.training)
        elif record.active_train < 0:
            record.active_train = record.active_eval = 0
        self.relations.layer(layer, args, output)
        tensor = first_tensor(output)
        if tensor is None or not watch.samples.readable(tensor) or (not layer.name and module._modules):
            return
        run = LayerRun(
            at=self.recorder.tick(),
            step=record.step,
            forward=record.number,
            model=record.model,
            layer=layer.name,
            kind=layer.kind,
            training=module.training,
            output=fact_of(tensor),
            place=self.recorder.place(4),
        )
        given = first_tensor(args)
        if given is not None and (not module._modules or layer.kind in SEQUENTIAL):
            self._input(run, layer, given)
        self._numbers(run, tensor)
        if layer.kind in RECTIFIERS and record.training:
            self._fired(record, layer, tensor)
        self.trace.layer_runs.append(run)

    def _input(self, run: LayerRun, layer: Layer, given: Any) -> None:
        made = self._outputs.get(given)
        if made is not None and made[2] == (run.model, _version(given)):
            run.input, layer.follows = made[1], made[0]
            return
        fact = run.input = fact_of(given)
        self.watch.samples.later(given, lambda read: _put_stats(fact, read, distinct=False), 1024)

    def _numbers(self, run: LayerRun, tensor: Any) -> None:
        fact = run.output
        assert fact is not None
        self._outputs.put(tensor, (run.layer, fact, (run.model, _version(tensor))))

        def use(read: Numbers) -> None:
            _put_stats(fact, read, distinct=False)
            if fact.stats is not None and fact.stats.n:
                wide = read.astype(np.float64)
                finite = wide[np.isfinite(wide)]
                with np.errstate(all="ignore"):
                    run.rms = float(np.sqrt(np.mean(finite**2))) if finite.size else float("nan")

        self.watch.samples.later(tensor, use, 1024)

    def _fired(self, record: Forward, layer: Layer, tensor: Any) -> None:
        """Add up which units of a rectifier were ever above zero, on the CPU and for tensors of moderate size."""
        if tensor.device.type != "cpu" or tensor.dim() < 2 or tensor.numel() > 1 << 20:
            return
        read = numbers(tensor)
        axes = (0, *range(2, read.ndim)) if read.ndim == 4 else tuple(range(read.ndim - 1))
        fired = (read > 0).any(axis=axes)
        key = (record.model, layer.name)
        known = self._units.get(key)
        if known is not None and known[1].shape == fired.shape:
            units, ever = known
        else:
            units = Units(model=record.model, layer=layer.name, kind=layer.kind, num_units=fired.size)
            ever = np.zeros_like(fired)
            self.trace.units.append(units)
            self._units[key] = (units, ever)
        ever |= fired
        units.num_rows += read.shape[0]
        units.num_calls += 1
        units.num_never = int(np.sum(~ever))

    # ---- train and eval ----

    def _around_mode(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self._in_mode or self.recorder.off:
            return original(*args, **kwargs)
        self._in_mode += 1
        try:
            result = original(*args, **kwargs)
        finally:
            self._in_mode -= 1
        self._mode(args[0])
        return result

    def _mode_(self, module: Any) -> None:
        training = bool(module.training)
        model = self.watch.models.get(module)
        counts = self._modes.get(module) or self._modes.put(module, [0, 0])
        counts[0 if training else 1] += 1
        if model is not None and model is not NO_MODEL:
            model.num_train_calls, model.num_eval_calls = counts
        self.trace.mode_calls.append(
            ModeCall(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=self.recorder.place(4),
                model=model.number if model is not None and model is not NO_MODEL else None,
                kind=type(module).__name__,
                training=training,
            )
        )

    def _finish(self) -> None:
        """Whether copied weights are still as they were, and whether those before a rectifier got only zero gradients
        in the last step that was looked at."""
        still_untouched(self.watch)
        last = {t.parameter: t.grad_zero_share for s in self.trace.steps for t in s.tensors}
        for units in self.trace.units:
            model = self.trace.models.get(units.model)
            layers = {x.name: x for x in model.layers} if model else {}
            layer = layers.get(units.layer)
            before = layers.get(layer.follows) if layer and layer.follows else None
            shares = [last[p] for p in before.parameters if p in last] if before else []
            units.grad_zero = all(s == 1.0 for s in shares) if shares else None


def _tokens(watch: Watch, tensor: Any) -> Any:
    """The first rows of token numbers; None where they cannot be read."""
    if watch.blind() or not watch.samples.readable(tensor) or tensor.shape[1] < MIN_TOKENS:
        return None
    return numbers(tensor.detach()[:TOKEN_ROWS].cpu())


def _version(tensor: Any) -> int:
    """The version counter of a tensor, which in-place operations raise. Inference tensors have none."""
    return 0 if tensor.is_inference() else int(tensor._version)


def _inner(module: Any) -> Any:
    if type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
        return module.module
    return getattr(module, "_orig_mod", module) if type(module).__name__ == "OptimizedModule" else module


def _put_stats(fact: TensorFact, read: Numbers, *, distinct: bool = True) -> None:
    if fact.stats is None or distinct:
        fact.stats = stats_of(read, distinct=distinct)
