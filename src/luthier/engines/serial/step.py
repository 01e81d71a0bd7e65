"""One step of one slot, written once for the frameworks whose models are pure functions.

Axes: B rows of a batch, G parameter groups, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from luthier.algorithms.gradients import bounded, climbed, clipped_by_norm, clipped_by_value, norm_of, penalised
from luthier.algorithms.mixing import Mix, mixed
from luthier.algorithms.rule import AVERAGE, States, averaged, step_all
from luthier.algorithms.updates import RULES
from luthier.engines.grouping import ONE, Grouping
from luthier.engines.serial.outside import Outside, Told, decays_of
from luthier.engines.serial.parts import OUTPUTS, Arrays, Placed, Tree
from luthier.engines.spec import WHOLE_STEP, Array

IMAGE_AXES = (1, 2)
Numbers = Mapping[str, Mapping[str, Any]]
"""{name of the weight: its numbers}"""
Losses = Callable[[Any, Any, Any], Any]
"""(outputs [B, C], targets, smoothing) -> [B]"""


class Words(NamedTuple):
    """How a framework says what a step asks for.

    Args:
        xp: the array module of the rulebook. arange: whole numbers on the device.
        gather: (array, rows) -> those rows. roll: (array) -> its rows, each moved on by one.
        cast: (array or number, dtype) -> array. widest: {name: weight} -> the type that a step is computed in.
        gradient: (function, weights) -> ((loss, buffers), gradients) of weights -> (loss, buffers).
        is_whole: does the array hold whole numbers?
    """

    xp: Any
    arange: Callable[[int], Any]
    gather: Callable[[Any, Any], Any]
    roll: Callable[[Any], Any]
    cast: Callable[[Any, Any], Any]
    widest: Callable[[Tree], Any]
    gradient: Callable[[Callable[[Tree], Any], Tree], tuple[tuple[Any, Tree], Tree]]
    is_whole: Callable[[Any], bool]


class How(NamedTuple):
    """What a step does beside the plain one: part of the compiled program, so that what is off costs nothing.

    Args:
        rule: a name of the rulebook, or the optimizer of a library. decays: which groups it decays. apart: do their
            learning rates differ?
    """

    rule: str | Outside
    sam: bool = False
    parts: int = 1
    mix: bool = False
    cut: bool = False
    penalties: bool = False
    clip_value: bool = False
    max_norm: bool = False
    group_norm: bool = False
    grouping: Grouping = ONE
    decays: tuple[bool, ...] = ()
    apart: bool = False

    @classmethod
    def of(cls, rule: str | Outside, hparams: Mapping[str, Array], grouping: Grouping = ONE) -> How:
        """By the rule, the numbers of a slot's chunk and the parameter groups of the population."""
        lr_SG = hparams["lr"]
        return cls(
            rule,
            sam=bool((hparams["sam_rho"] > 0).any()),
            parts=int(hparams["accumulate"].max()),
            mix=bool((hparams["mixup"] < 1).any() or (hparams["cut_side"] > 0).any()),
            cut=bool((hparams["cut_side"] > 0).any()),
            penalties=bool((hparams["l1"] > 0).any() or (hparams["l2"] > 0).any()),
            clip_value=bool(np.isfinite(hparams["clip_value"]).any()),
            max_norm=bool(np.isfinite(hparams["max_norm"]).any()),
            group_norm=bool(np.isfinite(hparams["group_clip_norm"]).any()),
            grouping=grouping,
            decays=() if isinstance(rule, str) else decays_of(hparams["weight_decay"]),
            apart=not isinstance(rule, str) and bool((lr_SG != lr_SG[:, :1]).any()),
        )


class Batch(NamedTuple):
    """Rows of one step, with their weights, and the targets and shares of their partners where rows are mixed."""

    inputs: Any
    targets: Any
    weights: Any = None
    partners: Any = None
    share: Any = 1.0

    @classmethod
    def of(cls, words: Words, how: How, data: Placed, *, rows_B: Any, weights_B: Any, numbers: Tree) -> Batch:
        """The batch of a step."""
        inputs, targets = (words.gather(array, rows_B) for array in data)
        if not how.mix:
            return cls(inputs, targets, weights_B)
        mix = Mix(*(words.cast(numbers[name], inputs.dtype) for name in Mix._fields))
        mix = mix if how.cut else mix._replace(cut_side=0.0)
        inputs, share = mixed(words.xp, inputs, words.roll(inputs), mix, axes=IMAGE_AXES, arange=words.arange)
        return cls(inputs, targets, weights_B, words.roll(targets), share)

    def parts(self, num: int) -> list[Batch]:
        """Parts of equal size."""
        if num == 1:
            return [self]
        size = self.inputs.shape[0] // num

        def cut(array: Any, i: int) -> Any:
            return None if array is None else array[i * size : (i + 1) * size]

        names = ("inputs", "targets", "weights", "partners")
        return [self._replace(**{n: cut(getattr(self, n), i) for n in names}) for i in range(num)]

    def loss(self, words: Words, losses: Losses, output: Any, smoothing: Any) -> Any:
        """The mean over the rows."""
        smoothing = words.cast(smoothing, output.dtype)
        losses_B = losses(output, self.targets, smoothing)
        if self.partners is not None:
            share = words.cast(self.share, losses_B.dtype)
            losses_B = share * losses_B + (1.0 - share) * losses(output, self.partners, smoothing)
        weighted_B = losses_B if self.weights is None else words.cast(self.weights, losses_B.dtype) * losses_B
        return words.xp.sum(weighted_B) / self.inputs.shape[0]


