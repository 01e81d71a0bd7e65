"""Dropout and batch normalisation stay in evaluation mode while the model is trained.

Keras' own training step calls the model with training=True only where its `call` has an argument of that name. A
subclass whose `call` lacks it, and a `train_step` of one's own that calls `self(x)`, run every layer in evaluation
mode: dropout drops nothing, and batch normalisation neither normalises by its batch nor collects the statistics that
it will be asked for; they stay at mean 0 and variance 1. There is no error and no warning.

Evidence: after a `fit` of at least 10 steps the random state of every dropout layer and the moving statistics of
every batch normalisation are those of before it, bit for bit, while weights of such a layer, or of the one behind it,
have changed; exact.

Mend: pass the mode on.

    def call(self, x): ...                     # wrong: Keras has nothing to say training=True to
    def call(self, x, training=False): ...     # right

    y_pred = self(x)                           # wrong, in train_step
    y_pred = self(x, training=True)            # right

It keeps silent where any such layer was in training mode, for frozen layers (trainable = False) and those of frozen
parts, for layers that a functional model or a `call` of one's own calls with training=False (fine-tuning), with
momentum 1 and rate 0, and for models of more than 64 MB.

Source: Keras' guides "Transfer learning & fine-tuning" and "Customizing fit()".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from luthier.checks.wording import few, line_at, parsed, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.fits import Fit, Layer, Mode

TITLE = "never in training mode"
TIER = "quick"
CAUSES = ()
MIN_STEPS = 10


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits of at least 10 steps; one finding a line."""
    by_place: dict[Place | None, Finding] = {}
    for fit in trace.fits:
        if fit.modes_after >= MIN_STEPS and (still := _still(fit)):
            by_place.setdefault(fit.place, _finding(trace, fit, still))
    return list(by_place.values())


def _still(fit: Fit) -> list[Mode]:
    """The layers with a training mode, where all stood still and a gradient is known to have gone through one."""
    modes = [mode for mode in fit.modes if not mode.told]
    if any(mode.moved for mode in modes) or not any(mode.learned or _passed_on(fit, mode) for mode in modes):
        return []
    return modes


def _passed_on(fit: Fit, mode: Mode) -> bool:
    """Was the layer that is given this one's output, past others without weights, trained?"""
    names = {mode.name}
    for layer in fit.layers:
        if layer.follows in names and not layer.weights:
            names.add(layer.name)
    return any(_learned(fit, layer) for layer in fit.layers if layer.follows in names)


def _learned(fit: Fit, layer: Layer) -> bool:
    return bool(layer.weights) and layer.name in fit.learned


def _functions(sources: dict[str, str], name: str) -> Iterator[tuple[str, ast.ClassDef, ast.FunctionDef]]:
    """(file, class, method) for every method of this name."""
    for file, source in sources.items():
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.ClassDef):
                yield from ((file, node, f) for f in node.body if isinstance(f, ast.FunctionDef) and f.name == name)


def _line(trace: Any, fit: Fit) -> Place | None:
    """Where the mode is lost: the call in `train_step`, or `call` without the argument."""
    if fit.own_step:
        calls = [
            (file, node.lineno)
            for file, _, method in _functions(trace.sources, "train_step")
            for node in ast.walk(method)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "self"
        ]
        return line_at(trace.sources, *calls[0]) if len(calls) == 1 else None
    lacking = [
        (file, method.lineno)
        for file, owner, method in _functions(trace.sources, "call")
        if owner.name == fit.model and "training" not in {a.arg for a in [*method.args.args, *method.args.kwonlyargs]}
    ]
    return line_at(trace.sources, *lacking[0]) if len(lacking) == 1 else None


def _finding(trace: Any, fit: Fit, still: list[Mode]) -> Finding:
    line = _line(trace, fit)
    names = few(f"{mode.kind} {mode.name}" for mode in still)
    on_jax = " and return the new non-trainable variables" if fit.own_step and fit.backend == "jax" else ""
    return Finding(
        code="K23",
        title=TITLE,
        number=0.0,
        n=fit.modes_after,
        text=f"{plural(fit.modes_after, 'step')} were taken, weights have changed, and the state of {names} (random "
        "state of dropout, moving statistics of batch normalisation) is bit for bit that of before.",
        remedy=f"Call self(x, training=True) in train_step{on_jax}"
        if fit.own_step
        else "Give `call` an argument `training`: Keras sets it in fit where it is there",
        severity="warning",
        certain=True,
        place=line or fit.place,
        others=(fit.place,) if line is not None and fit.place is not None else (),
        cause="Without training=True dropout drops nothing, and batch normalisation works with statistics that it "
        "never collects.",
        wrong="y_pred = self(x)" if fit.own_step else "def call(self, x):",
        right="y_pred = self(x, training=True)" if fit.own_step else "def call(self, x, training=False):",
        evidence={"layers": [mode.name for mode in still[:20]], "own_step": fit.own_step},
    )
