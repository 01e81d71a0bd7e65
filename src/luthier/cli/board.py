"""`luthier board`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.app import app


@app.command()
def board(
    run: Annotated[Path, typer.Argument(help="Folder of a run, for example runs/digits.")],
    port: Annotated[int, typer.Option(help="Port on this machine; 0: any that is free.")] = 8080,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Look at a run in optuna-dashboard, on this machine only, until Ctrl-C. Runs no code from the folder."""
    import contextlib
    import sys

    from luthier.verbs.board import Board

    with Board(run, port) as served:
        sys.stdout.write(f"{served.address} shows {served.num_trials} trials of {run}; Ctrl-C ends it\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            served.serve()
