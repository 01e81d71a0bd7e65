"""The update rules in torch's own words, with their state under the rulebook's names.

Each is tied to `luthier.algorithms.updates` by test. Where torch has no equal, the rulebook itself is run. A
momentum of exactly 0 leaves the momentum of sgd as it is, where the rulebook would renew it: this matters only to a
recipe in which momentum comes on again during training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from luthier.algorithms.rule import AVERAGE, init_all, step_all
from luthier.algorithms.updates import RULES
from luthier.engines.grouping import ONE, Grouping

Tensors = dict[str, torch.Tensor]
FUSED = ("cpu", "cuda", "mps")
"""Devices with fused kernels of AdamW and SGD."""


class Words(NamedTuple):
    """How torch says an update rule.

    Args:
        make: param_groups -> Optimizer.
        states: the rulebook's name of a state -> torch's.
        numbers: numbers of a group by the names of the recipe -> entries of the param_group.
    """

    make: Callable[[list[dict[str, Any]]], torch.optim.Optimizer]
    states: dict[str, str]
    numbers: Callable[[Mapping[str, float]], dict[str, Any]]


class RuleOptimizer(torch.optim.Optimizer):
    """Runs a rule of the rulebook on all weights of a trial; the numbers stand in the param_groups.

    Args:
        kept: {state: {name: tensor}}, changed in place. step: steps taken so far.
        outputs: the axis of a weight that counts its outputs. index: the parameter group of each weight.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        rule: str,
        *,
        params: Mapping[str, torch.Tensor],
        kept: Mapping[str, Tensors],
        step: int,
        outputs: int,
        index: Mapping[str, int],
    ) -> None:
        super().__init__(groups, {})
        self._rule, self._params, self._kept, self._step = RULES[rule], dict(params), kept, step
        self._outputs, self._index = outputs, index

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update of all weights, in place."""
        assert closure is None, "the loop never passes one"
        grads: Tensors = {name: param.grad for name, param in self._params.items()}
        moved, kept = step_all(
            self._rule,
            torch,
            grads,
            dict(self._kept),
            params=self._params,
            numbers={name: self.param_groups[self._index[name]] for name in self._params},
            step=self._step,
            outputs=self._outputs,
        )
        for name, param in self._params.items():
            param.copy_(moved[name])
        for state, tensors in kept.items():
            for name, value in tensors.items():
                self._kept[state][name].copy_(value)
        self._step += 1


class FusedAdamW:
    """AdamW by the kernel of torch's own fused one, without the bookkeeping around it: a tenth of a small model's
    step, and a second of importing torch.compile's machinery before the first.

    Args:
        params: of one device and type, by name; `groups`: the names of each group.
        kept: {"m", "v": {name: tensor}}, changed in place. step: steps taken so far.
    """

    def __init__(
        self,
        params: Mapping[str, torch.Tensor],
        groups: Sequence[Sequence[str]],
        kept: Mapping[str, Tensors],
        step: int,
    ) -> None:
        tensors = (params, kept["m"], kept["v"])
        self._groups = [[[held[name] for name in names] for held in tensors] for names in groups]
        self._step = torch.tensor(float(step), device=next(iter(params.values())).device)

    @staticmethod
    def takes(params: Mapping[str, torch.Tensor]) -> bool:
        """Are these weights of one type on a device that has the kernel?"""
        kinds = {(param.device, param.dtype) for param in params.values()}
        return len(kinds) == 1 and all(device.type in FUSED for device, _ in kinds)

    @torch.no_grad()
    def step_(self, numbers_G: Sequence[Mapping[str, Any]]) -> None:
        """One update of all weights, in place, with the numbers of each group."""
        self._step += 1
        for (params, m, v), numbers in zip(self._groups, numbers_G, strict=True):
            if not params:
                continue
            (beta1, beta2), grads = numbers["betas"], [param.grad for param in params]
            lr, weight_decay, eps = (numbers[name] for name in ("lr", "weight_decay", "eps"))
            fused_adamw_(
                [params, grads, m, v], self._step, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay, eps=eps
            )


def fused_adamw_(tensors: Sequence[list[torch.Tensor]], counter: torch.Tensor, **numbers: float) -> None:
    """One step, in place, by the kernel of torch's own optimizer.

    Args:
        tensors: weights, gradients, their means m, the means v of their squares. `counter`: steps with this one.
    """
    params, grads, m, v = tensors
    torch._fused_adamw_(params, grads, m, v, [], [counter] * len(params), amsgrad=False, maximize=False, **numbers)


def _fused(groups: list[dict[str, Any]]) -> bool:
    return all(param.device.type in FUSED for group in groups for param in group["params"])


def _adam_numbers(n: Mapping[str, float]) -> dict[str, Any]:
    return {
        "lr": n["lr"],
        "weight_decay": n["weight_decay"],
        "betas": (n["beta1"], n["beta2"]),
        "eps": n["eps"],
    }


def _shrink(n: Mapping[str, float]) -> float:
    """What decoupled decay leaves of a weight; torch's own SGD and RMSprop add the decay to the gradient."""
    return 1.0 - n["lr"] * n["weight_decay"]


