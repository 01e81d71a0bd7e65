"""A function that returns a compiled Keras model, and its data, as a function of a trial."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from luthier.draws import draw_states, set_draw_states
from luthier.errors import InvalidInput
from luthier.programs.trial import RunningTrial

WEIGHTS, RANDOM, STATE = "last.weights.h5", "random.npz", "epoch.txt"
FIT = ("epochs", "batch_size", "steps_per_epoch", "validation_steps", "class_weight")
"""Settings that are arguments of `fit`, where the function does not take them itself."""
VALIDATION_SHARE = 0.2


def builds_compiled(model: Any, settings: Mapping[str, Any]) -> bool:
    """Is it a function that returns a compiled Keras model? It is called once, and only where Keras is loaded."""
    keras = sys.modules.get("keras")
    kind = getattr(keras, "Model", None)
    if kind is None or not callable(model) or inspect.isclass(model):
        return False
    try:
        built = model(**_own(model, settings))
    except Exception:  # a builder of another framework, or one that wants more than we know: not ours to judge
        return False
    return isinstance(built, kind) and bool(getattr(built, "compiled", False))


def _own(model: Callable[..., Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    named = inspect.signature(model).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in named.values())
    return {n: v for n, v in settings.items() if n in named or (takes_any and n not in FIT)}


class KerasTraining:
    """Trains what a function builds.

    Args:
        build: returns a compiled model; its arguments are settings.
        data: (x, y), of which a fifth by the trial's seed validates; ((x, y), (x_val, y_val)); arguments of
            `fit` as a dict; or a function that returns one of these.
    """

    def __init__(self, build: Callable[..., Any], data: Any) -> None:
        self.build, self.data = build, data

    def __call__(self, trial: RunningTrial) -> None:
        """Train as the trial says."""
        import keras

        keras.utils.set_random_seed(trial.seed)
        own = _own(self.build, trial.config)
        rest = {n: v for n, v in trial.config.items() if n not in own}
        if unknown := [n for n in rest if n not in FIT]:
            raise InvalidInput(
                f"space names {unknown[0]!r}",
                must=f"an argument of {getattr(self.build, '__name__', 'the function')}, or of fit: {', '.join(FIT)}",
                where="space",
            )
        model = self.build(**own)
        given = _arguments(self.data() if callable(self.data) else self.data, trial.seed)
        epochs = int(rest.pop("epochs", given.pop("epochs", 1)))
        first = self._restored(trial, model, given)
        if first < epochs:
            callbacks = [*given.pop("callbacks", []), _reporter(trial, keras, epochs, first)]
            model.fit(**{"verbose": 0, **given, **rest}, epochs=epochs, initial_epoch=first, callbacks=callbacks)

    def _restored(self, trial: RunningTrial, model: Any, given: Mapping[str, Any]) -> int:
        """The epoch from which it goes on; weights and the optimizer's state are put back."""
        state = trial.checkpoint_dir / STATE
        if not state.exists():
            return 0
        if not model.built:
            model(_first(given["x"]))
        model.optimizer.build(model.trainable_variables)
        epoch = state.read_text()
        model.load_weights(trial.checkpoint_dir / f"{epoch}-{WEIGHTS}")
        return int(epoch)


def _first(x: Any) -> Any:
    """Inputs of one row, or of one batch, so that the layers get their shapes."""
    if isinstance(x, Mapping):
        return {name: _first(part) for name, part in x.items()}
    if isinstance(x, tuple | list):
        return [_first(part) for part in x]
    return x[:1] if hasattr(x, "shape") else next(iter(x))[0]


def _arguments(data: Any, seed: int) -> dict[str, Any]:
    """Arguments of `fit`."""
    if isinstance(data, Mapping):
        return dict(data)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InvalidInput(
            f"data={type(data).__name__}",
            must="(x, y), ((x, y), (x_val, y_val)) or a dict of arguments of fit",
            where="tune",
        )
    if isinstance(data[0], tuple | list):
        return {"x": data[0][0], "y": data[0][1], "validation_data": tuple(data[1])}
    x, y = np.asarray(data[0]), np.asarray(data[1])
    order = np.random.default_rng(seed).permutation(len(x))
    cut = max(1, round(VALIDATION_SHARE * len(x)))
    return {"x": x[order[cut:]], "y": y[order[cut:]], "validation_data": (x[order[:cut]], y[order[:cut]])}


def _reporter(trial: RunningTrial, keras: Any, epochs: int, first: int) -> Any:
    """The callback that saves and reports at the end of each epoch, and puts the random numbers back at the beginning
    of the first one after a break: what is built until then draws some."""

    class Reporter(keras.callbacks.Callback):
        """See the module."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == first > 0:
                with np.load(trial.checkpoint_dir / f"{epoch}-{RANDOM}") as states:
                    _set_random_states(self.model, dict(states))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            place, done = trial.checkpoint_dir, str(epoch + 1)
            self.model.save_weights(place / f"{done}-{WEIGHTS}")
            np.savez(place / f"{done}-{RANDOM}", **_random_states(self.model))
            (place / "next.txt").write_text(done)
            os.replace(place / "next.txt", place / STATE)  # from here on the new weights count
            for old in (WEIGHTS, RANDOM):
                (place / f"{epoch}-{old}").unlink(missing_ok=True)
            trial.report(epoch + 1, of=epochs, **{name: float(value) for name, value in (logs or {}).items()})

    return Reporter()


def _random_states(model: Any) -> dict[str, Any]:
    """Where all generators stand: order of the rows (NumPy's for JAX, torch's for torch) and dropout. TensorFlow
    shuffles arrays alike in every epoch."""
    return draw_states() | {f"keras/{i}": np.asarray(v.value) for i, v in enumerate(_seeds(model))}


def _set_random_states(model: Any, states: Mapping[str, Any]) -> None:
    set_draw_states(states)
    for i, seed in enumerate(_seeds(model)):
        seed.assign(states[f"keras/{i}"])


def _seeds(model: Any) -> list[Any]:
    """The states of the layers' generators, which a file of weights does not hold."""
    weights = {id(w) for w in model.weights}
    return [v for v in model.variables if id(v) not in weights and "seed" in v.path]
