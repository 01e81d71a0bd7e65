"""Run a program under watch, in this process."""

from __future__ import annotations

import builtins
import contextlib
import io
import linecache
import os
import runpy
import sys
import threading
import types
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import SourceFileLoader
from multiprocessing.process import BaseProcess
from typing import Any

from luthier.watching.arrivals import Arrivals
from luthier.watching.crashes import crash_of, without_own
from luthier.watching.messages import Messages
from luthier.watching.recorder import Recorder, Stopped
from luthier.watching.trace import Trace

WATCHES = {
    "torch": "luthier.watching.torch",
    "keras": "luthier.watching.keras",
    "jax": "luthier.watching.jax",
}
"""Framework -> the module whose `install(recorder)` puts its hooks in and returns what takes them out."""
OTHERS = {"sklearn.metrics": "luthier.watching.scores"}
"""The same of what is no framework."""
INTERRUPTED = 130
MAX_SOURCE = 1 << 20


@contextlib.contextmanager
def watch(recorder: Recorder) -> Iterator[None]:
    """Hooks are in inside the block: of frameworks that are there at once, of others when they are imported."""
    removers: list[Callable[[], None]] = []

    def arrived(name: str) -> Callable[[], None]:
        def put_in() -> None:
            if name in WATCHES:
                recorder.trace.frameworks[name] = str(getattr(sys.modules[name], "__version__", ""))
            try:
                removers.append(import_module({**WATCHES, **OTHERS}[name]).install(recorder))
            except Exception as error:  # the program goes on without this watch
                recorder.fault(f"the watch of {name}", error)

        return put_in

    arrivals = Arrivals({name: arrived(name) for name in (*WATCHES, *OTHERS)})
    messages = Messages(recorder)
    messages.install()
    arrivals.install()
    process: Any = BaseProcess
    start = process.start

    def counted(self: Any) -> None:
        recorder.trace.num_children += 1
        start(self)

    process.start = counted
    try:
        yield
    finally:
        process.start = start
        arrivals.remove()
        messages.remove()
        for remove in reversed(removers):
            try:
                remove()
            except Exception as error:  # the program has ended: what is left in place harms nobody
                recorder.fault("removal of hooks", error)


def watched(program: Callable[[], Any], recorder: Recorder) -> Trace:
    """The trace of a callable; what it raises ends it and is noted as its crash.

    Raises:
        KeyboardInterrupt: as the program did; other exceptions do not come through.
    """
    with watch(recorder):
        try:
            program()
        except SystemExit:
            pass
        except Exception as error:  # the program's own: it is kept as its crash
            if not recorder.trace.stopped:
                recorder.safely("crash", _note_crash)(error, recorder)
    return finished(recorder)


def finished(recorder: Recorder) -> Trace:
    """The trace at the end, with the sources that its facts name; nothing is recorded after it."""
    trace = recorder.finish()
    recorder.off = True
    for file in {place.file for place in recorder.places}:
        _read(trace, file)
    trace.rank, trace.world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    return trace


def _read(trace: Trace, file: str) -> None:
    """Keep the text of a file, or of a notebook's cell."""
    text = "".join(linecache.getlines(file))
    if text and len(text) <= MAX_SOURCE:
        trace.sources[file] = text


def run_program(words: Sequence[str], recorder: Recorder, *, module: bool = False) -> int:
    """Run a script, or a module as `python -m` does, as the main program of this process; its exit code.

    A traceback is printed as Python prints it, without our frames. Threads of the program are waited for.

    Args:
        words: path of the script or name of the module, then its own arguments.
    """
    trace = recorder.trace
    trace.program = " ".join(words)
    kept = sys.argv, list(sys.path), sys.modules.get("__main__")
    code = 0
    with watch(recorder):
        try:
            _run(list(words), module)
            _wait()
        except Stopped:
            pass
        except SystemExit as error:
            code = _exit_code(error)
        except KeyboardInterrupt:
            code = INTERRUPTED
            trace.stopped = trace.stopped or "it was interrupted"
        except Exception as error:  # the program's own: it is shown as Python shows it
            code = 1
            if not trace.stopped:
                recorder.safely("crash", _note_crash)(error, recorder)
                shown = without_own(error)
                sys.excepthook(type(shown), shown, shown.__traceback__)
        finally:
            sys.argv, sys.path[:] = kept[0], kept[1]
            if kept[2] is not None:
                sys.modules["__main__"] = kept[2]
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
    if not module:
        _read(trace, os.path.abspath(words[0]))
    return code


def _note_crash(error: BaseException, recorder: Recorder) -> None:
    recorder.trace.crash = crash_of(error, recorder)


def _run(words: list[str], module: bool) -> None:
    sys.argv = words
    if module:
        sys.path[0] = os.getcwd()
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif os.path.isfile(words[0]) and not zipfile.is_zipfile(words[0]):
        sys.path[0] = os.path.dirname(os.path.realpath(words[0]))
        _run_script(os.path.abspath(words[0]))
    else:
        runpy.run_path(words[0], run_name="__main__")


def _run_script(path: str) -> None:
    """As Python runs it: runpy would put the absolute path, which `__file__` is, into the program's arguments."""
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __file__=path, __builtins__=builtins, __spec__=None, __loader__=SourceFileLoader("__main__", path)
    )
    sys.modules["__main__"] = main
    with io.open_code(path) as stream:
        code = compile(stream.read(), path, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def _wait() -> None:
    """Python waits for threads that are no daemons before it ends."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    sys.stderr.write(f"{error.code}\n")
    return 1
