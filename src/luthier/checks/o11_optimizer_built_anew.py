"""The optimizer is built anew again and again, and its memory is lost.

What it detects

An optimizer that keeps averages or momentum and is made at the same line for the same parameters three times or more,
each time with the same settings, while the weights go on.

Why it hurts

Adam's averages and momentum begin at nought each time. Adam's first step after that is as long as the learning rate
in every entry, whatever the gradient's size: training is jerky and slower, and gets no better at its end.

Evidence

Exact: the identity of the parameters, the line, the rates, and that no weights were loaded in between.

Mend

Wrong:

    for epoch in range(10):
        optimizer = torch.optim.Adam(model.parameters())

Right:

    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        ...

When it keeps silent

Plain SGD, which has no memory; folds that begin with fresh or reloaded weights; stages with another rate each.

Source

PyTorch's forum; facts of Adam: Kingma and Ba, arXiv 1412.6980.
"""

from __future__ import annotations

from luthier.checks.patches import out_of_loop
from luthier.checks.stepping import taken
from luthier.checks.wording import code, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Optimizer
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O11", "the optimizer's memory is lost", "quick", ()
MIN_BUILT = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a line that makes optimizers."""
    families: dict[tuple[object, ...], list[Optimizer]] = {}
    for optimizer in trace.optimizers.values():
        held = frozenset(p for g in optimizer.groups for p in g.parameters)
        place = (optimizer.place.file, optimizer.place.line) if optimizer.place else None
        families.setdefault((place, held), []).append(optimizer)
    found, twice = [], False
    for family in families.values():
        used = [o for o in family if o.num_steps and _remembers(o)]
        if len(used) >= MIN_BUILT and not _reloaded(trace, used) and not _stages(used):
            found.append(_finding(trace, used))
        twice |= len(used) == MIN_BUILT - 1
    if not found and twice:
        return Unknown(
            code=CODE,
            title=TITLE,
            reason="an optimizer was built twice",
            needs="a third time, to tell it from two stages",
        )
    return found


def _remembers(optimizer: Optimizer) -> bool:
    if optimizer.name == "SGD":
        return any(g.momentum > 0 for g in optimizer.groups)
    return optimizer.name not in ("ASGD", "LBFGS") and not optimizer.own


def _reloaded(trace: Trace, family: list[Optimizer]) -> bool:
    """Whether weights were loaded or drawn anew, or the optimizer's state loaded, between the first and the last."""
    first, last = family[0].at, family[-1].at
    loads = [u for u in trace.states_used if u.call == "load_state_dict" and first < u.at < last and u.num_tensors]
    drawn = any(first < at < last for at in trace.resets)
    return bool(loads) or drawn or any(o.state_loaded for o in family)


def _stages(family: list[Optimizer]) -> bool:
    return len({o.groups[0].lr for o in family if o.groups}) > len(family) / 2


def _finding(trace: Trace, family: list[Optimizer]) -> Finding:
    first = family[0]
    steps = sum(len(taken(trace, o.number)) for o in family)
    name = first.variable or "optimizer"
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(family)),
        threshold=1.0,
        n=steps,
        text=f"{first.name} was built {len(family)} times at this line for the same "
        f"{plural(_size(first), 'parameter')}, "
        f"about once every {plural(max(round(steps / len(family)), 1), 'step')}: its averages began at nought each "
        "time.",
        remedy="Build it once, before the loop.",
        severity="warning",
        certain=True,
        place=first.place,
        step=family[1].step,
        cause="The optimizer's averages of earlier gradients live in the object; a new object has none.",
        wrong=code(f"for epoch in range(10):\n    {name} = torch.optim.{first.name}(model.parameters())"),
        right=code(f"{name} = torch.optim.{first.name}(model.parameters())\nfor epoch in range(10):\n    ..."),
        edits=out_of_loop(trace.sources, first.place),
        evidence={"optimizer": first.name, "num_built": len(family)},
    )


def _size(optimizer: Optimizer) -> int:
    return sum(len(g.parameters) for g in optimizer.groups)
