"""The weights are moved the way in which the errors grow: gradient ascent, or the descent of minus a loss.

JAX leaves the update to the program: the minus of `params - lr * grads`, of optax's `scale(-lr)` or of a loss that is
a mean log-probability is easily left out. Each step then makes the predictions worse, and the loss rises until it is
no number any more.

Evidence: two exact relations. The operations of the loss show an error that cannot be negative (squared or absolute
differences from a target, cross-entropy of a label), or minus one. And each of the first 8 steps that moved the
weights has a positive inner product with the direction in which the error grows, summed over all arrays; so has every
array by itself in the first step and over all of them; the error of the very batch of the step has grown in most of
them, and that of the first batch over all.

Mend: turn the sign.

    params = jax.tree.map(lambda p, g: p + lr * g, params, grads)   # wrong
    params = jax.tree.map(lambda p, g: p - lr * g, params, grads)   # right

Passed over: objectives whose sign the operations do not settle (policy gradients, returns, ELBOs, entropies);
programs that differentiate several functions (adversaries, two players) or by a single array (attacks, dual
variables); functions of several arrays that weights are multiplied by (attacks on the inputs of a net); multipliers
and temperatures that climb while other weights descend; a momentary climb by momentum; a batch that is made inside
the compiled step or by a scan, where the loss cannot be evaluated again.
"""

from __future__ import annotations

import ast
from typing import Any

from luthier.checks.wording import Sources, line_at, parsed, statement
from luthier.findings import Finding, Place, Unknown
from luthier.watching.programs import Program, Updates, Uphill

TITLE = "steps go up the loss"
TIER = "quick"
CAUSES = ()
MIN_STEPS = 5
MIN_ARRAYS = 2
NEAR = 5
"""Lines between a gradient and its use."""
MIN_GROWN = 0.75
"""A long step may jump over what it climbs, so not every batch's error need have grown."""


def judge(trace: Any) -> list[Finding] | Unknown:
    """The one function that a program differentiates, if its first steps were looked at."""
    programs = [p for p in trace.programs if isinstance(p, Program)]
    updates = next((p for p in trace.programs if isinstance(p, Updates) and p.num_applied), None)
    if len(programs) != 1 or programs[0].uphill is None or not _climbs(programs[0].uphill):
        return []
    return [_finding(trace, programs[0], programs[0].uphill, updates)]


def _climbs(seen: Uphill) -> bool:
    if seen.num_steps < MIN_STEPS or seen.num_against or not seen.first_is:
        return False
    if seen.arrays < MIN_ARRAYS or seen.arrays_up < seen.arrays:
        return False
    return seen.num_grown >= MIN_GROWN * seen.num_steps and not seen.sign * seen.last <= seen.sign * seen.first


def _use_of_gradient(sources: Sources, place: Place | None) -> Place | None:
    """The line that first reads what the statement at a place made last: `value, grads = ...`."""
    found = statement(sources, place)
    if found is None or place is None or not isinstance(found.node, ast.Assign):
        return None
    target = found.node.targets[0]
    name = target.elts[-1] if isinstance(target, ast.Tuple) and target.elts else target
    names = [
        n for n in ast.walk(parsed(sources[place.file])) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    ]
    lines = [n.lineno for n in names if n.lineno > found.last and isinstance(name, ast.Name) and n.id == name.id]
    if not lines or min(lines) > found.last + NEAR:
        return None
    return line_at(sources, place.file, min(lines))


def _finding(trace: Any, program: Program, seen: Uphill, updates: Updates | None) -> Finding:
    place = updates.place if updates is not None else _use_of_gradient(trace.sources, program.place)
    turned = seen.sign < 0
    what = (
        f"`{program.name}` is minus an error (it cannot be positive), and is made smaller"
        if turned
        else f"`{program.name}` is an error (it cannot be negative), and is made larger"
    )
    return Finding(
        code="J17",
        title=TITLE,
        number=float(seen.num_steps),
        threshold=float(MIN_STEPS),
        n=seen.num_steps,
        text=f"{what}: all {seen.num_steps} first steps that moved the weights went where the error grows, and "
        f"on the first batch it went from {seen.first:.4g} to {seen.last:.4g}.",
        remedy="Put a minus before the loss" if turned else "Subtract the gradient; optax's last part is scale(-lr)",
        severity="error",
        certain=True,
        place=program.place if turned else place or program.place,
        others=(place,) if turned and place else (program.place,) if place and program.place else (),
        step=0,
        cause="The gradient points to where the loss is larger: a step along it makes every prediction worse.",
        wrong="loss = jnp.mean(log_p[rows, labels])" if turned else "params = params + lr * grads",
        right="loss = -jnp.mean(log_p[rows, labels])" if turned else "params = params - lr * grads",
        evidence={
            "steps": seen.num_steps,
            "grown": seen.num_grown,
            "arrays": seen.arrays,
            "first": seen.first,
            "last": seen.last,
        },
    )
