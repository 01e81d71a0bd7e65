"""A program as the main program of a forked process, plainly or under watch: PyTorch is imported once for all."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from luthier.checks.spec import checks
from luthier.codec import from_json, to_json
from luthier.findings import Diagnosis
from luthier.verbs.check import diagnose

LIMIT_S = 120
with contextlib.suppress(ImportError):
    import_module("torch").set_num_threads(1)  # a forked process cannot use its parent's pool of threads


@dataclass
class Done:
    """What a program left: its streams, its exit code, and of one under watch the diagnosis."""

    out: str
    err: str
    code: int
    diagnosis: Diagnosis | None = None


def run(script: Path, *words: str, watched: bool, **options: Any) -> Done:
    """Run a script in a child; `options` are those of `diagnose`."""
    import_module("torch._dynamo")  # what optimizers import with their first step is imported here, once for all
    assert checks()
    files = {name: script.with_suffix(f".{name}{int(watched)}") for name in ("out", "err", "json")}
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        status = _waited(pid)
        told = from_json(files["json"].read_bytes(), Diagnosis) if files["json"].exists() else None
        return Done(files["out"].read_text(), files["err"].read_text(), os.waitstatus_to_exitcode(status), told)
    code = 99
    try:
        os.setsid()
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(files[name], os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", closefd=False) for n in (1, 2))
        os.chdir(script.parent)
        warnings.resetwarnings()
        warnings.simplefilter("ignore", DeprecationWarning)
        code = _watched(script.name, words, files["json"], options) if watched else _plain(script.name, words)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise AssertionError


def _waited(pid: int) -> int:
    """The exit status of a child; one that hangs is killed."""
    for _ in range(int(LIMIT_S / 0.02)):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _plain(script: str, words: tuple[str, ...]) -> int:
    sys.argv, sys.path[0] = [script, *words], os.getcwd()
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        if isinstance(error.code, str):
            sys.stderr.write(error.code + "\n")
            return 1
        return error.code or 0
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _watched(script: str, words: tuple[str, ...], out: Path, options: dict[str, Any]) -> int:
    def keep(diagnosis: Diagnosis) -> int:
        out.write_bytes(to_json(diagnosis))
        return diagnosis.exit_code or 0

    return keep(diagnose([script, *words], last_words=keep, **options))
