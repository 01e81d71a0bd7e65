"""The second net is another name of the first.

What it detects

`target.load_state_dict(online.state_dict())` where each tensor that is loaded is the very memory of the net that it
is loaded into: the two names mean one net.

Why it hurts

A target network, a teacher or a copy for evaluation was meant to stand still between such calls. It moves with every
step instead: bootstrapped targets chase themselves, and the copying does nothing.

Evidence

Exact: the memory of all tensors.

Mend

Wrong:

    self.target = self.online

Right:

    self.target = copy.deepcopy(self.online)

When it keeps silent

Two nets that share some layers; a state that is taken and loaded under one name; a state kept over steps (E07).

Source

Mnih et al. 2015, doi 10.1038/nature14236: a second net, copied every C updates, gives the targets.
"""

from __future__ import annotations

import re

from luthier.checks.reading import by_line
from luthier.checks.wording import made_at, plural
from luthier.findings import Finding, Place, Unknown
from luthier.watching.steps import StateUsed
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M25", "the second net is the first", "quick", ()
COPIED = re.compile(r"([\w.\[\]'\"]+)\.load_state_dict\(\s*([\w.\[\]'\"]+)\.state_dict\(")


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Lines that load a net's own weights into it."""
    found = []
    for _, uses in by_line(u for u in trace.states_used if u.call == "load_state_dict"):
        names = COPIED.search(uses[0].place.text) if uses[0].place else None
        if names and names[1] != names[2] and trace.num_steps and all(_is_own(use) for use in uses):
            made = made_at(trace.sources, names[1].rpartition(".")[2]) if "." in names[1] else None
            found.append(_finding(names[1], names[2], uses, made))
    return found


def _is_own(use: StateUsed) -> bool:
    return 0 < use.num_tensors == use.num_aliases and not use.steps_since


def _finding(second: str, first: str, uses: list[StateUsed], made: Place | None) -> Finding:
    place = made or uses[0].place
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(uses[0].num_aliases),
        threshold=0.0,
        n=len(uses),
        text=f"{second} and {first} are one net: what {second} is loaded with, "
        f"{plural(uses[0].num_aliases, 'tensor')}, is its own memory ({plural(len(uses), 'call')}).",
        remedy=f"Make it a net of its own: {second} = copy.deepcopy({first}).",
        severity="error",
        certain=True,
        place=place,
        others=(uses[0].place,) if made and uses[0].place else (),
        step=uses[0].step,
        cause="What was meant to stand still between these calls moves with every step.",
        wrong=f"{second} = {first}",
        right=f"{second} = copy.deepcopy({first})",
        evidence={"tensors": uses[0].num_aliases},
    )
