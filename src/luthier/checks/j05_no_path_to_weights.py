"""No differentiable path leads from the weights to the loss.

Rounding, `argmax`, comparisons and casts to whole numbers have a derivative of zero everywhere, and `stop_gradient`
says so on purpose. Where all paths from the weights go through one of these, JAX gives gradients of exactly zero,
without an error.

Evidence: the operations of the loss (its jaxpr), followed from each array of weights; exact. Where only some of the
weights have no path, and no other loss of the program has one either, it is a hint: they may be frozen on purpose.

Mend: a loss of the numbers before the rounding: cross entropy of the logits instead of the share of right answers.

    loss = jnp.mean((jnp.round(probability) - y) ** 2)                             # wrong
    loss = optax.sigmoid_binary_cross_entropy(logits, y).mean()                    # right
"""

from __future__ import annotations

from typing import Any

from luthier.checks.wording import few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.programs import Program

TITLE = "loss has no gradient for the weights"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Losses whose operations could be followed."""
    programs = [p for p in trace.programs if isinstance(p, Program) and not p.unseen and p.num_weights]
    reached = {name for p in programs for name in p.names if name not in p.unreached}
    found = []
    for program in programs:
        if len(program.unreached) == program.num_weights:
            found.append(_all(program))
        elif never := [name for name in program.unreached if name not in reached]:
            found.append(_some(program, never))
    return found


def _all(program: Program) -> Finding:
    return Finding(
        code="J05",
        title=TITLE,
        number=0.0,
        n=program.num_weights,
        text=f"no differentiable path leads from any of the {program.num_weights} arrays of weights to the "
        f"loss `{program.name}`: all gradients are exactly zero.",
        remedy="Leave rounding, argmax, comparisons and integer casts out of the loss",
        severity="error",
        certain=True,
        place=program.cut or program.place,
        others=(program.place,) if program.cut and program.place else (),
        step=0,
        cause="Weights whose gradient is always zero never change.",
        wrong="loss = jnp.mean((jnp.round(probability) - y) ** 2)",
        right="loss = optax.sigmoid_binary_cross_entropy(logits, y).mean()",
    )


def _some(program: Program, never: list[str]) -> Finding:
    by = f": their paths end at `{program.cut_by}`" if program.cut_by else ", which does not use them"
    return Finding(
        code="J05",
        title="some weights have no gradient",
        number=float(len(never)),
        threshold=0.0,
        n=program.num_weights,
        text=f"{plural(len(never), 'array')} of {program.num_weights} that the loss `{program.name}` is "
        f"differentiated by ({few(never)}) {'has' if len(never) == 1 else 'have'} no path to it{by}.",
        remedy=f"Take `{program.cut_by}` out, or leave these weights out of the optimizer if they are to stay"
        if program.cut_by
        else "Use them in the loss, or leave them out of the weights",
        severity="info",
        certain=True,
        place=program.cut or program.place,
        others=(program.place,) if program.cut and program.place else (),
        step=0,
        cause="Weights whose gradient is always zero never change.",
        evidence={"weights": list(never[:20])},
    )
