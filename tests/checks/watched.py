"""Short scripts of the fixtures under watch: many in one process, each as the main program of a file of its own."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import tempfile
import types
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from checks.scripts.prelude import PRELUDE
from luthier.checks.ranking import ranked
from luthier.checks.spec import Check, checks
from luthier.findings import Finding, Unknown
from luthier.watching.recorder import Recorder
from luthier.watching.running import watched
from luthier.watching.trace import Trace

SCRIPTS = Path(__file__).parent / "scripts"
FAMILIES = "delmnorstwx"
"""First letters of the checks that judge programs in PyTorch."""
CODES = sorted(p.stem.upper() for p in SCRIPTS.glob("*.py") if p.stem[1:3].isdigit())


class Judged(NamedTuple):
    """What the checks said of one script.

    Args:
        file: where it stood. findings: all of them, in their order, consequences after their cause.
        roots: those that stand under no other. unknown: codes of the checks that could not judge.
    """

    file: str
    trace: Trace
    findings: tuple[Finding, ...]
    roots: tuple[Finding, ...]
    unknown: frozenset[str]

    @property
    def codes(self) -> set[str]:
        """Codes of all findings."""
        return {f.code for f in self.findings}

    @property
    def complaints(self) -> set[str]:
        """Codes of the findings that are no mere hints."""
        return {f.code for f in self.findings if f.severity != "info"}


@cache
def room() -> dict[str, Check]:
    """The checks under test."""
    return {code: check for code, check in checks().items() if code[0].lower() in FAMILIES}


@cache
def fixtures(code: str) -> types.ModuleType:
    """The module with the scripts of a code: FIRES, SILENT, and in ALSO what else may be said of which script."""
    return importlib.import_module(f"checks.scripts.{code.lower()}")


@cache
def fired(code: str) -> dict[str, Judged]:
    """The scripts that must fire, by name."""
    return {name: judged(PRELUDE + script) for name, script in fixtures(code).FIRES.items()}


@cache
def kept_silent(code: str) -> dict[str, Judged]:
    """The scripts that must not fire, by name."""
    return {name: judged(PRELUDE + script) for name, script in fixtures(code).SILENT.items()}


def also(code: str, name: str) -> set[str]:
    """What else may be said of a script, and rightly."""
    found: set[str] = getattr(fixtures(code), "ALSO", {}).get(name, set())
    return found


def judged(source: str) -> Judged:
    """Run a script to its end under watch and judge the trace.

    A check that raises fails the test here: nothing is caught.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "train.py")
        Path(file).write_text(source)
        trace = run(file)
        found: list[Finding] = []
        unknown = set()
        for code, check in room().items():
            said = check.judge(trace)
            if isinstance(said, Unknown):
                unknown.add(code)
            else:
                found += said
    roots = ranked(found, room())
    return Judged(file, trace, tuple(_flat(roots)), roots, frozenset(unknown))


def run(file: str) -> Trace:
    """The trace of a script, run as the main program; the process is left as it was."""
    code = compile(Path(file).read_text(), file, "exec")
    main = types.ModuleType("__main__")
    main.__file__ = file
    before = sys.modules["__main__"], os.getcwd(), sys.path[:]
    sys.modules["__main__"] = main

    def program() -> None:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("default")
            warnings.filterwarnings("error", category=RuntimeWarning)  # numpy's: ours must not reach the program
            exec(code, main.__dict__)

    try:
        os.chdir(os.path.dirname(file))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return watched(program, Recorder(full=True))
    finally:
        sys.modules["__main__"], sys.path[:] = before[0], before[2]
        os.chdir(before[1])
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)


def _flat(findings: tuple[Finding, ...]) -> list[Finding]:
    return [each for one in findings for each in (one, *_flat(one.consequences))]
