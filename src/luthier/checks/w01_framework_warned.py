"""The framework, or NumPy, warned of something at a line of the program.

What it detects

Warnings of category UserWarning, RuntimeWarning or FutureWarning that were shown while a line of the program ran
and that no other check explains.

Why it matters

Python shows a warning once a line, often above pages of other output. Some of them say that the result is not what
was meant.

Evidence

The warning itself and how often it was shown.

When it keeps silent

Warnings that the program filters out, deprecations, and those that other checks explain: losses (L15), dropout (M14),
the order of scheduler and optimizer (O04), shapes that are stretched (L04).

Source

Python documentation, module warnings.
"""

from __future__ import annotations

from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "W01", "a warning of the framework", "quick", ()
FRAMEWORK = NEEDS = ""
KINDS = ("UserWarning", "RuntimeWarning", "FutureWarning")
EXPLAINED = (
    "lr_scheduler.step()",
    "dropout option adds dropout after all",
    "Using a target size",
    "mplicit dimension choice",
    "reduction: 'mean' divides",
)
"""Words of the warnings that other checks tell with their numbers."""
MOST_TEXT = 300


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Warnings with a line of the program, each once."""
    return [
        Finding(
            code=CODE,
            title=TITLE,
            n=warned.count,
            text=f"{warned.category} shown {plural(warned.count, 'time')}: {_flat(warned.message)}",
            severity="info",
            certain=True,
            place=warned.place,
            step=warned.step,
            evidence={"category": warned.category, "message": warned.message},
        )
        for warned in trace.warned
        if warned.place is not None
        and warned.category in KINDS
        and not any(words in warned.message for words in EXPLAINED)
    ]


def _flat(message: str) -> str:
    return " ".join(message.split())[:MOST_TEXT]
