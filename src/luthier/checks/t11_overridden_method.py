"""A class of the model replaces a method that the framework calls.

What it detects

A class defines `train` or `eval` with another meaning and without `super()`; or it extends `train` (to freeze layers,
for instance) and `train` is never called.

Why it hurts

`model.eval()` calls `self.train(False)`: with a training loop of that name it never switches dropout and batch
normalisation. And what stands in a `train` that is never called never happens: layers declared frozen are trained.

Evidence

Exact: the method is the class's own; its source calls `super()` or does not; calls of `train()` are counted.

Mend

Wrong:

    class Net(nn.Module):
        def train(self, loader, epochs): ...

Right:

    class Net(nn.Module):
        def fit(self, loader, epochs): ...

When it keeps silent

Methods that call `super()` and are called.

Source

open-mmlab/mmpretrain#702.
"""

from __future__ import annotations

from luthier.checks.modes import trained_calls
from luthier.checks.wording import code, few, plural
from luthier.findings import Finding, Unknown
from luthier.watching.facts import Model, Override
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "T11", "a method of the framework is replaced", "quick", ()
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """One finding a method."""
    found = []
    for number, model in trace.models.items():
        calls = trained_calls(trace, number)
        active = [layer.kind for layer in model.layers if layer.active]
        for override in model.overrides:
            if override.name not in ("train", "eval") or override.kind != model.name:
                continue
            if not override.calls_super and active:
                found.append(_replaced(model, override, active))
            elif override.calls_super and override.name == "train" and _never_called(model, len(calls)):
                found.append(_unused(model, override, len(calls)))
    return found


def _never_called(model: Model, num_calls: int) -> bool:
    return num_calls >= MIN_CALLS and model.num_train_calls == 0 and not model.wrapper and not model.compiled


def _replaced(model: Model, override: Override, active: list[str]) -> Finding:
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(len(active)),
        threshold=0.0,
        n=model.num_forwards,
        text=f"{model.name}.{override.name}({', '.join(override.arguments)}) replaces the framework's and never "
        f"calls super(): train() and eval() do not switch {few(sorted(set(active)))} "
        f"({plural(len(active), 'layer')}).",
        remedy=f"Give the method another name, such as {'fit' if override.name == 'train' else 'evaluate'}.",
        severity="error",
        certain=True,
        place=override.place,
        cause="model.eval() calls self.train(False), and the framework's own train() is what switches the layers.",
        wrong=code(f"""
            class {model.name}(nn.Module):
                def {override.name}(self, loader): ...
        """),
        right=code(f"""
            class {model.name}(nn.Module):
                def {"fit" if override.name == "train" else "evaluate"}(self, loader): ...
        """),
    )


def _unused(model: Model, override: Override, num_calls: int) -> Finding:
    name = model.variable or "model"
    return Finding(
        code=CODE,
        title="train() does more and is never called",
        number=0.0,
        threshold=1.0,
        n=num_calls,
        text=f"{model.name} extends train(), but train() was not called before or during "
        f"{plural(num_calls, 'training call')}: what it does (such as freezing layers) has not happened.",
        remedy=f"Call {name}.train() at the beginning of every epoch.",
        severity="warning",
        certain=True,
        place=override.place,
        cause="A new module is in training mode without train() ever being called.",
        wrong=code(f"{name} = {model.name}()\nfor x, y in loader: ..."),
        right=code(f"{name} = {model.name}()\n{name}.train()\nfor x, y in loader: ..."),
    )
