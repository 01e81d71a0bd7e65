"""Rows of the evaluation were trained on.

What it detects

Rows (compared by their content) that were evaluated after they had gone through a training call of the model, more
than 0.1 % and less than 98 % of the evaluated rows, at least three; or all rows of a loader that is called test or
validation in the person's source, where nothing else is evaluated.

Why it hurts

The net may have learnt these rows by heart: the held-out score is too good, and choices made by it are wrong.

Evidence

Exact: hashes of the rows' bytes.

Mend

Wrong:

    X, y = oversample(X, y);  train, val = X[:n], X[n - 50:]

Right:

    split first (by person, document or group), then oversample or augment the training rows only

When it keeps silent

Evaluation of the training rows on purpose (nearly all are shared); tables of few distinct rows and short texts that
repeat in the evaluation itself, where equal rows are no accident; augmented rows (they differ, nothing can be said);
single rows that come between steps (a policy at play).

Source

Kaufman et al. 2012, "Leakage in Data Mining"; cleanlab (near duplicates across splits).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from luthier.checks.reading import feeds_training
from luthier.checks.wording import percent, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.calls import Forward
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "D07", "training rows in the evaluation", "quick", ("M25",)
NEEDS = "evaluation"
MIN_ROWS, MIN_SHARE, MAX_SHARE = 3, 0.001, 0.98
MIN_EVALUATED, MIN_ROWS_A_CALL = 20, 8
MIN_ACTS, MAX_ROWS_AN_ACT = 20, 32
MIN_HELD_OUT = 0.5
"""Evaluations of which less was trained on are held-out ones."""
HELD_OUT = re.compile(r"(?:^|_)(?:test|val|valid|validation|dev|holdout|heldout)")
FEW_SHARED = 0.05
DISTINCT_VALUES = 32
"""Rows of fewer distinct whole numbers than this repeat by nature."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Evaluations by loader, or by line where no loader is known."""
    found: list[Finding] = []
    for model in trace.trained_models():
        own = [f for f in trace.forwards if f.model == model.number and f.rows]
        learnt = _Learnt(trace, model.number, own)
        groups: dict[object, list[Forward]] = defaultdict(list)
        for call in own:
            if call.phase == "evaluation":
                key = ("loader", call.loader) if call.loader is not None else _line(call.place)
                groups[key].append(call)
        seen = [_Seen.of(calls, learnt) for calls in groups.values()]
        only = not any(s.share < MIN_HELD_OUT for s in seen)
        found += [_finding(trace, s) for s in seen if s.rows >= MIN_EVALUATED and _accused(trace, s, only)]
    return found


class _Learnt:
    """When the rows of a model were trained on; new weights in the meantime make it forget."""

    def __init__(self, trace: Trace, model: int, own: list[Forward]) -> None:
        self.at: dict[int, list[int]] = defaultdict(list)
        for call in own:
            for row in call.rows if call.trained_by else ():
                self.at[row].append(call.at)
        loads = [u.at for u in trace.states_used if u.call == "load_state_dict" and u.model == model]
        self.resets = sorted([*loads, *trace.resets])

    def before(self, at: int, rows: Iterable[int]) -> set[int]:
        """The rows that were trained on before a moment."""
        last = self.resets[n - 1] if (n := bisect_left(self.resets, at)) else 0
        return {row for row in rows if any(last < t < at for t in self.at.get(row, ()))}


class _Seen(NamedTuple):
    """Calls of an evaluation: its distinct rows, those trained on before, and the share of them call by call."""

    calls: list[Forward]
    rows: int
    shared: int
    share: float
    by_call: list[tuple[int, float]]

    @classmethod
    def of(cls, calls: list[Forward], learnt: _Learnt) -> _Seen:
        rows: set[int] = set()
        shared: set[int] = set()
        by_call = []
        for call in calls:
            mine = set(call.rows)
            known = learnt.before(call.at, mine)
            rows |= mine
            shared |= known
            if len(call.rows) >= MIN_ROWS_A_CALL:
                by_call.append((call.step, len(known) / len(mine)))
        return cls(calls, len(rows), len(shared), len(shared) / len(rows), by_call)


