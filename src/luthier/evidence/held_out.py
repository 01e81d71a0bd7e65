"""The test rows: looked at once, by the models of the final comparison, with an interval over rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier import stats
from luthier.evidence.paired import Bench
from luthier.records import Estimate, HeldOutResult, Trial, derive_seed
from luthier.runs.looks import record_look
from luthier.runs.snapshots import read_snapshot
from luthier.training import metrics

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
    bench.driver.ask_all(
        {"do": "evaluate", "trial": t.id, "recipe": t.recipe, "split_seed": t.split_seed, "rows": "test",
         "snapshot": ledger.stored[t.id].file, "checksum": ledger.stored[t.id].checksum,
         "out": str(evaluations / f"test-{t.id:05d}.safetensors")}
        for t in pairs
    )  # fmt: skip
    rng = np.random.default_rng(derive_seed(bench.plan.seed, "bootstrap"))
    outputs, targets = _load(evaluations, pairs)
    if len(pairs) < 2:
        alone = _interval(bench, outputs, targets, rng)
        return HeldOutResult(baseline=alone, candidate=alone, difference=Estimate(score=math.nan), looks=looks,
                             rows_hash=bench.facts.test_hash, method=_method(bench, 1))  # fmt: skip
    base, best = outputs[0::2], outputs[1::2]
    return HeldOutResult(
        baseline=_interval(bench, base, targets, rng),
        candidate=_interval(bench, best, targets, rng),
        difference=_difference(bench, best, base, targets, rng),
        looks=looks,
        rows_hash=bench.facts.test_hash,
        method=_method(bench, len(base)),
    )


def _load(evaluations: Path, trials: Sequence[Trial]) -> tuple[Array, Array]:
    """(outputs [trials, rows, C], targets [rows])."""
    files = [read_snapshot(evaluations / f"test-{t.id:05d}.safetensors") for t in trials]
    return np.stack([f["outputs"] for f in files]), files[0]["targets"]


def _method(bench: Bench, num_seeds: int) -> str:
    return (
        f"paired bootstrap over {bench.facts.num_test} test rows, mean over {num_seeds} trained "
        f"model{'s' if num_seeds > 1 else ''} a side"
    )


def _interval(bench: Bench, outputs: Array, targets: Array, rng: np.random.Generator) -> Estimate:
    """Score of the models' mean with its interval over rows."""
    name, n = bench.metric.name, len(targets)
    if name in metrics.ROWS:
        rows = np.stack([metrics.ROWS[name](o, targets) for o in outputs])
        found = stats.bootstrap_difference(rows, np.zeros_like(rows), rng, num=RESAMPLES)
        return Estimate(score=found.mean, interval=(found.low, found.high), n=n, sd=found.sd)
    each = [metrics.score(name, o, targets) for o in outputs]
    return _whole(each, lambda i: float(np.mean([metrics.score(name, o[i], targets[i]) for o in outputs])), n, rng)


def _difference(bench: Bench, best: Array, base: Array, targets: Array, rng: np.random.Generator) -> Estimate:
    """Candidate - baseline in utility, the same rows for both."""
    name, n = bench.metric.name, len(targets)
    sign = 1.0 if bench.metric.greater_is_better else -1.0
    if name in metrics.ROWS:
        rows = [sign * np.stack([metrics.ROWS[name](o, targets) for o in side]) for side in (best, base)]
        found = stats.bootstrap_difference(rows[0], rows[1], rng, num=RESAMPLES)
        return Estimate(score=found.mean, interval=(found.low, found.high), n=n, sd=found.sd)

    def gain(i: Array) -> float:
        each = [metrics.score(name, a[i], targets[i]) - metrics.score(name, b[i], targets[i])
                for a, b in zip(best, base, strict=True)]  # fmt: skip
        return sign * float(np.mean(each))

    return _whole([gain(np.arange(n))], gain, n, rng)


def _whole(point: Sequence[float], of_rows: Any, n: int, rng: np.random.Generator) -> Estimate:
    """Percentile bootstrap of a metric that is no mean over rows."""
    drawn = np.array([of_rows(rng.integers(0, n, n)) for _ in range(RESAMPLES_WHOLE)])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(score=float(np.mean(point)), interval=(float(low), float(high)), n=n, sd=float(np.nanstd(drawn)))


def pictures(evaluations: Path, trial: Trial, num_classes: int) -> dict[str, Any]:
    """What the report draws of the shipped model on the test rows: confusion counts, or (true, predicted)."""
    outputs, targets = _load(evaluations, [trial])
    if np.issubdtype(targets.dtype, np.integer):
        counts = np.zeros((num_classes, num_classes), np.int64)
        np.add.at(counts, (targets, outputs[0].argmax(1)), 1)
        return {"confusion": tuple(tuple(int(x) for x in row) for row in counts)}
    flat = targets.reshape(len(targets), -1)[:, 0]
    return {"residuals": tuple((float(t), float(o)) for t, o in zip(flat, outputs[0][:, 0], strict=True))[:1000]}
