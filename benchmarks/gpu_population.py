"""Many trials in one program on a GPU: a table and a JSON in under three minutes. Never run on a GPU so far.

    python benchmarks/gpu_population.py [--device cuda] [--json runs/benchmarks/gpu_population.json]
    python benchmarks/gpu_population.py --device cpu --quick        a dry run of the script, not of a GPU

Model-steps a second of: the eager loop (AdamW as it comes, and fused), one model's whole step as a CUDA graph,
eight such graphs on eight streams, the engine's loop, and populations of P models in the modes vmap and grouped,
then compiled (torch.compile; on a GPU it captures its program in a CUDA graph). Before it is timed, each mode is
compared with the
engine's loop on this device: loss, gradients and buffers of a step.

Wall clock, device synchronised, after a piece of work that warms up; the median of three windows. TF32 is off for
everyone. A cell has a limit of seconds, out-of-memory ends a ladder of P, and what the total leaves no time for is
said to be missing. Building a program (torch.compile takes tens of seconds) is told apart.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from benchmarks.population import contestants, models
from benchmarks.population.store import FOLDER, environment

from luthier.engines.spec import Loss
from luthier.engines.torch import TorchEngine
from luthier.errors import Unsupported
from luthier.recipe import Recipe
from luthier.training.modes import difference

WIDTHS = (1, 4, 16, 64, 256, 512)
COMPILED_WIDTHS = (64, 16, 256)
NUM_GRAPHS = 8
CASES = {**models.CASES, "cnn28": models.CASES["cnn28"]._replace(rows=models.speckles)}
CHECKED = 3
"""Models that are compared."""
HEAD = "\n| model | what | P | model-steps a second | / eager loop | build s |\n|---|---|---|---|---|---|"


class TooLong(Exception):
    """A cell has used up its seconds."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLong in what takes longer."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


