"""What a number needs to be repeated: data, seeds, versions, machine, command, and how to load the model."""

from __future__ import annotations

from luthier.reports.model import Group, Note
from luthier.reports.numbers import MISSING, count, number, seconds, setting
from luthier.reports.reading import Reading
from luthier.reports.words import clean, clip, label

MOST_FACTS = 40
MOST_FINDINGS = 60


Pairs = tuple[tuple[str, str], ...]


def groups(reading: Reading) -> tuple[Group, ...]:
    """Facts under headings; empty groups left out."""
    named = [
        Group(title="Task", facts=_task(reading)),
        Group(title="How the shipped model decides", facts=_decision(reading)),
        Group(title="Seeds and plan", facts=_seeds(reading)),
        Group(title="Machine and versions", facts=_machine(reading)),
        Group(title="Baseline recipe", facts=_recipe(reading)),
    ]
    return tuple(g for g in named if g.facts)


def _task(reading: Reading) -> Pairs:
    """Rows, sizes and metric, as the worker found them."""
    facts = reading.record.facts
    if facts is None:
        return ()
    if facts.num_reports:
        return (
            ("program", label(facts.task)),
            ("kind", facts.framework),
            ("reports of a whole run", count(facts.num_reports)),
            ("metric", f"{reading.metric_name}, {reading.direction()}"),
            ("a run that fails counts as", reading.score(facts.constant_score)),
            ("from one report to the next", seconds(facts.step_s)),
        )
    return (
        ("task", label(facts.task)),
        ("kind", facts.kind),
        ("training rows", count(facts.num_train)),
        ("validation rows", count(facts.num_val)),
        ("test rows", count(facts.num_test)),
        ("inputs, outputs", f"{count(facts.num_inputs)}, {count(facts.num_outputs)}"),
        ("metric", f"{reading.metric_name}, {reading.direction()}"),
        (
            "untrained model" if facts.kind == "own" else "best constant prediction",
            reading.score(facts.constant_score),
        ),
        ("one optimizer step", seconds(facts.step_s)),
        ("hash of the test rows", label(facts.test_hash or "none")),
    )


def _decision(reading: Reading) -> Pairs:
    """Threshold and calibration of a model of two classes."""
    told = reading.record.decision
    if told is None:
        return ()
    name = label(told.metric)
    pairs = [
        ("threshold", f"{number(told.threshold)}: probability of the second class from which on it is said"),
        ("stored model", "decides by it" if told.applied else "decides at 0.5"),
        ("chosen by", f"{name} on {count(told.num_val)} validation rows"),
        (f"{name}, validation rows", f"{number(told.val_at_threshold)} there, {number(told.val_at_half)} at 0.5"),
        ("calibration error, validation rows", f"{number(told.ece_val)} (expected, 15 bins)"),
    ]
    if told.num_test:
        pairs += [
            (f"{name}, test rows", f"{number(told.test_at_threshold)} there, {number(told.test_at_half)} at 0.5"),
            ("calibration error, test rows", number(told.ece_test)),
        ]
    return tuple(pairs)


def _seeds(reading: Reading) -> Pairs:
    """Everything that chance hangs on."""
    record, plan = reading.record, reading.record.plan
    pairs = []
    if plan:
        pairs = [
            ("seed of the run", str(plan.seed)),
            ("sampler", label(plan.sampler)),
            ("rungs", ", ".join(number(r) for r in plan.rungs)),
            ("workers", str(plan.num_workers)),
            ("search in mode", f"{label(plan.mode, 20)}, {plan.slots} side by side a worker"),
            *([("drawn in cohorts of", str(plan.cohort))] if plan.cohort > 1 else []),
        ]
    if record.noise:
        pairs.append(("seeds of the baseline runs", _list(record.noise.seeds)))
    if record.evidence:
        pairs.append(("seeds of the deciding comparison", _list(record.evidence[0].seeds)))
    if record.test:
        method = label(record.test.method or "no method", 160)
        pairs.append(("looks at the test rows", f"{record.test.looks}, {method}"))
    return tuple(pairs)


def _machine(reading: Reading) -> Pairs:
    """Framework, versions, hardware."""
    facts = reading.record.facts
    found = (
        {}
        if facts is None
        else {
            "framework": facts.framework,
            "engine": f"{facts.engine}, mode {facts.mode}",
            "device": facts.device,
            **facts.versions,
        }
    )
    return _named({**found, **reading.record.environment})


def _named(items: dict[str, str]) -> tuple[tuple[str, str], ...]:
    known = [(label(k), label(v, 160)) for k, v in items.items() if v]
    return tuple(known[:MOST_FACTS])


def _recipe(reading: Reading) -> tuple[tuple[str, str], ...]:
    """The baseline's settings, in the order of the recipe."""
    recipe = reading.record.baseline
    if recipe.program:
        return tuple((label(k), setting(v)) for k, v in [*recipe.model.items()][:MOST_FACTS])
    own = [
        (name, getattr(recipe, name))
        for name in recipe.__struct_fields__
        if name not in ("model", "preparation", "groups")
    ]
    rest = [
        *((f"prepare_{k}", v) for k, v in recipe.preparation.items()),
        *((f"model.{k}", v) for k, v in recipe.model.items()),
    ]
    return tuple((label(k), setting(v)) for k, v in [*own, *rest][:MOST_FACTS])


def _list(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds[:12])) + (" …" if len(seeds) > 12 else "") or "none"


def findings(reading: Reading) -> tuple[Note, ...]:
    """Findings of the data and of the run, each once, errors first."""
    record = reading.record
    every = [*(record.facts.findings if record.facts else ()), *record.findings]
    unique = list({(f.code, f.title, f.text): f for f in every}.values())
    unique.sort(key=lambda f: ("error", "warning", "info").index(f.severity))
    return tuple(
        Note(
            severity=f.severity,
            title=f"{label(f.code, 12)} {label(f.title, 120)}",
            text=clip(clean(f.text), 600),
            remedy=clip(clean(f.remedy), 400),
            figures=f"measured {number(f.number)}, threshold {number(f.threshold)}, n = {count(f.n)}"
            if number(f.number) != MISSING
            else f"n = {count(f.n)}",
        )
        for f in unique[:MOST_FINDINGS]
    )


def loading(reading: Reading) -> str:
    """Lines of Python that load the model of the run; empty where none is shipped."""
    if reading.record.status != "finished":
        return ""
    folder = f"runs/{clean(reading.record.name)}"
    if reading.record.baseline.program:
        return f"import luthier\n\nbest = luthier.Run.open({folder!r}).best  # recipe.model, score, checkpoint"
    lines = f"import luthier\n\nmodel = luthier.load({folder!r})  # the folder that holds this page"
    told = reading.record.script
    if told.endswith(".py"):
        return lines + f"\n\n# the recipe in plain code, without luthier: python {folder}/{label(told)}"
    return lines + (f"\n\n# no train.py: {label(told, 160)}" if told else "")
