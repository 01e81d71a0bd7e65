"""A `tf.data` pipeline caches what its augmentation has drawn.

`cache()` behind a random `map` keeps the results of the first epoch: all later epochs see the same crops, flips and
noise. The augmentation costs its time and brings next to nothing.

Evidence: a random operation in the function of a map above the cache, and more than one epoch; exact.

Mend: cache first, draw afterwards.

    data.map(augment).cache().shuffle(n).batch(32)      # wrong
    data.cache().shuffle(n).map(augment).batch(32)      # right

It keeps silent for functions without a random operation, for one epoch, and for Python functions that no graph shows.
"""

from __future__ import annotations

from typing import Any

from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "the augmentation is cached"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits of several epochs on a pipeline with a cache."""
    return [_finding(fit) for fit in trace.fits if fit.cached_draw and fit.epochs > 1]


def _finding(fit: Fit) -> Finding:
    return Finding(
        code="K29",
        title=TITLE,
        number=1.0,
        threshold=float(fit.epochs),
        n=fit.epochs,
        text=f"the pipeline caches the results of a map that draws ({fit.cached_draw}): each of the "
        f"{plural(fit.epochs, 'epoch')} sees what was drawn in the first.",
        remedy="Call cache() before the map that draws",
        severity="error",
        certain=True,
        place=fit.place,
        cause="A cache keeps the rows of the first pass, random ones too.",
        wrong="data.map(augment).cache().shuffle(n).batch(32)",
        right="data.cache().shuffle(n).map(augment).batch(32)",
        evidence={"operation": fit.cached_draw},
    )
