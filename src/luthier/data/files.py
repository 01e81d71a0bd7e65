"""Tables from files and frames: one lazy polars frame, whatever was handed over, or a clear sentence.

CSV is read as text; what a text means is told by `luthier.data.kinds`, for training rows and new rows alike.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.errors import InvalidInput, LuthierError

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = {".csv": "", ".tsv": "\t", ".txt": "", ".parquet": "", ".pq": ""}
"""Suffixes that are read, with the separator where the suffix says it; "" looks at the first line."""
BATCH_NUMBERS = 1 << 22
"""Numbers of a batch in which a large file is read, so that wide tables need no more memory than long ones."""
READ_ONCE_BYTES = 256 << 20
SNIFFED = ",;\t|"


def is_table(source: Any) -> bool:
    """Is it a table: the path of one, a data frame, or rows as dicts?"""
    if isinstance(source, str | Path):
        return Path(source).suffix.lower() in SEPARATORS
    if isinstance(source, Mapping):
        return True
    if isinstance(source, Sequence) and source and all(isinstance(row, Mapping) for row in source[:2]):
        return True
    return is_frame(source)


def is_frame(source: Any) -> bool:
    """Is it a data frame of a library that is loaded? Looks at the type, imports nothing new."""
    module = type(source).__module__.partition(".")[0]
    return module in ("polars", "pandas", "pyarrow", "modin", "cudf", "narwhals") and hasattr(type(source), "columns")


def table_of(source: Any, *, encoding: str = "utf-8") -> tuple[pl.LazyFrame, str]:
    """(the table, what to call it in messages).

    Args:
        source: path of a CSV, TSV or Parquet file; a frame of polars, pandas or pyarrow; a dict of columns; rows
            as dicts.
        encoding: of a CSV file.

    Raises:
        InvalidInput: it cannot be read.
    """
    import polars as pl

    if isinstance(source, str | Path):
        path = Path(source)
        return (_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path, encoding)), str(path)
    name = "rows" if isinstance(source, Mapping | Sequence) else "data frame"
    if isinstance(source, pl.DataFrame | pl.LazyFrame):
        return source.lazy(), name
    try:
        if isinstance(source, Mapping | Sequence):
            return pl.DataFrame(source, strict=False, infer_schema_length=None).lazy(), name
        return _foreign(source).lazy(), name
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        first = str(error).partition("\n")[0]
        raise InvalidInput(
            f"the {name} cannot be read ({first})", remedy="Columns have names of their own, and one value a row each"
        ) from None


def _foreign(source: Any) -> pl.DataFrame:
    """A frame of another library. Numbers go over as numpy arrays, all else value by value: that needs no pyarrow."""
    import narwhals as nw
    import polars as pl

    frame: Any = nw.from_native(source, eager_only=True)
    columns = []
    for name in frame.columns:
        series = frame[name]
        if series.dtype.is_float() or (series.dtype.is_integer() and not series.is_null().any()):
            columns.append(pl.Series(str(name), series.to_numpy()))
            continue
        missing = series.is_null().to_list()
        values = [None if gone else value for gone, value in zip(missing, series.to_list(), strict=True)]
        columns.append(pl.Series(str(name), values, strict=False))
    return pl.DataFrame(columns)


def _parquet(path: Path) -> pl.LazyFrame:
    import polars as pl

    with file_errors(path):
        table = pl.scan_parquet(path, glob=False)
        table.collect_schema()
        return _held(table, path)


def _csv(path: Path, encoding: str) -> pl.LazyFrame:
    import polars as pl

    with file_errors(path):
        source: Any = path if encoding.lower().replace("-", "") == "utf8" else _utf8(path, encoding)
        header = _header(path, encoding)
        separator = SEPARATORS[path.suffix.lower()] or max(SNIFFED, key=header.count)
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInput(
                f"column {twice[0]!r} is there {names.count(twice[0])} times",
                must="each column has a name of its own",
                where=str(path),
                remedy="Rename one of them in the first line",
            )
        table = pl.scan_csv(source, separator=separator, infer_schema=False, glob=False)
        written = table.collect_schema().names()
        return _held(table.rename({name: name.strip() for name in written if name != name.strip()}), path)


def _held(table: pl.LazyFrame, path: Path) -> pl.LazyFrame:
    """A small file is read once; a large one in batches, as often as it is asked."""
    return table.collect().lazy() if path.stat().st_size <= READ_ONCE_BYTES else table


def _header(path: Path, encoding: str) -> str:
    with path.open(encoding="utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding, newline="") as file:
        header = file.readline()
    if not header.strip():
        raise InvalidInput(
            f"{path} is empty" if not header else f"the first line of {path} is empty",
            must="a line of column names, then rows",
        )
    return header


def _utf8(path: Path, encoding: str) -> bytes:
    try:
        return path.read_bytes().decode(encoding).encode()
    except LookupError:
        raise InvalidInput(f"encoding={encoding!r}", must="a text encoding that Python knows") from None


def collected(table: pl.LazyFrame, path: str) -> Iterator[pl.DataFrame]:
    """The rows of a table in batches, in their order.

    Raises:
        InvalidInput: the file breaks off, is ragged, or is no text of its encoding.
    """
    with file_errors(Path(path)):
        rows = BATCH_NUMBERS // max(len(table.collect_schema()), 1)
        yield from table.collect_batches(chunk_size=min(max(rows, 1 << 10), 1 << 16), maintain_order=True)


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Whatever the disk, polars or the decoder says about a file, in one sentence."""
    import polars as pl

    try:
        yield
    except LuthierError:
        raise
    except OSError as error:
        reason = "it does not exist" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise InvalidInput(f"{path} cannot be read: {reason}", remedy="Check the path") from None
    except UnicodeError as error:
        raise _not_text(path, error) from None
    except pl.exceptions.NoDataError:
        raise InvalidInput(f"{path} is empty", must="a line of column names, then rows") from None
    except pl.exceptions.PolarsError as error:
        raise _told(path, error) from None


def _not_text(path: Path, error: UnicodeError) -> InvalidInput:
    where = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    return InvalidInput(
        f"{path} is not written in UTF-8{where}",
        must="text in UTF-8",
        remedy='Save it as UTF-8, or say how it is written: luthier.Data(..., encoding="latin-1")',
    )


def _told(path: Path, error: Exception) -> InvalidInput:
    text = str(error)
    if "utf-8" in text.lower():
        return _not_text(path, UnicodeError())
    if path.suffix.lower() in SEPARATORS and "parquet" not in text.lower():
        ragged = ragged_line(path)
        if ragged:
            return ragged
    return InvalidInput(
        f"{path} cannot be read ({text.partition(chr(10))[0]})", remedy="Check that the file is whole"
    )


def ragged_line(path: Path) -> InvalidInput | None:
    """The first line with more or fewer fields than the header has; None if there is none."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = file.readline()
        separator = SEPARATORS.get(path.suffix.lower(), "") or max(SNIFFED, key=header.count)
        num = len(next(csv.reader(io.StringIO(header), delimiter=separator), []))
        reader = csv.reader(file, delimiter=separator)
        try:
            for fields in reader:
                if fields and len(fields) != num:
                    return InvalidInput(
                        f"line {reader.line_num + 1} has {len(fields)} fields",
                        must=f"{num} fields, as the first line has",
                        where=str(path),
                        remedy="Mend the line; a text that holds the separator stands in double quotes",
                    )
        except csv.Error as error:
            return InvalidInput(f"line {reader.line_num + 1}: {error}", where=str(path), remedy="Mend the line")
    return None
