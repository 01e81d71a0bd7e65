"""A model holds layers or trainable tensors that torch does not know of.

What it detects

A trainable module in a plain list, tuple or dict, or a plain tensor that asks for gradients, as an attribute of a
module, that is in no optimizer.

Why it hurts

`parameters()`, `to(device)`, `train()` and `state_dict()` pass over it: the optimizer does not train it, a GPU run
crashes, and a checkpoint loses it.

Evidence

Exact: attributes of the modules beside their registered parameters.

Mend

Wrong:

    self.layers = [nn.Linear(8, 8) for _ in range(3)]

Right:

    self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))

When it keeps silent

The same layers are registered elsewhere too; they are frozen (a teacher kept aside); an optimizer has them.

Source

PyTorch documentation of ModuleList; pytorch/pytorch#14467.
"""

from __future__ import annotations

import ast

from luthier.checks.wording import Sources, line_at, parsed, plural
from luthier.findings import Edit, Finding, Place, Unknown
from luthier.watching.facts import Hidden, Model
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M02", "layers that the module does not know of", "quick", ()


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Hidden members of all models that ran."""
    found: dict[tuple[str, str], Finding] = {}
    for model in trace.models.values():
        for hidden in model.hidden:
            if hidden.num_parameters and not hidden.in_optimizer:
                found.setdefault((model.name, hidden.attribute), _finding(trace.sources, model, hidden))
    return list(found.values())


def _finding(sources: Sources, model: Model, hidden: Hidden) -> Finding:
    name = hidden.attribute.partition("[")[0]
    line = _assignment(sources, name)
    tensor = hidden.kind in ("Tensor", "Parameter")
    mend = (
        "nn.Parameter(...) or register_buffer"
        if tensor
        else {"dict": "nn.ModuleDict"}.get(hidden.kind, "nn.ModuleList")
    )
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(hidden.num_parameters),
        threshold=0.0,
        n=1,
        text=f"{hidden.owner or model.name}.{name} ({hidden.kind}) holds "
        f"{plural(hidden.num_parameters, 'trainable tensor')} "
        "that the module does not know of and no optimizer has.",
        remedy=f"Use {mend}, so that parameters(), to(), train() and state_dict() see it.",
        severity="error",
        certain=True,
        place=line or model.place,
        cause="It is never trained, does not move to the GPU and is missing from checkpoints.",
        wrong="self.scale = torch.ones(8, requires_grad=True)"
        if tensor
        else "self.layers = [nn.Linear(8, 8) for _ in range(3)]",
        right="self.scale = nn.Parameter(torch.ones(8))"
        if tensor
        else "self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))",
        edits=() if tensor else _edits(sources, line),
        evidence={"attribute": hidden.attribute, "owner": hidden.owner, "kind": hidden.kind},
    )


def _assignment(sources: Sources, name: str) -> Place | None:
    """The only line that sets `self.<name>`."""
    found = [
        line_at(sources, file, node.lineno)
        for file, source in sources.items()
        for node in _assignments(source)
        if any(ast.unparse(target) == f"self.{name}" for target in node.targets)
    ]
    return found[0] if len(found) == 1 else None


def _assignments(source: str) -> list[ast.Assign]:
    return [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Assign)]


def _edits(sources: Sources, line: Place | None) -> tuple[Edit, ...]:
    """A list (or comprehension) on one line is wrapped."""
    if line is None:
        return ()
    for node in _assignments(sources[line.file]):
        if node.lineno != line.line or not isinstance(node.value, ast.List | ast.ListComp):
            continue
        text = sources[line.file].splitlines()[line.line - 1]
        raw, end = text.encode(), node.value.end_col_offset
        if node.value.end_lineno != line.line or end is None:
            return ()
        start = node.value.col_offset
        new = (raw[:start] + b"nn.ModuleList(" + raw[start:end] + b")" + raw[end:]).decode()
        imported = "nn." in text
        return (Edit(file=line.file, line=line.line, old=(text,), new=(new,)),) if imported else ()
    return ()
