"""How long luthier takes to the validation log loss that Optuna 5 has after two minutes.

    python -m benchmarks.population.time_to_loss [--seconds 120] [--seeds 5] [--only mlp-digits] [--arms ...]
    python -m benchmarks.population.time_to_loss --table        only print what is stored

An MLP and a CNN, on the digits and on 12,000 rows of Fashion-MNIST; the same model, space, rows, one split into
training and validation, batch size, schedule, epochs, 18 looks a training. Optuna: TPE and its Hyperband pruner
(`optuna_arm`), one program a core with one thread each, a shared study; it begins with the recipe's own
configuration, as luthier does. Its clock starts when its programs have imported everything and loaded the rows;
luthier's with its driver, before its workers import anything, and its measurement of the modes and its noise runs of
the baseline count too. The best loss so far is the lowest at any look of any trial.

Arms of luthier, to split the gain into scheduling and execution:

    luthier           as it comes
    loop              one model after another (mode="loop"): its sampler and rungs alone
    no rungs          execution alone: a Halton sequence, every trial to its end
    loop, no rungs    neither

Each is stopped at the loss, or after `--limit` seconds (default: twice Optuna's): a run that does not come there is
censored, and said so. luthier's budget is twice the limit: the last part of a budget, up to a half, is for evidence,
and Optuna's two minutes hold none (in `kept` luthier's do). Results are appended to `time_to_loss.jsonl` beside this
file; what is there is not run again. Before each run the machine's pace is taken: steps a second of a loop by hand on
one core, which says whether two runs had the same machine.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.population import optuna_arm
from benchmarks.population.contestants import by_hand
from benchmarks.population.models import CASES
from benchmarks.population.optuna_arm import Seen
from benchmarks.population.store import Store, environment
from benchmarks.population.tasks import SEARCHES, task_of

import luthier
from luthier.errors import BudgetTooSmall, Interrupted
from luthier.records import Progress
from luthier.search import scheduler
from luthier.verbs.session import Watcher

ARMS: dict[str, dict[str, Any]] = {
    "luthier": {},
    "loop": {"mode": "loop"},
    "no rungs": {"sampler": "halton"},
    "loop, no rungs": {"mode": "loop", "sampler": "halton"},
}
KEYS = ("case", "arm", "seed", "seconds")


class Stop(Watcher):
    """Reads the journal as it grows, and ends the run once a validation loss is low enough, or the time is up."""

    def __init__(self, journal: Path, goal: float, until: float) -> None:
        self.journal, self.goal, self.until, self.read = journal, goal, until, 0
        self.seen: list[Seen] = []

    def look(self) -> None:
        """Take in the whole lines that were added."""
        with self.journal.open("rb") as file:
            file.seek(self.read)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        self.read += len(new)
        for line in map(json.loads, new.splitlines()):
            if line["k"] == "report" and (loss := line["d"]["point"].get("val_loss")) is not None:
                self.seen.append(Seen(line["t"], line["d"]["trial"], loss))

    def progress(self, progress: Progress) -> None:
        """A few times a second."""
        self.look()
        if best(self.seen) <= self.goal or time.monotonic() >= self.until:
            raise Interrupted("the loss is reached, or it is late", remedy="Nothing: the benchmark waits for this")


def best(seen: Sequence[Seen], until: float = math.inf) -> float:
    """The lowest loss so far."""
    return min((s.loss for s in seen if s.t <= until and math.isfinite(s.loss)), default=math.inf)


def reached(seen: Sequence[Seen], goal: float) -> float | None:
    """When the loss was first as low as that."""
    return min((s.t for s in seen if s.loss <= goal), default=None)


def run_optuna(name: str, seed: int, seconds: float) -> dict[str, Any]:
    """What Optuna has after so many seconds, and when it had it first."""
    with tempfile.TemporaryDirectory() as folder:
        seen = optuna_arm.run(name, seed, seconds, Path(folder))
    goal = best(seen, seconds)
    return {"loss": goal, "t": reached(seen, goal), **_counts(seen)}


def run_luthier(name: str, seed: int, arm: str, *, goal: float, limit: float) -> dict[str, Any]:
    """Seconds until luthier has that loss; None where it is not reached."""
    with tempfile.TemporaryDirectory() as root:
        began = time.monotonic()
        stop = Stop(Path(root) / "run" / "journal.jsonl", goal, began + limit)
        budget = f"{2 * limit:g}s"
        settings = {"budget": budget, "seed": seed, "name": "run", "root": root, "watcher": stop, **ARMS[arm]}
        try:
            with _rungs(on="no rungs" not in arm):
                luthier.tune(task_of(name), **settings)
        except Interrupted:
            pass
        except BudgetTooSmall as error:  # of a machine that is busy: told, and counted as not reached
            print(f"{name} seed {seed} {arm}: {error}", flush=True)
        wall = time.monotonic() - began
        stop.look()
        modes, rungs = _how(stop.journal)
    if "no rungs" in arm and rungs not in ([1.0], []):
        raise RuntimeError(f"rungs are not off: {rungs}")
    return {
        "loss": best(stop.seen),
        "t": reached(stop.seen, goal),
        "wall": wall,
        "modes": modes,
        **_counts(stop.seen),
    }


def steps_per_s(seconds: float = 0.5) -> float:
    """How fast the machine is at this moment: optimizer steps of a small MLP by hand, one thread."""
    import torch

    torch.set_num_threads(1)
    loop = by_hand(CASES["mlp"], fused=True)
    loop()
    steps, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        steps += loop()
    return steps / passed


def _rungs(*, on: bool) -> Any:
    """Without rungs every trial goes to its end. No option says so: the place that decides is replaced."""
    ours = scheduler.choose_rungs
    return mock.patch.object(scheduler, "choose_rungs", ours if on else lambda *_, **__: (1.0,))


def _counts(seen: Sequence[Seen]) -> dict[str, int]:
    return {"trials": len({s.trial for s in seen}), "looks": len(seen)}


def _how(journal: Path) -> tuple[list[str], list[float]]:
    """How the trials of the search trained ("grouped P=4"), and the plan's rungs."""
    found, rungs = set(), []
    for line in map(json.loads, journal.read_text().splitlines()):
        new = line["d"].get("new") if line["k"] == "job" else None
        if new and new["phase"] == "search":
            found.add(f"{new.get('mode', 'loop')} P={new.get('P', 1)}")
        if line["k"] == "decision" and line["d"]["name"] == "plan":
            rungs = line["d"]["value"]["rungs"]
    return sorted(found), rungs


