"""`luthier export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luthier.cli.app import app


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, for example runs/digits.")],
    sink: Annotated[list[str], typer.Option(help="Where to: tensorboard, mlflow or wandb; may be repeated.")],
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Copy a run to TensorBoard, MLflow or Weights & Biases. Runs no code from the folder."""
    import sys

    from luthier.verbs.export import export as run_export

    told = run_export(run, sinks=sink)
    sys.stdout.write("".join(f"{line}\n" for line in told))
