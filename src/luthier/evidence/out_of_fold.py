"""What the shipped recipe says of rows that its model did not see: K models, each asked about the fold it lacked.

The models are those of the final comparison, and of the baseline its runs before the search too: none of them was
chosen among others by its score. A fold that none of them lacked is trained for this alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier import folds
from luthier.evidence.held_out import file_of, question
from luthier.evidence.paired import Bench, Entry
from luthier.findings import FoldsReport
from luthier.records import Trial
from luthier.runs.snapshots import read_snapshot
from luthier.training import metrics

Array = npt.NDArray[Any]


class Gathered(NamedTuple):
    """The report, and the arrays that are kept: "rows", "folds", "outputs", and "targets" where there are such.

    `single`: the same by one model a fold. A mean of several is surer of itself than the one that is shipped, so that
    its threshold would be another.
    """

    report: FoldsReport
    arrays: dict[str, Array]
    single: dict[str, Array]


def sides(bench: Bench, pairs: Sequence[Trial], winner: Trial | None) -> list[Trial]:
    """The runs of what is shipped: the winner, or (None) the baseline."""
    if winner is not None:
        return [*pairs[1::2]]
    trials = bench.driver.ledger.trials
    return [*(trials[i] for i in sorted(trials) if i == 0 or _is_of_baseline(trials[i])), *pairs[0::2]]


def _is_of_baseline(trial: Trial) -> bool:
    return trial.phase == "noise" and trial.fold_of == 0


def completed(
    bench: Bench, runs: Sequence[Trial], winner: Trial | None, *, may_start: Callable[[int], bool]
) -> list[Trial]:
    """These runs, and one more for each fold on which there is none."""
    config, origin = ({}, "baseline") if winner is None else (winner.config, winner.origin)
    there = {trial.split_seed for trial in runs}
    entries = [
        Entry(config, origin, ("out of fold", fold), ("fold", fold))
        for fold in range(bench.facts.num_folds)
        if fold not in there
    ]
    return [*runs, *(bench.run("final", entries, may_start, jobs="final folds") if entries else [])]


def gather(bench: Bench, runs: Sequence[Trial], evaluations: Path) -> Gathered:
    """Ask each run that came to its end about its validation rows; of several models of a fold the mean is kept.

    The score of a fold is the mean of what its models score one by one: together they are better than each, and a
    single model is shipped.
    """
    done = [trial for trial in runs if trial.status == "finished"]
    bench.driver.ask_all(question(bench.driver.ledger, trial, "val", evaluations) for trial in done)
    by_fold: dict[int, list[Mapping[str, Array]]] = {fold: [] for fold in range(bench.facts.num_folds)}
    for trial in done:
        by_fold[trial.split_seed].append(read_snapshot(file_of(trial, "val", evaluations)))
    parts = {fold: _mean(fold, files) for fold, files in by_fold.items() if files}
    name = bench.metric.name
    scores = [
        float(np.mean([_score(name, _mean(fold, [file])) for file in files])) if files else math.nan
        for fold, files in by_fold.items()
    ]
    known = [score for score in scores if math.isfinite(score)]
    found = folds.standings(bench.driver.ledger.trials.values(), bench.facts.constant_score)
    searched = [one for one in found if one.leader.id != 0]
    report = FoldsReport(
        num=bench.facts.num_folds,
        scores=tuple(scores),
        kept=tuple(_score(name, parts[fold]) if fold in parts else math.nan for fold in by_fold),
        num_rows=tuple(len(parts[fold]["rows"]) if fold in parts else 0 for fold in by_fold),
        num_models=tuple(len(files) for files in by_fold.values()),
        mean=float(np.mean(known)) if known else math.nan,
        sd=float(np.std(known, ddof=1)) if len(known) > 1 else math.nan,
        num_tried=len(searched),
        num_complete=len(folds.complete(searched, bench.facts.num_folds)),
    )
    single = [_mean(fold, files[:1]) for fold, files in by_fold.items() if files]
    return Gathered(report, _joined(list(parts.values())), _joined(single))


def _mean(fold: int, files: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """What the models of a fold say together; of a measure of one's own: what it gave for each row."""
    first = dict(files[0])
    name = "outputs" if "outputs" in first else "values"
    mean: Array = np.stack([file[name] for file in files]).mean(axis=0, dtype=np.float64).astype(np.float32)
    number: Array = np.full(len(first["rows"]), fold, np.int32)
    told = {"rows": first["rows"], "folds": number, "outputs": mean}
    return told | {name: first[name] for name in first if name == "targets"}


def _score(name: str, part: Mapping[str, Array]) -> float:
    if "targets" not in part:
        return float(part["outputs"].mean(dtype=np.float64))
    return metrics.score(name, part["outputs"], part["targets"])


def _joined(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The folds together, in the order of the rows."""
    if not parts:
        return {}
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(whole["rows"])
    return {name: array[order] for name, array in whole.items()}
