"""Optimizers, schedulers, gradient clipping and loss scaling."""

from __future__ import annotations

import math
import sys
from typing import Any

from luthier.findings import Place
from luthier.watching.facts import Group, Optimizer, Scheduler
from luthier.watching.lines import assigned, is_users, user_line
from luthier.watching.recorder import Recorder
from luthier.watching.steps import Clip, ScalerCall, SchedulerStep, Step
from luthier.watching.torch.gradients import use
from luthier.watching.torch.measures import key_of, mark_scaled
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.samples import Numbers
from luthier.watching.torch.state import Holder, Watch

BASE = frozenset(
    {"optimizer", "base_lrs", "last_epoch", "verbose", "_step_count", "_get_lr_called_within_step", "_last_lr"}
)
MISTAKEN = ("lr", "learning_rate", "weight_decay", "momentum", "betas", "eps")
"""Attributes that the person may set on an optimizer in the belief that it reads them."""


class Optimizers:
    """Hooks of what surrounds a step."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        safely = self.recorder.safely
        self._made = safely("optimizer", self._made_)
        self._meet = safely("optimizer", self._meet_)
        self._clipped = safely("clip", self._clipped_)
        self._clip_before = safely("clip", self._clip_before_)
        self._scheduler = safely("scheduler", self._scheduler_)
        self._lrs = safely("scheduler", self._lrs_)
        self._scheduled = safely("scheduler", self._scheduled_)
        self._scaler = safely("scaler", self._scaler_)
        self._skipped = safely("scaler", self._skipped_)
        self._schedulers: Registry[Scheduler] = Registry()
        self._in_scheduler = 0
        self.recorder.finishers.append(self._finish)

    def install(self) -> None:
        """Put the hooks in."""
        import torch
        from torch.optim import Optimizer as Base
        from torch.optim import lr_scheduler

        wrap = self.watch.patches.wrap
        wrap(Base, "__init__", self._around_made)
        wrap(Base, "add_param_group", self._around_added)
        wrap(Base, "load_state_dict", self._around_loaded)
        for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
            wrap(owner, "clip_grad_norm_", self._around_clip("clip_grad_norm_"))
            wrap(owner, "clip_grad_value_", self._around_clip("clip_grad_value_"))
        kinds = [k for k in vars(lr_scheduler).values() if isinstance(k, type) and "step" in vars(k)]
        for kind in kinds:
            if issubclass(kind, lr_scheduler.LRScheduler):
                wrap(kind, "step", self._around_scheduled)
        wrap(lr_scheduler.LRScheduler, "_initial_step", self._around_initial)
        wrap(lr_scheduler.ReduceLROnPlateau, "__init__", self._around_initial)
        for name in ("scale", "unscale_", "step", "update"):
            wrap(torch.amp.GradScaler, name, self._around_scaler(name))

        for optimizer in self.recorder.made_before:
            if isinstance(optimizer, Base):
                self._meet(optimizer)

    # ---- optimizers ----

    def _around_made(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not self.recorder.off:
            self._made(args[0])
        return result

    def _around_added(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not self.recorder.off and self.watch.optimizers.get(args[0]) is not None:
            self.recorder.safely("optimizer", self._groups)(args[0])
        return result

    def _around_loaded(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        holder = self.watch.optimizers.get(args[0])
        if holder is not None:
            holder.fact.state_loaded = True
        return result

    def _meet_(self, optimizer: Any) -> None:
        """Take up an optimizer that was made before the watch began."""
        self._made_(optimizer)
        fact = self.trace.optimizers[len(self.trace.optimizers)]
        fact.place, fact.variable = None, ""

    def _made_(self, optimizer: Any) -> None:
        number = len(self.trace.optimizers) + 1
        fact = Optimizer(
            number=number,
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=_made_at(self.recorder, optimizer),
            name=type(optimizer).__name__,
            own=is_users(sys.modules[type(optimizer).__module__].__dict__.get("__file__") or "<none>"),
        )
        fact.variable = assigned(fact.place)
        self.trace.optimizers[number] = fact
        self.watch.optimizers.put(optimizer, Holder(fact))
        self._groups(optimizer)
        mine = {p for g in fact.groups for p in g.parameters}
        fact.num_twins_before = sum(
            o.place == fact.place and {p for g in o.groups for p in g.parameters} == mine
            for o in self.trace.optimizers.values()
            if o.number < number
        )

    def _groups(self, optimizer: Any) -> None:
        """Take the parameters of the groups that are new."""
        watch = self.watch
        holder = watch.optimizers.get(optimizer)
        if holder is None:
            return
        known = {id(s) for s in holder.slots}
        optimized = {id(s) for s in watch.optimized}
        for group in optimizer.param_groups[len(holder.fact.groups) :]:
            slots = [watch.slot(p) for p in group["params"]]
            for slot in slots:
                slot.optimizers.add(holder.fact.number)
                slot.fact.optimizers = tuple(sorted({*slot.fact.optimizers, holder.fact.number}))
                if id(slot) not in known:
                    holder.slots.append(slot)
                if id(slot) not in optimized:
                    watch.optimized.append(slot)
            holder.fact.groups.append(_group(group, slots))

    # ---- clipping ----

    def _around_clip(self, name: str) -> Any:
        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if self.recorder.off or self.recorder.busy:
                return original(*args, **kwargs)
            given: Any = args[0] if args else kwargs.get("parameters")
            if not hasattr(given, "grad") and not isinstance(given, (list, tuple, dict)):
                given = list(given)  # a generator can be read once only
                if args:
                    args = (given, *args[1:])
                else:
                    kwargs = {**kwargs, "parameters": given}
            bound = args[1] if len(args) > 1 else kwargs.get("max_norm", kwargs.get("clip_value", math.nan))
            record = self._clip_before(name, given, bound)
            result = original(*args, **kwargs)
            if record is not None:
                self._clipped(record, result)
            return result

        return around

    def _clip_before_(self, name: str, given: Any, bound: Any) -> Clip:
        watch = self.watch
        record = Clip(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(),
            name=name,
            max_norm=float(bound),
            scaled=watch.scaled and not any(h.unscaled for _, h in watch.optimizers.living()),
        )
        for parameter in [given] if hasattr(given, "grad") else given:
            grad = parameter.grad
            slot = watch.parameters.get(parameter)
            if grad is None:
                record.num_none += 1
            elif slot is not None and slot.consumed == key_of(grad):
                record.num_consumed += 1
            else:
                record.num_fresh += 1
        return record

    def _clipped_(self, record: Clip, norm: Any) -> None:
        if norm is not None and self.watch.samples.readable(norm) and not self.watch.blind():

            def read_it(read: Numbers) -> None:
                record.norm = float(read[0])

            self.watch.samples.later(norm, read_it)
        self.trace.clips.append(record)

    # ---- schedulers ----

    def _around_initial(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        self._in_scheduler += 1
        try:
            return original(*args, **kwargs)
        finally:
            self._in_scheduler -= 1
            if not self.recorder.off and not self._in_scheduler:
                self._scheduler(args[0])

    def _scheduler_(self, scheduler: Any) -> Scheduler:
        known = self._schedulers.get(scheduler)
        if known is not None:
            return known
        optimizer = getattr(scheduler, "optimizer", None)
        holder = self.watch.optimizers.get(optimizer) if optimizer is not None else None
        fact = Scheduler(
            number=len(self.trace.schedulers) + 1,
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(),
            name=type(scheduler).__name__,
            optimizer=holder.fact.number if holder else None,
        )
        self.trace.schedulers[fact.number] = fact
        return self._schedulers.put(scheduler, fact)

    def _around_scheduled(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self.recorder.off or self._in_scheduler:
            return original(*args, **kwargs)
        self._in_scheduler += 1
        before = self._lrs(args[0])
        try:
            result = original(*args, **kwargs)
        finally:
            self._in_scheduler -= 1
        self._scheduled(args[0], before, args[1] if len(args) > 1 else kwargs.get("metrics"))
        return result

    def _lrs_(self, scheduler: Any) -> tuple[float, ...]:
        return tuple(float(g["lr"]) for g in scheduler.optimizer.param_groups)

    def _scheduled_(self, scheduler: Any, before: tuple[float, ...] | None, given: Any) -> None:
        known = self._scheduler_(scheduler)
        known.num_steps += 1
        self._details(scheduler, known)
        self.trace.scheduler_steps.append(
            SchedulerStep(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=self.recorder.place(),
                scheduler=known.number,
                lr_before=before or (),
                lr_after=self._lrs_(scheduler),
                metric=_metric(given),
            )
        )

    def _details(self, scheduler: Any, known: Scheduler) -> None:
        if known.horizon:
            return
        for name, value in vars(scheduler).items():
            if name not in BASE and not name.startswith("__"):
                if value is None or isinstance(value, (bool, int, float, str)):
                    known.horizon[name] = value
                elif name in ("milestones", "_milestones"):
                    known.milestones = tuple(sorted(int(m) for m in value))
        for child in getattr(scheduler, "_schedulers", ()):
            self._scheduler_(child).is_child = True

    # ---- loss scaling ----

    def _around_scaler(self, name: str) -> Any:
        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            watch = self.watch
            if self.recorder.off or not args[0].is_enabled() or watch.in_scaler_step:
                return original(*args, **kwargs)
            if name != "step":
                result = original(*args, **kwargs)
                self._scaler(name, args)
                if name == "scale":
                    mark_scaled(result)
                return result
            holder = watch.optimizers.get(args[1] if len(args) > 1 else kwargs.get("optimizer"))
            before = holder.fact.num_steps if holder else 0
            watch.in_scaler_step = True
            try:
                result = original(*args, **kwargs)
            finally:
                watch.in_scaler_step = False
            self._scaler(name, args)
            if holder is not None and holder.fact.num_steps == before:
                self._skipped(holder)
            return result

        return around

    def _scaler_(self, name: str, args: tuple[Any, ...]) -> None:
        watch = self.watch
        scaler = args[0]
        holder = watch.optimizers.get(args[1]) if name in ("unscale_", "step") and len(args) > 1 else None
        if name == "scale":
            watch.scaling, watch.scaled = scaler, True
        elif name == "unscale_" and holder is not None:
            holder.unscaled = True
        elif name == "update":
            watch.scaled = False
        blind = watch.blind() or scaler._scale is None or scaler._scale.device.type != "cpu"
        self.trace.scaler_calls.append(
            ScalerCall(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=self.recorder.place(),
                call=name,
                scale=math.nan if blind else float(scaler.get_scale()),
                optimizer=holder.fact.number if holder else None,
            )
        )

    def _skipped_(self, holder: Holder) -> None:
        """The scaler left a step out: its gradients count as used."""
        for slot in holder.slots:
            parameter = slot.ref()
            grad = None if parameter is None else parameter.grad
            if grad is not None:
                use(slot, key_of(grad))
        holder.backwards = 0
        self.trace.steps.append(
            Step(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=self.recorder.place(),
                optimizer=holder.fact.number,
                index=holder.fact.num_steps,
                num_parameters=len(holder.slots),
                skipped=True,
            )
        )

    def _finish(self) -> None:
        for optimizer, holder in self.watch.optimizers.living():
            holder.fact.has_state = bool(optimizer.state)
            holder.fact.unknown_attributes = tuple(n for n in MISTAKEN if n in vars(optimizer))
        for scheduler, known in self._schedulers.living():
            self._details(scheduler, known)
        for _, slot in self.watch.parameters.living():
            parameter = slot.ref()
            if parameter is not None:
                slot.fact.requires_grad = parameter.requires_grad


def _metric(given: Any) -> float:
    """The number that a scheduler was given, where it costs nothing to read."""
    if isinstance(given, (int, float)):
        return float(given)
    on_cpu = getattr(getattr(given, "device", None), "type", "") == "cpu"
    return float(given) if on_cpu and given.numel() == 1 else math.nan


def _group(group: dict[str, Any], slots: list[Any]) -> Group:
    options = {
        k: v for k, v in group.items() if k != "params" and (v is None or isinstance(v, (bool, int, float, str)))
    }
    betas = group.get("betas") or (math.nan, math.nan)

    def number(name: str) -> float:
        try:
            return float(group[name])
        except (KeyError, TypeError, ValueError):
            return math.nan

    return Group(
        lr=number("lr"),
        weight_decay=number("weight_decay"),
        momentum=number("momentum"),
        beta1=float(betas[0]),
        beta2=float(betas[1]) if len(betas) > 1 else math.nan,
        eps=number("eps"),
        parameters=tuple(s.fact.number for s in slots),
        num_trainable=sum(s.fact.requires_grad for s in slots),
        options=options,
    )


def _made_at(recorder: Recorder, optimizer: Any) -> Place | None:
    """The line that makes an optimizer; of an own class, the line outside its constructors."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_back is not None:
        if frame.f_code.co_name == "__init__" and frame.f_code.co_varnames[:1] == ("self",):
            outer = frame.f_back
            if is_users(frame.f_code.co_filename) and frame.f_locals.get("self") is optimizer:
                return user_line(outer)
        frame = frame.f_back
    return recorder.place()
