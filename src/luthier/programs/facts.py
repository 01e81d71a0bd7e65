"""What the baseline's first run says of a program."""

from __future__ import annotations

from collections.abc import Sequence

from luthier.findings import Finding
from luthier.programs.program import Program
from luthier.programs.store import TrialFolder
from luthier.records import Facts
from luthier.training.session import versions

NO_CHECKPOINT = "PR01"


def facts_of(program: Program, first: TrialFolder, devices: Sequence[str]) -> Facts:
    """Facts from the reports of a whole run.

    A trial that fails or diverges later is given the worst score that this run showed: it is no better than a model
    that has hardly begun.
    """
    scores = [report.number(program.metric.name) for report in first.known]
    num = program.reports or len(first.known)
    return Facts(
        task=program.name,
        kind="program",
        metric=program.metric,
        framework=program.kind,
        engine="program",
        mode="program",
        num_train=0,
        num_val=0,
        num_test=0,
        num_inputs=0,
        num_outputs=0,
        num_parameters=0,
        step_s=max(first.known[-1].seconds, 1e-3) / num,
        eval_s=0.0,
        constant_score=min(scores, key=program.metric.utility),
        versions=versions(),
        device=", ".join(devices) or "cpu",
        source=program.source,
        findings=(*program.said, *([] if first.has_checkpoint() else [_no_checkpoint(program)])),
        num_reports=num,
    )


def _no_checkpoint(program: Program) -> Finding:
    place = "{checkpoint_dir}" if program.kind == "command" else "trial.checkpoint_dir"
    return Finding(
        code=NO_CHECKPOINT,
        title="no checkpoints",
        n=1,
        text=f"It does not use {place}: what is paused longer than luthier lives, or is ended for lack of memory, "
        "begins again.",
        remedy=f"Save the state of the training into {place} before each report, and go on from there",
    )
