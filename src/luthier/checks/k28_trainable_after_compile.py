"""Layers were frozen or unfrozen after the model was compiled, and it was not compiled again.

Keras makes the training step when `fit` is first called, for the weights that are to be trained then. A layer whose
`trainable` is set afterwards is still trained, or still not trained, as before: fine-tuning of an unfrozen body
changes nothing in it. There is no error.

Evidence: the variables that the optimizer was built for and those that are to be trained at a later `fit` of the same
compiled model; exact.

Mend: compile again.

    body.trainable = True; model.fit(x, y)                                        # wrong
    body.trainable = True; model.compile(Adam(1e-5), loss); model.fit(x, y)       # right

It keeps silent where the model was compiled in between, for a training step of one's own, and on other backends than
TensorFlow, which make the step anew.
"""

from __future__ import annotations

from typing import Any

from luthier.checks.wording import plural
from luthier.findings import Finding, Unknown
from luthier.watching.fits import Fit

TITLE = "trainable was changed after compile"
TIER = "quick"
CAUSES = ()


def judge(trace: Any) -> list[Finding] | Unknown:
    """Fits whose step was made for other weights."""
    return [_finding(fit) for fit in trace.fits if (fit.thawed or fit.frozen) and not fit.own_step]


def _finding(fit: Fit) -> Finding:
    changed = fit.thawed or fit.frozen
    how = "to be trained now and get no step" if fit.thawed else "no longer to be trained and still get steps"
    return Finding(
        code="K28",
        title=TITLE,
        number=float(changed),
        threshold=0.0,
        n=fit.num_steps,
        text=f"{plural(changed, 'variable')} of {fit.model} are {how}: `trainable` was changed after fit, "
        "and the model was not compiled again.",
        remedy="Call compile() after `trainable` was changed, with an optimizer of its own",
        severity="error",
        certain=True,
        place=fit.place,
        others=(fit.compiled,) if fit.compiled is not None else (),
        cause="The training step was made for the weights that were to be trained when fit was first called.",
        wrong="body.trainable = True\nmodel.fit(x, y)",
        right="body.trainable = True\nmodel.compile(Adam(1e-5), loss)\nmodel.fit(x, y)",
        evidence={"thawed": fit.thawed, "frozen": fit.frozen},
    )
