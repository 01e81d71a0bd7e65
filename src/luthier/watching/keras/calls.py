"""`compile`, `fit`, `evaluate`, `train_on_batch` of every Keras model, wrapped when Keras has been imported."""

from __future__ import annotations

import functools
import hashlib
import inspect
import math
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from luthier.findings import Place
from luthier.watching.fits import Evaluated, Fit
from luthier.watching.keras import inside, pipelines, rows, standing, tapes
from luthier.watching.keras.describing import (
    begun,
    describe,
    describe_metrics,
    describe_optimizer,
    describe_schedule,
    keep_logs,
    listed,
)
from luthier.watching.keras.peek import peek
from luthier.watching.keras.probe import look
from luthier.watching.keras.safely import unnoticed
from luthier.watching.patching import Patches
from luthier.watching.sink import Sink, guarded

NUM_HASHED_EPOCHS = 3
DENSE_STEPS = 20
EVERY = 25
MAX_COPIED_BYTES = 64 << 20


class Requests(Protocol):
    """Who wants single calls of `fit` watched."""

    def taken(self, callbacks: list[Any]) -> Sink | None:
        """Where a call with these callbacks is told to; None: it is not wanted."""
        ...

    def ended(self) -> None:
        """The call that was wanted returned or raised, and all is told. It must not raise."""
        ...


class Watch:
    """What is known of the running program: its open `fit`, where models were compiled, and our own guard.

    Args:
        requests: None: everything is watched.
    """

    def __init__(self, sink: Sink, requests: Requests | None) -> None:
        self.sink, self.idle, self.requests = sink, sink, requests
        self.fit: Fit | None = None
        self.compiled: weakref.WeakKeyDictionary[Any, Place | None] = weakref.WeakKeyDictionary()
        self.peek_next = False
        self.early: dict[int, Any] = {}
        self.states: standing.States | None = None
        self.steps: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()
        self.on_batch: dict[tuple[int, int], Fit] = {}

    def guard(self, part: str, work: Callable[..., Any], *args: Any) -> Any:
        """Our own work on the program's data: random states kept, output swallowed, faults noted."""

        def quiet() -> Any:
            with unnoticed():
                return work(*args)

        return guarded(self.sink, f"keras: {part}", quiet)


def install(sink: Sink, requests: Requests | None = None) -> Callable[[], None]:
    """Wrap the methods of Keras's trainers; returns what puts the originals back.

    Args:
        sink: what is told of everything; with `requests`, of nothing but faults between the calls that are wanted.
    """
    import keras

    watch = Watch(sink, requests)
    wrappers: dict[str, Callable[..., Any]] = {
        "compile": _compile,
        "fit": _fit,
        "make_train_function": _make_train_function,
    }
    if requests is None:
        wrappers |= {"evaluate": _evaluate, "train_on_batch": _train_on_batch}
    patches = Patches()
    for name, wrapper in wrappers.items():
        _wrap(patches, keras.Model, name, functools.partial(wrapper, watch))
    if requests is None:
        guarded(sink, "keras: tape", tapes.Tapes(sink, lambda: watch.fit is not None).install, patches)
    return patches.restore


