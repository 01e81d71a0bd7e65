"""A program of one's own, as a run needs it: what trains, by what it is compared, where it starts, what may vary."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from luthier.findings import Finding
from luthier.programs.command import Command
from luthier.records import Metric
from luthier.space import Space


@dataclass(frozen=True)
class Program:
    """Something that trains by itself and reports.

    Args:
        name: for people.
        what: a function of a `RunningTrial`, or a command.
        metric: what is compared.
        space: what may vary.
        settings: the baseline: what the person uses today.
        kind: "function", "command", "lightning", "keras".
        reports: of a whole run, where the person says it; None: as many as the baseline makes.
        time_limit_s: of a trial's training; None: none.
        parked: processes that wait at a rung, at most; None: as many as half of the memory has room for.
        source: where the code is, by `luthier.runs.best.source_of`.
        said: what was noticed before the start.
    """

    name: str
    what: Callable[..., Any] | Command
    metric: Metric
    space: Space
    settings: dict[str, Any] = field(default_factory=dict)
    kind: str = "function"
    reports: int | None = None
    time_limit_s: float | None = None
    parked: int | None = None
    source: dict[str, str] = field(default_factory=dict)
    said: tuple[Finding, ...] = ()

    def config(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings that a trial has: without those that a condition of the space switches off."""
        full = {**self.settings, **settings}
        return {n: v for n, v in full.items() if n not in self.space.domains or self.space.active(n, full)}

    def arguments(self) -> list[str]:
        """Settings that a function takes as arguments of its own."""
        if isinstance(self.what, Command):
            return []
        try:
            return list(inspect.signature(self.what).parameters)[1:]
        except (TypeError, ValueError):
            return []
