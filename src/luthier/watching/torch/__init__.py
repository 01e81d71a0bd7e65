"""The watch of PyTorch: official hooks and wrapped functions fill the trace.

Results are bit-equal with and without it: nothing here draws random numbers, changes a tensor or its version, keeps
a tensor alive, or enters the autograd graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from luthier.watching.recorder import DENSE, Recorder
from luthier.watching.torch.functions import Functions
from luthier.watching.torch.gradients import Gradients
from luthier.watching.torch.keeping import Keeping
from luthier.watching.torch.loading import Loading
from luthier.watching.torch.losses import Losses
from luthier.watching.torch.modules import Modules
from luthier.watching.torch.optimizers import Optimizers
from luthier.watching.torch.ranks import Ranks
from luthier.watching.torch.relations import Relations
from luthier.watching.torch.replicas import Replicas
from luthier.watching.torch.state import Watch
from luthier.watching.trace import settle_phases

__all__ = ["install"]


class Part(Protocol):
    """Some of the hooks."""

    def install(self) -> None:
        """Put them in."""
        ...


def install(recorder: Recorder) -> Callable[[], None]:
    """Put the hooks in; the function that is returned takes them out. PyTorch has been imported before."""
    import torch

    recorder.trace.frameworks["torch"] = str(torch.__version__)
    recorder.trace.threads = torch.get_num_threads()
    watch = Watch(recorder)
    relations = Relations(watch)
    gradients = Gradients(watch, relations.graphs)
    parts: tuple[Part, ...] = (
        Modules(watch, relations),
        Losses(watch, relations),
        relations,
        Functions(watch),
        Loading(watch),
        Optimizers(watch),
        Keeping(watch),
        Replicas(watch),
    )
    # the numbers are read first, then phases are settled, then facts are added up by phase
    recorder.finishers[:0] = [watch.samples.flush, lambda: settle_phases(recorder.trace)]
    hooks = gradients.install()
    for part in parts:
        part.install()
    _compilers(watch, torch)
    recorder.agree = Ranks(recorder).agree
    recorder.on_wake.append(gradients.forget)
    recorder.can_rest = True

    def no_arithmetic() -> None:
        """Arithmetic is looked at in the first steps only."""
        if recorder.trace.num_steps >= DENSE:
            watch.arithmetic.restore()

    recorder.on_step.append(no_arithmetic)

    def remove() -> None:
        for hook in hooks:
            hook.remove()
        watch.arithmetic.restore()
        watch.patches.restore()

    return remove


def _compilers(watch: Watch, torch: Any) -> None:
    """Compilers see the framework's own functions: what they compile is not looked into."""

    def around_compile(original: Any, *args: Any, **kwargs: Any) -> Any:
        watch.trace.compiled = True
        return original(*args, **kwargs)

    def around_script(original: Any, *args: Any, **kwargs: Any) -> Any:
        again = [watch.arithmetic.lifted(), watch.patches.lifted()]
        try:
            return original(*args, **kwargs)
        finally:
            for put in reversed(again):
                put()

    watch.patches.wrap(torch, "compile", around_compile)
    watch.patches.wrap(torch.nn.Module, "compile", around_compile)
    for name in ("script", "trace", "freeze"):
        watch.patches.wrap(torch.jit, name, around_script)
