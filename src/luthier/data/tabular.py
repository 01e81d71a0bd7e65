"""Tables to rows of numbers: what the columns are is told from the training rows, then all rows go by in batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier.data import mapped
from luthier.data.files import SEPARATORS, collected, file_errors, is_table, ragged_line, table_of
from luthier.data.kinds import infer
from luthier.data.schema import Schema, as_times, check_columns, cleaned
from luthier.data.targets import Target, find_target
from luthier.data.trees import Tree
from luthier.errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl

Array = npt.NDArray[Any]
PARTS = ("training rows", "validation rows", "test rows")


class Options(NamedTuple):
    """How the rows are read; see `luthier.Data`."""

    target: tuple[str, ...] = ()
    kind: str = ""
    group: str = ""
    time: str = ""
    categories: tuple[str, ...] = ()
    encoding: str = "utf-8"
    image_size: tuple[int, int] | None = None


class Rows(NamedTuple):
    """Rows that were read: training rows first, then the given validation rows, then the given test rows.

    `groups` and `times` are [n] where they were asked for; `notes` say what was done while reading. `tree`: how
    packed inputs hang together. `labelled`: are there targets? Else they are zeros.
    """

    inputs: Array
    targets: Array
    kind: str = ""
    labels: tuple[str, ...] = ()
    schema: Schema | None = None
    target: Target | None = None
    groups: Array | None = None
    times: Array | None = None
    num_val: int = 0
    num_test: int = 0
    notes: tuple[str, ...] = ()
    tree: Tree | None = None
    labelled: bool = True


def read_tables(sources: Sequence[Any], options: Options) -> Rows:
    """Up to three tables; what their columns are is told from the first."""
    opened = [None if s is None else table_of(s, encoding=options.encoding) for s in sources]
    first = opened[0]
    assert first is not None
    table, where = first
    with file_errors(Path(where)):
        return _read(opened, sources, options, table=table, where=where)


def _read(
    opened: Sequence[tuple[pl.LazyFrame, str] | None],
    sources: Sequence[Any],
    options: Options,
    *,
    table: pl.LazyFrame,
    where: str,
) -> Rows:
    names = table.collect_schema().names()
    if not options.target:
        raise InvalidInput(
            "no target",
            must="target= names the column that is to be predicted",
            where=where,
            remedy=f"One of {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}",
        )
    named = [*options.target, *filter(None, (options.group, options.time)), *options.categories]
    check_columns(names, named, where)
    keys = [mapped.stamp(Path(s)) if isinstance(s, str | Path) else None for s in sources if s is not None]
    key = mapped.key_of("table 1", keys, options) if None not in keys else ""
    target, _ = find_target(table, options.target, options.kind, where)
    roles = dict.fromkeys(options.target, "target")
    roles |= {name: role for name, role in ((options.group, "group"), (options.time, "time")) if name}
    known = table.filter(target.known())
    schema, num_rows = infer(known, roles, options.categories, where)
    _check_ragged(sources[0], table)
    parts = [(o[0], o[1], name) for o, name in zip(opened, PARTS, strict=True) if o is not None]
    gathered = _Gathered(parts, schema, target, options)
    inputs = _stored(gathered, num_bytes=4.0 * len(schema.parts) * num_rows, key=key)
    return gathered.rows(inputs)


class _Gathered:
    """What is kept of each batch while its numbers pass by. `parts` are (table, what to call it, its role)."""

    def __init__(self, parts: list[tuple[pl.LazyFrame, str, str]], schema: Schema, target: Target, options: Options):
        self.parts, self.schema, self.target, self.options = parts, schema, target, options
        self.targets: list[Array] = []
        self.groups: list[pl.Series] = []
        self.times: list[Array] = []
        self.counts: dict[str, int] = {}
        self.notes: list[str] = []

    def pass_by(self, *, numbers: bool = True) -> Iterable[Array]:
        """The numbers of all rows, batch by batch; once."""
        named = [*self.target.names, *filter(None, (self.options.group, self.options.time))]
        for table, where, role in self.parts:
            check_columns(table.collect_schema().names(), named, where)
            num = dropped = 0
            for batch in collected(table, where):
                frame = batch.filter(self.target.known())
                dropped += batch.height - frame.height
                num += frame.height
                self._keep(frame, where)
                if numbers:
                    yield self.schema.encode(frame, where)
            if num == 0:
                raise InvalidInput("0 rows", must="at least one row", where=f"{role}, {where}")
            if dropped:
                self.notes.append(f"{dropped} of the {role} had no target and were left out")
            self.counts[role] = num

    def _keep(self, frame: pl.DataFrame, where: str) -> None:
        import polars as pl

        group, time = self.options.group, self.options.time
        self.targets.append(self.target.encode(frame, where))
        if group:
            self.groups.append(frame.select(cleaned(pl.col(group)).fill_null(""))[group])
        if time:
            self.times.append(_moments(frame, self.schema, time, where))

    def rows(self, inputs: Array) -> Rows:
        """All that was read."""
        import polars as pl

        _, val, test = (self.counts.get(role, 0) for role in PARTS)
        return Rows(
            inputs=inputs,
            targets=np.concatenate(self.targets),
            kind=self.target.kind,
            labels=self.target.labels,
            schema=self.schema,
            target=self.target,
            groups=pl.concat(self.groups).rank("dense").to_numpy().astype(np.int64) - 1 if self.groups else None,
            times=np.concatenate(self.times) if self.times else None,
            num_val=val,
            num_test=test,
            notes=tuple(self.notes),
        )


def _stored(gathered: _Gathered, *, num_bytes: float, key: str) -> Array:
    """The numbers in memory where they are small, else in the cache: found there, they are not made again."""
    if num_bytes <= mapped.RESIDENT_BYTES:
        return mapped.held(gathered.pass_by(), num_bytes=num_bytes)
    found = mapped.find(key) if key else None
    if found is None:
        return mapped.write(key, gathered.pass_by(), {})
    for _ in gathered.pass_by(numbers=False):  # targets, groups and times are read along
        pass
    return found[0]


def _moments(frame: pl.DataFrame, schema: Schema, name: str, where: str) -> Array:
    """float64 [n]: what rows are ordered by."""
    import polars as pl

    column = next(c for c in schema.columns if c.name == name)
    series = frame.select(cleaned(pl.col(name)) if column.format else pl.col(name))[name]
    found = as_times(series, column.format)
    if found is None:
        words = frame.select(cleaned(pl.col(name)))[name]
        numbers = words.cast(pl.Float64, strict=False)
        moments: Array = numbers.to_numpy().astype(np.float64)
    else:
        moments = found.cast(pl.Int64).cast(pl.Float64).to_numpy().astype(np.float64)
    if np.isnan(moments).any():
        raise InvalidInput(
            f"column {name!r} has no date or number in row {int(np.flatnonzero(np.isnan(moments))[0]) + 1}",
            must="a date (2024-01-31) or a number in every row that is split in time",
            where=where,
            remedy="Mend these values, or split in another way",
        )
    return moments


def _check_ragged(source: Any, table: pl.LazyFrame) -> None:
    """A line with too few fields reads as one whose last values are missing: look where the last column has gaps."""
    import polars as pl

    if not isinstance(source, str | Path) or Path(source).suffix.lower() not in SEPARATORS:
        return
    if Path(source).suffix.lower() in (".parquet", ".pq"):
        return
    last = table.collect_schema().names()[-1]
    if table.select(pl.col(last).is_null().any()).collect(engine="streaming").item():
        ragged = ragged_line(Path(source))
        if ragged is not None:
            raise ragged


def new_rows(source: Any, schema: Schema, *, whole: Sequence[str] = (), encoding: str = "utf-8") -> Array:
    """The numbers of rows that a model has not seen: float32 [n, parts].

    Args:
        whole: categories of which the schema has every value of the training rows.

    Warns where such a category holds a value that no training row had: the model sees none there.

    Raises:
        InvalidInput: not a table, or a column is missing.
    """
    import polars as pl

    if not is_table(source):
        raise InvalidInput(
            f"rows={type(source).__name__}",
            must="a table: the path of one, a data frame, or rows as dicts",
            where="predict",
        )
    table, where = table_of(source, encoding=encoding)
    blocks: list[Array] = []
    unseen: dict[str, list[str]] = {name: [] for name in whole}
    for batch in collected(table, where):
        blocks.append(schema.encode(batch, where))
        for name in whole:
            is_new = blocks[-1][:, schema.parts.index(name)] == -1
            unseen[name].extend(batch.select(cleaned(pl.col(name)))[name].filter(is_new).to_list())
    for name, words in unseen.items():
        if words:
            num = "1 row" if len(words) == 1 else f"{len(words)} rows"
            told = f"column {name!r} holds {words[0]!r}, which no training row had"
            warnings.warn(f"{told}; in {num} the model sees no value of it ({where})", UserWarning, stacklevel=2)
    return np.concatenate(blocks) if blocks else np.zeros((0, len(schema.parts)), np.float32)
