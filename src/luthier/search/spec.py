"""The contract of this room: pure functions of what a run knows so far.

A sampler proposes configurations, a scheduler says which trial trains on. Both read a `History` and nothing
else: the same history gives the same answer, whatever the order in which results arrived and whatever was
asked before. A sampler object may keep a cache, which it rebuilds from any history that it is handed.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from luthier.records import History
from luthier.space import Config, Space


class Suggestion(NamedTuple):
    """A configuration to try: exactly the active settings of the space, and where it came from.

    `origin` goes into `Trial.origin`; samplers count on finding it there again.
    """

    config: Config
    origin: str


@runtime_checkable
class Sampler(Protocol):
    """Proposes configurations."""

    name: str

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """`n` configurations to try next, all different, none tried before while any is left.

        Args:
            space: the settings that vary; empty: every suggestion is the empty configuration.
            history: what the decision may see. Trials without a value are known as configurations that are
                being tried. Diverged ones have the worst feasible value.
            key: from the run's seed and the number of the decision: all the randomness there is.
        """
        ...


@runtime_checkable
class WithinSampler(Sampler, Protocol):
    """A sampler that can be asked for the rest of a configuration, and knows what the given part means for it."""

    def within(
        self, space: Space, history: History, key: int, n: int, *, given: Config, rest: Space
    ) -> list[Suggestion]:
        """`n` configurations of `space` with the settings of `given`; only those of `rest` vary.

        Like `suggest` otherwise.
        """
        ...


@runtime_checkable
class Foreseer(Sampler, Protocol):
    """A sampler with a model of what trials will come to."""

    def upper_bounds(self, space: Space, history: History) -> dict[int, float]:
        """Upper confidence bound of the utility at the last rung of each of the search's trials, by id: what it may
        well come to. Empty where too few came there to say."""
        ...


class Decision(Enum):
    """What a trial that is being trained does next."""

    CONTINUE = "continue"  # train on
    PAUSE = "pause"  # at a rung: may be resumed
    STOP = "stop"  # done, or given up: is never resumed


class Resume(NamedTuple):
    """Give a free slot to a paused trial."""

    trial: int


class Start(NamedTuple):
    """Give a free slot to a new trial."""
