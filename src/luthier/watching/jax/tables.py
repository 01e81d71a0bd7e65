"""Rows of a table of weights that are looked up by an argument: which one, of how many rows, and what hides some.

The indices come from the argument through nothing but changes of shape and type, slices, and the usual wrap-around of
negative ones. What might hide rows that are out of range is noted: a comparison of the argument with the number of
rows or more, and masks that the rows are multiplied by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from luthier.findings import Place
from luthier.watching.jax.known import Info, Op

MOVED = ("moved",)
MAX_TABLES = 64


@dataclass(slots=True)
class Table:
    """One lookup.

    Args:
        leaf: the argument that holds the indices. part: of its entries, see `Info.part`.
        size: rows of the table. place: of the lookup. fills: with NaN where out of range, instead of the last row.
        masks: arguments that the rows are multiplied by. hidden: something else may hide some of the rows.
    """

    leaf: int
    part: tuple[object, ...]
    size: int
    place: Place | None
    fills: bool
    masks: list[int] = field(default_factory=list)
    hidden: bool = False


def part_of(op: Op) -> tuple[object, ...] | None:
    """Which entries of its argument a value holds after a change of shape or type."""
    part = op.args[0].part
    if op.name == "slice":
        limits = op.eqn.params
        strides = limits["strides"] or (1,) * len(op.shape())
        return (op.shape(), limits["start_indices"], limits["limit_indices"], strides) if part == () else None
    if op.name in ("convert_element_type", "reduce_precision", "copy", "copy_p", "optimization_barrier"):
        return part
    return MOVED if part == () else part


def compare(op: Op) -> tuple[int, str, float] | None:
    """Note that an argument was compared with a number; the argument, the operation and the number."""
    for one, other in ((op.args[0], op.args[1]), (op.args[1], op.args[0])):
        if one.leaf is None or one.touched:
            continue
        if other.number is None:
            op.notes.found.compared.append((one.leaf, None))
            continue
        if not (op.name == "lt" and other.number == 0):
            op.notes.found.compared.append((one.leaf, other.number))
        return one.leaf, op.name, other.number
    return None


def shift(op: Op) -> tuple[Info, float] | None:
    """An argument to which a number was added."""
    for one, other in ((op.args[0], op.args[1]), (op.args[1], op.args[0])):
        if op.name == "add" and one.leaf is not None and not one.touched and other.number is not None:
            return one, other.number
    return None


def wrapped(op: Op) -> Info | None:
    """The argument itself, where this chooses between it and, below 0, it plus a number."""
    if len(op.args) != 3:
        return None
    chooser, plain, shifted = op.args
    if plain.leaf is None or shifted.shifted is None or chooser.compared != (plain.leaf, "lt", 0.0):
        return None
    source, number = shifted.shifted
    return replace(plain, wrap=number) if source.leaf == plain.leaf and source.part == plain.part else None


def look(op: Op) -> frozenset[int]:
    """The number of the lookup that this is, in a set; empty where it is none."""
    params, tables = op.eqn.params, op.notes.found.tables
    if len(op.args) != 2 or len(tables) >= MAX_TABLES or "dimension_numbers" not in params:
        return frozenset()
    table, index = op.args
    numbers, size = params["dimension_numbers"], op.shape()[0] if op.shape() else 0
    by_row = tuple(numbers.start_index_map) == (0,) == tuple(numbers.collapsed_slice_dims)
    if not by_row or len(op.shape()) < 2 or table.data or len(table.weights) != 1 or index.touched:
        return frozenset()
    mode, fill = str(params["mode"]), params["fill_value"]
    deliberate = "CLIP" in mode or (fill is not None and not math.isnan(fill))
    if index.leaf is None or index.part is None or index.wrap not in (None, size) or deliberate:
        return frozenset()
    tables.append(Table(index.leaf, index.part, size, op.place, "FILL" in mode))
    return frozenset([len(tables) - 1])


def mask(op: Op, rows: frozenset[int], other: Info, chooses: bool = False) -> None:
    """Rows that were looked up meet another value: does that hide some of them?

    Args:
        chooses: it chooses between them and something else.
    """
    if other.touched or other.chance or not other.data:
        return
    for table in (op.notes.found.tables[i] for i in rows):
        known = other.compared
        if known is not None and known[0] == table.leaf and 0 <= known[2] < table.size - 1 and known[1] in OPEN:
            continue
        if other.leaf is not None and other.part in ((), MOVED) and not chooses:
            table.masks.append(other.leaf)
        else:
            table.hidden = True


OPEN = ("ne", "gt", "ge")
"""Comparisons with a small number that let all large ones pass: the mask of padding."""


def is_hidden(table: Table, compared: list[tuple[int, float | None]]) -> bool:
    """May the program have seen to what is out of range?"""
    guards = [n for leaf, n in compared if leaf == table.leaf]
    return table.hidden or any(n is None or n >= table.size - 1 for n in guards)
