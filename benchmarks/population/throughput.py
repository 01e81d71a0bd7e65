"""Samples a second of P models in one program, against loops over one model after another.

    python -m benchmarks.population.throughput [--only mlp cnn8] [--modes loop grouped] [--P 1 4] [--rounds 9]
    python -m benchmarks.population.throughput --table        only print what is stored

One core: process CPU time of one program with one thread. (a) is the plain loop: one model after another, rows in
memory gathered by index, `torch.optim.AdamW` as it comes (on a CPU a for-loop over the tensors). "Fused loop" is
the same with `fused=True`. "Peak" is the share of a float32 matrix product's speed (512 x 512) in the same program,
counting the floating-point operations of matrix products and convolutions only.

All cores: wall clock. (b) is what an Optuna user runs at best: one program a core, one thread each, the fused loop,
rows in memory. (c) is what most people run: `study.optimize(n_jobs=2)` with torch's own number of threads, a
DataLoader over a TensorDataset, AdamW as it comes. Optuna's own time is in (c) and not in (b), which is the harder
peer for it. Populations run one a core, one thread each.

Contestants take turns in an order that rotates. A ratio is of the same round; medians over rounds with quartiles.
The engine makes its plans within its time, computes the norm of every gradient, and has two parameter groups.
Results are appended to a file a cell at a time; what is there is not measured again.

"auto" is what the probe chooses (`luthier.training.modes`, `luthier.playbook.throughput`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.population.store import FOLDER, Store, environment, spread, told, usable_cores
from benchmarks.population.workers import Refused, Spent, Worker

NAMES = ("mlp", "cnn8", "cnn28", "transformer", "lstm")
MODES = ("auto", "loop", "channels_last", "vmap", "grouped", "compiled")
KEYS = ("case", "mode", "P", "cores")
PROBE_S = 2.0
MIN_STEPS, MAX_STEPS = 2, 32
"""Of each model in a piece of the engine's work; fewer where a step is long."""


class Bench:
    """Programs and contestants of one case. `window_s`: how long a contestant works in a round."""

    def __init__(self, case: str, num_cores: int, window_s: float) -> None:
        self.case, self.window_s, self.num_cores = case, window_s, num_cores
        self.workers = [Worker(1) for _ in range(num_cores)]
        self.everyday = Worker(None) if num_cores > 1 else None
        self._make("plain", "by_hand", fused=False)
        self._make("fused loop", "by_hand", fused=True)
        self._make("peak", "matrix_product")
        if self.everyday is not None:
            self.everyday.ask("make", "everyday", case, "by_optuna_threads", {})
            self.everyday.answer()
        self.plain_s = self._per_step("plain")

    def close(self) -> None:
        """End the programs."""
        for worker in [*self.workers, *([self.everyday] if self.everyday else [])]:
            worker.close()

    def _make(self, name: str, kind: str, **settings: Any) -> None:
        for worker in self.workers:
            worker.ask("make", name, self.case, kind, settings)
        refused = None
        for worker in self.workers:
            try:
                worker.answer()
            except Refused as error:
                refused = error
        if refused is not None:
            raise refused

    def _per_step(self, name: str) -> float:
        spent = self._run(name)[0]
        return spent.cpu_s / spent.units

    def _run(self, name: str) -> list[Spent]:
        """All programs that know the contestant, side by side."""
        workers = [self.everyday] if name == "everyday" and self.everyday else self.workers
        for worker in workers:
            worker.ask("run", name, self.window_s)
        return [worker.answer() for worker in workers]

    def measure(self, mode: str, P: int, rounds: int) -> dict[str, Any]:
        """One cell.

        Raises:
            Refused: the mode can not take the model.
        """
        steps = round(self.window_s / 2 / (P * self.plain_s))
        self._make("engine", "by_engine", mode=mode, P=P, num_steps=min(MAX_STEPS, max(MIN_STEPS, steps)))
        names = ["plain", "fused loop", "peak", "engine"] if self.num_cores == 1 else ["fused loop", "engine"]
        names += ["everyday"] if self.everyday else []
        found: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(rounds):
            for i in range(len(names)):
                name = names[(turn + i) % len(names)]
                found[name].append(self._rate(self._run(name)))
        for worker in self.workers:
            worker.ask("drop", "engine")
            worker.answer()
        return self._cell(found)

    def probe(self, widths: Sequence[int]) -> Any:
        """What luthier chooses for the search, by its own measurement of some seconds."""
        from luthier.playbook.throughput import choose_mode

        self.workers[0].ask("probe", self.case, list(widths), PROBE_S)
        return choose_mode(self.workers[0].answer())

    def _rate(self, spent: Sequence[Spent]) -> float:
        """Units a second: of processor time on one core, of wall clock on all."""
        return sum(s.units / (s.cpu_s if self.num_cores == 1 else s.wall_s) for s in spent)

    def _cell(self, rates: dict[str, list[float]]) -> dict[str, Any]:
        from benchmarks.population.models import CASES, flops_per_step

        case = CASES[self.case]
        cell: dict[str, Any] = {
            "samples_per_s": {n: spread([r * case.batch_size for r in v]) for n, v in rates.items() if n != "peak"},
            "ratio": {
                n: spread([e / o for e, o in zip(rates["engine"], v, strict=True)])
                for n, v in rates.items() if n not in ("engine", "peak")
            },
        }  # fmt: skip
        if "peak" in rates:
            flops = flops_per_step(case)
            shares = [flops * e / top for e, top in zip(rates["engine"], rates["peak"], strict=True)]
            cell |= {"peak_frac": spread(shares), "gflop_per_s": spread([r / 1e9 for r in rates["peak"]])}
        return cell


