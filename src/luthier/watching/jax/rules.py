"""A rule per operation of a loss: what is known of its result. What has no rule here is treated in `jaxpr`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from luthier.watching.jax import tables
from luthier.watching.jax.known import INF, Drawn, Info, Op, mixed

BOOLEANS = ("eq", "ne", "lt", "le", "gt", "ge")


def affine(op: Op) -> Info:
    """Matrix products and convolutions: logits, where a weight takes part; inputs are what meets the weights."""
    out, found, fed = op.mixed(), op.notes.found, set[int]()
    _masks(op)
    for i, (one, other) in enumerate(((op.args[0], op.args[1]), (op.args[1], op.args[0]))):
        if one.leaf is None or one.touched or not other.touched:
            continue
        fed.add(one.leaf)
        if one.leaf not in found.inputs:
            found.inputs.append(one.leaf)
        if len(op.shape(i)) > 1:
            found.batches.append(op.shape(i)[0])
    return replace(out, affine=out.touched, activation="linear" if out.touched else "", fed=out.fed | fed)


def shape(op: Op) -> Info:
    """The same numbers in another shape or type; a cast to whole numbers has no derivative."""
    out, name = replace(op.args[0], part=tables.part_of(op)), op.name
    dtype = str(op.eqn.outvars[0].aval.dtype)
    if name == "convert_element_type" and not dtype.startswith(("float", "bfloat")):
        op.cut(out.weights)
        return replace(out, weights=frozenset(), exp=0, squash="")
    if name == "broadcast_in_dim":
        return replace(out, origin=out.origin or op.shape())
    if name == "slice":
        out = replace(out, tops=None, peaked=False)
    return replace(out, origin=out.origin if name == "convert_element_type" else None)


def cut(op: Op) -> Info:
    """Operations without a derivative: the paths of the weights end here."""
    first, out = op.args[0] if op.args else Info(), op.mixed()
    if op.name == "argmax" and first.touched and math.prod(op.shape()[a] for a in op.eqn.params["axes"]) == 1:
        op.remark("argmax of one", size=1)
    if op.name in ("eq", "ne"):
        broadcast(op)
    op.cut(out.weights)
    if op.name == "stop_gradient":
        return replace(first, weights=frozenset(), leaf=None)
    low, high = (0.0, 1.0) if op.name in BOOLEANS else (-INF, INF)
    if op.name == "ne" and op.eqn.invars[0] is op.eqn.invars[1]:
        high = 0.0  # only NaN differs from itself
    compared = tables.compare(op) if op.name in BOOLEANS else None
    return replace(out, weights=frozenset(), low=low, high=high, compared=compared)


def random(op: Op) -> Info:
    """Keys are followed from where they came to where numbers are drawn."""
    name, args = op.name, op.args
    key = next((a.key for a in args if a.key is not None), None)
    if key is None:
        return op.mixed()
    root, way = key
    if name in ("random_wrap", "random_unwrap"):
        return replace(args[0], leaf=None)
    if name == "random_fold_in":
        constant = len(args) < 2 or (not args[1].varies and not args[1].touched)
        step = f"fold{args[1].number}" if len(args) > 1 else "fold"
        return Info(data=True, key=(root, way + step + f"@{id(op.eqn)}"), varies=args[0].varies or not constant)
    if name == "random_bits" or name.startswith("threefry"):
        op.notes.found.drawn.append(Drawn(root, args[0].varies, op.place))
        return Info(data=True, low=0.0, varies=args[0].varies, chance=True)
    return Info(data=True, key=(root, f"{way}/{name}@{id(op.eqn)}"), varies=args[0].varies)


def broadcast(op: Op) -> None:
    """(B, 1) against (B,): a B x B result of one prediction and one target a row."""
    out = tuple(op.eqn.outvars[0].aval.shape)
    shapes = [a.origin or op.shape(i) for i, a in enumerate(op.args)]
    if len(op.args) != 2 or len(out) != 2 or out[0] != out[1] or out[0] < 2:
        return
    column, row = (out[0], 1), (out[0],)
    if sorted(map(len, shapes)) != [1, 2] or column not in shapes or row not in shapes:
        return
    made, plain = (op.args[0], op.args[1]) if op.args[0].touched else (op.args[1], op.args[0])
    if made.touched and made.data and not plain.touched and plain.data:
        op.remark("broadcast", shapes=shapes)


def _masks(op: Op) -> None:
    """Rows that were looked up in a table, and what they are multiplied by."""
    a, b = op.args[:2]
    for one, other in ((a, b), (b, a)):
        if one.rows:
            tables.mask(op, one.rows, other)


def _pair(op: Op) -> Info:
    """add, sub, mul, div, max, min, pow: intervals, affine, softmax's division, where the target meets."""
    name, (a, b) = op.name, op.args
    if name in ("mul", "div"):
        _masks(op)
    if name == "max" and -INF in (a.number, b.number):
        return b if a.number == -INF else a
    broadcast(op)
    out = op.mixed()
    low, high = _interval(name, a, b)
    if name == "div" and a.exp and a.exp == b.sum_of:
        made = replace(out, low=0.0, high=1.0, squash="softmax", squashed_at=op.place, activation="softmax")
        return replace(made, over_batch=b.over_batch)
    if name == "sub":
        _meet(op)
        _bootstrap(op)
    elif name == "mul" and _weighs(a, b):
        op.notes.found.supervised = True
    kept, other = (a, b) if a.touched else (b, a)
    linear = kept.affine and name in ("add", "sub", "mul", "div") and not (other.touched and not other.affine)
    same = name in ("sub", "add") and not other.weights and (other.touched or other.number == 0)
    squash = kept.squash if (same or (name in ("max", "min") and other.number is not None)) else ""
    if name == "max" and other.number == 0 and kept.affine:
        return replace(out, low=0.0, high=high, activation="relu")
    return replace(
        out,
        low=low,
        high=high,
        affine=linear,
        squash=squash,
        squashed_at=kept.squashed_at,
        over_batch=bool(squash) and kept.over_batch,
        activation=kept.activation if linear or squash else "",
        discounted=name == "mul" and not other.touched and any(map(_is_discount, (kept, other))),
        bootstraps=name == "add"
        and kept.discounted
        and bool(kept.fed)
        and other.leaf is not None
        and not other.touched,
        tops=_still_tops(a, b) if name == "add" else None,
        peaked=name == "sub" and b.tops is a,
        rows=a.rows | b.rows,
        shifted=tables.shift(op),
    )


