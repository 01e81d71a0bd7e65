"""The command line: parses, calls a verb, prints. No logic lives here."""

from luthier.cli.app import main

__all__ = ["main"]
