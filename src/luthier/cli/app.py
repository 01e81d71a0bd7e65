"""`luthier VERB ...`: one subcommand a verb; errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from luthier.errors import LuthierError

app = typer.Typer(
    name="luthier",
    help="Makes deep-learning models better, faster and smaller, and proves every gain.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"luthier {version('luthier')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Makes deep-learning models better, faster and smaller, and proves every gain."""


def main() -> None:
    """The program `luthier`."""
    from luthier.cli import board, check, export, predict, report, tune  # noqa: F401 - they register their commands

    debug = "--debug" in sys.argv
    try:
        app()
    except LuthierError as error:
        if debug:
            raise
        sys.stderr.write(f"luthier: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away: nothing is lost
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
