"""Which worker takes a trial, and in which mode it trains on where one does not take it.

Trials of one structure share a program, so they sit together; but a core at rest costs more than a program that is
shared by fewer.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple


class Guest(NamedTuple):
    """A trial as its place is looked for. `alone`: workers that held it were lost, it must not take others along."""

    structure: Hashable
    alone: bool = False


def most_held(slots: int) -> int:
    """Trials that a worker holds at once where a program takes so many side by side: half as many again, so that
    those of a rare structure gather while others train.

    >>> [most_held(slots) for slots in (1, 4, 16)]
    [1, 6, 24]
    """
    return slots + slots // 2


def choose_worker(held: Mapping[int, Sequence[Guest]], new: Guest, most: int) -> int | None:
    """The worker for one more trial, None where no worker has room.

    An idle worker first, then one that holds the structure, then the one that holds fewest; ties: the lower number.

    Args:
        held: the trials of each worker that may be given something.
        most: trials that a worker holds at once.
    """
    room = 1 if new.alone else most
    free = {w: guests for w, guests in held.items() if len(guests) < room and not any(g.alone for g in guests)}

    def cost(worker: int) -> tuple[bool, bool, int, int]:
        guests = free[worker]
        shares = any(guest.structure == new.structure for guest in guests)
        return bool(guests), not shares, len(guests), worker

    return min(free, key=cost, default=None)


def next_mode(ladder: Sequence[tuple[str, int]], mode: str, reference: str) -> tuple[str, int]:
    """(mode, P) for a structure that `mode` does not take: the next of the ladder, at its end the reference.

    >>> next_mode([("grouped", 8), ("vmap", 8)], "grouped", "loop")
    ('vmap', 8)
    """
    names = [name for name, _ in ladder]
    rest = ladder[names.index(mode) + 1 :] if mode in names else ()
    return rest[0] if rest else (reference, 1)
