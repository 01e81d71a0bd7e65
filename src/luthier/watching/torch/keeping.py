"""Weights taken, loaded and saved; seeds; recording of gradients switched for good."""

from __future__ import annotations

import contextlib
import time
import weakref
from typing import Any

from luthier.watching.ends import Seed
from luthier.watching.steps import GradSwitch, StateTaken, StateUsed
from luthier.watching.torch.models import COPIED
from luthier.watching.torch.modules import NO_MODEL
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.state import Watch

TAKEN = 16
TENSORS = 5000


class Keeping:
    """Hooks of what is kept of a model, and of random streams."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.recorder, self.trace = watch, watch.recorder, watch.trace
        safely = self.recorder.safely
        self._take = safely("state_dict", self._take_)
        self._load = safely("load_state_dict", self._load_)
        self._save = safely("save", self._save_)
        self._copied = safely("deepcopy", self._copied_)
        self._read = safely("load", self._read_)
        self._seed = safely("seed", self._seed_)
        self._switch = safely("grad mode", self._switch_)
        self._taken: list[tuple[weakref.ref[Any], StateTaken]] = []
        self._known: Registry[StateTaken] = Registry()
        self._switches: Registry[GradSwitch] = Registry()
        self._in_state = self._in_load = self._in_seed = 0
        self.recorder.finishers.insert(0, self._finish)

    def install(self) -> None:
        """Put the hooks in."""
        import random

        import numpy as np
        import torch

        wrap = self.watch.patches.wrap
        wrap(torch.nn.Module, "state_dict", self._around_state)
        wrap(torch.nn.Module, "load_state_dict", self._around_load)
        wrap(torch, "save", self._around_save)
        wrap(torch.nn.Parameter, "__deepcopy__", self._around_copy)
        wrap(torch, "load", self._around_read)
        for owner, name, kind in (
            (torch, "manual_seed", "torch"),
            (torch.cuda, "manual_seed", "cuda"),
            (torch.cuda, "manual_seed_all", "cuda"),
            (random, "seed", "random"),
            (np.random, "seed", "numpy"),
        ):
            wrap(owner, name, self._around_seed(kind))
        for owner, name in (
            (torch.nn.Module, "apply"),
            (torch.nn.Linear, "reset_parameters"),
            (torch.nn.modules.conv._ConvNd, "reset_parameters"),
        ):
            wrap(owner, name, self._around_reset)
        switch = torch.autograd.grad_mode.set_grad_enabled
        wrap(switch, "__init__", self._around_switch)
        wrap(switch, "__enter__", self._around_enter)

    # ---- weights ----

    def _around_state(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self._in_state or self.recorder.off or self.recorder.busy:
            return original(*args, **kwargs)
        self._in_state += 1
        try:
            result = original(*args, **kwargs)
        finally:
            self._in_state -= 1
        if "destination" not in kwargs and len(args) < 2:
            self._take(args[0], result)
        return result

    def _take_(self, module: Any, state: Any) -> None:
        record = StateTaken(
            number=self.trace.states_taken.total + 1,
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(),
            model=self._number(module),
        )
        self.trace.states_taken.append(record)
        self._known.put(state, record)
        self._taken = [(ref, r) for ref, r in self._taken if ref() is not None][-TAKEN:]
        self._taken.append((weakref.ref(state, lambda _: self._let_go(record)), record))

    def _let_go(self, record: StateTaken) -> None:
        record.steps_alive = self.trace.num_steps - record.step

    def _number(self, module: Any) -> int | None:
        model = self.watch.models.get(module)
        return model.number if model is not None and model is not NO_MODEL else None

    def _around_load(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self._in_load or self.recorder.off:
            return original(*args, **kwargs)
        state = args[1] if len(args) > 1 else kwargs.get("state_dict")
        record = self._load(args[0], state)
        self._in_load += 1
        begun_s = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            self._in_load -= 1
            if record is not None:
                record.seconds = time.perf_counter() - begun_s

    def _load_(self, module: Any, state: Any) -> StateUsed:
        live = {n: t.data_ptr() for n, t in [*module.named_parameters(), *module.named_buffers()] if t.numel()}
        tensors = {n: t for n, t in list(state.items())[:TENSORS] if hasattr(t, "data_ptr") and t.numel()}
        record = self._use(
            "load_state_dict",
            state,
            self._number(module),
            len(tensors),
            sum(t.data_ptr() == live.get(n) for n, t in tensors.items()),
        )
        own = dict([*module.named_parameters(), *module.named_buffers()])
        record.num_own, record.num_fit = len(own), sum(name in own for name in state)
        if own and state and not record.num_fit:
            record.keys = (next(iter(own)), str(next(iter(state))))
        model = self.watch.models.get(module)
        if model is not None and model is not NO_MODEL:
            model.loaded = True
        if not self.trace.num_steps:
            for parameter in module.parameters():
                self.watch.slot(parameter).fact.loaded = True
        return record

    def _use(self, call: str, state: Any, model: int | None, num: int, aliases: int) -> StateUsed:
        taken = None
        with contextlib.suppress(TypeError):  # a plain dict cannot be referred to weakly
            taken = self._known.get(state)
        record = StateUsed(
            at=self.recorder.tick(),
            step=self.trace.num_steps,
            place=self.recorder.place(),
            call=call,
            model=model,
            num_tensors=num,
            num_aliases=aliases,
            taken=taken.number if taken else None,
            steps_since=self.trace.num_steps - taken.step if taken else 0,
        )
        self.trace.states_used.append(record)
        return record

    def _around_save(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self.recorder.off:
            return original(*args, **kwargs)
        thing = args[0] if args else kwargs.get("obj")
        begun_s = time.perf_counter()
        result = original(*args, **kwargs)
        self._save(thing, time.perf_counter() - begun_s)
        return result

    def _save_(self, thing: Any, seconds: float) -> None:
        live = {}
        for module, model in self.watch.models.living():
            if model is not NO_MODEL:
                live.update({p.data_ptr(): model.number for p in module.parameters() if p.numel()})
        states: list[Any] = []
        tensors = _tensors(thing, states)
        found = [live[p] for t in tensors if (p := t.data_ptr()) in live]
        taken = [(t.step, i) for i, s in enumerate(states) if (t := self._known.get(s)) is not None]
        oldest = states[min(taken)[1]] if taken else None
        record = self._use("save", oldest, found[0] if found else None, len(tensors), len(found))
        record.seconds = seconds

    def _around_read(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """torch.load: the parameters of a whole module that it gives are loaded ones."""
        result = original(*args, **kwargs)
        if hasattr(result, "named_parameters") and not (self.recorder.off or self.recorder.busy):
            self._read(result)
        return result

    def _read_(self, module: Any) -> None:
        for parameter in module.parameters():
            self.watch.slot(parameter).fact.loaded = True

    # ---- copies ----

    def _around_copy(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not (self.recorder.off or self.recorder.busy):
            self._copied(result)
        return result

    def _copied_(self, parameter: Any) -> None:
        watch = self.watch
        if watch.samples.readable(parameter) and not watch.blind():
            watch.copies.put(parameter, (self.recorder.tick(), watch.samples.few(parameter, COPIED)))

    def _around_reset(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """New weights for layers that were there before."""
        if self.trace.num_steps and not self.recorder.off:
            known = self.watch.parameters
            if any(known.get(parameter) is not None for parameter in args[0].parameters()):
                self.trace.resets.append(self.recorder.tick())
        return original(*args, **kwargs)

    # ---- seeds ----

    def _around_seed(self, kind: str) -> Any:
        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if self._in_seed or self.recorder.off:
                return original(*args, **kwargs)
            self._in_seed += 1
            try:
                result = original(*args, **kwargs)
            finally:
                self._in_seed -= 1
            self._seed(kind, args[0] if args else kwargs.get("seed"))
            return result

        return around

    def _seed_(self, kind: str, value: Any) -> None:
        place = self.recorder.place()
        if place is not None:
            self.trace.seeds.append(
                Seed(
                    at=self.recorder.tick(),
                    step=self.trace.num_steps,
                    place=place,
                    kind=kind,
                    value=value if isinstance(value, int) else None,
                )
            )

    # ---- recording of gradients ----

    def _around_switch(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not (self.recorder.off or self.recorder.busy):
            self._switch(args[0], args[1] if len(args) > 1 else kwargs.get("mode"))
        return result

    def _around_enter(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        known = self._switches.get(args[0])
        if known is not None:
            known.at = -1  # used as a `with` block
        return original(*args, **kwargs)

    def _switch_(self, switch: Any, enabled: Any) -> None:
        place = self.recorder.place()
        if place is not None and "set_grad_enabled" in place.text:
            record = GradSwitch(
                at=self.recorder.tick(),
                step=self.trace.num_steps,
                place=place,
                enabled=bool(enabled),
                in_forward=bool(self.watch.local.depth),
            )
            self.trace.grad_switches.append(record)
            self._switches.put(switch, record)

    def _finish(self) -> None:
        for ref, record in self._taken:
            if ref() is not None:
                self._let_go(record)
        stays = [s for s in self.trace.grad_switches if s.at > 0]
        self.trace.grad_switches = type(self.trace.grad_switches)(stays)


def _tensors(thing: Any, states: list[Any], depth: int = 5) -> list[Any]:
    """Tensors inside dictionaries, lists and modules; the dictionaries that are state_dicts go to `states`."""
    if hasattr(thing, "data_ptr") and hasattr(thing, "numel"):
        return [thing] if thing.numel() and not getattr(thing, "is_sparse", False) else []
    if depth == 0:
        return []
    if hasattr(thing, "named_parameters"):
        return list(thing.parameters())
    if isinstance(thing, dict):
        if hasattr(thing, "_metadata"):
            states.append(thing)
        thing = list(thing.values())
    if isinstance(thing, (list, tuple)):
        return [t for part in list(thing)[:TENSORS] for t in _tensors(part, states, depth - 1)][:TENSORS]
    return []