def _still_tops(a: Info, b: Info) -> Info | None:
    """What is no less than the largest entry of a value stays so when something that is not negative is added."""
    return a.tops if a.tops is not None and b.low >= 0 else b.tops if a.low >= 0 else None


def _weighs(a: Info, b: Info) -> bool:
    """Are log-probabilities multiplied by something that no weight has touched, such as labels?"""
    made, plain = (a, b) if a.touched else (b, a)
    return bool(made.weights) and made.high <= 0 and plain.data and not plain.touched


def _is_discount(factor: Info) -> bool:
    """A number between 0 and 1, or what was multiplied by one, such as a mask of the states that are not the last."""
    return factor.discounted or (factor.number is not None and 0 < factor.number < 1)


def _bootstrap(op: Op) -> None:
    """An output minus a reward and the model's own discounted output for another input, gradients in both."""
    a, b = op.args
    if a.bootstraps == b.bootstraps or not a.weights & b.weights:
        return
    if a.fed and b.fed and a.fed != b.fed:
        op.remark("bootstrapped")


def _meet(op: Op) -> None:
    """A prediction minus an argument that no weight has touched: this is the target."""
    a, b = op.args
    found = op.notes.found
    made, plain = (a, b) if a.touched else (b, a)
    if made.weights and (made.activation or made.fed) and plain.data and not plain.touched:
        found.supervised = True
    if a.tops is not None and a.tops is b.picks:
        found.supervised = True
    if made.weights and made.activation and not plain.touched and plain.leaf is not None:
        if plain.leaf not in found.targets:
            found.targets.append(plain.leaf)
        if not found.activation:
            found.activation, found.bounds = made.activation, (made.low, made.high)