def fill(store: Store, asked: argparse.Namespace) -> None:
    """Run what is not stored yet, seed by seed, so that an interruption leaves whole comparisons."""
    said = environment("torch", "numpy", "optuna", "luthier")
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        for name in asked.only:
            key = {"case": name, "seed": seed, "seconds": asked.seconds}
            theirs = store.get(name, "Optuna", seed, asked.seconds)
            if theirs is None:
                pace = steps_per_s()
                found = run_optuna(name, seed, asked.seconds)
                theirs = {**key, "arm": "Optuna", **found, "pace": pace, "environment": said}
                store.add(theirs)
                print(line(theirs), flush=True)
            for arm in asked.arms:
                if store.get(name, arm, seed, asked.seconds) is None:
                    limit, pace = asked.limit or 2 * asked.seconds, steps_per_s()
                    found = run_luthier(name, seed, arm, goal=theirs["loss"], limit=limit)
                    row = {**key, "arm": arm, "goal": theirs["loss"], "limit": limit, **found, "pace": pace,
                           "environment": said}  # fmt: skip
                    store.add(row)
                    print(line(row), flush=True)


def line(row: dict[str, Any]) -> str:
    """One run."""
    when = "not reached" if row["t"] is None else f"{row['t']:.1f} s"
    how = ", ".join(row.get("modes", []))
    return f"{row['case']:12} seed {row['seed']} {row['arm']:15} log loss {row['loss']:.4f} {when:>12}, " \
           f"{row['trials']} trials {how}"  # fmt: skip


def table(store: Store, seconds: float) -> str:
    """Ratios of Optuna's time to luthier's, by case and arm: the median over seeds with the least and the most."""
    lines = [
        "| case | arm | seconds to the loss | times faster than Optuna | reached | Optuna had it at |",
        "|---|---|---|---|---|---|",
    ]
    for name in SEARCHES:
        for arm in ARMS:
            rows = [r for r in store.rows.values() if (r["case"], r["arm"], r["seconds"]) == (name, arm, seconds)]
            if rows:
                lines.append(_row(store, name, arm, sorted(rows, key=lambda r: r["seed"])))
    return "\n".join([*lines, "", *_paces(store, seconds)])


def _paces(store: Store, seconds: float) -> list[str]:
    """Whether Optuna and luthier had the same machine."""
    lines = []
    for whose, is_meant in (("Optuna's", "Optuna".__eq__), ("luthier's", ARMS.__contains__)):
        paces = sorted(r["pace"] for r in store.rows.values() if r["seconds"] == seconds and is_meant(r["arm"]))
        if paces:
            middle = statistics.median(paces)
            lines.append(f"A loop by hand before {whose} {len(paces)} runs: {middle:.0f} steps a second "
                         f"({paces[0]:.0f} to {paces[-1]:.0f}).")  # fmt: skip
    return lines


def _row(store: Store, name: str, arm: str, rows: list[dict[str, Any]]) -> str:
    """A run that did not get there counts as longer than any: a median among those is "more than" the limit."""
    seconds = rows[0]["seconds"]
    times = sorted(math.inf if r["t"] is None else r["t"] for r in rows)
    theirs = [store.get(name, "Optuna", r["seed"], seconds) for r in rows]
    first = [t["t"] for t in theirs if t is not None]
    limit = max(r["limit"] for r in rows)

    def told(value: float, digits: int = 1) -> str:
        return f"{value:.{digits}f}" if math.isfinite(value) else f"> {limit:g}"

    def factor(value: float) -> str:
        return f"{seconds / value:.1f}" if math.isfinite(value) else f"< {seconds / limit:.2g}"

    middle = statistics.median_low(times) if len(times) % 2 else times[len(times) // 2]
    return (
        f"| {name} | {arm} | {told(middle)} ({told(times[0])} to {told(times[-1])}) | "
        f"{factor(middle)} ({factor(times[-1])} to {factor(times[0])}) | "
        f"{sum(r['t'] is not None for r in rows)} of {len(rows)} | {statistics.median(first):.0f} s |"
    )


def main() -> None:
    """Run, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="what Optuna gets")
    parser.add_argument("--limit", type=float, default=None, help="what luthier gets, in seconds")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    parser.add_argument("--arms", nargs="*", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--store", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    parser.add_argument("--table", action="store_true", help="print what is stored, run nothing")
    parser.add_argument("--json", action="store_true", help="print the stored runs as JSON")
    asked = parser.parse_args()
    store = Store(asked.store, KEYS)
    if not (asked.table or asked.json):
        fill(store, asked)
    print(json.dumps(list(store.rows.values())) if asked.json else table(store, asked.seconds))


if __name__ == "__main__":
    main()
