"""What the hooks of PyTorch share while a program runs."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from luthier.findings import Place
from luthier.watching.calls import Forward, Op
from luthier.watching.facts import Model, Optimizer, Parameter, Phase
from luthier.watching.recorder import Recorder
from luthier.watching.steps import Backward, Step
from luthier.watching.torch.origins import Origins
from luthier.watching.torch.patching import TorchPatches
from luthier.watching.torch.registry import Registry
from luthier.watching.torch.samples import Samples

Key = tuple[int, int]
"""Identity of the contents of a gradient: memory address and version counter."""
PENDING = 64


class Slot:
    """A parameter of the program and what became of its gradient.

    consumed: the gradient that the last step used. seen: as the last backward pass left it. tainted: it contains one
    that a step has used before. pending: backward passes whose gradients no step has used yet.
    """

    __slots__ = ("before", "consumed", "fact", "optimizers", "pending", "ref", "seen", "stale", "tainted")

    def __init__(self, parameter: Any, fact: Parameter) -> None:
        self.ref = weakref.ref(parameter)
        self.fact = fact
        self.consumed: Key | None = None
        self.seen: Key | None = None
        self.before: Key | None = None
        self.stale = self.tainted = False
        self.pending: list[Backward] = []
        self.optimizers: set[int] = set()


class Holder:
    """An optimizer of the program: its fact, the slots of its parameters, and the step that is on."""

    __slots__ = ("backwards", "before", "depth", "fact", "last_s", "record", "size", "slots", "unscaled")

    def __init__(self, fact: Optimizer) -> None:
        self.fact = fact
        self.slots: list[Slot] = []
        self.size = 0
        self.depth = self.backwards = 0
        self.record: Step | None = None
        self.before: list[Any] = []
        self.last_s = 0.0
        self.unscaled = False


class Local(threading.local):
    """Depth of module calls in this thread."""

    depth = 0


class Watch:
    """One watched program in PyTorch.

    tokens_in: first rows of the last call's input where it was token numbers [B, T], sampled; else None.
    close: whether tensors are looked at now. inner: depth inside watched functions. stack: names of the layers whose
    call is on, in sampled calls.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.trace = recorder, recorder.trace
        self.samples, self.origins = Samples(), Origins()
        self.patches, self.arithmetic = TorchPatches(), TorchPatches()
        self.parameters: Registry[Slot] = Registry()
        self.models: Registry[Model] = Registry()
        self.evaluated: Registry[tuple[Any, Any, int]] = Registry()
        self.inside: Registry[Place | None] = Registry()
        self.optimizers: Registry[Holder] = Registry()
        self.copies: Registry[tuple[int, Any]] = Registry()
        self.optimized: list[Slot] = []
        self.local = Local()
        self.close = True
        self.inner = 0
        self.stack: list[tuple[str, str]] = []
        self.forward: Forward | None = None
        self.loader: int | None = None
        self.backward: Backward | None = None
        self.last_backward: Backward | None = None
        self.trains = True
        self.scaling: Any = None
        self.scaled = False
        self.in_scaler_step = False
        self.ops: dict[int, Op] = {}
        self.tokens_in: Any = None
        self.tokens: list[weakref.ref[Any]] = []
        self.num_since = self.num_trained_since = self.num_quiet_since = 0
        self.phases: list[Phase] = []

    def slot(self, parameter: Any) -> Slot:
        """The slot of a parameter, a new one where it was not known."""
        found = self.parameters.get(parameter)
        if found is not None:
            return found
        number = len(self.trace.parameters) + 1
        fact = Parameter(
            number=number,
            shape=tuple(parameter.shape) if not _lazy(parameter) else (),
            size=0 if _lazy(parameter) else parameter.numel(),
            dtype=str(parameter.dtype)[6:],
            device=str(parameter.device),
            requires_grad=parameter.requires_grad,
            was_trainable=parameter.requires_grad,
        )
        if len(self.trace.parameters) < 20000:
            self.trace.parameters[number] = fact
        return self.parameters.put(parameter, Slot(parameter, fact))

    def blind(self) -> bool:
        """Whether operations of our own would be seen: something records, traces or captures operations now."""
        import torch

        return bool(
            torch._C._len_torch_dispatch_stack()
            or torch._C._get_tracing_state() is not None
            or (torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())
        )

    def noting(self, note: Callable[..., Any], *, failed: bool = False) -> Callable[..., Any]:
        """What is put around a function: outermost calls are noted while the recorder looks.

        Args:
            note: called with (original, args, kwargs, result) after the call.
            failed: a call that raises is noted as well, with None for its result.
        """
        recorder = self.recorder

        def around(original: Any, *args: Any, **kwargs: Any) -> Any:
            if self.inner or not recorder.looking:
                return original(*args, **kwargs)
            self.inner += 1
            try:
                result = original(*args, **kwargs)
            except Exception:
                if failed:
                    note(original, args, kwargs, None)
                raise
            finally:
                self.inner -= 1
            note(original, args, kwargs, result)
            return result

        return around

    def on_backward(self, tensor: Any, record: Any) -> None:
        """Write into `record.trained_by` when a backward pass goes through a tensor."""
        import torch

        node = tensor.grad_fn
        if node is None or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            return

        def through(_gradients: Any) -> None:
            if self.trains and not record.trained_by:
                self._went_through(record)

        node.register_prehook(through)

    def _went_through(self, record: Any) -> None:
        backward = self.backward
        record.trained_by = backward.at if backward else self.recorder.at
        if backward is None:
            return
        if isinstance(record, Forward):
            self.num_trained_since += 1
            if len(backward.forwards) < 64:
                backward.forwards = (*backward.forwards, record.number)
            if record.active_train >= 0:
                backward.active_train = max(backward.active_train, 0) + record.active_train
                backward.active_eval = max(backward.active_eval, 0) + record.active_eval
        elif hasattr(record, "reduction") and len(backward.losses) < 64:
            backward.losses = (*backward.losses, record.number)


def _lazy(parameter: Any) -> bool:
    return type(parameter).__name__.startswith("Uninitialized")