class Forward(Protocol):
    """The model in training."""

    def __call__(self, weights: Tree, buffers: Tree, inputs: Any, *, part: int) -> tuple[Any, Tree, Any]:
        """(output [B, C], buffers afterwards, sum of the layers' own losses or None).

        Args:
            part: of the batch; 0 where there is one. Each draws its own random numbers.
        """
        ...


class Step(NamedTuple):
    """What one step needs to know: {name: [G] or []} of HPARAMS, which one it is, the model and the loss."""

    numbers: Tree
    step: Any
    forward: Forward
    losses: Losses


class Found(NamedTuple):
    """What the model says of a batch: the loss, the gradients by which to step, buffers afterwards."""

    loss: Any
    grads: Tree
    buffers: Tree


def take(words: Words, how: How, arrays: Arrays, batch: Batch, *, now: Step) -> tuple[Arrays, Any, Any]:
    """(arrays, loss, norm of the gradient before clipping) after the step.

    Everything is computed in the widest type among the weights and then rounded to what each was.
    """
    return moved(words, how, arrays, found(words, how, arrays, batch, now=now), now=now)


def found(words: Words, how: How, arrays: Arrays, batch: Batch, *, now: Step) -> Found:
    """The first half of a step: whatever the update rule, it is the same."""
    loss, grads, buffers = _gradients(words, how, arrays.weights, arrays.buffers, batch, now=now)
    wide = words.widest(arrays.weights)
    grads = _cast(words, grads, wide)
    if how.sam:
        rho = words.cast(now.numbers["sam_rho"], wide)
        uphill = climbed(words.xp, _cast(words, arrays.weights, wide), grads, rho)
        _, grads, _ = _gradients(words, how, _like(words, uphill, arrays.weights), arrays.buffers, batch, now=now)
        grads = _cast(words, grads, wide)
    return Found(loss, grads, buffers)


def moved(words: Words, how: How, arrays: Arrays, seen: Found, *, now: Step) -> tuple[Arrays, Any, Any]:
    """The second half: see `take`."""
    wide = words.widest(arrays.weights)
    weights = _cast(words, arrays.weights, wide)
    kept = {state: _cast(words, tree, wide) for state, tree in arrays.optimizer.items()}
    told = _cast(words, now.numbers, wide) | ({"decays": how.decays} if how.decays else {})
    numbers = _by_name(how.grouping, weights, told)
    grads, norm = _prepared(words.xp, how, seen.grads, weights, numbers)
    given = _Given(grads, kept, weights, numbers, seen.loss, words.cast(now.numbers["lr"], wide)[0])
    weights, states, foreign = _by_rule(words, how, arrays, given, step=words.cast(now.step, wide))
    weights, states = _finished(words.xp, how, _cast(words, weights, wide), states, kept, numbers=numbers)
    optimizer = {state: _like(words, tree, arrays.optimizer[state]) for state, tree in states.items()}
    after = Arrays(_like(words, weights, arrays.weights), optimizer, seen.buffers, foreign)
    return after, words.cast(seen.loss, np.float32), words.cast(norm, np.float32)


class _Given(NamedTuple):
    """What the rule works on, in the widest type."""

    grads: Tree
    kept: States
    weights: Tree
    numbers: Numbers
    loss: Any
    lr: Any  # of the weights that no group names


