"""A program as the main program of a process of its own, plainly or under watch.

Each is forked from one server that has imported PyTorch, once for all programs:
python -m watching.forked       (requests and answers are lines of JSON)
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from luthier.checks.spec import checks
from luthier.codec import from_json, to_json
from luthier.findings import Diagnosis
from luthier.verbs.check import diagnose

LIMIT_S = 120


@dataclass
class Done:
    """What a program left: its streams, its exit code, and of one under watch the diagnosis."""

    out: str
    err: str
    code: int
    diagnosis: Diagnosis | None = None


def run(script: Path, *words: str, watched: bool, broken: str = "", **options: Any) -> Done:
    """Run a script; `options` are those of `diagnose`. broken: "module:name" of ours that is to raise."""
    request = {"script": str(script), "words": words, "watched": watched, "broken": broken, "options": options}
    server = _server()
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    code = int(server.stdout.readline())
    files = _files(script, watched)
    told = from_json(files["json"].read_bytes(), Diagnosis) if files["json"].exists() else None
    return Done(files["out"].read_text(), files["err"].read_text(), code, told)


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "watching.forked"],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.kill)
    return server


def _files(script: Path, watched: bool) -> dict[str, Path]:
    return {name: script.with_suffix(f".{name}{int(watched)}") for name in ("out", "err", "json")}


def _serve() -> None:
    importlib.import_module("torch._dynamo")  # what optimizers import with their first step
    assert checks()
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _child(**json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(_waited(pid))}\n")
        sys.stdout.flush()


def _waited(pid: int) -> int:
    """The status of a child; one that hangs is killed."""
    for _ in range(int(LIMIT_S / 0.02)):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _child(script: str, words: list[str], watched: bool, broken: str, options: dict[str, Any]) -> None:
    path, code = Path(script), 99
    files = _files(path, watched)
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(files[name], os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", closefd=False) for n in (1, 2))
        os.chdir(path.parent)
        warnings.resetwarnings()
        warnings.simplefilter("ignore", DeprecationWarning)
        _break(broken)
        code = _watched(path.name, words, files["json"], options) if watched else _plain(path.name, words)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _break(name: str) -> None:
    """Something of ours raises from now on."""

    def raises(*args: Any) -> None:
        raise ValueError("of our own")

    if name:
        module, _, path = name.partition(":")
        owner: Any = importlib.import_module(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, last, raises)
        checks.cache_clear()


def _plain(script: str, words: list[str]) -> int:
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


def _watched(script: str, words: list[str], out: Path, options: dict[str, Any]) -> int:
    def keep(diagnosis: Diagnosis) -> int:
        out.write_bytes(to_json(diagnosis))
        return diagnosis.exit_code or 0

    return keep(diagnose([script, *words], last_words=keep, **options))


if __name__ == "__main__":
    _serve()
