"""Dropout or batch normalisation run in the wrong mode.

Dropout is for training only: in an evaluation it throws half of the answer away at random. And a program that has
dropout, but trains with it switched off (`deterministic=True`), trains without it. In Flax the mode is a setting of
the model (`model.train()`, `model.eval()` in NNX) or an argument (`deterministic`, `use_running_average` in Linen). A
model that an evaluation has put into evaluation mode stays there: all epochs but the first train without dropout, on
statistics that stand still.

Evidence: the mode of every such layer, inside differentiated losses and outside of them after the first step.

Mend:

    model.eval()                                          # NNX, before an evaluation; model.train() before training
    model.apply(params, x, train=True, rngs={...})        # Linen, in the loss

It keeps silent where evaluations run in both modes (Monte Carlo dropout beside a plain one).
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from luthier.checks.patches import blocks_around, calls_in
from luthier.checks.wording import parsed
from luthier.findings import Finding, Place, Unknown
from luthier.watching.programs import Modes

TITLE = "layers in the wrong mode"
TIER = "quick"
CAUSES = ()


class Said(NamedTuple):
    """What is said of layers of one kind; wrong is in how many calls, place where."""

    text: str
    remedy: str
    cause: str
    right: str
    n: int
    place: Place | None


def judge(trace: Any) -> list[Finding] | Unknown:
    """Dropout first, then batch normalisation; one finding a call of the model."""
    found: list[Finding] = []
    all_modes = [m for m in trace.programs if isinstance(m, Modes)]
    for modes in sorted(all_modes, key=lambda m: m.kind, reverse=True):  # dropout first
        said = _said(modes, trace)
        if said is not None and not (found and found[-1].place == said.place):  # not the same call of the model
            found.append(_finding(said))
    return found


def _said(modes: Modes, trace: Any) -> Said | None:
    if modes.outside_train and not modes.outside_eval and modes.in_loss_train:
        return Said(
            f"{modes.kind} ran in training mode in each of {modes.outside_train} calls outside the loss.",
            "Call model.eval() before the evaluation (NNX), or pass deterministic=True (Linen)",
            "The answer that is scored is not the one that the model will give.",
            "model.eval()\nscore = accuracy(model, x, y)",
            modes.outside_train,
            modes.place,
        )
    if modes.in_loss_eval and not modes.in_loss_train and modes.kind == "Dropout":
        return Said(
            f"{modes.kind} is switched off in each of {modes.in_loss_eval} calls inside the loss.",
            "Call model.train() before training (NNX), or pass deterministic=False and a key (Linen)",
            "The model is trained without its dropout, and overfits as if there were none.",
            'model.apply(params, x, train=True, rngs={"dropout": key})',
            modes.in_loss_eval,
            modes.loss_place,
        )
    if modes.left and modes.in_loss_train and not _set_again(trace):
        return Said(
            f"{modes.kind} was in training mode in the first {modes.left_after} steps and is in evaluation mode in "
            "the loss since.",
            "Call model.train() at the start of each epoch, not once before the first",
            "model.eval() holds until model.train() is called again.",
            "for epoch in range(epochs):\n    model.train()\n    ...",
            modes.left_after,
            modes.loss_place,
        )
    return None


def _finding(said: Said) -> Finding:
    return Finding(
        code="J10",
        title=TITLE,
        number=float(said.n),
        threshold=0.0,
        n=said.n,
        text=said.text,
        remedy=said.remedy,
        severity="warning",
        certain=True,
        place=said.place,
        cause=said.cause,
        right=said.right,
    )


def _set_again(trace: Any) -> bool:
    """Is there a `.train()` that does not stand before the loop over epochs, once?"""
    for source in trace.sources.values():
        for call in (c for c in calls_in(source) if not c.args):
            if isinstance(call.func, ast.Attribute) and call.func.attr in ("train", "set_attributes"):
                scope = [parsed(source), *blocks_around(source, call.lineno, ast.FunctionDef)][-1]
                loops = [node for node in ast.walk(scope) if isinstance(node, ast.For | ast.While)]
                around = blocks_around(source, call.lineno, ast.For, ast.While)
                inside = any(loop.lineno < call.lineno for loop in around)
                if inside or not any(loop.lineno > call.lineno for loop in loops):
                    return True
    return False
