"""Scrambled Halton points: evenly spread, in any number, one after another.

Coordinate d of point i is the radical inverse of i in the d-th prime base (Halton 1960): its digits mirrored at
the point. In high bases the plain sequence runs along diagonals for long, so that two settings look correlated;
random digit permutations break that (Braaten & Weller 1979). Here every digit of every dimension has a
permutation of its own, as many digits as a double holds (Owen 2017, arXiv 1706.02808): each point is then
uniform, and the evenness of the sequence is kept.

The Playbook prefers it to random search (better spread) and to adaptive search while exploring (P13): what was
tried does not depend on what came out, so it can be looked at again under another question.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.records import History
from luthier.search.draw import Fresh, generator
from luthier.search.spec import Suggestion
from luthier.search.table import Table
from luthier.space import Config, Space, Unit

Array = npt.NDArray[Any]


@lru_cache(maxsize=8)
def primes(num: int) -> tuple[int, ...]:
    """The first `num` primes.

    >>> primes(5)
    (2, 3, 5, 7, 11)
    """
    found: list[int] = []
    for candidate in count(2):
        if len(found) == num:
            break
        if all(candidate % prime for prime in found):
            found.append(candidate)
    return tuple(found)


@lru_cache(maxsize=8)
def _permutations(num_dims: int, seed: int) -> tuple[tuple[Array, Array], ...]:
    """For each dimension: permutations [digits, base] and weights base^-1, base^-2, ... [digits]."""
    out = []
    for d, base in enumerate(primes(num_dims)):
        digits = int(np.ceil(53 / np.log2(base)))  # until base^-digits is below the last bit of 1.0
        rng = generator(seed, d)
        out.append(
            (
                np.stack([rng.permutation(base) for _ in range(digits)]),
                float(base) ** -np.arange(1, digits + 1),
            )
        )
    return tuple(out)


def point(index: int, num_dims: int, seed: int) -> Unit:
    """Point number `index` (from 0) of the sequence that `seed` scrambles: [D] in [0, 1)."""
    out = np.empty(num_dims)
    for d, (permutation_SB, weight_S) in enumerate(_permutations(num_dims, seed)):
        num_digits, base = permutation_SB.shape
        digit_S = index // base ** np.arange(num_digits, dtype=object) % base if index else np.zeros(num_digits)
        out[d] = permutation_SB[np.arange(num_digits), digit_S.astype(np.int64)] @ weight_S
    return np.minimum(out, np.nextafter(1.0, 0.0))


def scramble_seed(table: Table, key: int) -> int:
    """What scrambles the sequence of a run: the same for all of its decisions.

    A key is of one decision; points of differently scrambled sequences would be no better than random. So the
    seed of the run's first trial serves, and the key only where there is no trial yet.
    """
    return table.trials[0].seed if table.trials else key


class HaltonSampler:
    """The next points of the run's sequence; those that repeat a configuration are passed over."""

    name = "halton"

    def __init__(self) -> None:
        self._table = Table()

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """Points number m, m + 1, ..., with m the number of trials of this origin so far."""
        self._table.update(space, history)
        stream = HaltonStream(space, self._table, key, origin=self.name)
        fresh = Fresh(space, self._table, generator(key))
        return [Suggestion(fresh.draw(stream.config), self.name) for _ in range(n)]


class HaltonStream:
    """The sequence of a run from its next point on: number m, with m the trials of this origin so far."""

    def __init__(self, space: Space, table: Table, key: int, *, origin: str) -> None:
        self._space, self._seed, self._index = space, scramble_seed(table, key), table.origins[origin]

    def config(self) -> Config:
        """The configuration of the next point."""
        u_D = point(self._index, len(self._space), self._seed)
        self._index += 1
        return self._space.decode(u_D)
