"""The learning rate is not what was meant.

What it detects

A scheduler that is never stepped, or that is built anew again and again; a scheduler that waits for a number to fall
and is given one that rises while the loss falls (an accuracy); a scheduler that drives an optimizer which takes no
step, while another one trains the same parameters; a learning rate that is set on the optimizer itself (`optimizer.lr
= ...`), where nobody reads it; a scheduler that steps before the optimizer (PyTorch warns of it once).

Why it hurts

The rate stays where it began. What the schedule was meant to bring, a calm end or a gentle start, does not happen,
and nothing says so.

Evidence

Exact: calls of `step` of the scheduler, the optimizer that it holds, the rates that the steps were taken with.

Mend

Wrong:

    scheduler = StepLR(optimizer, 30)
    for epoch in range(90):
        train_one_epoch()

Right:

    scheduler = StepLR(optimizer, 30)
    for epoch in range(90):
        train_one_epoch()
        scheduler.step()

When it keeps silent

Schedulers that another one drives; SWALR, which waits for the averaging; an optimizer whose rate does change; a
program that was stopped before its second epoch (then: unknown); steps that a GradScaler left out.

Source

PyTorch's documentation of torch.optim ("how to adjust learning rate").
"""

from __future__ import annotations

import ast
import itertools
import math
import re

