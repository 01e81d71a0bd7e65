"""Axes are mixed up: a recurrent or attention layer takes the batch for time, or `view` stands for `permute`.

What it detects

- `B, C, T = x.shape` and then `x.view(B, T, C)` (or `reshape`) of the same tensor: the sizes change places, the
  numbers do not;
- LSTM, GRU, RNN, MultiheadAttention or a Transformer layer with `batch_first=False` that is given (batch, time,
features): its first axis is the batch of the model's input and of its output, in every looked-at call.

Why it hurts

With `batch_first=False` the first axis is time. The layer walks from row to row of the batch as if they were steps of
one sequence: rows leak into each other, and the order within a row is never seen. Shapes fit, so nothing raises.

Evidence

Exact: shapes of the layer's input, of the model's input and output, and of the targets; for `view` the source.

Mend

Wrong:

    self.lstm = nn.LSTM(8, 32)                       # x: (batch, time, 8)

Right:

    self.lstm = nn.LSTM(8, 32, batch_first=True)

When it keeps silent

The input was transposed first (time first); a second axis of size 1; targets for every time step.

Source

PyTorch documentation of nn.LSTM; vitrioil/Speech-Separation#4.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from luthier.checks.reading import runs_by_layer, shaped
from luthier.checks.wording import code, every, line_at, parsed
from luthier.findings import Finding, Place, Unknown
from luthier.watching.calls import Forward, LayerRun, LossCall
from luthier.watching.trace import Trace

CODE, TITLE, TIER, CAUSES = "M10", "axes are mixed up", "quick", ()
KINDS = (
    "LSTM",
    "GRU",
    "RNN",
    "MultiheadAttention",
    "TransformerEncoderLayer",
    "TransformerEncoder",
    "TransformerDecoderLayer",
    "TransformerDecoder",
    "Transformer",
)
MIN_CALLS = 3


def judge(trace: Trace) -> list[Finding] | Unknown:
    """Layers of these kinds in trained calls; the first wrong one of each model."""
    calls = {f.number: f for f in trace.forwards if f.trained_by}
    losses = {c.forward: c for c in trace.losses if c.trained_by}
    found: dict[int, Finding] = {}
    for (number, name), runs in runs_by_layer(r for r in trace.layer_runs if r.kind in KINDS).items():
        model = trace.models.get(number)
        layer = next((x for x in model.layers if x.name == name), None) if model else None
        own = [r for r in runs if r.forward in calls]
        if layer is None or layer.options.get("batch_first") is not False or number in found or len(own) < MIN_CALLS:
            continue
        if all(_is_swapped(r, calls[r.forward], losses.get(r.forward)) for r in own):
            found[number] = _finding(own)
    return [*_scrambled(trace), *found.values()]


def _scrambled(trace: Trace) -> list[Finding]:
    """Sizes unpacked from a tensor and given back to its `view` in another order, with nothing done to it between."""
    found = []
    for file, source in trace.sources.items():
        for block in _blocks(source):
            sizes: dict[str, list[str]] = {}
            for node in block:
                for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
                    order = _order(call)
                    if order is not None and order[0] in sizes and _is_permuted(sizes[order[0]], order[1]):
                        place = line_at(trace.sources, file, call.lineno)
                        found.append(_reordered(place, order[0], sizes[order[0]], order[1]))
                for name in _stored(node):
                    sizes = {tensor: names for tensor, names in sizes.items() if name != tensor and name not in names}
                unpacked = _unpacked(node)
                if unpacked is not None:
                    sizes[unpacked[0]] = unpacked[1]
    return found


def _blocks(source: str) -> Iterator[list[ast.stmt]]:
    """Bodies of functions that call `view` or `reshape`."""
    if ".view(" in source or ".reshape(" in source:
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.FunctionDef):
                yield node.body


def _unpacked(node: ast.stmt) -> tuple[str, list[str]] | None:
    """`B, C, T = x.shape` or `x.size()`: (x, [B, C, T])."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Tuple):
        return None
    value = node.value.func if isinstance(node.value, ast.Call) and not node.value.args else node.value
    names = [name.id for name in node.targets[0].elts if isinstance(name, ast.Name)]
    if not isinstance(value, ast.Attribute) or value.attr not in ("shape", "size"):
        return None
    whole = len(names) == len(node.targets[0].elts) == len(set(names)) and isinstance(value.value, ast.Name)
    return (value.value.id, names) if whole and isinstance(value.value, ast.Name) else None


def _order(node: ast.AST) -> tuple[str, list[str]] | None:
    """`x.view(B, T, C)` or `x.reshape(...)`: (x, [B, T, C])."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    tensor = node.func.value
    names = [name.id for name in node.args if isinstance(name, ast.Name)]
    if node.func.attr not in ("view", "reshape") or not isinstance(tensor, ast.Name) or len(names) != len(node.args):
        return None
    return tensor.id, names


def _is_permuted(sizes: list[str], order: list[str]) -> bool:
    return sizes != order and sorted(sizes) == sorted(order)


def _stored(node: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _reordered(place: Place, tensor: str, sizes: list[str], order: list[str]) -> Finding:
    axes = ", ".join(str(sizes.index(name)) for name in order)
    return Finding(
        code=CODE,
        title="view where permute is meant",
        n=1,
        text=f"`{tensor}` has the axes ({', '.join(sizes)}) and is viewed as ({', '.join(order)}): view keeps the "
        "order of the numbers, so values of different channels and times end up side by side.",
        remedy=f"Move the axes: {tensor}.permute({axes}).",
        severity="error",
        certain=True,
        place=place,
        cause="The next layer sees neither channels nor time, but a mixture of both.",
        wrong=f"{tensor}.view({', '.join(order)})",
        right=f"{tensor}.permute({axes})",
        evidence={"axes": list(sizes), "viewed_as": list(order)},
    )


def _is_swapped(run: LayerRun, call: Forward, loss: LossCall | None) -> bool:
    shape = run.input.shape if run.input else ()
    if len(shape) != 3 or shape[1] == 1 or call.input is None or call.output is None or loss is None:
        return False
    rows = {call.input.shape[:1], call.output.shape[:1], (loss.target.shape if loss.target else ())[:1]}
    same_time = call.input.shape[1:2] == shape[1:2]
    once_a_row = len(call.output.shape) == 2 and (loss.target is not None and len(loss.target.shape) <= 2)
    each_time = loss.target is not None and call.output.shape[1:] == loss.target.shape[1:] == shape[1:2]
    return rows == {shape[:1]} and same_time and once_a_row and not each_time and shape[0] != shape[1]


def _finding(runs: list[LayerRun]) -> Finding:
    run = runs[0]
    shape = run.input.shape if run.input else ()
    return Finding(
        code=CODE,
        title=TITLE,
        number=float(shape[0]),
        threshold=float(shape[1]),
        n=len(runs),
        text=f'{run.kind} "{run.layer}" has batch_first=False but was given {shaped(shape)}, whose first axis is the '
        f"batch of {shape[0]} rows, in {every(len(runs), 'looked-at call')}: it runs along the batch, not along "
        "time.",
        remedy="Build the layer with batch_first=True, or transpose its input and output.",
        severity="error",
        certain=True,
        place=run.place,
        step=run.step,
        cause="Rows of the batch are treated as steps of one sequence: they leak into each other, and the real order "
        "is never seen.",
        wrong=code("""
            self.lstm = nn.LSTM(8, 32)                       # x: (batch, time, 8)
        """),
        right="self.lstm = nn.LSTM(8, 32, batch_first=True)",
        evidence={"layer": run.layer, "kind": run.kind, "shape": list(shape)},
    )
