"""The adopted run with names that want out: markup, quotes, control characters, endless labels, all scripts."""

from __future__ import annotations

import math

import msgspec

from luthier.findings import Finding
from luthier.records import Evidence, History, Metric, RunRecord, Trial
from luthier.space import Config, Space

from .fixtures import SPACE, adopted

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "long " + "x" * 2000,
    "\u202e" + "مرحبا بالعالم שלום",
    "👩\u200d🔬 emoji 🧪",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x1b[0m \x00 [bold]markup[/bold]",
    "line\nbreak\ttab",
    "]]> & &amp; <!--",
    "",
)


NAMES = dict(zip(SPACE, HOSTILE[:7], strict=True))
"""What the settings of the space are called here."""


def hostile() -> RunRecord:
    """Every text of the record is replaced."""
    made = adopted()
    assert made.history
    assert made.facts
    replace = msgspec.structs.replace
    facts = replace(
        made.facts,
        labels=HOSTILE,
        task=HOSTILE[4],
        device=HOSTILE[0],
        versions={HOSTILE[0]: HOSTILE[1]},
        metric=Metric(name=HOSTILE[1], greater_is_better=True),
    )
    finding = Finding(
        code=HOSTILE[0],
        title=HOSTILE[1],
        number=math.inf,
        threshold=math.nan,
        n=3,
        text=HOSTILE[0],
        remedy=HOSTILE[3],
    )
    return replace(
        made,
        name=HOSTILE[0] + HOSTILE[3],
        command=HOSTILE[1] + HOSTILE[2] + HOSTILE[6],
        space=_space(),
        evidence=tuple(_evidence(i, e) for i, e in enumerate(made.evidence)),
        facts=facts,
        history=History(
            metric=facts.metric, rungs=made.history.rungs, trials=tuple(map(_trial, made.history.trials))
        ),
        environment={HOSTILE[2]: HOSTILE[2], HOSTILE[3]: HOSTILE[3]},
        findings=(finding,),
    )


def _space() -> Space:
    """The space with its conditions, under other names."""
    return Space(
        {
            NAMES[n]: msgspec.structs.replace(d, when={NAMES[p]: v for p, v in d.when.items()})
            for n, d in SPACE.domains.items()
        }
    )


def _trial(trial: Trial) -> Trial:
    config: Config = {NAMES.get(k, k): v for k, v in trial.config.items()}
    words = HOSTILE[trial.id % len(HOSTILE)]
    return msgspec.structs.replace(trial, config=config, origin=words, error=words if trial.id % 9 == 8 else "")


def _evidence(position: int, evidence: Evidence) -> Evidence:
    settings = {name: (name, HOSTILE[(j + 1) % len(HOSTILE)]) for j, name in enumerate(HOSTILE)}
    change = msgspec.structs.replace(evidence.change, trial=None, name=HOSTILE[position], settings=settings)
    return msgspec.structs.replace(evidence, test=HOSTILE[0], over=HOSTILE[1], missing=HOSTILE[2], change=change)