def _interval(name: str, a: Info, b: Info) -> tuple[float, float]:
    if name == "sub" and b.tops is a:
        return -INF, 0.0
    if name == "sub" and a.tops is not None and a.tops is b.picks:
        return 0.0, INF
    simple: dict[str, tuple[float, float]] = {
        "add": (a.low + b.low, a.high + b.high),
        "sub": (a.low - b.high, a.high - b.low),
        "max": (max(a.low, b.low), max(a.high, b.high)),
        "min": (min(a.low, b.low), min(a.high, b.high)),
    }
    if name in simple:
        return simple[name]
    if name == "mul":
        ends = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    elif name == "div" and b.low > 0:
        ends = [_times(x, 1 / y if math.isfinite(y) else 0.0) for x in (a.low, a.high) for y in (b.low, b.high)]
    else:
        ends = [0.0 if name in ("div", "pow") and a.low >= 0 and b.low >= 0 else -INF, INF]
    return min(ends), max(ends)


def _times(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def _exp(op: Op) -> Info:
    a = op.args[0]
    op.notes.exps.append(a)
    low = math.exp(a.low) if -700 < a.low < 700 else 0.0
    high = math.exp(a.high) if a.high < 700 else INF
    return replace(op.mixed(), low=low, high=high, exp=len(op.notes.exps) - 1, exp_of=a.squash)


def _sum(op: Op) -> Info:
    a, out = op.args[0], op.mixed()
    low, high = (0.0 if a.low >= 0 else -INF), (0.0 if a.high <= 0 else INF)
    if not a.exp:
        return replace(out, low=low, high=high)
    axes = tuple(op.eqn.params["axes"])
    size = math.prod(op.shape()[i] for i in axes)
    of = op.notes.exps[a.exp]
    if a.touched and size == 1:
        op.remark("softmax of one", size=1)
    elif a.exp_of == "softmax" and a.weights and size > 1:
        op.remark("softmax twice", other=of.squashed_at, size=size)
    low = 1.0 if of.peaked else 0.0  # exp(0) is among the terms
    return replace(out, low=low, high=high, sum_of=a.exp, over_batch=_over_batch(op, of, axes))


def _over_batch(op: Op, of: Info, axes: tuple[int, ...]) -> bool:
    """Are exponentials of outputs (B, K) summed over their rows? Not where B = K: such are pairs of rows."""
    rows = op.shape()
    if axes != (0,) or len(rows) != 2 or not (of.weights and of.data):
        return False
    return 1 < rows[1] != rows[0] and rows[0] in op.notes.found.batches


def _log(op: Op) -> Info:
    a = op.args[0]
    if a.weights and a.affine and a.low < 0:
        op.remark("log of logits")
    elif a.weights and a.activation == "relu" and a.low == 0:
        op.remark("log of zero")
    if a.over_batch and a.weights:
        op.remark("softmax over the batch", size=max(op.notes.found.batches))
    high = math.log(a.high) if 0 < a.high < INF else INF
    return replace(op.mixed(), low=math.log(a.low) if 0 < a.low < INF else -INF, high=high)


def _log1p(op: Op) -> Info:
    a = op.args[0]
    if a.exp and a.exp_of == "sigmoid" and a.weights:
        op.remark("sigmoid twice", other=op.notes.exps[a.exp].squashed_at)
    return replace(op.mixed(), low=0.0 if a.low >= 0 else -INF)


def _logistic(op: Op) -> Info:
    return replace(op.mixed(), low=0.0, high=1.0, squash="sigmoid", squashed_at=op.place, activation="sigmoid")


def _tanh(op: Op) -> Info:
    return replace(op.mixed(), low=-1.0, high=1.0, activation="tanh")


def _neg(op: Op) -> Info:
    a = op.args[0]
    made = replace(a, low=-a.high, high=-a.low, leaf=None, exp=0, sum_of=0, over_batch=False)
    return replace(made, tops=None, picks=None, peaked=False)


def _abs(op: Op) -> Info:
    a = op.args[0]
    low = 0.0 if a.low <= 0 <= a.high else min(abs(a.low), abs(a.high))
    high = max(abs(a.low), abs(a.high))
    return replace(op.mixed(), low=low, high=high, squash=a.squash, squashed_at=a.squashed_at)


def _power(op: Op) -> Info:
    even = op.name == "square" or op.eqn.params.get("y", 1) % 2 == 0
    return replace(op.mixed(), low=0.0 if even or op.args[0].low >= 0 else -INF)


def _root(op: Op) -> Info:
    return replace(op.mixed(), low=0.0)


def _extreme(op: Op) -> Info:
    a = op.args[0]
    return replace(op.mixed(), low=a.low, high=a.high, tops=a if op.name == "reduce_max" else None)


def _select(op: Op) -> Info:
    chooser, *cases = op.args
    index = tables.wrapped(op)
    if index is not None:
        return index
    rows = frozenset[int]().union(*(c.rows for c in cases))
    tables.mask(op, rows, chooser, chooses=True)
    out = mixed(cases)
    taken = cases[:1] if chooser.high == 0 else cases
    low, high = min(c.low for c in taken), max(c.high for c in taken)
    tops = [c.tops for c in cases if c.number is None]  # numbers stand in for what is not finite
    return replace(
        out,
        low=low,
        high=high,
        touched=out.touched or chooser.touched,
        varies=out.varies or chooser.varies,
        tops=tops[0] if len(tops) == 1 else None,
        rows=rows,
    )


def _gather(op: Op) -> Info:
    out, a = op.mixed(), op.args[0]
    if a.weights and a.high <= 0 and any(i.data and not i.touched for i in op.args[1:]):
        op.notes.found.supervised = True  # the log-probability of a label
    made = replace(a, touched=out.touched, data=out.data, varies=out.varies, leaf=None, origin=None, exp=0, sum_of=0)
    return replace(made, picks=a.picks or a, tops=None, peaked=False, rows=tables.look(op))


def _clamp(op: Op) -> Info:
    low, value, high = op.args
    return replace(op.mixed(), low=max(low.low, value.low), high=min(value.high, high.high))


Rule = Callable[[Op], Info]
RULES: dict[str, Rule] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "max", "min", "pow"), _pair),
    **dict.fromkeys(("dot_general", "conv_general_dilated", "ragged_dot"), affine),
    **dict.fromkeys(("reshape", "broadcast_in_dim", "squeeze", "expand_dims", "transpose", "rev", "copy"), shape),
    **dict.fromkeys(("copy_p", "convert_element_type", "reduce_precision", "slice", "optimization_barrier"), shape),
    **dict.fromkeys(("stop_gradient", "argmax", "argmin", "round", "floor", "ceil", "sign", *BOOLEANS), cut),
    **dict.fromkeys(("is_finite", "iota"), cut),
    **dict.fromkeys(("square", "integer_pow"), _power),
    **dict.fromkeys(("reduce_max", "reduce_min"), _extreme),
    "exp": _exp,
    "reduce_sum": _sum,
    "log": _log,
    "log1p": _log1p,
    "logistic": _logistic,
    "tanh": _tanh,
    "neg": _neg,
    "abs": _abs,
    "sqrt": _root,
    "select_n": _select,
    "gather": _gather,
    "clamp": _clamp,
}
"""Primitive -> what is known of its result."""


def rule_of(name: str) -> Rule | None:
    """The rule of a primitive; None where there is none."""
    return random if name.startswith(("random_", "threefry")) else RULES.get(name)
