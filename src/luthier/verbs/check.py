"""`luthier check train.py`: run a program under watch, unmodified, and judge what was seen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

from luthier.checks.judging import chosen, judge
from luthier.checks.spec import checks
from luthier.findings import Diagnosis, Tier, Unknown
from luthier.watching.recorder import Recorder
from luthier.watching.running import finished, run_program
from luthier.watching.trace import Trace

LastWords = Callable[[Diagnosis], int]


def diagnose(
    argv: Sequence[str],
    *,
    module: bool = False,
    steps: int = 300,
    seconds: float = 90.0,
    full: bool = False,
    tier: Tier = "quick",
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    last_words: LastWords | None = None,
) -> Diagnosis:
    """Run a program in this process, as its main program, and say what is wrong with it.

    The program's output, random streams, results and exit code are its own. It is ended once the evidence is in. In
    a process that the program has forked nothing is recorded, and this call does not return there: it exits.

    Args:
        argv: the script, or the name of the module, then its own arguments. module: as `python -m`.
        steps: optimizer steps after which it is ended, once an evaluation was seen as well.
        seconds: the same by time, counted from the first call of a model. full: it runs to its own end.
        tier: how closely to look.
        select, ignore: codes, or letters for whole families; an empty `select` means all.
        last_words: called with the diagnosis where the process has to be left at once (the program calls `os._exit`,
            or goes on after it was told to end); what it returns is the exit code.
    """
    recorder = Recorder(tier, steps=steps, seconds=seconds, full=full)

    def told(code: int | None) -> Diagnosis:
        return diagnosis_of(finished(recorder), select=select, ignore=ignore, exit_code=code)

    leave = os._exit

    def leave_with_words(status: int) -> None:
        if os.getpid() == recorder.pid and last_words is not None and not recorder.off:
            _flush()
            status = last_words(told(status))
        leave(status)

    def survived() -> None:
        _flush()
        leave(last_words(told(None)) if last_words is not None else 0)

    recorder.on_survived = survived
    system: Any = os
    system._exit = leave_with_words
    try:
        code = run_program(argv, recorder, module=module)
    finally:
        system._exit = leave
    if os.getpid() != recorder.pid:
        sys.exit(code)
    return told(None if recorder.trace.stopped else code)


def diagnosis_of(
    trace: Trace,
    *,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    exit_code: int | None = None,
) -> Diagnosis:
    """The judgement of all checks on a finished trace."""
    tier: Tier = trace.tier
    asked = chosen(checks(), tier, select=select, ignore=ignore, frameworks=trace.frameworks)
    judged = judge(trace, asked, _missing(trace))
    crash = f"{trace.crash.kind}: {trace.crash.message}" if trace.crash else ""
    return Diagnosis(
        program=trace.program,
        frameworks=trace.frameworks,
        tier=tier,
        num_steps=trace.num_steps,
        num_backward=trace.num_backward,
        num_evaluations=len(trace.evaluations()) + len(trace.evaluated),
        wall_s=trace.seconds,
        watch_s=trace.watch_s,
        stopped=trace.stopped,
        exit_code=exit_code,
        crash=crash,
        findings=judged.findings,
        unknown=(*_elsewhere(trace), *judged.unknown),
        faults=(*trace.faults, *judged.faults),
        checked=judged.checked,
    )


def _missing(trace: Trace) -> dict[str, str]:
    """What was not seen of a program, in words."""
    missing = {}
    if not (trace.num_steps or trace.num_backward or trace.fits or trace.programs):
        missing["training"] = "no training was seen"
    validated = any(fit.validation for fit in trace.fits)
    if not (trace.evaluations() or trace.evaluated or validated):
        missing["evaluation"] = "no evaluation was seen"
    return missing


def _elsewhere(trace: Trace) -> list[Unknown]:
    """Training in child processes is not seen."""
    if trace.num_steps or not trace.num_children:
        return []
    return [
        Unknown(
            code="T00",
            title="training in child processes",
            reason=f"no training was seen, and the {trace.num_children} processes that were started are not watched",
            needs="training in the process that is started: `torchrun ... -m luthier.cli check train.py` for several",
        )
    ]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