class Table:
    """Cells as they come. `total_s` of the whole, `window_s` of a timing, `cell_s` at most of one."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.until: float = time.monotonic() + asked.total
        self.rows: list[dict[str, Any]] = []
        self.eager: dict[str, float] = {}  # model -> steps a second of the eager loop

    def left_s(self) -> float:
        """Seconds that the whole has left."""
        return self.until - time.monotonic()

    def cell(self, case: str, name: str, P: int, make: Callable[[], contestants.Contestant]) -> bool:
        """Measure one; was there an outcome, so that a larger P may be tried?"""
        limit = self.asked.build if name == "compiled" else self.asked.cell
        row: dict[str, Any] = {"case": case, "name": name, "P": P}
        if self.left_s() < min(limit, 5.0):
            return self._add({**row, "missing": "no time left"})
        try:
            with at_most(min(limit, self.left_s())):
                row |= self._timed(make)
        except TooLong:
            row["missing"] = f"longer than {min(limit, self.asked.total):g} s"
        except Unsupported as error:
            row["missing"] = str(error)
        except (torch.OutOfMemoryError, MemoryError):
            row["missing"] = "out of memory"
        except Exception as error:  # a cell that fails must not cost the others: it is told
            row["missing"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if self.asked.device.startswith("cuda"):
            torch.cuda.empty_cache()
        return self._add(row)

    def _timed(self, make: Callable[[], contestants.Contestant]) -> dict[str, Any]:
        began = time.perf_counter()
        work = make()
        work()
        self._synchronise()
        build_s, rates = time.perf_counter() - began, []
        for _ in range(3):
            steps, began = 0, time.perf_counter()
            while time.perf_counter() - began < self.asked.window:
                steps += work()
                self._synchronise()
            rates.append(steps / (time.perf_counter() - began))
        return {"steps_per_s": statistics.median(rates), "least": min(rates), "most": max(rates), "build_s": build_s}

    def _synchronise(self) -> None:
        if self.asked.device.startswith("cuda"):
            torch.cuda.synchronize()

    def _add(self, row: dict[str, Any]) -> bool:
        self.rows.append(row)
        if row["name"] == "eager loop" and "steps_per_s" in row:
            self.eager[row["case"]] = row["steps_per_s"]
        print(line(row, self.eager.get(row["case"])), flush=True)
        return "steps_per_s" in row


def line(row: dict[str, Any], eager: float | None) -> str:
    """A row of the table."""
    head = f"| {row['case']} | {row['name']} | {row['P']} |"
    if "missing" in row:
        return f"{head} - | - | {row['missing']} |"
    ratio = f"{row['steps_per_s'] / eager:.2f}" if eager else "-"
    rate = f"{row['steps_per_s']:,.0f} ({row['least']:,.0f} to {row['most']:,.0f})"
    return f"{head} {rate} | {ratio} | {row['build_s']:.1f} |"


def check(asked: argparse.Namespace, table: Table, name: str, mode: str) -> dict[str, Any]:
    """Does a mode compute what the loop does? Loss, gradients and buffers of a step, as luthier itself asks before it
    uses a mode. The compiled one is checked in the width in which it is timed first, so that torch finds its program
    again."""
    compiled = mode == "compiled"
    P = _widths(COMPILED_WIDTHS, asked)[0] if compiled else CHECKED
    case, engine = CASES[name], TorchEngine(inputs=0, outputs=10, device=asked.device)
    recipes = [Recipe("adamw", lr=1e-3 * (1 + p), batch_size=case.batch_size) for p in range(CHECKED)]
    try:
        with at_most(min(asked.build if compiled else asked.cell, table.left_s())):
            reference, candidate = (
                engine.open(case.build, recipes[0], Loss("cross_entropy"), mode_, P_)
                for mode_, P_ in (("loop", 1), (mode, P))
            )
            source = case.rows()
            rows = np.arange(len(source.inputs), dtype=np.int32)
            said = difference(reference, candidate, engine.place(source), recipes, rows=rows) or "equal"
    except Exception as error:  # refused, out of memory, too long: told, and the others go on
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    print(f"| {name} | {mode} | {P} | {said} |", flush=True)
    return {"case": name, "mode": mode, "P": P, "said": said}


def check_all(asked: argparse.Namespace, table: Table, modes: list[str]) -> list[dict[str, Any]]:
    """Some modes on all models."""
    print("\n| model | mode | P | a step of it and of the loop |\n|---|---|---|---|")
    return [check(asked, table, case, mode) for case in asked.only for mode in modes]


def measure(asked: argparse.Namespace, table: Table, modes: list[str]) -> None:
    """The loops, and some modes in rising width."""
    device, on_gpu = asked.device, asked.device.startswith("cuda")
    print(HEAD)
    for name in asked.only:
        case = CASES[name]
        table.cell(name, "eager loop", 1, partial(contestants.by_hand, case, fused=False, device=device))
        table.cell(name, "eager loop, fused AdamW", 1, partial(contestants.by_hand, case, fused=True, device=device))
        for num in (1, NUM_GRAPHS) if on_gpu else ():
            table.cell(
                name, "CUDA graphs, one a model", num, partial(contestants.by_graphs, case, num, device=device)
            )
        table.cell(name, "loop", 1, partial(contestants.by_engine, case, "loop", 1, device=device))
        for mode in modes:
            _ladder(table, name, mode, _widths(WIDTHS, asked))


def measure_compiled(asked: argparse.Namespace, table: Table) -> None:
    """As many of the compiled cells as there is time for."""
    print(HEAD)
    for P in _widths(COMPILED_WIDTHS, asked):
        for name in asked.only:
            _ladder(table, name, "compiled", [P])


def _widths(known: tuple[int, ...], asked: argparse.Namespace) -> list[int]:
    """Those that are asked for; the largest that may be, where all are larger."""
    return [P for P in known if asked.most >= P] or [asked.most]


def _ladder(table: Table, name: str, mode: str, widths: list[int]) -> None:
    """Rising P, until one has no outcome."""
    case, device = CASES[name], table.asked.device
    for P in widths:
        if not table.cell(name, mode, P, partial(contestants.by_engine, case, mode, P, device=device)):
            return


def main() -> None:
    """Check, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=["mlp", "cnn28", "transformer"])
    parser.add_argument("--modes", nargs="+", default=["vmap", "grouped", "compiled"])
    parser.add_argument("--most", type=int, default=WIDTHS[-1], help="largest P")
    parser.add_argument("--total", type=float, default=170.0, help="seconds of the whole")
    parser.add_argument("--cell", type=float, default=12.0, help="seconds of a cell, at most")
    parser.add_argument("--build", type=float, default=60.0, help="seconds of a compiled cell, at most")
    parser.add_argument("--window", type=float, default=0.4, help="seconds of a timing")
    parser.add_argument("--quick", action="store_true", help="the MLP, small P, short windows: is the script whole?")
    parser.add_argument("--json", type=Path, default=FOLDER / "gpu_population.json")
    asked = parser.parse_args()
    if asked.quick:
        asked.only, asked.most, asked.window = ["mlp"], 4, 0.05
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("no CUDA device: --device cpu --quick is a dry run of the script")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device = (
        torch.cuda.get_device_name(asked.device) if asked.device.startswith("cuda") else "CPU: says nothing of a GPU"
    )
    print(f"device: {device}; torch {torch.__version__}")
    table = Table(asked)
    checked: list[dict[str, Any]] = []
    quick = [mode for mode in asked.modes if mode != "compiled"]
    try:
        checked += check_all(asked, table, quick)
        measure(asked, table, quick)
        if "compiled" in asked.modes:
            checked += check_all(asked, table, ["compiled"])
            measure_compiled(asked, table)
    finally:
        found = {
            "device": device,
            "environment": environment("torch", "numpy"),
            "check": checked,
            "cells": table.rows,
        }
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(found, indent=1))
        print(f"\n{len(table.rows)} cells in {asked.total - table.left_s():.0f} s, kept in {asked.json}")


if __name__ == "__main__":
    main()
