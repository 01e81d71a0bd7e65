"""`luthier report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.app import app


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, for example runs/digits.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Write the HTML report of a run again, and print its verdict. Runs no code from the folder."""
    import json
    import sys

    from luthier.reports.json import summary
    from luthier.reports.terminal import print_verdict
    from luthier.verbs.report import report as write_report

    found = write_report(run)
    if as_json:
        sys.stdout.write(json.dumps(summary(found.record, str(found.report))) + "\n")
    else:
        print_verdict(found.record, str(found.report), sys.stdout)
