"""Wrap the public functions of JAX, optax and Flax that a training program goes through."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from luthier.findings import Place
from luthier.watching.arrivals import Arrivals
from luthier.watching.jax import jits, lookups, losses, rates
from luthier.watching.jax.state import State, fingerprint, is_traced
from luthier.watching.lines import called_by_user, is_users, place_at
from luthier.watching.patching import Patches
from luthier.watching.programs import Draw, Modes, Remark
from luthier.watching.sink import Sink, guarded

_SAMPLERS = (
    "normal",
    "uniform",
    "bernoulli",
    "permutation",
    "choice",
    "categorical",
    "randint",
    "truncated_normal",
    "gumbel",
    "laplace",
    "exponential",
)
MAX_DRAWS = 4096


def install(sink: Sink) -> Callable[[], None]:
    """Wrap JAX now, and optax and Flax when they are imported; returns what puts the originals back."""
    import jax

    state = State(sink)
    patches = Patches()
    patches.put(jax, "jit", jits.wrap(state, jax.jit))
    patches.put(jax, "grad", losses.wrap(state, jax.grad, with_value=False))
    patches.put(jax, "value_and_grad", losses.wrap(state, jax.value_and_grad, with_value=True))
    patches.put(jax.numpy, "argmax", _argmax(state, jax.numpy.argmax))
    patches.put(jax.nn, "one_hot", lookups.wrap_one_hot(state, jax.nn.one_hot))
    for name in _SAMPLERS:
        patches.put(jax.random, name, _sampler(state, name, getattr(jax.random, name)))
    arrivals = Arrivals({name: functools.partial(_arrived, state, name, patches) for name in _LATER})
    arrivals.install()

    def remove() -> None:
        arrivals.remove()
        patches.restore()

    return remove


def _arrived(state: State, name: str, patches: Patches) -> None:
    """Wrap a package of JAX's users, or wait for it: `import optax` imports JAX before it is whole itself."""
    work, needs = _LATER[name]
    if all(hasattr(sys.modules[name], need) for need in needs):
        guarded(state.sink, f"jax: {name}", work, state, patches)
    else:
        state.waiting.append(functools.partial(_arrived, state, name, patches))


def _optax(state: State, patches: Patches) -> None:
    import optax

    apply, count = optax.apply_updates, optax.safe_increment
    numerics = sys.modules[count.__module__]  # where optax's own optimizers look it up

    @functools.wraps(apply)
    def apply_updates(params: Any, updates: Any) -> Any:
        guarded(state.sink, "optax", _applied, state)
        return apply(params, updates)

    @functools.wraps(count)
    def safe_increment(value: Any) -> Any:
        guarded(state.sink, "optax", _counted, state, value)
        return count(value)

    patches.put(optax, "apply_updates", apply_updates)
    patches.put(numerics, "safe_increment", safe_increment)
    rates.install(state, optax, patches)
    state.add(state.updates)


def _applied(state: State) -> None:
    if state.looking:
        return
    state.updates.place = state.updates.place or state.sink.place()
    if state.traces:
        state.traces[-1].applies = True
    else:
        state.updates.num_applied += 1


def _counted(state: State, value: Any) -> None:
    """The optimizer's step counter: an argument of the jitted function around, or a number."""
    if state.looking:
        return
    if is_traced(value):
        trace = state.traces[-1] if state.traces else None
        position = trace.leaves.get(id(value)) if trace is not None else None
        if trace is not None and position is not None and position not in trace.counters:
            trace.counters.append(position)
        return
    if state.updates.num_counts < 20:
        state.updates.num_counts += 1
        state.updates.num_first += int(value) == 0


def _argmax(state: State, original: Any) -> Any:
    @functools.wraps(original)
    def argmax(a: Any, axis: int | None = None, *args: Any, **kwargs: Any) -> Any:
        result = original(a, axis, *args, **kwargs)
        if axis is not None and not state.looking and called_by_user():
            guarded(state.sink, "jax: argmax", _argmax_of_one, state, a, axis)
        return result

    return argmax


def _argmax_of_one(state: State, a: Any, axis: int) -> None:
    shape: tuple[int, ...] = getattr(a, "shape", ())
    if len(shape) < 2 or shape[axis] != 1 or shape[0] < 2:
        return
    place = state.sink.place()
    owner = jits.record_of(state, "argmax", place)
    if not owner.remarks:
        owner.remarks.append(Remark("argmax of one", place, shapes=(tuple(shape),), size=1))


