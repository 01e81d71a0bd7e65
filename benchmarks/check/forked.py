"""`luthier check` on many PyTorch scripts in little time: each in a fork of one process that has imported torch."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.check.judging import HERE
from benchmarks.check.runners import LIMIT_S, Answer, answer


def prepare() -> None:
    """Import what every script needs, once."""
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in ("torch._dynamo", "luthier.watching.torch", "luthier.verbs.check", "luthier.verbs.check_view"):
        import_module(name)
    import_module("torch").set_num_threads(1)
    import_module("luthier.verbs.check_pages").rules()


def luthier(script: str, args: tuple[str, ...]) -> Answer:
    """The same answer as of `runners.luthier`, from a forked process."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "diagnosis.json"
        pid = os.fork()
        if not pid:
            _child(str(HERE / script), args, out)
        _wait(pid, start)
        seconds = time.perf_counter() - start
        if not out.exists():
            return Answer(seconds, error="no answer")
        return answer(out, seconds)


def _wait(pid: int, start: float) -> None:
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if time.perf_counter() - start > LIMIT_S:
            os.kill(pid, 9)
        time.sleep(0.02)


def _child(script: str, args: tuple[str, ...], out: Path) -> None:
    from luthier.reports.findings import rendered
    from luthier.verbs.check import diagnose
    from luthier.verbs.check_pages import rules
    from luthier.verbs.check_view import view_of

    def tell(diagnosis: Any) -> int:
        view = view_of(diagnosis, root=Path.cwd(), script=script, known=rules())
        out.write_text(rendered(view, "json", rules()))
        return 0

    try:
        os.chdir(out.parent)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        tell(diagnose([script, *args], last_words=tell))
    finally:
        sys.stdout.flush()
        os._exit(0)
