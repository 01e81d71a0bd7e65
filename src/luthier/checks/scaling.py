"""What the checks of windows of a series share: were past and future scaled together?"""

from __future__ import annotations

from luthier.checks.wording import percent
from luthier.watching.values import Windows

MIN_ROWS = 64
MIN_SHARE = 0.95
MAX_ALONE = 0.5

REMEDY = "Take mean and spread of the input window only, and scale the target by them too."
CAUSE = "The scale of a window holds what its target will be: the inputs sum to minus the target's sum."


def scaled_together(windows: Windows) -> bool:
    """With their targets nearly all windows are standardised, without them they are not."""
    n = windows.n
    return n >= MIN_ROWS and windows.together >= MIN_SHARE * n and windows.alone <= MAX_ALONE * n


def told(windows: Windows) -> str:
    """What was measured."""
    return (
        f"the input window and its target, put together, have mean 0 and standard deviation 1 in "
        f"{percent(windows.together / windows.n)} of {windows.n} rows; the inputs alone in "
        f"{percent(windows.alone / windows.n)}."
    )
