"""The answer of a run in one sentence: adopted, or kept what you had, with the numbers that say so."""

from __future__ import annotations

import math

from luthier.records import Evidence, HeldOutResult
from luthier.reports.model import Measure, Outcome, Verdict
from luthier.reports.numbers import count, plural, seconds, signed
from luthier.reports.reading import Reading, measure
from luthier.reports.words import clean, clip

WORDS: dict[Outcome, str] = {
    "adopted": "Adopted",
    "kept": "Kept what you had",
    "not shown": "Kept what you had",
    "unfinished": "Not finished",
    "failed": "Failed",
}


def verdict(reading: Reading) -> Verdict:
    """Outcome and sentence, from the record's numbers."""
    record = reading.record
    outcome = _outcome(reading)
    deciding = record.evidence[0] if record.evidence else None
    if outcome == "failed":
        sentence = f"Failed: {_reason(reading)}"
    elif outcome == "unfinished":
        sentence = _unfinished(reading)
    elif deciding is None:
        sentence = "Kept what you had: no candidate was compared with the baseline."
    elif outcome == "adopted":
        sentence = _adopted(reading, deciding)
    else:
        sentence = _kept(reading, deciding)
    return Verdict(outcome=outcome, word=WORDS[outcome], sentence=sentence, notes=_notes(reading, outcome))


def _outcome(reading: Reading) -> Outcome:
    record = reading.record
    if record.status == "failed":
        return "failed"
    if record.adopted:
        return "adopted"
    if not record.evidence:
        return "unfinished" if record.status != "finished" else "not shown"
    return "kept" if record.evidence[0].verdict == "rejected" else "not shown"


def _adopted(reading: Reading, evidence: Evidence) -> str:
    record = reading.record
    found = measure(reading, evidence.difference, "paired seed")
    scores = ""
    if record.best_score and record.baseline_score:
        best, base = reading.score(record.best_score.score), reading.score(record.baseline_score.score)
        scores = f"{reading.metric_name} {best} instead of {base}, "
    decides = ""
    if found.low <= evidence.price:  # the interval is two-sided, the rule is not: they would seem to disagree
        bound = signed(evidence.lower, reading.decimals_for(*evidence.difference.interval))
        decides = f"; the one-sided lower bound, {bound}, decides"
    text = f"Adopted: {scores}better by {found.text} ({_between(found)}{decides})"
    return f"{text}; {_test(reading, record.test)}."


def _kept(reading: Reading, evidence: Evidence) -> str:
    found = measure(reading, evidence.difference, "paired seed", sign=True)
    if evidence.n == 0:
        text = "Kept what you had: the best candidate was not compared with the baseline on fresh seeds"
    elif evidence.verdict == "rejected":
        text = (
            "Kept what you had: the best candidate does not beat the baseline "
            f"(difference in {reading.metric_name} {found.text}, {_between(found)}; above 0 is better)"
        )
    else:
        wanted = "" if evidence.n >= evidence.required else f" of {evidence.required} asked for"
        text = (
            f"Kept what you had: a gain is not shown (difference in {reading.metric_name} {found.text}, "
            f"{_between(found)}{wanted}; above 0 is better)"
        )
    return f"{text}; {_test(reading, reading.record.test)}."


def _between(found: Measure) -> str:
    """The interval and n of a difference, to be put in brackets."""
    return (
        f"95 % interval {found.interval}, {found.size}" if math.isfinite(found.low) else f"no interval, {found.size}"
    )


def _test(reading: Reading, test: HeldOutResult | None) -> str:
    """What the test rows say, as the end of a sentence."""
    if test is None:
        own = reading.record.facts is not None and reading.record.facts.num_reports > 0
        return "a program of one's own has no test rows" if own else "the test rows were not looked at"
    found = measure(reading, test.difference, "row", sign=True)
    untouched = "untouched " if test.looks <= 1 else ""
    if math.isfinite(test.difference.score):
        known = f" ({found.interval})" if math.isfinite(found.low) else ""
        return f"on the {count(test.difference.n)} {untouched}test rows {found.text}{known}"
    alone = measure(reading, test.baseline, "row")
    return f"the baseline scores {alone.text} on {count(test.baseline.n)} {untouched}test rows"


def _unfinished(reading: Reading) -> str:
    record = reading.record
    word = "Interrupted" if record.status == "interrupted" else "Still running"
    done = plural(sum(1 for t in reading.search if t.status == "finished"), "finished trial")
    spent = seconds(sum(record.spent.values()))
    return f"{word}: nothing is decided yet; {done} after {spent}, your baseline stands."


def _reason(reading: Reading) -> str:
    record = reading.record
    errors = [t.error for t in (record.history.trials if record.history else ()) if t.error]
    reason = clean(record.verdict or next(iter(errors), "") or "no reason was recorded").strip()
    return f"{clip(reason, 400).rstrip('.')}."


def _notes(reading: Reading, outcome: Outcome) -> tuple[str, ...]:
    record = reading.record
    notes = []
    deciding = record.evidence[0] if record.evidence else None
    if deciding and deciding.missing and outcome != "adopted":
        notes.append(f"To show more: {clip(clean(deciding.missing), 300).rstrip('.')}.")
    if record.status == "interrupted" and outcome != "unfinished":
        notes.append("The run was interrupted: what is above rests on what was trained until then.")
    if record.test and record.test.looks > 1:
        notes.append(
            f"These test rows have been looked at {record.test.looks} times: choices made after the first "
            "look make their score optimistic."
        )
    if record.plan and record.plan.note:
        notes.append(clip(clean(record.plan.note), 300))
    return tuple(notes)
