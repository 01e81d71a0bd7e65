"""`luthier predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.app import app


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run, for example runs/net.")],
    rows: Annotated[Path, typer.Argument(help="CSV, TSV or Parquet file with the columns of the training rows.")],
    output: Annotated[Path | None, typer.Option(help="CSV or Parquet file to write; default: print CSV.")] = None,
    model: Annotated[
        str, typer.Option(help="FILE.py:FUNCTION that builds the model, where its source has changed.")
    ] = "",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Predict new rows by the model of a run; they are prepared as its training rows were."""
    import sys
    import warnings

    from luthier.verbs.finding import function_at
    from luthier.verbs.predict import predict as run_predict
    from luthier.verbs.predict import write

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        table = run_predict(run, rows, builder=function_at(model) if model else None)
    for warning in told:
        sys.stderr.write(f"luthier: {warning.message}\n")
    if output is None:
        sys.stdout.write(table.write_csv())
    else:
        write(table, output)
        sys.stderr.write(f"{table.height} rows written to {output}\n")
