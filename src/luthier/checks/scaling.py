"""What the checks of windows of a series share: were past and future scaled together?"""

from __future__ import annotations

from luthier.checks.wording import percent
from luthier.findings import Finding, Place
from luthier.watching.values import Windows

TITLE = "past and future scaled together"
MIN_ROWS = 64
MIN_SHARE = 0.95
MAX_ALONE = 0.5


def scaled_together(windows: Windows) -> bool:
    """With their targets nearly all windows are standardised, without them they are not."""
    n = windows.n
    return n >= MIN_ROWS and windows.together >= MIN_SHARE * n and windows.alone <= MAX_ALONE * n


def finding(code: str, windows: Windows, *, place: Place | None, step: int, keep: str) -> Finding:
    """What was measured. keep: what the framework calls the argument that keeps an axis."""
    return Finding(
        code=code,
        title=TITLE,
        number=windows.together / windows.n,
        threshold=MIN_SHARE,
        n=windows.n,
        text="the input window and its target, put together, have mean 0 and standard deviation 1 in "
        f"{percent(windows.together / windows.n)} of {windows.n} rows; the inputs alone in "
        f"{percent(windows.alone / windows.n)}.",
        remedy="Take mean and spread of the input window only, and scale the target by them too.",
        severity="error",
        certain=True,
        place=place,
        step=step,
        cause="The scale of a window holds what its target will be: the inputs sum to minus the target's sum.",
        wrong=f"z = (w - w.mean(1, {keep}=True)) / w.std(1, {keep}=True)",
        right=f"past = w[:, :T]\nz = (w - past.mean(1, {keep}=True)) / past.std(1, {keep}=True)",
        evidence={"windows": windows.n, "alone": windows.alone},
    )
