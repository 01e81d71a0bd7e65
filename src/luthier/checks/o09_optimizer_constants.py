"""A constant of the optimizer is far from where it should be.

What it detects

A momentum above 0.99; the two betas of Adam in each other's place; an eps that is as large as the gradients; a
weight_decay of 0.3 or more that is added to the gradient (Adam, SGD, RMSprop, Adagrad; not AdamW).

Why it hurts

Decay of that size pulls the weights to zero, whatever the loss says. A momentum of 0.999 keeps every gradient for a
thousand steps: the run overshoots for as long. With the betas turned round Adam's step is made of stale directions
and of noise. A large eps turns Adam into plain gradient descent with a tiny rate.

Evidence

The settings of the groups; for a large momentum or eps also a loss that does not fall.

Mend

Wrong:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.999)

Right:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

When it keeps silent

Betas of GANs such as (0.5, 0.9); an eps of 1e-5 or 1e-4 as in reinforcement learning; a large momentum with which
the loss falls gets a hint only.

Source

PyTorch's documentation of torch.optim; Kingma and Ba, arXiv 1412.6980.
"""

from __future__ import annotations

import math

from luthier.checks.reading import learning, num
from luthier.checks.wording import code
from luthier.findings import Finding, Severity
from luthier.watching.facts import Group, Optimizer
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O09", "a constant of the optimizer is far off", "quick", ()
MIN_STEPS = 20
MOMENTUM = 0.99
EPS = 1e-2
DECAY, COUPLED = 0.3, ("Adam", "SGD", "RMSprop", "Adagrad")
Odd = tuple[str, float, float, str]
"""Setting as written, its value, what it is compared with, what it does."""


def judge(trace: Trace) -> list[Finding]:
    """One finding an optimizer; none where it takes no steps."""
    found = []
    for number, optimizer in trace.optimizers.items():
        if optimizer.num_steps < MIN_STEPS or optimizer.own:
            continue
        values = [
            b.loss for b in trace.backwards if number in b.optimizers and math.isfinite(b.loss) and not b.in_step
        ]
        told = next((t for g in optimizer.groups if (t := _odd(g, optimizer.name))), None)
        if told is not None:
            found.append(_finding(optimizer, told, learning(trace, values) is True))
    return found


def _odd(group: Group, name: str) -> Odd | None:
    """The first setting that is far off."""
    if group.momentum > MOMENTUM:
        kept = num(1 / max(1 - group.momentum, 1e-9))
        return (
            f"momentum={num(group.momentum)}",
            group.momentum,
            MOMENTUM,
            f"keeps every gradient for about {kept} steps",
        )
    if group.beta1 > group.beta2 and group.beta1 > MOMENTUM and group.beta2 < MOMENTUM:
        betas = f"betas=({num(group.beta1)}, {num(group.beta2)})"
        return betas, group.beta1, group.beta2, "has the two in each other's place: the usual ones are (0.9, 0.999)"
    if name in COUPLED and group.weight_decay >= DECAY:
        setting = f"weight_decay={num(group.weight_decay)}"
        return setting, group.weight_decay, DECAY, "outweighs the gradient of the loss: the weights go to zero"
    if group.eps > EPS and math.isfinite(group.beta2):
        return (
            f"eps={num(group.eps)}",
            group.eps,
            EPS,
            "is as large as gradients are, so the step no longer adapts to them",
        )
    return None


def _finding(optimizer: Optimizer, odd: Odd, learns: bool) -> Finding:
    setting, value, threshold, effect = odd
    swapped = setting.startswith("betas")
    severity: Severity = "warning" if swapped or not learns else "info"
    name = optimizer.variable or "optimizer"
    right = {"m": "momentum=0.9", "b": "betas=(0.9, 0.999)", "e": "eps=1e-8", "w": "weight_decay=1e-4"}[setting[0]]
    outcome = "" if learns else "; the loss did not fall"
    return Finding(
        code=CODE,
        title=TITLE,
        number=value,
        threshold=threshold,
        n=optimizer.num_steps,
        text=f"{optimizer.name} was made with {setting}, which {effect}{outcome}.",
        remedy=f"Use {right}.",
        severity=severity,
        certain=swapped,
        place=optimizer.place,
        step=0,
        cause="The step that is taken is no longer the one that the present gradient asks for.",
        wrong=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), {setting})"),
        right=code(f"{name} = torch.optim.{optimizer.name}(model.parameters(), {right})"),
        evidence={"optimizer": optimizer.name},
    )
