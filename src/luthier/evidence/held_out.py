"""The test rows: looked at once, by the models of the final comparison, with an interval over rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from luthier import stats
from luthier.engines.spec import MEASURED_ROWS
from luthier.evidence.paired import Bench
from luthier.records import Estimate, HeldOutResult, Trial, derive_seed
from luthier.runs.looks import record_look
from luthier.runs.snapshots import read_snapshot
from luthier.training import metrics
from luthier.training.group import Event
from luthier.training.ledger import Ledger

Array = npt.NDArray[Any]
RESAMPLES = 2000
RESAMPLES_WHOLE = 300


def look_once(bench: Bench, pairs: Sequence[Trial], evaluations: Path, *, root: Path, run: str) -> HeldOutResult:
    """Score baseline and candidate on the test rows; counts the look.

    Args:
        pairs: trained trials (baseline, candidate, baseline, candidate ...) with snapshots, or the baseline
            alone where no comparison was paid for.
        evaluations: folder for outputs and losses per row.
        root: folder of all runs, which keeps the count of looks at these rows.

    The interval is one over rows: rows are drawn with replacement, the same ones for both sides, with the
    scores of the seeds averaged; seeds are what the deciding comparison is over.
    """
    ledger = bench.driver.ledger
    looks = record_look(root, bench.facts.test_hash, run)
    bench.driver.ask_all(question(ledger, t, "test", evaluations) for t in pairs)
    rng = np.random.default_rng(derive_seed(bench.plan.seed, "bootstrap"))
    seen = _load(evaluations, pairs, bench.metric.name)
    if len(pairs) < 2:
        alone = _interval(bench, seen, rng)
        return HeldOutResult(baseline=alone, candidate=alone, difference=Estimate(score=math.nan), looks=looks,
                             rows_hash=bench.facts.test_hash, method=_method(bench, 1))  # fmt: skip
    base, best = seen[0::2], seen[1::2]
    return HeldOutResult(
        baseline=_interval(bench, base, rng),
        candidate=_interval(bench, best, rng),
        difference=_difference(bench, best, base, rng),
        looks=looks,
        rows_hash=bench.facts.test_hash,
        method=_method(bench, len(base)),
    )


def question(ledger: Ledger, trial: Trial, rows: str, evaluations: Path) -> Event:
    """The message that asks for what a trained trial does with its "test" or "val" rows; answered in `file_of`."""
    stored = ledger.stored[trial.id]
    return {
        "do": "evaluate",
        "trial": trial.id,
        "recipe": trial.recipe,
        "split_seed": trial.split_seed,
        "rows": rows,
        "snapshot": stored.file,
        "checksum": stored.checksum,
        "out": str(file_of(trial, rows, evaluations)),
    }


def file_of(trial: Trial, rows: str, evaluations: Path) -> Path:
    """Where the answer lies."""
    return evaluations / f"{rows}-{trial.id:05d}.safetensors"


class Seen(NamedTuple):
    """What a model did with the rows: the metric of each row (or block) where it is a mean over them, and outputs
    and targets where there are such."""

    values: Array | None
    outputs: Array | None = None
    targets: Array | None = None


def _load(evaluations: Path, trials: Sequence[Trial], name: str) -> list[Seen]:
    return [_seen(read_snapshot(file_of(t, "test", evaluations)), name) for t in trials]


def _seen(file: dict[str, Array], name: str) -> Seen:
    if "values" in file:
        return Seen(_blocks(file["values"]))
    rows = metrics.rows_of(name)
    values = None if rows is None else rows(file["outputs"], file["targets"])
    return Seen(values, file["outputs"], file["targets"])


def _blocks(values: Array) -> Array:
    """What a function of one's own measured, once a block where it gave one number for each block: the rows of a
    block are drawn together then. The last block, which may be shorter, is left out."""
    num = len(values) // MEASURED_ROWS
    whole = values[: num * MEASURED_ROWS].reshape(num, MEASURED_ROWS)
    by_block = num > 1 and bool((whole == whole[:, :1]).all())
    return whole[:, 0].astype(np.float64) if by_block else values.astype(np.float64)


def _method(bench: Bench, num_seeds: int) -> str:
    return (
        f"paired bootstrap over {bench.facts.num_test} test rows, mean over {num_seeds} trained "
        f"model{'s' if num_seeds > 1 else ''} a side"
    )


def _values(models: Sequence[Seen]) -> Array:
    return np.stack([model.values for model in models if model.values is not None])


def _score(name: str, seen: Seen, rows: Array) -> float:
    assert seen.outputs is not None
    assert seen.targets is not None
    return metrics.score(name, seen.outputs[rows], seen.targets[rows])


def _interval(bench: Bench, models: Sequence[Seen], rng: np.random.Generator) -> Estimate:
    """Score of the models' mean with its interval over rows."""
    name, n = bench.metric.name, bench.facts.num_test
    if models[0].values is not None:
        values = _values(models)
        found = stats.bootstrap_difference(values, np.zeros_like(values), rng, num=RESAMPLES)
        return Estimate(score=found.mean, interval=(found.low, found.high), n=n, sd=found.sd)
    each = [_score(name, model, np.arange(n)) for model in models]
    return _whole(each, lambda i: float(np.mean([_score(name, model, i) for model in models])), n, rng)


def _difference(bench: Bench, best: Sequence[Seen], base: Sequence[Seen], rng: np.random.Generator) -> Estimate:
    """Candidate - baseline in utility, the same rows for both."""
    name, n = bench.metric.name, bench.facts.num_test
    sign = 1.0 if bench.metric.greater_is_better else -1.0
    if best[0].values is not None:
        values = [sign * _values(side) for side in (best, base)]
        found = stats.bootstrap_difference(values[0], values[1], rng, num=RESAMPLES)
        return Estimate(score=found.mean, interval=(found.low, found.high), n=n, sd=found.sd)

    def gain(i: Array) -> float:
        each = [_score(name, a, i) - _score(name, b, i) for a, b in zip(best, base, strict=True)]
        return sign * float(np.mean(each))

    return _whole([gain(np.arange(n))], gain, n, rng)


def _whole(point: Sequence[float], of_rows: Any, n: int, rng: np.random.Generator) -> Estimate:
    """Percentile bootstrap of a metric that is no mean over rows."""
    drawn = np.array([of_rows(rng.integers(0, n, n)) for _ in range(RESAMPLES_WHOLE)])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(score=float(np.mean(point)), interval=(float(low), float(high)), n=n, sd=float(np.nanstd(drawn)))


def pictures(evaluations: Path, trial: Trial, num_classes: int) -> dict[str, Any]:
    """What the report draws of the shipped model on the test rows: confusion counts, or (true, predicted)."""
    file = read_snapshot(file_of(trial, "test", evaluations))
    if "outputs" not in file or file["targets"].ndim == 2:
        return {}
    outputs, targets = file["outputs"], file["targets"]
    if np.issubdtype(targets.dtype, np.integer):
        counts = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(counts, (targets, outputs.argmax(1)), 1)
        return {"confusion": tuple(tuple(int(x) for x in row) for row in counts)}
    flat = targets.reshape(len(targets), -1)[:, 0]
    return {"residuals": tuple((float(t), float(o)) for t, o in zip(flat, outputs[:, 0], strict=True))[:1000]}