def _by_rule(words: Words, how: How, arrays: Arrays, given: _Given, *, step: Any) -> tuple[Tree, States, Tree]:
    """(weights, states, what the optimizer of a library keeps); that one gets all in the types that weights have."""
    if isinstance(how.rule, str):
        moved, states = step_all(
            RULES[how.rule],
            words.xp,
            given.grads,
            given.kept,
            params=given.weights,
            numbers=given.numbers,
            step=step,
            outputs=OUTPUTS,
        )
        return moved, states, {}
    grads, told = _like(words, given.grads, arrays.weights), _told(words.xp, how, given)
    moved, foreign = how.rule.step(grads, arrays.foreign, weights=arrays.weights, told=told)
    return moved, {}, foreign


def told_before(grouping: Grouping, weights: Tree, lr_G: Array, decay_G: Array) -> Told:
    """What the optimizer of a library can be told while nothing is compiled: numbers of the groups of weights."""
    of_weight = _by_name(grouping, weights, {"decays": decays_of(decay_G)})
    decays = {name: numbers["decays"] for name, numbers in of_weight.items()}
    return Told(float(lr_G[0]), float(np.max(decay_G)), decays)


def _told(xp: Any, how: How, given: _Given) -> Told:
    """The same in a step: one rate for all, and how far those of other groups differ from it."""
    decays = {name: n["decays"] for name, n in given.numbers.items()}
    decay = next((given.numbers[name]["weight_decay"] for name, on in decays.items() if on), 0.0)
    factors = None
    if how.apart:  # at a rate of 0, as at the start of a warm-up, nothing moves whatever the factors
        base = xp.where(given.lr == 0, xp.ones_like(given.lr), given.lr)
        factors = {name: n["lr"] / base for name, n in given.numbers.items()}
    return Told(given.lr, decay, decays, factors, given.loss)


def _gradients(
    words: Words, how: How, weights: Tree, buffers: Tree, batch: Batch, *, now: Step
) -> tuple[Any, Tree, Tree]:
    """(mean loss, its gradient, buffers afterwards), in parts where the step is to be."""
    losses, each = [], []
    for i, part in enumerate(batch.parts(how.parts)):

        def mean_loss(weights: Tree, buffers: Tree = buffers, part: Batch = part, i: int = i) -> tuple[Any, Tree]:
            output, after, extra = now.forward(weights, buffers, part.inputs, part=i)
            loss = part.loss(words, now.losses, output, now.numbers["label_smoothing"])
            return loss if extra is None else loss + words.cast(extra, loss.dtype), after

        (loss, buffers), grads = words.gradient(mean_loss, weights)
        losses.append(loss)
        each.append(grads)
    if how.parts == 1:
        return losses[0], each[0], buffers
    mean = {name: sum(grads[name] for grads in each) / how.parts for name in each[0]}
    return sum(losses) / how.parts, mean, buffers


def _prepared(xp: Any, how: How, grads: Tree, weights: Tree, numbers: Numbers) -> tuple[Tree, Any]:
    """(gradients as the rule gets them, their norm before clipping)."""
    if how.penalties:
        grads = {
            name: penalised(xp, grad, weights[name], l1=numbers[name]["l1"], l2=numbers[name]["l2"])
            for name, grad in grads.items()
        }
    norm, first = norm_of(xp, grads), next(iter(numbers.values()))
    if how.clip_value:
        grads = {name: clipped_by_value(xp, grad, numbers[name]["clip_value"]) for name, grad in grads.items()}
    if how.group_norm:
        for members in how.grouping.members(grads).values():
            limit = numbers[members[0]]["group_clip_norm"]
            grads |= clipped_by_norm(xp, {name: grads[name] for name in members}, limit)
    return clipped_by_norm(xp, grads, first["clip_norm"]), norm


def _finished(
    xp: Any, how: How, weights: Tree, states: States, before: States, *, numbers: Numbers
) -> tuple[Tree, States]:
    """(weights, states) after max-norm and the average, which a rule may have moved by itself."""
    if how.max_norm:
        weights = {
            name: bounded(xp, weight, numbers[name]["max_norm"], outputs=OUTPUTS) for name, weight in weights.items()
        }
    if AVERAGE in before and AVERAGE not in states:
        states = states | {AVERAGE: averaged(before, weights, numbers)}
    return weights, states


def _by_name(grouping: Grouping, weights: Tree, numbers: Tree) -> Numbers:
    """The numbers of each weight, by its group."""
    index = grouping.places({name: len(weight.shape) for name, weight in weights.items()})
    return {
        name: {key: value if key in WHOLE_STEP else value[index[name]] for key, value in numbers.items()}
        for name in weights
    }


def _cast(words: Words, tree: Tree, dtype: Any) -> Tree:
    return {name: words.cast(value, dtype) for name, value in tree.items()}


def _like(words: Words, tree: Tree, before: Tree) -> Tree:
    return {name: words.cast(value, before[name].dtype) for name, value in tree.items()}
