"""What surrounds the update rule in a step: batch, penalties and clipping before it, bounds and averages after it.

Axes: B rows of a batch, G parameter groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from luthier.algorithms.gradients import bounded, clipped_by_norm, clipped_by_value, norm_of, penalised
from luthier.algorithms.mixing import Mix, mixed
from luthier.algorithms.rule import AVERAGE, States, averaged
from luthier.engines.jax.model import Tree
from luthier.engines.spec import GROUPS, WHOLE_STEP, Array

OUTPUTS = -1
"""The axis of a weight that counts its outputs."""
IMAGE_AXES = (1, 2)
Numbers = Mapping[str, Mapping[str, Any]]
"""{name of the weight: its numbers}"""


class How(NamedTuple):
    """What a step does beside the plain one. It is part of the compiled program: what is off costs nothing."""

    rule: str
    sam: bool = False
    parts: int = 1
    mix: bool = False
    cut: bool = False
    penalties: bool = False
    clip_value: bool = False
    max_norm: bool = False

    @classmethod
    def of(cls, rule: str, hparams: dict[str, Array]) -> How:
        """By the rule and the numbers of a slot's chunk."""
        return cls(
            rule,
            sam=bool((hparams["sam_rho"] > 0).any()),
            parts=int(hparams["accumulate"].max()),
            mix=bool((hparams["mixup"] < 1).any() or (hparams["cut_side"] > 0).any()),
            cut=bool((hparams["cut_side"] > 0).any()),
            penalties=bool((hparams["l1"] > 0).any() or (hparams["l2"] > 0).any()),
            clip_value=bool(np.isfinite(hparams["clip_value"]).any()),
            max_norm=bool(np.isfinite(hparams["max_norm"]).any()),
        )


class Placed(NamedTuple):
    """Data on the device: inputs [n, ...] and targets [n] or [n, k]."""

    inputs: Any
    targets: Any


class Batch(NamedTuple):
    """Rows of one step, with their weights, and the targets and shares of their partners where rows are mixed."""

    inputs: Any
    targets: Any
    weights: Any = None
    partners: Any = None
    share: Any = 1.0

    @classmethod
    def of(cls, data: Placed, rows_B: Any, weights_B: Any, *, how: How, numbers: Tree) -> Batch:
        """The batch of a step."""
        inputs, targets = data.inputs[rows_B], data.targets[rows_B]
        if not how.mix:
            return cls(inputs, targets, weights_B)
        mix = Mix(*(numbers[name] for name in Mix._fields))
        mix = mix if how.cut else mix._replace(cut_side=0.0)
        inputs, share = mixed(jnp, inputs, jnp.roll(inputs, 1, 0), mix, axes=IMAGE_AXES, arange=jnp.arange)
        return cls(inputs, targets, weights_B, jnp.roll(targets, 1, 0), share)

    def parts(self, num: int) -> list[Batch]:
        """Parts of equal size."""
        size = len(self.inputs) // num

        def cut(array: Any, i: int) -> Any:
            return None if array is None else array[i * size : (i + 1) * size]

        return (
            [
                self._replace(**{n: cut(getattr(self, n), i) for n in ("inputs", "targets", "weights", "partners")})
                for i in range(num)
            ]
            if num > 1
            else [self]
        )

    def loss(self, losses: Callable[..., Any], output: Any, smoothing: Any) -> Any:
        """The mean over the rows."""
        losses_B = losses(output, self.targets, smoothing)
        if self.partners is not None:
            losses_B = self.share * losses_B + (1.0 - self.share) * losses(output, self.partners, smoothing)
        return (losses_B if self.weights is None else self.weights * losses_B).mean()


def prepare(how: How, grads: Tree, weights: Tree, numbers: Numbers) -> tuple[Tree, Any]:
    """(gradients as the rule gets them, their norm before clipping)."""
    if how.penalties:
        grads = {
            name: penalised(jnp, grad, weights[name], l1=numbers[name]["l1"], l2=numbers[name]["l2"])
            for name, grad in grads.items()
        }
    norm, first = norm_of(jnp, grads), next(iter(numbers.values()))
    if how.clip_value:
        grads = {name: clipped_by_value(jnp, grad, first["clip_value"]) for name, grad in grads.items()}
    return clipped_by_norm(jnp, grads, first["clip_norm"]), norm


def finish(how: How, weights: Tree, optimizer: States, before: States, *, numbers: Numbers) -> tuple[Tree, States]:
    """(weights, states) after max-norm and the average, which a rule may have moved by itself."""
    if how.max_norm:
        weights = {
            name: bounded(jnp, weight, numbers[name]["max_norm"], outputs=OUTPUTS) for name, weight in weights.items()
        }
    if AVERAGE in before and AVERAGE not in optimizer:
        optimizer = optimizer | {AVERAGE: averaged(before, weights, numbers)}
    return weights, optimizer


def numbers_by_name(weights: Tree, numbers: Tree) -> Numbers:
    """The numbers of each weight, by its group."""
    return {
        name: {key: value if key in WHOLE_STEP else value[group(weight)] for key, value in numbers.items()}
        for name, weight in weights.items()
    }


def group(weight: Any) -> int:
    """Index into GROUPS: weight decay is for arrays of two axes and more."""
    return GROUPS.index("decay" if weight.ndim >= 2 else "no_decay")
