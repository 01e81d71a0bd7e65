"""Backward passes, cleared gradients and optimizer steps: what became of every gradient, exactly.

A gradient is known by its memory and its version counter. After a step, that pair is remembered as used; a backward
pass that finds it unchanged adds to a used gradient. Deposits that are cleared before a step are thrown away.
"""

from __future__ import annotations

import math
import time
import weakref
from typing import Any

import numpy as np

from luthier.findings import Place
from luthier.watching.steps import Backward, Step, ZeroGrad
from luthier.watching.torch import changes
from luthier.watching.torch.graphs import Graphs
from luthier.watching.torch.measures import (
    count_nodes,
    is_nonzero,
    is_scaled,
    key_of,
    number_of,
    rss_bytes,
    wants_parameters,
)
from luthier.watching.torch.origins import KEY
from luthier.watching.torch.samples import Numbers
from luthier.watching.torch.state import PENDING, Holder, Key, Slot, Watch

COUNTED = 24
"""Backward passes at the beginning, of those that keep their graph, whose nodes are counted one by one."""


class Token:
    """Lives as long as the graph that it was put into."""

    __slots__ = ("__weakref__",)


class Gradients:
    """Hooks of the backward pass, zero_grad and step."""

    def __init__(self, watch: Watch, graphs: Graphs) -> None:
        self.graphs = graphs
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        safely = self.recorder.safely
        self._begin = safely("backward", self._begin_)
        self._end = safely("backward", self._end_)
        self._zero = safely("zero_grad", self._zero_)
        self._pre = safely("step", self._pre_)
        self._post = safely("step", self._post_)
        self._in_backward = False
        self._num_checked_zero = self._num_counted = 0

    def install(self) -> list[Any]:
        """Put the hooks in; what is returned has `remove()`."""
        import torch
        from torch.optim.optimizer import (
            Optimizer,
            register_optimizer_step_post_hook,
            register_optimizer_step_pre_hook,
        )

        patches = self.watch.patches
        patches.wrap(torch.Tensor, "backward", self._around("backward"))
        patches.wrap(torch.autograd, "backward", self._around("autograd.backward"))
        patches.wrap(torch.autograd, "grad", self._around("autograd.grad"))
        patches.wrap(Optimizer, "zero_grad", self._around_zero(True))
        patches.wrap(torch.nn.Module, "zero_grad", self._around_zero(False))
        return [register_optimizer_step_pre_hook(self._pre_hook), register_optimizer_step_post_hook(self._post_hook)]

    def forget(self) -> None:
        """After a rest it is not known which gradients were used."""
        for slot in self.watch.optimized:
            slot.consumed = slot.seen = slot.before = None
            slot.stale = slot.tainted = False
            slot.pending.clear()
        for _, holder in self.watch.optimizers.living():
            holder.backwards, holder.last_s = 0, 0.0

    # ---- backward ----

    def _around(self, call: str) -> Any:
        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if self._in_backward or not self.recorder.looking:
                return original(*args, **kwargs)
            self._in_backward = True
            record = self._begin(call, args, kwargs)
            try:
                result = original(*args, **kwargs)
            except BaseException:
                if record is not None:
                    record.raised = True
                raise
            finally:
                self._in_backward = False
                if record is not None:
                    self._end(record)
            return result

        return around

    def _begin_(self, call: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Backward:
        import torch

        watch = self.watch
        root: Any = args[0] if args else kwargs.get("tensors", kwargs.get("outputs"))
        if isinstance(root, (list, tuple)) and root:
            root = root[0]
        record = Backward(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(4),
            call=call,
            loss_shape=tuple(root.shape) if root is not None else (),
            requires_grad=bool(root.requires_grad) if root is not None else True,
            grad_enabled=torch.is_grad_enabled(),
            retain_graph=bool(kwargs.get("retain_graph")),
            create_graph=bool(kwargs.get("create_graph")),
            in_step=any(h.depth for _, h in watch.optimizers.living()),
        )
        watch.trains = call != "autograd.grad" or wants_parameters(args, kwargs)
        record.of_inputs = not watch.trains
        watch.backward = record
        self.trace.num_backward += 1
        self.trace.backwards.append(record)
        self._look_before(record)
        if root is not None and not watch.blind():
            self._loss(record, root)
        return record

    def _look_before(self, record: Backward) -> None:
        dead = False
        for slot in self.watch.optimized:
            parameter = slot.ref()
            if parameter is None:
                dead = True
                continue
            grad = parameter.grad
            slot.stale = False
            if grad is None:
                if slot.pending:
                    _discard(slot, record.at, None)
                slot.tainted, slot.before = False, None
                slot.consumed = None  # the next one may come to lie where the used one lay
                continue
            key = slot.before = key_of(grad)
            if key == slot.consumed:
                slot.stale = is_nonzero(grad)
                record.num_stale += slot.stale
            elif slot.pending or slot.tainted:
                if key != slot.seen and not is_nonzero(grad):  # set to zero by hand
                    _discard(slot, record.at, None)
                    slot.tainted = False
                record.num_held += bool(slot.pending)
        if dead:
            self.watch.optimized = [s for s in self.watch.optimized if s.ref() is not None]

    def _loss(self, record: Backward, root: Any) -> None:
        watch = self.watch
        node = root.grad_fn
        if node is not None:
            if watch.trains:
                self.graphs.look(record, node)
            record.past_scaler = watch.scaled and not is_scaled(node)
            record.source = watch.origins.of(root) if watch.close else None
            token = Token()
            record.again = KEY + ".alive" in node.metadata
            node.metadata[KEY + ".alive"] = token
            watch.tokens.append(weakref.ref(token))
            kept = record.retain_graph and self._num_counted < COUNTED
            if kept or (watch.close and record.step % 5 == 0):
                record.num_nodes = count_nodes(node)
                self._num_counted += kept
        else:
            record.source = watch.origins.of(root)
        if root.numel() == 1 and watch.samples.readable(root):
            record.scale = scale = _scale_of(watch)

            def value(read: Numbers) -> None:
                record.loss = float(read[0]) / scale
                record.loss_is_nonfinite = not math.isfinite(record.loss)

            watch.samples.later(root, value)

    def _end_(self, record: Backward) -> None:
        watch = self.watch
        optimizers: set[int] = set()
        grads = []
        for slot in watch.optimized:
            parameter = slot.ref()
            grad = None if parameter is None else parameter.grad
            if grad is None:
                continue
            key = key_of(grad)
            if key == slot.before:
                continue
            record.num_deposited += 1
            slot.seen = key
            slot.tainted = slot.tainted or slot.stale
            slot.fact.num_gradients += 1
            slot.fact.sparse = grad.is_sparse
            if len(slot.pending) < PENDING:
                slot.pending.append(record)
            optimizers |= slot.optimizers
            grads.append(grad)
        record.optimizers = tuple(sorted(optimizers))
        for _, holder in watch.optimizers.living():
            if holder.fact.number in optimizers:
                holder.backwards += 1
                holder.unscaled = False
        if grads and watch.close and not watch.blind():
            self._norm(record, grads)
        if watch.close:
            self._strays()
        watch.backward, watch.last_backward, watch.trains = None, record, True
        others = watch.num_since - watch.num_trained_since
        if watch.num_quiet_since or others >= 3:
            self.recorder.evaluations_done = True
        watch.num_since = watch.num_trained_since = watch.num_quiet_since = 0

    def _strays(self) -> None:
        """Count the gradients of parameters that no optimizer holds."""
        for parameter, slot in self.watch.parameters.living():
            if slot.optimizers or not parameter.requires_grad or parameter.grad is None:
                continue
            key = key_of(parameter.grad)
            if key != slot.seen:
                slot.seen = key
                slot.fact.num_gradients += 1

    def _norm(self, record: Backward, grads: list[Any]) -> None:
        norm = changes.norms(grads)
        if norm is None:
            return

        def use(read: Numbers) -> None:
            record.grad_norm = float(np.sqrt(np.sum(read.astype(np.float64) ** 2))) / record.scale
            record.num_nonfinite = int(np.sum(~np.isfinite(read)))

        self.watch.samples.copied(norm, use)

    # ---- clearing ----

    def _around_zero(self, of_optimizer: bool) -> Any:
        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if self.recorder.looking:
                self._zero(of_optimizer, args, kwargs)
            return original(*args, **kwargs)

        return around

    def _zero_(self, of_optimizer: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        watch, owner = self.watch, args[0]
        holder = watch.optimizers.get(owner) if of_optimizer else None
        model = None if of_optimizer else watch.models.get(owner)
        if of_optimizer:
            slots = holder.slots if holder else []
        else:
            slots = [s for p in owner.parameters() if (s := watch.parameters.get(p))]
        record = ZeroGrad(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(4),
            optimizer=holder.fact.number if holder else None,
            model=model.number if model else None,
            set_to_none=bool(kwargs.get("set_to_none", args[1] if len(args) > 1 else True)),
        )
        for slot in slots:
            parameter = slot.ref()
            grad = None if parameter is None else parameter.grad
            if grad is None:
                continue
            record.num_cleared += 1
            slot.tainted = False
            if slot.pending:
                self._num_checked_zero += 1
                if self._num_checked_zero > 2000 or is_nonzero(grad):
                    record.num_discarded += 1
                    _discard(slot, record.at, record.place)
                else:
                    slot.pending.clear()
        self.trace.zero_grads.append(record)

    # ---- steps ----

    def _pre_hook(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if not (self.recorder.off or self.recorder.resting):
            self._pre(optimizer, args, kwargs)

    def _post_hook(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self.recorder.off:
            return
        if self.recorder.resting:
            holder = self.watch.optimizers.get(optimizer)
            if holder is not None:
                holder.fact.num_steps += 1
            self.recorder.stepped()
        elif self._post(optimizer):
            self.recorder.stepped()

    def _pre_(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        import torch

        watch = self.watch
        holder = watch.optimizers.get(optimizer)
        if holder is None:
            return
        holder.depth += 1
        if holder.depth > 1:
            return
        closure = (args[1] if len(args) > 1 else None) or kwargs.get("closure")
        record = holder.record = Step(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(4),
            optimizer=holder.fact.number,
            index=holder.fact.num_steps,
            lr=tuple(number_of(g.get("lr")) for g in optimizer.param_groups),
            num_parameters=len(holder.slots),
            num_closures=int(closure is not None),
            sampled=watch.close and not watch.blind(),
            scaled=watch.scaled and not holder.unscaled and not watch.in_scaler_step,
            grad_enabled=torch.is_grad_enabled(),
        )
        if record.sampled:
            holder.before = [
                watch.samples.few(p, changes.ENTRIES)
                if (p := s.ref()) is not None and watch.samples.readable(p)
                else None
                for s in holder.slots[: changes.TENSORS]
            ]

    def _post_(self, optimizer: Any) -> bool:
        """Whether this was the end of a step."""
        holder = self.watch.optimizers.get(optimizer)
        if holder is None or not holder.depth:  # the watch woke within this step
            return True
        holder.depth -= 1
        record = holder.record
        if holder.depth or record is None:
            return not holder.depth
        holder.record = None
        if record.sampled:
            changes.look(self.watch, record, holder)
        self._consume(record, holder)
        now = time.perf_counter()
        record.seconds = now - holder.last_s if holder.last_s else math.nan
        holder.last_s = now
        record.num_backwards, holder.backwards = holder.backwards, 0
        if record.num_closures:
            record.num_closures = record.num_backwards
        record.num_graphs = self._graphs()
        holder.fact.num_steps += 1
        self.trace.steps.append(record)
        if record.sampled:
            record.rss_bytes = rss_bytes()
            self.watch.samples.flush()
        return True

    def _consume(self, record: Step, holder: Holder) -> None:
        """The step has used every gradient that is there."""
        for slot in holder.slots:
            parameter = slot.ref()
            grad = None if parameter is None else parameter.grad
            if grad is None:
                record.num_none += 1
                continue
            record.num_reused += slot.tainted
            use(slot, key_of(grad))

    def _graphs(self) -> int:
        """Graphs of backward passes before the last one that are still alive."""
        watch = self.watch
        if len(watch.tokens) > 1:
            watch.tokens = [t for t in watch.tokens[:-1] if t() is not None] + watch.tokens[-1:]
        return max(len(watch.tokens) - 1, 0)


def use(slot: Slot, key: Key) -> None:
    """A step used the gradient of a slot."""
    slot.consumed, slot.tainted = key, False
    slot.fact.num_steps += 1
    for backward in slot.pending:
        backward.num_used += 1
    slot.pending.clear()


def _discard(slot: Slot, at: int, place: Place | None) -> None:
    for backward in slot.pending:
        backward.num_discarded += 1
        backward.discarded_at, backward.discarded_place = at, place
    slot.pending.clear()


def _scale_of(watch: Watch) -> float:
    return float(watch.scaling.get_scale()) if watch.scaled and watch.scaling is not None else 1.0
