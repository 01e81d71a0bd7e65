"""What an update rule is, and one step of all weights of a slot: the entry for engines.

Rules are written once for numpy, torch, jax.numpy and keras.ops. The array module `xp` is asked for these operations
only, which all four have with the same meaning:

    abs, matmul, reshape, sign, sqrt, sum, swapaxes, where, zeros_like     and + - * / ** < > on arrays and numbers

Nothing is changed in place. A number may be a Python float or an array without axes (a traced one in JAX), so nothing
branches on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Array = Any
"""An array of any framework: the frameworks share no type that a checker knows."""
State = dict[str, Array]
Named = dict[str, Array]
"""{name of the weight: array}"""
States = dict[str, Named]
"""{state: {name of the weight: array}}. What belongs to the whole slot goes by the empty name."""
Numbers = Mapping[str, Any]
"""The numbers of one parameter group, by their names in `Recipe`: "lr", "weight_decay", "momentum" ..."""
WHOLE = ""
"""The name under which a number of the whole slot is kept."""
AVERAGE = "average"
"""The state that holds averaged weights. Where it is kept, it is what a model is evaluated and shipped with."""


class Now(NamedTuple):
    """The numbers of a step, which one it is, counted from 0, and the axis of a weight that counts its outputs."""

    numbers: Numbers
    step: Any
    outputs: int = 0  # 0 in torch; -1 in JAX and Keras


class Rule(NamedTuple):
    """An update rule by what it does with one array.

    Args:
        states: names of the arrays that it keeps for each weight.
        direction: (xp, grad, state, now) -> (d, state); changes nothing in place. The weight then moves by
            - lr (weight_decay weight + d).
        num_grads: gradients that a step takes.
        scope: what the rule must see at once. "element": any part of a weight, so that flat rows will do; "tensor":
            a weight in its own shape; "slot": all weights of the trial.
        starts: those of `states` that begin as the weight itself; the others begin as zeros.
        scalars: names of what it keeps once for the slot, one number each; from 0.
        move: (xp, grad, state, now, *, param) -> (param, state), for a rule that moves weights otherwise.
        move_all: the same for all weights: (xp, grads, states, *, params, numbers, step) -> (params, states).
    """

    name: str
    states: tuple[str, ...]
    direction: Callable[[Any, Array, State, Now], tuple[Array, State]] | None = None
    num_grads: int = 1
    scope: Literal["element", "tensor", "slot"] = "element"
    starts: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()
    move: Callable[..., tuple[Array, State]] | None = None
    move_all: Callable[..., tuple[Named, States]] | None = None

    @property
    def keeps(self) -> tuple[str, ...]:
        """Names of all that it keeps."""
        return self.states + self.scalars

    def init(self, xp: Any, param: Array) -> State:
        """State of one weight before the first step, {name: array like param}."""
        return {name: param * 1 if name in self.starts else xp.zeros_like(param) for name in self.states}

    def update(  # noqa: PLR0917 - the contract of all update rules
        self, xp: Any, grad: Array, state: State, param: Array, numbers: Numbers, step: Any, *, outputs: int = 0
    ) -> tuple[Array, State]:
        """(param, state) after the step of one weight; new arrays. Not for rules of the scope "slot"."""
        now = Now(numbers, step, outputs)
        if self.move is not None:
            return self.move(xp, grad, state, now, param=param)
        assert self.direction is not None, f"{self.name} moves all weights at once: use step_all"
        direction, state = self.direction(xp, grad, state, now)
        return param - numbers["lr"] * (numbers["weight_decay"] * param + direction), state

    def eval_params(self, param: Array, state: State) -> Array:
        """The weights to evaluate with: their average where one is kept, else those that are trained."""
        return state.get(AVERAGE, param)


def init_all(rule: Rule, xp: Any, params: Named, *, average: bool = False) -> States:
    """All that a trial keeps before its first step; with `average`, averaged weights too."""
    by_name = {name: rule.init(xp, param) for name, param in params.items()}
    states: States = {state: {name: kept[state] for name, kept in by_name.items()} for state in rule.states}
    first = next(iter(params.values()))
    states |= {scalar: {WHOLE: xp.sum(xp.zeros_like(first))} for scalar in rule.scalars}
    if average and AVERAGE not in states:
        states[AVERAGE] = {name: param * 1 for name, param in params.items()}
    return states


def step_all(
    rule: Rule,
    xp: Any,
    grads: Named,
    states: States,
    *,
    params: Named,
    numbers: Mapping[str, Numbers],
    step: Any,
    outputs: int = 0,
) -> tuple[Named, States]:
    """(params, states) after one step of all weights of a slot; new arrays.

    Args:
        grads, params: by the names of the weights. states: see `init_all`.
        numbers: those of each weight, by its name. step: counted from 0.
        outputs: the axis of a weight that counts its outputs.
    """
    if rule.move_all is not None:
        own = {state: kept for state, kept in states.items() if state in rule.keeps}
        moved, after = rule.move_all(xp, grads, own, params=params, numbers=numbers, step=step)
    else:
        moved, after = {}, {state: {} for state in rule.states}
        for name, param in params.items():
            kept = {state: states[state][name] for state in rule.states}
            moved[name], kept = rule.update(xp, grads[name], kept, param, numbers[name], step, outputs=outputs)
            for state, value in kept.items():
                after[state][name] = value
    return moved, after


def averaged(states: States, params: Named, numbers: Mapping[str, Numbers]) -> Named:
    """The averaged weights after a step: each goes `averaging` of the way to the new weight."""
    mean = states[AVERAGE]
    return {name: mean[name] + numbers[name]["averaging"] * (param - mean[name]) for name, param in params.items()}


def keeps_of(rule: Rule, averaging: float) -> set[str]:
    """Names of what a trial of this rule keeps; `averaging` 0: no averaged weights but the rule's own."""
    return set(rule.keeps) | ({AVERAGE} if averaging > 0 else set())
