"""What every sampler must keep."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, ClassVar

import msgspec

from luthier.codec import to_json
from luthier.records import History, Status
from luthier.search.conformance.histories import LOSS, RUNGS, SPACES, make_history, make_trial
from luthier.search.spec import Foreseer, Sampler, Suggestion
from luthier.search.table import key_of
from luthier.space import Space


class SamplerConformance:
    """The promises of a `Sampler`. `make` returns a new one; `spaces` may be narrowed for a slow one."""

    spaces: ClassVar[dict[str, Space]] = SPACES

    def make(self) -> Sampler:
        """A new sampler, without anything cached."""
        raise NotImplementedError

    def histories(self, space: Space) -> list[History]:
        """Histories that a sampler must be able to work with."""
        return [
            History(metric=LOSS, rungs=RUNGS),
            make_history(space, 0),
            make_history(space, 3),
            make_history(space, 40),
            make_history(space, 30),
            make_history(space, 41, 1),
            make_history(space, 12, status="diverged"),
            make_history(space, 12, status="running"),
        ]

    def test_it_has_the_form_of_a_sampler(self) -> None:
        """The protocol: a name and `suggest`."""
        sampler = self.make()
        assert isinstance(sampler, Sampler)
        assert isinstance(sampler.name, str)

    def test_suggestions_lie_in_the_space_and_respect_its_conditions(self) -> None:
        """Exactly the active settings, each in its domain, for any history; as many as asked for."""
        for label, space in self.spaces.items():
            for history in self.histories(space):
                made = self.make().suggest(space, history, 5, 3)
                assert len(made) == 3, (label, made)
                for suggestion in made:
                    assert isinstance(suggestion, Suggestion), (label, suggestion)
                    assert space.contains(suggestion.config), (label, suggestion)
                    assert suggestion.origin, (label, suggestion)

    def test_the_answer_is_a_function_of_space_history_and_key(self) -> None:
        """What was asked before leaves no trace; the order of the trials does not matter."""
        for label, space in self.spaces.items():
            used = self.make()
            for history in [*self.histories(space), self.histories(space)[0]]:
                for key in (1, 2):
                    backwards = msgspec.structs.replace(history, trials=history.trials[::-1])
                    want = self.make().suggest(space, history, key, 2)
                    assert used.suggest(space, history, key, 2) == want, (label, "another answer after use")
                    assert self.make().suggest(space, backwards, key, 2) == want, (label, "order of arrival")

    def test_upper_bounds_are_a_function_of_the_history(self) -> None:
        """Of a sampler that has a model: of every trial of the search or of none; what was asked before leaves no
        trace; the order of the trials does not matter."""
        used = self.make()
        if not isinstance(used, Foreseer):
            return
        for label, space in self.spaces.items():
            for history in [*self.histories(space), self.histories(space)[0]]:
                other = self.make()
                assert isinstance(other, Foreseer)
                used.suggest(space, history, 1, 1)
                backwards = msgspec.structs.replace(history, trials=history.trials[::-1])
                found = used.upper_bounds(space, history)
                assert found == other.upper_bounds(space, backwards), label
                assert found.keys() in ({t.id for t in history.search()}, set()), label

    def test_growing_a_history_is_the_same_as_reading_it_at_once(self) -> None:
        """A cache that follows a history trial by trial, status by status, stays right."""
        space = SPACES["mixed"]
        full, grown = make_history(space, 30), self.make()
        for num in range(1, 31, 3):
            young = msgspec.structs.replace(full.trials[num], status="running", curve=(), rung=0, step=0)
            for last in (young, full.trials[num]):
                history = msgspec.structs.replace(full, trials=(*full.trials[:num], last))
                want = self.make().suggest(space, history, num, 1)
                assert grown.suggest(space, history, num, 1) == want, num

    def test_other_keys_give_other_suggestions(self) -> None:
        """Where there is no trial yet, all the randomness is in the key."""
        for label in ("mixed", "one number"):
            empty = History(metric=LOSS, rungs=RUNGS)
            draws = [_keys(SPACES[label], self.make().suggest(SPACES[label], empty, key, 8)) for key in range(3)]
            assert not any(a == b for a, b in pairwise(draws)), label

    def test_nothing_is_tried_twice_while_something_is_left(self) -> None:
        """Also not what is still running: a finite space is walked through to its last configuration."""
        space, size = SPACES["choices"], 18
        history = make_history(space, 0)
        for _ in range(size):
            for suggestion in self.make().suggest(space, history, len(history.trials), 1):
                number = len(history.trials)
                status: Status = "running" if number % 2 else "paused"
                new = make_trial(number, suggestion.config, () if number % 2 else (0.5,), status=status,
                                 origin=suggestion.origin)  # fmt: skip
                history = msgspec.structs.replace(history, trials=(*history.trials, new))
        tried = {key_of(space, t.config) for t in history.trials[1:]}
        assert len(tried) == size
        assert len(self.make().suggest(space, history, 1, 1)) == 1, "an exhausted space still gets an answer"
        batch = self.make().suggest(space, make_history(space, 0), 1, size)
        assert len(set(_keys(space, batch))) == size, "repeats within one call"

    def test_an_empty_space_has_one_configuration(self) -> None:
        """Nothing to vary is not an error."""
        assert [s.config for s in self.make().suggest(Space(), make_history(Space(), 0), 1, 1)] == [{}]

    def test_the_history_is_left_alone(self) -> None:
        """Records are frozen, the dictionaries in them are not."""
        for space in self.spaces.values():
            history = make_history(space, 20)
            before = to_json(history)
            for suggestion in self.make().suggest(space, history, 1, 4):
                suggestion.config.clear()  # a caller may change what it was given
            assert to_json(history) == before


def _keys(space: Space, suggestions: Iterable[Suggestion]) -> list[Any]:
    return [key_of(space, suggestion.config) for suggestion in suggestions]
