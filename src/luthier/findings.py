"""What was noticed: findings with their evidence, what could not be judged, and the diagnosis of a program."""

from __future__ import annotations

import math
from typing import Any, Literal

from luthier.codec import Record

Severity = Literal["info", "warning", "error"]
"""error: the run is wrong or useless. warning: it probably costs quality or time. info: a hint."""
Tier = Literal["quick", "full", "deep"]
"""quick: costs next to nothing, on by default. full: samples tensors more densely. deep: extra passes on copies."""


class Place(Record, frozen=True, kw_only=True):
    """A line in the person's own code.

    Args:
        file: absolute path.
        line: counted from 1.
        function: the function that the line stands in; empty at module level.
        text: the line itself, stripped.
    """

    file: str
    line: int
    function: str = ""
    text: str = ""


class Edit(Record, frozen=True, kw_only=True):
    """Lines to replace in a file; several edits of a finding are applied together or not at all.

    Args:
        file: absolute path.
        line: first line that goes, counted from 1.
        old: the lines that go, as they stand in the file (without line ends); empty: `new` is put before `line`.
        new: the lines that come.
    """

    file: str
    line: int
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


class Finding(Record, frozen=True, kw_only=True):
    """Something noticed: a number, its threshold, where, why, and what to do.

    Args:
        code: of the check or rule, such as "T01".
        title: a few words.
        number: what was measured, `threshold`: what it is compared with; NaN where the relation is exact.
        n: how many samples (steps, calls, rows) stand behind the number.
        text: one sentence with the measured numbers.
        remedy: one sentence that says what to do.
        severity: what it costs.
        certain: an exact relation (identity, equality, version counters); False: statistics.
        place: where in the person's code; None where no line can be named.
        others: further lines that belong to it, such as where the tensor was made.
        step: optimizer step at which it was first seen, counted from 0; None where that means nothing.
        cause: why it hurts, one or two sentences.
        wrong, right: code as it is and as it should be; empty where the remedy says it all.
        edits: a patch that is safe to apply; empty where a person has to decide.
        evidence: further measured facts by name, for programs that read the finding.
        consequences: findings that follow from this one.
    """

    code: str
    title: str
    number: float = math.nan
    threshold: float = math.nan
    n: int
    text: str
    remedy: str = ""
    severity: Severity = "info"
    certain: bool = False
    place: Place | None = None
    others: tuple[Place, ...] = ()
    step: int | None = None
    cause: str = ""
    wrong: str = ""
    right: str = ""
    edits: tuple[Edit, ...] = ()
    evidence: dict[str, float | int | str | bool | list[float | int | str] | None] = {}
    consequences: tuple[Finding, ...] = ()


class Unknown(Record, frozen=True, kw_only=True):
    """A check that could not judge: why, and what it would need. Never the same as "fine"."""

    code: str
    title: str
    reason: str
    needs: str = ""


class Fault(Record, frozen=True, kw_only=True):
    """luthier's own fault: a check or a hook that raised. The person's program went on.

    Args:
        part: the check's code, or the hook.
        error: type and message; `trace`: where in luthier.
    """

    part: str
    error: str
    trace: str = ""


class Diagnosis(Record, frozen=True, kw_only=True):
    """What was found in one program.

    Args:
        program: what was run, as it was typed.
        frameworks: name and version of each framework that was seen.
        tier: quick, full or deep.
        num_steps, num_backward, num_evaluations: what was seen of optimizer steps, backward passes, evaluations.
        wall_s: of the program under watch; `watch_s`: luthier's own part of it.
        stopped: why luthier ended the program before its own end; empty where it ended by itself.
        exit_code: of the program; None where luthier stopped it.
        crash: type and message of the exception that ended the program; empty where there was none.
        findings: root causes first, worst first; consequences stand under their cause.
        unknown: checks that could not judge.
        ignored: findings that a comment or an option silenced.
        faults: of luthier itself.
        checked: codes of all checks that judged.
    """

    program: str
    frameworks: dict[str, str] = {}
    tier: Tier = "quick"
    num_steps: int = 0
    num_backward: int = 0
    num_evaluations: int = 0
    wall_s: float = math.nan
    watch_s: float = math.nan
    stopped: str = ""
    exit_code: int | None = None
    crash: str = ""
    findings: tuple[Finding, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    ignored: tuple[Finding, ...] = ()
    faults: tuple[Fault, ...] = ()
    checked: tuple[str, ...] = ()


class ColumnReport(Record, frozen=True, kw_only=True):
    """What became of a column of a table, and why."""

    name: str
    kind: str
    done: str = ""
    why: str = ""
    num_missing: int = 0
    num_inputs: int = 0


class PreparationReport(Record, frozen=True, kw_only=True):
    """What was done to a table before training, on the split of the pre-flight.

    Args:
        columns: in the order of the file. `notes`: rows that were left out, and the like.
        num_rows: of the file, with those without a target left out.
        table: the columns, and the inputs made of them, as `luthier.data` reads them for rows that come later.
    """

    columns: tuple[ColumnReport, ...] = ()
    notes: tuple[str, ...] = ()
    num_rows: int = 0
    table: dict[str, Any] = {}


class DecisionReport(Record, frozen=True, kw_only=True):
    """How a model of two classes decides.

    Args:
        metric: what the threshold is chosen by. `threshold`: probability from which on the second class is said,
            chosen on `num_val` validation rows, those of all folds where there are folds.
        val_at_half, val_at_threshold, test_at_half, test_at_threshold: the metric at one half and at the threshold.
        applied: does the stored model decide by it? Only where the run's metric asks for it, and is not accuracy.
        ece_val, ece_test: expected calibration error, in 15 bins. NaN where there are no test rows.
    """

    metric: str
    threshold: float
    applied: bool
    num_val: int
    val_at_half: float
    val_at_threshold: float
    num_test: int = 0
    test_at_half: float = math.nan
    test_at_threshold: float = math.nan
    ece_val: float = math.nan
    ece_test: float = math.nan


class FoldsReport(Record, frozen=True, kw_only=True):
    """The shipped recipe on rows that its model did not see: K models, each asked about the fold that it lacked.

    Args:
        num: of the folds. `scores`: of each fold, the mean over its models; NaN where none came to its end.
        kept: the score of the predictions that are kept; those of several models are averaged, and better for that.
        num_rows, num_models: of each fold.
        mean, sd: of the known scores. Folds share training rows: `sd` is their spread, and no error of the mean.
        num_tried, num_complete: configurations of the search of which a fold came to its end, and of which all did.
    """

    num: int
    scores: tuple[float, ...]
    kept: tuple[float, ...]
    num_rows: tuple[int, ...]
    num_models: tuple[int, ...]
    mean: float = math.nan
    sd: float = math.nan
    num_tried: int = 0
    num_complete: int = 0
