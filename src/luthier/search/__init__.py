"""Samplers and schedulers: pure functions of what a run knows so far. The contract is in `spec`."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from luthier.errors import InvalidInput
from luthier.search.auto import AutoSampler
from luthier.search.cohorts import Cohort, Cohorts, cohorts_of
from luthier.search.halton import HaltonSampler
from luthier.search.points import known_points
from luthier.search.prior import PriorSampler
from luthier.search.scheduler import choose_rungs, decide, fill, finish_top, next_segment, stop_paused
from luthier.search.spec import Decision, Resume, Sampler, Start, Suggestion
from luthier.search.table import Table

__all__ = [
    "SAMPLERS",
    "Cohort",
    "Cohorts",
    "Decision",
    "Resume",
    "Sampler",
    "Start",
    "Suggestion",
    "Table",
    "choose_rungs",
    "cohorts_of",
    "decide",
    "fill",
    "finish_top",
    "known_points",
    "next_segment",
    "sampler",
    "stop_paused",
]


def _optuna(name: str) -> Callable[[], Sampler]:
    def make() -> Sampler:
        from luthier.search.optuna import OptunaSampler

        return OptunaSampler(name)

    return make


def _cmaes() -> Sampler:
    from luthier.search.cmaes import CmaesSampler

    return CmaesSampler()


SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "auto": AutoSampler,
    "halton": HaltonSampler,
    "prior": PriorSampler,
    "tpe": _optuna("tpe"),
    "gp": _optuna("gp"),
    "cmaes": _cmaes,
    "nsga2": _optuna("nsga2"),
}
"""Every sampler by its name."""


def sampler(name: str) -> Sampler:
    """A new sampler by its name.

    Raises:
        InvalidInput: no sampler has this name; the message has the nearest.
        MissingExtra: the sampler needs a package that is not installed.

    >>> sampler("halton").name
    'halton'
    """
    if name not in SAMPLERS:
        near = get_close_matches(name, SAMPLERS, n=1, cutoff=0.0)[0]
        raise InvalidInput(
            f"sampler={name!r}",
            must=f"sampler is one of {', '.join(SAMPLERS)}",
            where="search",
            remedy=f"Did you mean {near!r}?",
        )
    return SAMPLERS[name]()
