"""`luthier board`: a run in optuna-dashboard, served by this process to this machine only."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from luthier.errors import InvalidInput, LuthierError, MissingExtra
from luthier.runs.folder import RunFolder
from luthier.runs.journal import read
from luthier.search.optuna import quiet
from luthier.verbs.replay import reread
from luthier.verbs.study import study_of

LOOPBACK = "127.0.0.1"
AGAIN_S = 2.0
"""Between two looks at the journal; the dashboard itself asks every few seconds."""
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Board:
    """The dashboard of a run; a context that lets go of the port. It follows a run that goes on.

    Args:
        folder: of the run.
        port: 0 takes any that is free.

    Raises:
        MissingExtra: optuna-dashboard is not installed.
        InvalidInput: the port is taken, or the run has no trials.
        RunFolderError: there is no run, or it cannot be read.
    """

    def __init__(self, folder: str | Path, port: int = 8080) -> None:
        if find_spec("optuna_dashboard") is None:
            raise MissingExtra(
                "luthier board needs the package optuna-dashboard", remedy="Run: pip install 'luthier[board]'"
            )
        dashboard = _Following(folder)
        self.num_trials = dashboard.num_trials
        self._server = _server(dashboard, port)
        self.address = f"http://{LOOPBACK}:{self._server.server_port}/"

    def serve(self) -> None:
        """Answer until Ctrl-C, or until `stop` is called from another thread."""
        self._server.serve_forever()

    def stop(self) -> None:
        """End `serve`."""
        self._server.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()


class _Following:
    """Optuna's dashboard of a run, made anew when its journal has grown."""

    def __init__(self, folder: str | Path) -> None:
        self._folder, self._making = folder, threading.Lock()
        self._looked = time.monotonic()
        self._make()

    def __call__(self, environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer a request by the run as it stands, at most `AGAIN_S` ago."""
        with self._making:
            if time.monotonic() - self._looked > AGAIN_S:
                self._looked = time.monotonic()
                if _size(self._place) != self._seen:
                    with contextlib.suppress(LuthierError):  # what was read before is still shown
                        self._make()
        return self._app(environment, start)

    def _make(self) -> None:
        from optuna.storages import InMemoryStorage

        self._place, record = reread(self._folder)
        self._seen, storage = _size(self._place), InMemoryStorage()
        self.num_trials = len(study_of(record, storage, times=_times(self._place)).trials)
        self._app = _dashboard(storage)


def _size(place: RunFolder) -> int:
    return place.journal.stat().st_size if place.journal.exists() else 0


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _Silent(WSGIRequestHandler):
    """No line a request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _server(app: App, port: int) -> _Server:
    try:
        server = make_server(LOOPBACK, port, _no_app, server_class=_Server, handler_class=_Silent)
    except (OSError, OverflowError) as error:
        raise InvalidInput(
            f"port={port}: {getattr(error, 'strerror', None) or error}",
            must="the port is free on this machine",
            where="board",
            remedy="Name another by --port; 0 takes any",
        ) from None
    server.set_app(_for_this_machine(app, server.server_port))
    return server


def _no_app(_environment: dict[str, Any], _start: Any) -> Iterable[bytes]:
    return []


def _for_this_machine(app: App, port: int) -> App:
    """Refuse requests that a page from elsewhere sends by a name of its own for this address (DNS rebinding)."""
    names = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}

    def answer(environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environment.get("HTTP_HOST") in names:
            return app(environment, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"For this machine only.\n"]

    return answer


@quiet()
def _dashboard(storage: Any) -> App:
    from optuna_dashboard import wsgi

    app: App = wsgi(storage)
    return app


def _times(place: RunFolder) -> dict[int, tuple[float, float]]:
    """When each trial was given out first, and when it was last heard of: seconds of the run."""
    times: dict[int, tuple[float, float]] = {}
    for line in read(place.journal) if place.journal.exists() else ():
        trial = line.data.get("trial", -1) if isinstance(line.data, dict) else -1
        if trial >= 0 and line.kind != "evaluated":
            times[trial] = (times.get(trial, (line.t,))[0], line.t)
    return times