def _accused(trace: Trace, seen: _Seen, only: bool) -> bool:
    if seen.share >= MAX_SHARE:
        return only and _is_called_held_out(trace, seen)
    if seen.shared < MIN_ROWS or seen.share <= MIN_SHARE:
        return False
    if _is_training_set(trace, seen.calls[0].loader) or _takes_turns(seen) or _acts(seen):
        return False
    return not _repeats_by_nature(seen)


def _is_called_held_out(trace: Trace, seen: _Seen) -> bool:
    loader = trace.loaders.get(seen.calls[0].loader or 0)
    names = [n.lower() for n in (*loader.names, loader.variable)] if loader is not None else []
    return any(map(HELD_OUT.search, names)) and not any("train" in n or n.startswith("tr") for n in names)


def _is_training_set(trace: Trace, number: int | None) -> bool:
    """Does a loader read the very data set that a training loader reads? Its score is one of training, on purpose."""
    loader = trace.loaders.get(number or 0)
    trained = {x.dataset for x in trace.loaders.values() if feeds_training(x)}
    return loader is not None and loader.dataset in trained


def _acts(seen: _Seen) -> bool:
    """A few new rows between one step and the next: a policy at play, whose states are trained on as they come."""
    calls = seen.calls
    total = sum(len(f.rows) for f in calls)
    often = len(calls) >= MIN_ACTS and len({f.step for f in calls}) >= len(calls) / 2
    return often and total <= MAX_ROWS_AN_ACT * len(calls) and seen.rows >= total / 2


def _takes_turns(seen: _Seen) -> bool:
    """One line, no loader: does it evaluate training rows and held-out rows by turns? Then some calls share none."""
    if seen.calls[0].loader is not None:
        return False
    by_step: dict[int, list[float]] = defaultdict(list)
    for step, share in seen.by_call:
        by_step[step].append(share)
    return any(min(s) < seen.share / 4 and max(s) > seen.share / 2 for s in by_step.values())


def _line(place: Place | None) -> object:
    return (place.file, place.line) if place is not None else None


def _repeats_by_nature(seen: _Seen) -> bool:
    """Whole numbers: of few values, unless no row of the evaluation is there twice; or of many (texts), where few
    rows are shared and the evaluation's own repeat as often."""
    calls = seen.calls
    looked = [f.input.stats for f in calls if f.input is not None and f.input.stats is not None]
    whole = [s for s in looked if s.integer_share > 0.99]
    if not whole or len(whole) < len(looked):
        return False
    first_pass = calls[: max(1, len(calls) // max(1, len({f.step for f in calls})))]
    rows = [row for f in first_pass for row in f.rows]
    repeated = len(rows) - len(set(rows))
    if all(s.num_distinct < DISTINCT_VALUES for s in whole):
        return bool(repeated) or seen.rows < 1000
    return seen.share < FEW_SHARED and repeated >= seen.share * len(rows) / 2 > 0


def _finding(trace: Trace, seen: _Seen) -> Finding:
    shared, evaluated, share, call = seen.shared, seen.rows, seen.share, seen.calls[0]
    loader = trace.loaders.get(call.loader) if call.loader is not None else None
    name = f" of {loader.variable}" if loader is not None and loader.variable else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=share,
        threshold=MIN_SHARE,
        n=evaluated,
        text=f"{shared} of {plural(evaluated, 'distinct evaluation row')}{name} ({percent(share)}) are bit-equal to "
        "rows that were trained on.",
        remedy="Split first, by person or group where rows belong together; then oversample or augment the training "
        "rows.",
        severity="error",
        certain=True,
        place=call.place,
        others=(loader.place,) if loader is not None and loader.place is not None else (),
        step=call.step,
        cause="The net may know these rows by heart: the held-out score is too good.",
        wrong="train, val = X[:224], X[192:]",
        right="train, val = X[:192], X[192:]",
        evidence={"shared": shared, "evaluated": evaluated},
    )
