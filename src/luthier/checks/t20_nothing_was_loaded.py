"""load_state_dict(strict=False) loaded nothing.

What it detects

A call of load_state_dict before or within training in which no name of what was given is a name of the model.

Why it hurts

strict=False passes over names that do not fit. Where none fits (a prefix such as "module.", another nesting), the
model keeps its random weights, and what is called fine-tuning is training from scratch.

Evidence

Exact: the names on both sides.

Mend

Wrong:

    model.load_state_dict(state, strict=False)

Right:

    state = {k.removeprefix("module."): v for k, v in state.items()}
    model.load_state_dict(state)

When it keeps silent

Any name that fits; empty dictionaries.

Source

PyTorch documentation of Module.load_state_dict.
"""

from __future__ import annotations

from luthier.findings import Finding, Unknown
from luthier.watching.steps import StateUsed
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T20", "nothing was loaded", "quick", ()
NEEDS = ""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Calls of load_state_dict."""
    return [
        _finding(used)
        for used in trace.states_used
        if used.call == "load_state_dict" and used.num_tensors and used.num_own and used.num_fit == 0
    ]


def _finding(used: StateUsed) -> Finding:
    mine, given = used.keys
    return Finding(
        code=CODE,
        title=TITLE,
        number=0.0,
        n=used.num_tensors,
        text=f"none of the {used.num_tensors} tensors that load_state_dict was given has a name of the model "
        f'("{given}" against "{mine}"): nothing was loaded.',
        remedy="Make the names fit, and load without strict=False, or look at what load_state_dict returns.",
        severity="error",
        certain=True,
        place=used.place,
        step=used.step,
        cause="The model keeps the weights that it had: random ones, if it is new.",
        wrong="model.load_state_dict(state, strict=False)",
        right='model.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})',
        evidence={"given": given, "model": mine},
    )
