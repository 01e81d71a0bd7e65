"""Raw pixels, 0 to 255, meet the first weights of a JAX model.

Weights are drawn for inputs of about unit size; with inputs of up to 255 the first outputs and gradients are two
orders of magnitude too large.

Evidence: the array that meets the weights unchanged but for its shape and type, in the operations of the loss; its
numbers are whole, from 0 up to between 200 and 255, with more than 16 different ones.

Mend: divide by 255.

    loss(params, images, labels)                             # wrong
    loss(params, images.astype(jnp.float32) / 255, labels)   # right
"""

from __future__ import annotations

import math
from typing import Any

from luthier.findings import Finding, Unknown
from luthier.watching.programs import Program

TITLE = "raw pixels 0..255 as input"
TIER = "quick"
CAUSES = ()
MIN_DISTINCT = 16
MIN_PIXELS = 64


def judge(trace: Any) -> list[Finding] | Unknown:
    """Arrays that meet the weights of a loss unscaled."""
    found = []
    for program in trace.programs:
        for given in program.inputs if isinstance(program, Program) else ():
            distinct = given.distinct if given.distinct >= 0 else 1000
            raw = given.whole and given.low >= 0 and 200 <= given.high <= 255 and distinct > MIN_DISTINCT
            if not raw or math.prod(given.shape[1:]) < MIN_PIXELS:
                continue
            found.append(
                Finding(
                    code="J11",
                    title=TITLE,
                    number=given.high,
                    threshold=1.0,
                    n=given.n,
                    text=f"the first weights get whole numbers from {given.low:.4g} to {given.high:.4g} with a mean "
                    f"of {given.mean:.4g}: raw pixels.",
                    remedy="Divide the images by 255",
                    severity="warning",
                    place=program.place,
                    step=0,
                    cause="Weights are drawn for inputs of unit size; these are two orders of magnitude larger.",
                    wrong="loss(params, images, labels)",
                    right="loss(params, images.astype(jnp.float32) / 255, labels)",
                )
            )
    return found
