"""What the checks of loop and optimizer read off a trace: what a step found, what came before it, names."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from luthier.checks.wording import Sources, bare_method, owner, statement
from luthier.findings import Place
from luthier.watching.facts import Optimizer
from luthier.watching.steps import Backward, Step
from luthier.watching.trace import Trace

COUPLED_TO_SCALE = ("SGD", "ASGD", "LBFGS", "Rprop")
"""Optimizers whose update grows with the gradient; the others divide by its size."""


def taken(trace: Trace, optimizer: int) -> list[Step]:
    """Steps of one optimizer that were really taken: those that a GradScaler left out are not among them."""
    return [s for s in trace.steps if s.optimizer == optimizer and not s.skipped]


def is_empty(step: Step) -> bool | None:
    """Whether no parameter of the step had a gradient other than zero; None: it was not looked at."""
    if step.num_none == step.num_parameters:
        return True
    return None if step.num_nonzero < 0 else step.num_nonzero == 0 and step.num_nonfinite <= 0


def before(backwards: Iterable[Backward], at: int) -> Backward | None:
    """The last backward pass before a moment."""
    return max((b for b in backwards if b.at < at and not b.raised), key=lambda b: b.at, default=None)


def named(trace: Trace, optimizer: Optimizer, step: Step | None = None) -> str:
    """The person's name for an optimizer at the line of its step, else where it was made; else "optimizer"."""
    at_step = owner(trace.sources, step.place, "step") if step else ""
    if at_step and step and step.place and not _is_argument(trace.sources, step.place):
        return at_step
    return optimizer.variable or "optimizer"


def stepped_name(sources: Sources, place: Place | None) -> str:
    """What the statement at a place steps: "opt" in `opt.step()` and in `scaler.step(opt)`; empty: not plain."""
    found = statement(sources, place)
    if found is None:
        return ""
    names = set()
    for node in ast.walk(found.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step":
            names.add(ast.unparse(node.args[0] if len(node.args) == 1 else node.func.value))
    name = names.pop() if len(names) == 1 else ""
    return name if name and all(part.isidentifier() for part in name.split(".")) else ""


def _is_argument(sources: Sources, place: Place) -> bool:
    return owner(sources, place, "step") != stepped_name(sources, place)


def same_function(one: Place | None, other: Place | None) -> bool:
    """Whether two lines stand in one function of one file."""
    return one is not None and other is not None and (one.file, one.function) == (other.file, other.function)


def not_called(sources: Sources, method: str, name: str = "") -> Place | None:
    """A statement `name.method` without its brackets; any name where none is given."""
    return next((place for place, hangs_on in bare_method(sources, method) if name in ("", hangs_on)), None)


def names_of(trace: Trace, numbers: Iterable[int]) -> list[str]:
    """Names of parameters; "a tensor of shape ..." for those outside every model."""
    found = (trace.parameters[n] for n in numbers if n in trace.parameters)
    return [p.name or f"a tensor of shape {tuple(p.shape)}" for p in found]


def optimizers_stepping(trace: Trace) -> list[int]:
    """Numbers of the optimizers that took a step."""
    return [n for n, o in trace.optimizers.items() if o.num_steps or taken(trace, n)]