def _sampler(state: State, name: str, original: Any) -> Any:
    @functools.wraps(original)
    def draw(key: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(key, *args, **kwargs)
        if not state.looking and not state.traces and not is_traced(result) and called_by_user():
            settings = [a for a in [*args, *kwargs.values()] if isinstance(a, int | float | tuple)]
            guarded(state.sink, "jax: draw", _drawn, state, f"{name} {settings}", key, result)
        return result

    return draw


def _drawn(state: State, call: str, key: Any, result: Any) -> None:
    """A draw outside compiled code. call: the function's name and its plain settings."""
    shape = tuple(result.shape)
    if result.size < 2 or is_traced(key) or len(state.draws) >= MAX_DRAWS:
        return
    place = state.sink.place()
    identity = (call, fingerprint([key]), shape, str(result.dtype))
    known = state.draws.get(identity)
    if known is None:
        state.draws[identity] = Draw(call.partition(" ")[0], shape, place=place, before=state.num_steps)
        return
    if known.count == 1:
        state.add(known)
    known.count += 1
    known.during += state.num_steps > known.before
    known.before, known.other = state.num_steps, place


def _note_mode(state: State, kind: str, training: bool) -> None:
    """A call of a layer that differs by mode."""
    if state.looking:
        return
    modes = state.modes.get(kind)
    if modes is None:
        modes = state.modes[kind] = Modes(kind)
        state.add(modes)
    if state.in_loss:
        modes.loss_place = modes.loss_place or outside_modules()
        modes.in_loss_train += training
        modes.in_loss_eval += not training
        if training:
            modes.left = 0
        elif modes.in_loss_train and state.num_steps and outside_modules() == modes.loss_place:
            modes.left_after = modes.left_after if modes.left else state.num_steps
            modes.left += 1
    elif state.num_steps and not (state.traces and state.traces[-1].programs):
        if training and modes.place is None:
            modes.place = outside_modules()
        modes.outside_train += training
        modes.outside_eval += not training


def outside_modules() -> Place | None:
    """The innermost line of the person's code that stands in no method of a Flax module: where a model is called."""
    modules = [sys.modules.get(name) for name in ("flax.nnx", "flax.linen")]
    kinds = tuple(kind for module in modules if isinstance(kind := getattr(module, "Module", None), type))
    frame = inspect.currentframe()
    while frame is not None:
        if is_users(frame.f_code.co_filename) and not isinstance(frame.f_locals.get("self"), kinds):
            return place_at(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return None


def _linen(state: State, patches: Patches) -> None:
    from flax import linen

    def dropout(original: Any) -> Any:
        @functools.wraps(original)
        def call(self: Any, inputs: Any, deterministic: Any = None, *args: Any, **kwargs: Any) -> Any:
            still = self.deterministic if deterministic is None else deterministic
            if self.rate > 0 and not self.is_initializing():
                guarded(state.sink, "flax", _note_mode, state, "Dropout", not still)
            return original(self, inputs, deterministic, *args, **kwargs)

        return call

    def norm(original: Any) -> Any:
        @functools.wraps(original)
        def call(self: Any, x: Any, use_running_average: Any = None, *args: Any, **kwargs: Any) -> Any:
            still = self.use_running_average if use_running_average is None else use_running_average
            if not self.is_initializing():
                guarded(state.sink, "flax", _note_mode, state, "BatchNorm", not still)
            return original(self, x, use_running_average, *args, **kwargs)

        return call

    patches.put(linen.Dropout, "__call__", dropout(linen.Dropout.__call__))
    patches.put(linen.BatchNorm, "__call__", norm(linen.BatchNorm.__call__))


def _nnx(state: State, patches: Patches) -> None:
    from flax import nnx

    def dropout(original: Any) -> Any:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            still = kwargs.get("deterministic")
            still = self.deterministic if still is None else still
            if self.rate > 0:
                guarded(state.sink, "flax", _note_mode, state, "Dropout", not still)
            return original(self, *args, **kwargs)

        return call

    def norm(original: Any) -> Any:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            still = kwargs.get("use_running_average")
            still = self.use_running_average if still is None else still
            guarded(state.sink, "flax", _note_mode, state, "BatchNorm", not still)
            return original(self, *args, **kwargs)

        return call

    patches.put(nnx.Dropout, "__call__", dropout(nnx.Dropout.__call__))
    patches.put(nnx.BatchNorm, "__call__", norm(nnx.BatchNorm.__call__))


_LATER: dict[str, tuple[Callable[[State, Patches], None], tuple[str, ...]]] = {
    "optax": (_optax, ("apply_updates", "safe_increment")),
    "flax.linen": (_linen, ("Dropout", "BatchNorm")),
    "flax.nnx": (_nnx, ("Dropout", "BatchNorm")),
}
"""Module -> what wraps it, and the names that it has when it is whole."""