def cells(cases: Sequence[str], modes: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    """(case, mode, P); P is 0 where the probe chooses it."""
    for case in cases:
        for mode in modes:
            yield from ((case, mode, P) for P in ((0,) if mode == "auto" else widths))


def fill(store: Store, asked: argparse.Namespace) -> None:
    """Measure what is not stored yet."""
    for num_cores in asked.cores:
        for name in asked.only:
            todo = [key for key in cells([name], asked.modes, asked.P) if not _is_done(store.get(*key, num_cores))]
            if not todo:
                continue
            bench = Bench(name, num_cores, asked.seconds)
            try:
                for case, mode, P in todo:
                    row = {"case": case, "mode": mode, "P": P, "cores": num_cores, **_cell(bench, mode, P, asked)}
                    store.add({**row, "environment": environment("torch", "numpy", "optuna")})
                    print(line(row), flush=True)
            finally:
                bench.close()


def _is_done(row: dict[str, Any] | None) -> bool:
    """A refusal is asked for again: it costs little, and the engine learns."""
    return row is not None and "refused" not in row


def _cell(bench: Bench, mode: str, P: int, asked: argparse.Namespace) -> dict[str, Any]:
    try:
        if mode != "auto":
            return bench.measure(mode, P, asked.rounds)
        choice = bench.probe(asked.P)
        return {
            **bench.measure(choice.mode, choice.P, asked.rounds),
            "chosen": [choice.mode, choice.P, choice.reason],
        }
    except Refused as refused:
        return {"refused": str(refused)}


def line(row: dict[str, Any]) -> str:
    """A cell as a row of a table."""
    mode, P = (f"auto: {row['chosen'][0]}", row["chosen"][1]) if "chosen" in row else (row["mode"], row["P"])
    head = f"| {row['case']} | {mode} | {P} |"
    if "refused" in row:
        return f"{head} refused: {row['refused']} |"
    ratios, speed = row["ratio"], row["samples_per_s"]["engine"]
    names = ("plain", "fused loop") if row["cores"] == 1 else ("fused loop", "everyday")
    parts = [f"{speed['median']:,.0f}", *(told(ratios[n]) for n in names)]
    if row["cores"] == 1:
        parts.append(f"{row['peak_frac']['median']:.2f}")
    return f"{head} " + " | ".join([*parts, str(speed["n"])]) + " |"


def table(store: Store, num_cores: int) -> str:
    """All stored cells of one arrangement."""
    if num_cores == 1:
        title = "| model | mode | P | samples a second of CPU | / plain loop (a) | / fused loop | of peak | n |"
    else:
        title = (
            f"| model | mode | P | samples a second, {num_cores} cores | / Optuna at best (b) | / everyday (c) | n |"
        )
    rows = [row for row in store.rows.values() if row["cores"] == num_cores]
    rows.sort(key=lambda r: (NAMES.index(r["case"]), MODES.index(r["mode"]), r["P"]))
    return "\n".join([title, "|" + "---|" * (title.count("|") - 1), *map(line, rows)])


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--P", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--cores", nargs="+", type=int, default=sorted({1, usable_cores()}), help="1: CPU time, (a)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each contestant in a round")
    parser.add_argument("--store", type=Path, default=FOLDER / "population_throughput.jsonl")
    parser.add_argument("--table", action="store_true", help="print what is stored, measure nothing")
    parser.add_argument("--json", action="store_true", help="print the stored cells as JSON")
    asked = parser.parse_args()
    store = Store(asked.store, KEYS)
    if not (asked.table or asked.json):
        fill(store, asked)
    print(json.dumps(list(store.rows.values())) if asked.json else "\n\n".join(table(store, n) for n in asked.cores))


if __name__ == "__main__":
    main()
