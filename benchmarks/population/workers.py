"""Programs that do the timed work, one thread each or with torch's own number of threads."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from luthier.heap import KEPT_MEMORY

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
ANSWER_S = 900.0
REMAINING_S = 3600.0
"""The training that the probe may think is left: an hour pays for a program that takes a while to build."""


class Spent(NamedTuple):
    """Work done within a window: units (what the contestant counts), processor and wall seconds."""

    units: float
    cpu_s: float
    wall_s: float


class Refused(Exception):
    """The engine's mode can not take the model; the text says why."""


class Worker:
    """A program of its own; `ask` sends it something to do, `answer` waits for the outcome."""

    def __init__(self, num_threads: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with _threads(num_threads):
            self._program = context.Process(target=_serve, args=(theirs, num_threads), daemon=True)
            self._program.start()
        theirs.close()

    def ask(self, action: str, name: str, *arguments: Any) -> None:
        """The action: "make" a contestant (case, kind, settings), "run" it for some seconds, "drop" it; or "probe" a
        case (widths, seconds)."""
        self._pipe.send((action, name, *arguments))

    def answer(self) -> Any:
        """What came of the last `ask`.

        Raises:
            Refused: by the engine. RuntimeError: anything else that went wrong there.
        """
        if not self._pipe.poll(ANSWER_S):
            raise RuntimeError(f"a worker said nothing for {ANSWER_S:.0f} s")
        kind, value = self._pipe.recv()
        if kind == "refused":
            raise Refused(value)
        if kind == "error":
            raise RuntimeError(value)
        return value

    def close(self) -> None:
        """End the program."""
        self._program.kill()
        self._program.join()


@contextmanager
def _threads(number: int | None) -> Any:
    """The environment that a program is started with; None leaves torch its own number of threads. The C library
    keeps freed memory, as in luthier's workers: the peers have that too."""
    before = {name: os.environ.pop(name, None) for name in (*THREADS, *KEPT_MEMORY)}
    os.environ.update(KEPT_MEMORY)
    if number is not None:
        os.environ.update(dict.fromkeys(THREADS, str(number)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _serve(pipe: Connection, num_threads: int | None) -> None:
    import torch

    if num_threads is not None:
        torch.set_num_threads(num_threads)
    held: dict[str, Any] = {}
    while True:
        try:
            action, name, *arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(held, action, name, arguments))


def _outcome(held: dict[str, Any], action: str, name: str, arguments: list[Any]) -> tuple[str, Any]:
    from luthier.errors import Unsupported

    try:
        if action == "make":
            held[name] = _make(*arguments)
            held[name]()  # warm: programs are built at the first step
            return "done", None
        if action == "probe":
            return "done", _probe(name, *arguments)
        if action == "drop":
            return "done", held.pop(name, None) and None
        return "done", _run(held[name], *arguments)
    except Unsupported as error:
        return "refused", str(error)
    except Exception as error:  # told to the one who asked, who ends
        return "error", f"{name}: {type(error).__name__}: {error}"


def _make(case: str, kind: str, settings: dict[str, Any]) -> Any:
    from benchmarks.population import contestants
    from benchmarks.population.models import CASES

    if kind == "matrix_product":
        return contestants.matrix_product()
    return getattr(contestants, kind)(CASES[case], **settings)


def _run(contestant: Any, seconds: float) -> Spent:
    """Whole pieces of work until the window is over."""
    units, cpu, wall = 0.0, time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < seconds:
        units += contestant()
    return Spent(units, time.process_time() - cpu, time.perf_counter() - wall)


def _probe(name: str, widths: list[int], seconds: float) -> list[Any]:
    """What luthier measures before a search: the modes of the engine on this model."""
    import numpy as np
    from benchmarks.population.models import CASES

    from luthier.codec import convert
    from luthier.engines.spec import Loss
    from luthier.engines.torch import TorchEngine
    from luthier.recipe import Recipe
    from luthier.records import ModeSpeed
    from luthier.training import modes

    case = CASES[name]
    engine, source = TorchEngine(inputs=0, outputs=10), case.rows()
    recipes = [Recipe("adamw", lr=lr, batch_size=case.batch_size) for lr in (1e-3, 2e-3, 5e-4)]
    bench = modes.Bench(
        lambda mode, P: engine.open(case.build, recipes[0], Loss("cross_entropy"), mode, P),
        engine.place(source), np.arange(len(source.inputs), dtype=np.int32), recipes,
    )  # fmt: skip
    told = modes.measure(bench, engine.modes(), modes.Limits(widths, seconds, REMAINING_S))
    return [convert({k: v for k, v in event.items() if k != "event"}, ModeSpeed) for event in told
            if event["event"] == "mode"]  # fmt: skip