from luthier.checks.patches import out_of_loop
from luthier.checks.reading import learning
from luthier.checks.stepping import taken
from luthier.checks.wording import Statement, code, plural, statement
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import Optimizer, Scheduler
from luthier.watching.lines import assigned
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "O04", "the learning rate is not what was meant", "quick", ("T17", "T01")
MIN_STEPS = 20
MIN_BUILT = 3
RISING = re.compile(r"(?i)acc|f1|auc|score|iou|dice|psnr|precision|recall|correct|hits|==")
WAITS = ("SWALR",)
EARLY = "lr_scheduler.step()` before `optimizer.step()"


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a scheduler or optimizer."""
    found, open_ = [], False
    for scheduler in trace.schedulers.values():
        optimizer = trace.optimizers.get(scheduler.optimizer or 0)
        if scheduler.is_child or optimizer is None or scheduler.name in WAITS:
            continue
        other = _trains_instead(trace, optimizer)
        if other is not None and scheduler.num_steps:
            found.append(_of_another(scheduler, optimizer, other))
        elif not scheduler.num_steps and _long(trace, optimizer) and not _changes(trace, optimizer):
            if trace.stopped and _may_step_later(trace, scheduler):
                open_ = True
            else:
                found.append(_never_stepped(trace, scheduler, optimizer))
        elif not scheduler.num_steps and optimizer.num_steps:
            open_ = True
        elif _falls_for_a_rise(trace, scheduler):
            found.append(_wrong_mode(trace, scheduler))
    found += _built_anew(trace)
    for optimizer in trace.optimizers.values():
        if (
            "lr" in optimizer.unknown_attributes
            and optimizer.num_steps >= MIN_STEPS
            and not _changes(trace, optimizer)
        ):
            found.append(_set_aside(trace, optimizer))
    found = found or _too_early(trace)
    if not found and open_:
        return Unknown(
            code=CODE, title=TITLE, reason="a scheduler was not stepped so far", needs="two epochs of training"
        )
    return found


def _trains_instead(trace: Trace, optimizer: Optimizer) -> Optimizer | None:
    """The optimizer that trains the parameters of one that takes no step."""
    if optimizer.num_steps:
        return None
    mine = {p for g in optimizer.groups for p in g.parameters}
    for other in trace.optimizers.values():
        theirs = {p for g in other.groups for p in g.parameters}
        if other.number != optimizer.number and other.num_steps >= MIN_STEPS and mine & theirs:
            return other
    return None


def _long(trace: Trace, optimizer: Optimizer) -> bool:
    """Whether training went on long enough for a step of the scheduler: to its end, or over two epochs."""
    if optimizer.num_steps < MIN_STEPS or trace.crash is not None:
        return False
    epochs = [
        e for x in trace.loaders.values() for e in x.epochs if e.complete and e.num_trained and e.at > optimizer.at
    ]
    return not trace.stopped or len(epochs) >= 2


def _may_step_later(trace: Trace, scheduler: Scheduler) -> bool:
    """Whether the source steps it somewhere, perhaps after some epochs."""
    name = assigned(scheduler.place)
    return not name or any(f"{name.removeprefix('self.')}.step(" in source for source in trace.sources.values())


def _changes(trace: Trace, optimizer: Optimizer) -> bool:
    return len({s.lr for s in taken(trace, optimizer.number)}) > 1


def _never_stepped(trace: Trace, scheduler: Scheduler, optimizer: Optimizer) -> Finding:
    step = next((s.place for s in taken(trace, optimizer.number) if s.place), None)
    rate = next((max(s.lr) for s in taken(trace, optimizer.number) if s.lr), float("nan"))
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=optimizer.num_steps,
        text=f"{scheduler.name} was never stepped in {plural(optimizer.num_steps, 'step')} of {optimizer.name}: the "
        f"learning rate stayed at {rate:g}.",
        remedy="Call scheduler.step() once an epoch, or once a step where its horizon counts steps.",
        severity="warning",
        certain=True,
        place=scheduler.place,
        others=(step,) if step else (),
        cause="A scheduler changes the rate only when its step() is called.",
        wrong=code("scheduler = StepLR(optimizer, 30)\nfor epoch in range(90):\n    train_one_epoch()"),
        right=code(
            "scheduler = StepLR(optimizer, 30)\nfor epoch in range(90):\n    train_one_epoch()\n    scheduler.step()"
        ),
        evidence={"scheduler": scheduler.name, "optimizer": optimizer.name},
    )


def _of_another(scheduler: Scheduler, optimizer: Optimizer, other: Optimizer) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=scheduler.num_steps,
        text=f"{scheduler.name} was stepped {scheduler.num_steps} times, but it drives an {optimizer.name} that took "
        f"no step; the one that trains ({other.num_steps} steps) was made apart from it and keeps its learning rate.",
        remedy="Make the scheduler after the optimizer that is used, and hand it that one.",
        severity="error",
        certain=True,
        place=scheduler.place,
        others=tuple(p for p in (optimizer.place, other.place) if p),
        cause="A scheduler writes into the optimizer that it was given, and into no other.",
        wrong=code("""
            scheduler = StepLR(optimizer, 30)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        """),
        right=code("""
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            scheduler = StepLR(optimizer, 30)
        """),
        evidence={"scheduler": scheduler.name},
    )


def _falls_for_a_rise(trace: Trace, scheduler: Scheduler) -> bool:
    """Whether a scheduler for a falling number cuts the rate of a run that learns, after a number that is called an
    accuracy, or looks like one, rose each time."""
    steps = [s for s in trace.scheduler_steps if s.scheduler == scheduler.number and math.isfinite(s.metric)]
    first = next((i for i, s in enumerate(steps) if s.lr_after < s.lr_before), 0)
    if scheduler.name != "ReduceLROnPlateau" or scheduler.horizon.get("mode") != "min" or first < 2:
        return False
    place = steps[0].place
    named = place is not None and RISING.search(place.text) is not None
    rises = all(b.metric > a.metric for a, b in itertools.pairwise(steps[: first + 1]))
    return named and rises and learning(trace) is True


def _wrong_mode(trace: Trace, scheduler: Scheduler) -> Finding:
    steps = [s for s in trace.scheduler_steps if s.scheduler == scheduler.number]
    cuts = [s for s in steps if s.lr_after < s.lr_before]
    return Finding(
        code=CODE,
        title=TITLE,
        number=steps[-1].metric,
        threshold=steps[0].metric,
        n=len(steps),
        text=f'{scheduler.name} was made with mode="min" and is given a number that rises ({steps[0].metric:.4g} to '
        f"{steps[-1].metric:.4g}) while the loss falls: it takes every improvement for a plateau and cut the rate "
        f"{plural(len(cuts), 'time')}.",
        remedy='Make it with mode="max", or give it the loss.',
        severity="warning",
        certain=False,
        place=scheduler.place,
        others=tuple(p for p in (cuts[0].place,) if p),
        step=cuts[0].step,
        cause="An accuracy is better the higher it is; mode says which way is better.",
        wrong=code("scheduler = ReduceLROnPlateau(optimizer)\nscheduler.step(accuracy)"),
        right=code('scheduler = ReduceLROnPlateau(optimizer, mode="max")\nscheduler.step(accuracy)'),
        evidence={"metrics": [float(s.metric) for s in steps[:20]]},
    )


def _built_anew(trace: Trace) -> list[Finding]:
    """Schedulers of one optimizer that are made at one line again and again, each of which goes on for a while."""
    families: dict[tuple[object, ...], list[Scheduler]] = {}
    for scheduler in trace.schedulers.values():
        if scheduler.place and scheduler.num_steps and not scheduler.is_child:
            key = scheduler.place.file, scheduler.place.line, scheduler.optimizer
            families.setdefault(key, []).append(scheduler)
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=float(len(family)),
            threshold=1.0,
            n=sum(s.num_steps for s in family),
            text=f"{family[0].name} was built {len(family)} times at this line for the same optimizer, and stepped "
            "about "
            f"{plural(round(sum(s.num_steps for s in family) / len(family)), 'time')} each time: the schedule begins "
            "again and again.",
            remedy="Build it once, before the loop.",
            severity="warning",
            certain=True,
            place=family[0].place,
            step=family[1].step,
            cause="A scheduler counts its own steps; a new one counts from 0 and starts at the optimizer's present "
            "rate.",
            wrong=code("for epoch in range(10):\n    scheduler = StepLR(optimizer, 3)"),
            right=code("scheduler = StepLR(optimizer, 3)\nfor epoch in range(10):\n    ..."),
            edits=out_of_loop(trace.sources, family[0].place),
            evidence={"scheduler": family[0].name},
        )
        for family in families.values()
        if len(family) >= MIN_BUILT and not all(_is_through(s) for s in family)
    ]


def _is_through(scheduler: Scheduler) -> bool:
    """Whether a schedule came to its end: then the next one is a cycle of its own."""
    horizon = scheduler.horizon.get("T_max", scheduler.horizon.get("total_steps"))
    return isinstance(horizon, int | float) and scheduler.num_steps >= horizon - 1


def _set_aside(trace: Trace, optimizer: Optimizer) -> Finding:
    name = optimizer.variable or "optimizer"
    place = _assignment(trace, name)
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        threshold=1.0,
        n=optimizer.num_steps,
        text=f"{name}.lr is set, but {optimizer.name} reads its learning rate from param_groups: all "
        f"{plural(optimizer.num_steps, 'step')} were taken with {optimizer.groups[0].lr:g}.",
        remedy=f"Set it in every group: for group in {name}.param_groups: group['lr'] = ...",
        severity="error",
        certain=True,
        place=place or optimizer.place,
        others=(optimizer.place,) if place and optimizer.place else (),
        cause="An attribute of that name is nothing to the optimizer.",
        wrong=code(f"{name}.lr = 0.01"),
        right=code(f'for group in {name}.param_groups:\n    group["lr"] = 0.01'),
        edits=_edits(trace, place, name),
        evidence={"optimizer": optimizer.name},
    )


def _assignment(trace: Trace, name: str) -> Place | None:
    """The only line that sets `name.lr`."""
    found = []
    for file, source in trace.sources.items():
        lines = source.splitlines()
        for i, text in enumerate(lines, 1):
            if f"{name}.lr" in text:
                place = Place(file=file, line=i, text=text.strip())
                if _assigned(statement(trace.sources, place), name) is not None:
                    found.append(place)
    return found[0] if len(found) == 1 else None


def _assigned(found: Statement | None, name: str) -> ast.expr | None:
    """What a statement assigns to `name.lr`."""
    if found is None or not isinstance(found.node, ast.Assign) or len(found.node.targets) != 1:
        return None
    return found.node.value if ast.unparse(found.node.targets[0]) == f"{name}.lr" else None


def _edits(trace: Trace, place: Place | None, name: str) -> tuple[Edit, ...]:
    found = statement(trace.sources, place)
    value = _assigned(found, name)
    if found is None or value is None or place is None or not found.alone or found.first != found.last:
        return ()
    old = trace.sources[place.file].splitlines()[found.first - 1]
    new = (
        f"{found.indent}for group in {name}.param_groups:",
        f'{found.indent}    group["lr"] = {ast.unparse(value)}',
    )
    return (Edit(file=place.file, line=found.first, old=(old,), new=new),)


def _too_early(trace: Trace) -> list[Finding]:
    """PyTorch's own warning, where no GradScaler has left a step out."""
    if any(s.skipped for s in trace.steps):
        return []
    return [
        Finding(
            code=CODE,
            title=TITLE,
            number=1.0,
            threshold=0.0,
            n=1,
            text="The scheduler was stepped before the optimizer had taken its first step (PyTorch warns of it): the "
            "first value of the schedule is skipped.",
            remedy="Call optimizer.step() before scheduler.step().",
            severity="warning",
            certain=True,
            place=warned.place,
            step=warned.step,
            cause="Every rate of the schedule is used one step too early, and the first one never.",
            wrong=code("scheduler.step()\noptimizer.step()"),
            right=code("optimizer.step()\nscheduler.step()"),
            evidence={"warning": warned.message[:200]},
        )
        for warned in trace.warned
        if EARLY in warned.message
    ][:1]
