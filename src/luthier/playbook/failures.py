"""What is to be said of trials that ended by a fault."""

from __future__ import annotations

from collections.abc import Sequence

from luthier.findings import Finding
from luthier.records import Trial


def judge(trials: Sequence[Trial]) -> list[Finding]:
    """How many trials ended by a fault, with the first one's words (RUN001); an error where they are most."""
    failed = [t for t in trials if t.status == "failed"]
    if not failed:
        return []
    text = (
        f"{len(failed)} of {len(trials)} trials ended by a fault; the first, trial {failed[0].id}: {failed[0].error}"
    )
    return [
        Finding(
            code="RUN001",
            title="trials that failed",
            number=len(failed) / len(trials),
            threshold=0.0,
            n=len(trials),
            text=text,
            remedy="Mend the model's code, or take the settings that break it out of the space.",
            severity="error" if len(failed) > len(trials) / 2 else "warning",
        )
    ]