def _wrap(patches: Patches, model: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Wrap a method where it is defined: Keras' trainer, or that of its backend."""
    owner = next(c for c in model.__mro__ if name in vars(c))
    original = vars(owner)[name]

    @functools.wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrapper(functools.partial(original, self), self, *args, **kwargs)

    patches.put(owner, name, wrapped)


def _compile(watch: Watch, original: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    result = original(*args, **kwargs)
    place = watch.sink.place()
    guarded(watch.sink, "keras: compile", watch.compiled.__setitem__, model, place)
    return result


def _fit(watch: Watch, original: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    place = watch.sink.place()
    bound = guarded(watch.sink, "keras: fit", lambda: inspect.signature(original).bind(*args, **kwargs))
    if bound is None or watch.fit is not None:
        return original(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    if watch.requests is not None:
        sink = watch.requests.taken(listed(given["callbacks"]))
        if sink is None:
            return original(*args, **kwargs)
        watch.sink = sink
    fit = guarded(watch.sink, "keras: fit", begun, model, place, watch.compiled.get(model)) or Fit(place=place)
    watch.guard("fit", describe, fit, model, given)
    watch.guard("pipelines", pipelines.describe, fit, given["x"], given["validation_data"])
    watch.guard("trainable", standing.trainable, fit, model)
    watch.sink.fits.append(fit)
    watch.fit, watch.peek_next, watch.states = fit, True, None
    callbacks = guarded(watch.sink, "keras: callbacks", _with_epochs, watch, model, given["callbacks"])
    given["callbacks"] = given["callbacks"] if callbacks is None else callbacks
    try:
        result = original(*bound.args, **bound.kwargs)
        fit.ended = True
    finally:
        watch.fit = None
        watch.guard("weights", _compare, watch, fit, model)
        watch.early.clear()
        guarded(watch.sink, "keras: step", _give_back, watch, model)
        watch.sink = watch.idle
        if watch.requests is not None:
            watch.requests.ended()
    return result


def _with_epochs(watch: Watch, model: Any, callbacks: Any) -> Any:
    """The person's callbacks and one of ours that hears of epochs only: batches stay without callbacks."""
    import keras

    def begin(epoch: int, logs: Any = None) -> None:
        del logs
        watch.peek_next = watch.peek_next or epoch < NUM_HASHED_EPOCHS
        if watch.states is None:
            watch.states = watch.guard("modes", standing.states, model) or standing.States({}, {})

    def end(epoch: int, logs: Any = None) -> None:
        if watch.fit is not None:
            guarded(watch.sink, "keras: logs", keep_logs, watch.fit, logs)
            if len(watch.fit.logs) == 1:
                watch.guard("schedule", describe_schedule, watch.fit, model, epoch)
            if epoch < NUM_HASHED_EPOCHS:
                watch.guard("modes", _compare_modes, watch, watch.fit, model)

    own = keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
    if hasattr(callbacks, "append") and hasattr(callbacks, "callbacks"):
        callbacks.append(own)
        return callbacks
    return [*listed(callbacks), own]


def _make_train_function(watch: Watch, original: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    result = original(*args, **kwargs)
    watched, own = watch.steps.get(model, (None, None))
    function = model.train_function if model.train_function is not watched else own
    if function is None or watch.fit is None:
        return result

    @functools.wraps(function)
    def step(*step_args: Any) -> Any:
        fit = watch.fit
        if fit is None:
            return function(*step_args)
        later = None
        if watch.peek_next:
            step_args, later = _peek(watch, fit, model, step_args)
        try:
            logs = function(*step_args)
        finally:
            if later is not None:
                _look(watch, fit, model, later, None)
                watch.states = watch.guard("modes", standing.states, model)
        num = int(getattr(model, "steps_per_execution", 1) or 1)
        fit.num_steps += num
        if fit.num_steps <= DENSE_STEPS or fit.num_steps % EVERY == 0:
            guarded(watch.sink, "keras: loss", _keep_loss, fit, logs, watch, model)
        watch.sink.stepped(num)
        return logs

    model.train_function, watch.steps[model] = step, (step, function)
    return result


def _give_back(watch: Watch, model: Any) -> None:
    """The model's own training step again."""
    watched, own = watch.steps.get(model, (None, None))
    if watched is not None and model.train_function is watched:
        model.train_function = own


def _peek(watch: Watch, fit: Fit, model: Any, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """Look at the batch of this step: everything at the first one, the order's digest at each epoch's first.

    Returns the arguments for the step, and a batch to look at after it: a model that Keras builds while the first
    step is traced cannot be called before.
    """
    import keras

    watch.peek_next = False
    if int(getattr(model, "steps_per_execution", 1) or 1) > 1:
        fit.unseen = "steps_per_execution > 1: one call takes several batches"
        return args, None
    batch, args = peek(keras.backend.backend(), args)
    if batch is None:
        fit.unseen = fit.unseen or "the batches come from an iterator that cannot be looked into"
        return args, None
    watch.guard("order", _hash_batch, fit, batch)
    if fit.num_steps:
        return args, None
    if not inside.is_built(model):
        return args, batch
    _look(watch, fit, model, batch, args[0] if keras.backend.backend() == "jax" else None)
    return args, None


def _look(watch: Watch, fit: Fit, model: Any, batch: Any, state: Any) -> None:
    watch.guard("one batch", look, fit, model, batch, state)
    watch.guard("copies", _copy, watch, fit, model, state)
    watch.guard("metrics", describe_metrics, fit, model)


def _hash_batch(fit: Fit, batch: Any) -> None:
    import keras

    out = hashlib.blake2b(digest_size=8)
    for leaf in keras.tree.flatten(batch):
        if leaf is not None:
            out.update(np.asarray(keras.ops.convert_to_numpy(leaf)).tobytes())
    fit.first_hashes.append(out.hexdigest())


def _keep_loss(fit: Fit, logs: Any, watch: Watch, model: Any) -> None:
    logs = logs[0] if isinstance(logs, tuple) else logs
    value = logs.get("loss") if isinstance(logs, dict) else None
    if value is not None:
        fit.batch_losses.append((fit.num_steps, float(np.asarray(value))))
    if fit.num_steps == DENSE_STEPS and fit.backend != "jax":
        _move(watch, fit, model, early=True)


def _copy(watch: Watch, fit: Fit, model: Any, state: Any) -> None:
    import keras

    values = list(state[0]) if state is not None else [v.value for v in model.trainable_variables]
    if len(values) == len(fit.weights) and sum(math.prod(v.shape) * 4 for v in values) <= MAX_COPIED_BYTES:
        watch.early = {i: np.array(keras.ops.convert_to_numpy(v)) for i, v in enumerate(values)}


def _move(watch: Watch, fit: Fit, model: Any, early: bool) -> None:
    """How far each weight has gone from where it was before the first step."""
    import keras

    variables = model.trainable_variables
    for i, before in watch.early.items():
        if i < len(variables) and tuple(variables[i].shape) == before.shape:
            after = np.asarray(keras.ops.convert_to_numpy(variables[i].value))
            moved = float(np.linalg.norm((after - before).ravel()))
            if early:
                fit.weights[i].moved_early = moved
            else:
                fit.weights[i].moved = moved


def _compare_modes(watch: Watch, fit: Fit, model: Any) -> None:
    if watch.states is not None and watch.states.states:
        standing.compare(fit, model, watch.states)


def _compare(watch: Watch, fit: Fit, model: Any) -> None:
    _move(watch, fit, model, early=False)
    if fit.ended or fit.backend != "jax":
        _compare_modes(watch, fit, model)
    for metric in fit.metrics:
        metric.values = [log[metric.name] for log in fit.logs if metric.name in log]


def _evaluate(watch: Watch, original: Any, _model: Any, *args: Any, **kwargs: Any) -> Any:
    watch.sink.evaluations_done = True
    if watch.fit is not None:
        return original(*args, **kwargs)
    place = watch.sink.place()
    result = original(*args, **kwargs)

    def keep() -> None:
        x = kwargs.get("x", args[0] if args else None)
        parts = rows.arrays(x)
        watch.sink.evaluated.append(
            Evaluated(place=place, digest=rows.digest(parts), num_rows=len(parts[0]) if parts else 0)
        )

    watch.guard("evaluate", keep)
    return result


def _train_on_batch(watch: Watch, original: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    """One record for all calls of a model from one line; the first batch is looked at before its step."""
    place = watch.sink.place()
    key = (id(model), place.line if place else 0)
    fit = watch.on_batch.get(key)
    if fit is None and watch.fit is None:
        compiled = watch.compiled.get(model)
        fit = guarded(watch.sink, "keras: train_on_batch", begun, model, place, compiled) or Fit(place=place)
        watch.on_batch[key] = fit
        watch.sink.fits.append(fit)
        watch.guard("train_on_batch", _describe_batch, fit, model, args, kwargs)
    result = original(*args, **kwargs)
    if fit is not None and watch.fit is None:
        fit.num_steps += 1
        if fit.num_steps <= DENSE_STEPS or fit.num_steps % EVERY == 0:
            logs = result if isinstance(result, dict) else {"loss": np.ravel(np.asarray(result))[0]}
            guarded(watch.sink, "keras: loss", _keep_loss, fit, logs, watch, model)
        watch.sink.stepped(1)
    return result


def _describe_batch(fit: Fit, model: Any, args: Any, kwargs: Any) -> None:
    import keras

    fit.source = "generator"
    describe_optimizer(fit, model, None)
    x = kwargs.get("x", args[0] if args else None)
    y = kwargs.get("y", args[1] if len(args) > 1 else None)
    if inside.is_built(model):
        tensors = keras.tree.map_structure(lambda a: None if a is None else keras.ops.convert_to_tensor(a), (x, y))
        look(fit, model, tensors, None)
