"""What every engine refuses in the same words, before any slot has moved."""

from __future__ import annotations

from luthier.engines.spec import Array
from luthier.errors import InvalidInput


def must_hold(holds: bool, fact: str, must: str) -> None:
    """A plan that breaks a condition is refused.

    Raises:
        InvalidInput: it does not hold.
    """
    if not holds:
        raise InvalidInput(fact, must=must, where="plan")


def check_stack(num_snapshots: int, P: int) -> None:
    """A population is filled whole.

    Raises:
        InvalidInput: not a snapshot for each slot.
    """
    if num_snapshots != P:
        raise InvalidInput(f"{num_snapshots} snapshots", must=f"one for each of P={P} slots", where="stack")


def check_rows(rows: Array, num_rows: int) -> None:
    """A row that does not exist would take the whole process down on a GPU, and JAX would make one up.

    Raises:
        InvalidInput: a row outside of 0 .. num_rows - 1.
    """
    low, high = rows.min(initial=0), rows.max(initial=0)
    must_hold(low >= 0 and high < num_rows, f"rows from {low} to {high}", f"0 <= row < {num_rows}")
