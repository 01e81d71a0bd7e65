"""An evaluation runs while dropout or batch normalisation are in training mode.

What it detects

Three or more calls of a model in a row without a backward pass (or one whose result goes into a metric or loss,
between stretches of training), made with the model's training flag set, in which dropout or batch normalisation ran
in training mode.

Why it hurts

Dropout removes units at random, so the reported number is that of a damaged net and changes from run to run. Batch
normalisation uses the statistics of the evaluation batch, so a prediction depends on its neighbours, and its running
statistics take in the evaluation rows.

Evidence

Exact: the modes of the layers that ran.

Mend

Wrong:

    with torch.no_grad():
        for x, y in val_loader: ...

Right:

    model.eval()
    with torch.no_grad():
        for x, y in val_loader: ...
    model.train()

When it keeps silent

Dropout switched on by hand below a model in eval mode, or the same rows evaluated several times (Monte-Carlo
dropout); passes whose outputs nobody reads while evaluation in eval mode follows (batch-norm statistics estimated
again); a call within each training step (teachers, generators).

Source

wolny/pytorch-3dunet#53; PyTorch documentation of Module.eval.
"""

from __future__ import annotations

from collections import Counter

from luthier.checks.patches import around_block
from luthier.checks.wording import code, few, plural, statement
from luthier.findings import Edit, Finding, Unknown
from luthier.watching.calls import Forward
from luthier.watching.facts import Layer, Model
from luthier.watching.trace import Evaluation, Trace

CODE, TITLE, TIER, CAUSES = "E01", "evaluation in training mode", "quick", ("T11",)
MIN_CALLS = 3
REPEATS = 3
"""The same row so often within one evaluation: drawn on purpose."""


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Evaluations of models with such layers, one finding a model."""
    found = []
    runs = trace.evaluations()
    read = _read_forwards(trace)
    for number, model in trace.models.items():
        own = [run for run in runs if run.model == number]
        active = [layer for layer in model.layers if layer.active]
        if not active or not any(f.trained_by for f in trace.forwards if f.model == number):
            continue
        clean = any(not call.training for run in own for call in run.forwards)
        wrong = [run for i, run in enumerate(own) if _is_wrong(trace, own, i, read, clean)]
        if wrong:
            found.append(_finding(trace, model, wrong, active))
    return found


def _read_forwards(trace: Trace) -> set[int]:
    """Numbers of outermost calls whose result went into a metric or a loss: the last call before it."""
    read = {c.forward for c in trace.losses if not c.trained_by}
    read |= {o.forward for o in trace.ops if o.name in ("argmax", "max", "topk") and not o.trained_by}
    return read | {c.forward for c in trace.comparisons}


def _is_wrong(trace: Trace, own: list[Evaluation], index: int, read: set[int], clean: bool) -> bool:
    run = own[index]
    calls = [f for f in run.forwards if f.training and (f.active_train > 0 or _is_like_others(trace, f))]
    if not calls or _is_repeated(run.forwards):
        return False
    used = any(f.number in read for f in run.forwards)
    if len(run.forwards) >= MIN_CALLS:
        return used or not clean
    return used and _stands_apart(trace, own, index)


def _is_like_others(trace: Trace, call: Forward) -> bool:
    """A call that was not looked at, of a model whose layers all followed its flag whenever they were."""
    if call.active_train >= 0:
        return False
    looked = [f for f in trace.forwards if f.model == call.model and f.training and f.active_train >= 0]
    return bool(looked) and all(f.active_train > 0 and not f.active_eval for f in looked)


def _is_repeated(calls: list[Forward]) -> bool:
    seen = Counter(row for f in calls for row in f.rows)
    return bool(seen) and min(seen.values()) >= REPEATS


def _stands_apart(trace: Trace, own: list[Evaluation], index: int) -> bool:
    """No part of a training step: five or more steps since the last evaluation, or no training after it."""
    run = own[index]
    before = own[index - 1].step if index else 0
    trained_later = any(f.trained_by and f.at > run.last_at for f in trace.forwards)
    return run.step - before >= 5 and (index > 0 or not trained_later or run.step >= 5)


def _finding(trace: Trace, model: Model, runs: list[Evaluation], active: list[Layer]) -> Finding:
    run = next((r for r in runs if r.place), runs[0])
    calls = sum(len(r.forwards) for r in runs)
    kinds = sorted({layer.kind for layer in active})
    never = "" if model.num_eval_calls else "; eval() is never called"
    grads = " while gradients are recorded too" if all(f.grad_before for f in run.forwards) else ""
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(active)),
        threshold=0.0,
        n=calls,
        text=f"{model.name} was called {plural(calls, 'time')} for evaluation with {few(kinds)} "
        f"({plural(len(active), 'layer')}) in training mode{grads}{never}.",
        remedy="Call eval() before the evaluation and train() before training goes on.",
        severity="error",
        certain=True,
        place=run.place,
        step=run.step,
        cause="Dropout damages the net at random and batch normalisation reads the evaluation batch: the number "
        "reported is not that of the trained model.",
        wrong=code("""
            with torch.no_grad():
                for x, y in val_loader:
                    correct += (model(x).argmax(1) == y).sum()
        """),
        right=code("""
            model.eval()
            with torch.no_grad():
                for x, y in val_loader:
                    correct += (model(x).argmax(1) == y).sum()
            model.train()
        """),
        edits=_edits(trace, run, model),
        evidence={"model": model.name, "layers": [layer.name for layer in active[:20]], "num_evaluations": len(runs)},
    )


def _edits(trace: Trace, run: Evaluation, model: Model) -> tuple[Edit, ...]:
    """eval() before the block of the evaluation, train() after it, where the line names the model."""
    name = model.variable
    found = statement(trace.sources, run.place)
    if not name or found is None or run.place is None or f"{name}(" not in trace.sources[run.place.file]:
        return ()
    lines = (f"{name}.eval()", f"{name}.train()")
    return around_block(trace.sources, run.place, lines, (b.place for b in trace.backwards))