WORDS: dict[str, Words] = {
    "adamw": Words(
        lambda groups: torch.optim.AdamW(groups, fused=_fused(groups)),
        {"m": "exp_avg", "v": "exp_avg_sq"},
        _adam_numbers,
    ),
    "sgd": Words(
        lambda groups: torch.optim.SGD(groups, fused=_fused(groups)),
        {"momentum": "momentum_buffer"},
        lambda n: {
            "lr": n["lr"],
            "momentum": n["momentum"],
            "nesterov": bool(n["nesterov"]) and n["momentum"] > 0,
            "shrink": _shrink(n),
        },
    ),
}
"""Rules for which torch has kernels of its own."""


def numbers_in_words(rule: str, numbers: Mapping[str, float]) -> dict[str, Any]:
    """The numbers of a group as entries of a param_group."""
    return WORDS[rule].numbers(numbers) if rule in WORDS else dict(numbers)


def initial_state(rule: str, params: Mapping[str, torch.Tensor], *, average: bool) -> dict[str, Tensors]:
    """{state: {name of the weight: tensor}} before the first step; `average`: with averaged weights."""
    if rule not in RULES:  # of a library: it makes its own at the first step
        return {AVERAGE: {name: param.detach().clone() for name, param in params.items()}} if average else {}
    return init_all(RULES[rule], torch, {name: param.detach() for name, param in params.items()}, average=average)


def optimizer_on(
    rule: str,
    params: Mapping[str, torch.Tensor],
    kept: Mapping[str, Tensors],
    step: int,
    *,
    outputs: int = 0,
    grouping: Grouping = ONE,
) -> torch.optim.Optimizer | FusedAdamW:
    """An optimizer at `step` that works in place on the weights and on `kept`, {state: {name: tensor}}.

    Its groups are those of the grouping, by default of no named groups.
    """
    groups, index = param_groups(params, grouping), group_of(params, grouping)
    if rule == "adamw" and FusedAdamW.takes(params):
        return FusedAdamW(params, [[n for n in params if index[n] == g] for g in range(grouping.num)], kept, step)
    if rule not in WORDS:
        return RuleOptimizer(groups, rule, params=params, kept=kept, step=step, outputs=outputs, index=index)
    words = WORDS[rule]
    optimizer = words.make(groups)
    for name, param in params.items():
        optimizer.state[param] = {theirs: kept[ours][name] for ours, theirs in words.states.items()}
        # torch wants a counter for each parameter, and beside it where the kernel of Adam is fused
        beside = rule == "adamw" and param.device.type in FUSED
        optimizer.state[param]["step"] = torch.tensor(float(step), device=param.device if beside else "cpu")
    return optimizer


def group_of(params: Mapping[str, torch.Tensor], grouping: Grouping) -> dict[str, int]:
    """The parameter group of each weight, by its name."""
    return grouping.places({name: param.ndim for name, param in params.items()})


def param_groups(params: Mapping[str, torch.Tensor], grouping: Grouping) -> list[dict[str, Any]]:
    """As torch's optimizers take them: a group may be empty."""
    index = group_of(params, grouping)
    return [{"params": [p for name, p in params.items() if index[name] == g]} for g in range(grouping.num)]


def update_(optimizer: torch.optim.Optimizer | FusedAdamW, numbers_G: list[dict[str, Any]]) -> None:
    """One step with the numbers of each group, in the words of WORDS."""
    if isinstance(optimizer, FusedAdamW):
        optimizer.step_(numbers_G)
        return
    for group, numbers in zip(optimizer.param_groups, numbers_G, strict=True):
        group.update(numbers)
        if numbers.get("shrink", 1.0) != 1.0 and group["params"]:
            with torch.no_grad():
                torch._foreach_mul_(group["params"], numbers["shrink"])
    optimizer.step()
