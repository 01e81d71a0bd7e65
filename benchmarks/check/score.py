"""The score of `luthier check` on the development cases: `python -m benchmarks.check.score [--only torch/t01 ...]`.

Every script runs in a process of its own, as a person would run it. Results are kept in results.json, so that a part
can be run again; the table in README.md is made from all of them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.check import forked, runners, table
from benchmarks.check.judging import HERE, Case, Healthy, alarms, flat, hints, judge, load
from benchmarks.check.runners import framework_names, lightning, plain, torchfix, torchfix_version

Row = dict[str, Any]
RESULTS = HERE / "results.json"
OTHERS = ("framework", "lightning", "torchfix")


def versions() -> dict[str, str]:
    """Of everything that could change a result."""
    out = {"python": platform.python_version()}
    for name in ("torch", "jax", "keras", "lightning"):
        with suppress(PackageNotFoundError):
            out[name] = version(name)
    if torchfix_version():
        out["torchfix"] = torchfix_version()
    return out


def ask_luthier(item: Case | Healthy, fast: bool = False) -> Row:
    """Both scripts of a case, or a healthy program, through `luthier check`."""
    luthier = forked.luthier if fast and item.framework == "torch" else runners.luthier
    if isinstance(item, Healthy):
        answer = luthier(item.file, item.args)
        return {
            "alarms": alarms(answer.findings),
            "hints": hints(answer.findings),
            "seconds": round(answer.seconds, 2),
            "broken": answer.error or answer.crash,
            "faults": answer.faults,
        }
    faulty, fixed = luthier(item.faulty, item.args), luthier(item.fixed, item.args)
    verdict = judge(item, faulty.findings)
    return {
        "found": verdict.found,
        "first": verdict.first,
        "placed": verdict.placed,
        "codes": [finding["code"] for finding in flat(faulty.findings)],
        "alarms": alarms(fixed.findings),
        "hints": hints(fixed.findings),
        "seconds": round(faulty.seconds, 2),
        "broken": faulty.error or fixed.error or fixed.crash,
        "faults": faulty.faults + fixed.faults,
    }


def ask_others(item: Case | Healthy) -> Row:
    """The same through what people have today: the framework's own messages, Lightning's, TorchFix."""
    if isinstance(item, Healthy):
        warned, exception, _ = plain(item.file, item.args)
        lint = torchfix(item.file)
        return {
            "framework_alarms": len(warned) + bool(exception),
            "torchfix_alarms": None if lint is None else len(lint),
        }
    warned, exception, seconds = plain(item.faulty, item.args)
    twin_warned, twin_exception, _ = plain(item.fixed, item.args)
    lint, twin_lint = torchfix(item.faulty), torchfix(item.fixed)
    fresh = None
    if lint is not None and twin_lint is not None:
        fresh = bool({code for code, _ in lint} - {code for code, _ in twin_lint})
    return {
        "framework": framework_names(item, warned, exception),
        "framework_alarms": len(twin_warned) + bool(twin_exception),
        "lightning": lightning(item),
        "torchfix": fresh,
        "torchfix_alarms": None if twin_lint is None else len(twin_lint),
        "plain_seconds": round(seconds, 2),
    }


def share(rows: list[Row], key: str) -> str:
    """ "12 of 20 (.60)"."""
    good = sum(bool(row[key]) for row in rows)
    return f"{good} of {len(rows)} ({good / len(rows):.2f})" if rows else "none"


def summary(rows: dict[str, Row]) -> str:
    """The figures that decide, over the rows at hand."""
    cases = [row for row in rows.values() if "found" in row]
    healthy = [row for row in rows.values() if "found" not in row and "alarms" in row]
    if not cases + healthy:
        return "luthier was not asked"
    seconds = [row["seconds"] for row in cases + healthy]
    lines = [
        f"recall: {share(cases, 'found')}",
        f"right finding first: {share(cases, 'first')}",
        f"right line named: {share(cases, 'placed')}",
        f"false alarms on twins: {sum(len(row['alarms']) for row in cases)} in {len(cases)}",
        f"false alarms on healthy programs: {sum(len(row['alarms']) for row in healthy)} in {len(healthy)}",
        f"programs broken: {sum(bool(row['broken']) for row in cases + healthy)}, own faults: "
        f"{sum(len(row['faults']) for row in cases + healthy)}",
        f"seconds a script, median: {statistics.median(seconds):.1f}",
    ]
    return "\n".join(lines)


def keep(fresh: dict[str, Row], known: set[str]) -> Row:
    """Merge these rows into results.json, which is read anew: two partial runs do not overwrite each other."""
    store: Row = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    for name, row in fresh.items():
        store["rows"][name] = store["rows"].get(name, {}) | row
    store["rows"] = {name: row for name, row in store["rows"].items() if name in known}
    store |= {"versions": store.get("versions", {}) | versions(), "date": datetime.date.today().isoformat()}
    RESULTS.write_text(json.dumps(store, indent=1, sort_keys=True) + "\n")
    return store


def ask(item: Case | Healthy, tools: list[str], fast: bool = False) -> Row:
    """One row of the table, and a line on the screen."""
    row = ask_luthier(item, fast) if "luthier" in tools else {}
    row |= ask_others(item) if "others" in tools else {}
    shown = (key for key in ("found", "first", "placed", "codes", "alarms", "broken", *OTHERS) if key in row)
    print(item.id + "".join(f" {key}={row[key]}" for key in shown), flush=True)
    return row


def main() -> None:
    """Run what was asked for, keep each result as it comes, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="parts of ids, such as torch/t0 or healthy/")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--tools", nargs="+", choices=("luthier", "others"), default=["luthier"])
    parser.add_argument("--table", action="store_true", help="write the table from the kept results, run nothing")
    parser.add_argument("--forked", action="store_true", help="fork PyTorch's scripts from one process: much faster")
    options = parser.parse_args()
    cases, healthy = load()
    everything: list[Case | Healthy] = [*cases, *healthy]
    known = {item.id for item in everything}
    chosen = [item for item in everything if not options.only or any(part in item.id for part in options.only)]
    fresh: dict[str, Row] = {}
    if not options.table:
        if options.forked:
            forked.prepare()
        with ThreadPoolExecutor(options.jobs) as pool:
            each = map if options.forked else pool.map  # a fork is made by the main thread
            rows = each(lambda item: ask(item, options.tools, options.forked), chosen)
            for item, row in zip(chosen, rows, strict=True):
                fresh[item.id] = row
                keep({item.id: row}, known)
        print(summary(fresh))
    store = keep({}, known)
    table.write(everything, store, summary(store["rows"]))


if __name__ == "__main__":
    main()
