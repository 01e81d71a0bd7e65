"""PyTorch models on one device."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from luthier.algorithms.losses import LOSSES
from luthier.codec import digest
from luthier.engines.outside import Maker
from luthier.engines.spec import (
    Array,
    Builder,
    GroupKey,
    Loss,
    Population,
    Source,
    program_of,
    reasons_for_loop,
)
from luthier.engines.torch.batch import Placed
from luthier.engines.torch.fused import unsupported
from luthier.engines.torch.model import Blueprint, blueprint
from luthier.engines.torch.modes import MODES, SLOT_BY_SLOT
from luthier.engines.torch.refusal import Refused
from luthier.engines.torch.slot import try_outside
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe

OF_OWN_LOSSES = ("loop", "channels_last")
"""Modes that take a loss that is a function."""


class TorchEngine:
    """See `luthier.engines.spec.Engine`. The number of threads is the caller's affair.

    Args:
        inputs, outputs: widths of the data, for builders that ask for them.
        device: "cpu", "cuda", "cuda:1", "mps". The same code runs on all; only "cpu" is tested.
        outputs_axis: that of a weight which counts its outputs: -1 where the layers are those of Keras.
        fits: top modules of optimizers that it can take.
    """

    name = "torch"
    framework = "torch"

    def __init__(
        self,
        inputs: int,
        outputs: int,
        device: str = "cpu",
        *,
        outputs_axis: int = 0,
        fits: tuple[str, ...] = ("torch",),
    ) -> None:
        try:
            self.device = torch.device(device)
        except RuntimeError as error:
            first, *_ = str(error).splitlines()
            raise InvalidInput(f"device={device!r}", must="a device of torch", remedy=first) from None
        self._sizes, self._outputs_axis = (inputs, outputs), outputs_axis
        self._fits = fits
        self._tried: set[Any] = set()

    def modes(self) -> tuple[str, ...]:
        """The reference, a Python loop over slots and steps, and the faster ones."""
        return tuple(MODES)

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        """What the trial's program depends on: the structure of its model, not its lifted numbers."""
        plan = blueprint(builder, recipe, self._sizes, torch.device("cpu"))
        program = program_of(recipe)
        tree = digest({"tree": plan.tree(), "program": program}) if program else plan.tree()
        return GroupKey(tree, plan.dtypes(), recipe.batch_size)

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> Population:
        """A population of width P.

        Raises:
            Unsupported: an unknown mode or loss, or a model that the mode can not take; it says why.
        """
        loss = loss.of(recipe)
        losses = (loss.name,) if loss.function is not None else tuple(LOSSES)
        for word, value, known in (("mode", mode, self.modes()), ("loss", loss.name, losses)):
            if value not in known:
                raise Unsupported(
                    f"{word}={value!r}", must=f"{word} is one of {', '.join(known)}", where="torch engine"
                )
        if loss.function is not None and mode not in OF_OWN_LOSSES:
            raise unsupported(mode, Refused("its loss is a function of your own"))
        try:
            if mode not in SLOT_BY_SLOT and (reasons := reasons_for_loop(recipe)):
                raise Refused(f"{', '.join(reasons)} has no form for many slots at once")
            plan = blueprint(builder, recipe, self._sizes, self.device)
            plan = plan._replace(outputs_axis=self._outputs_axis)
            if recipe.foreign:
                plan = self._with_optimizer(plan, recipe)
            return MODES[mode](plan, loss, P)
        except Refused as refused:
            raise unsupported(mode, refused) from None

    def _with_optimizer(self, plan: Blueprint, recipe: Recipe) -> Blueprint:
        """With the optimizer of a library, which is tried once on such a model."""
        maker = Maker.of(recipe, given=1, fits=self._fits, where="torch engine")
        plan = plan._replace(optimizer=maker)
        key = (*maker.key, plan.builder, plan.tree())
        if key not in self._tried:
            try_outside(plan, recipe)
            self._tried.add(key)
        return plan

    def place(self, source: Source) -> Placed:
        """Data on the device, once: real numbers as float32, class numbers as int64.

        Inputs that are mapped from a file stay there on a CPU: a batch reads its rows. Nothing writes to placed data.
        """
        inputs = source.inputs
        if not (isinstance(inputs, np.memmap) and inputs.dtype == np.float32):
            inputs = np.asarray(inputs).astype(np.float32)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            placed, targets = (torch.from_numpy(a).to(self.device) for a in (inputs, _targets(source.targets)))
        return Placed(placed, targets, source.tree, source.labelled, source.whole, source.stream)


def _targets(targets: Array) -> Array:
    targets = np.asarray(targets)
    return targets.astype(np.float32 if np.issubdtype(targets.dtype, np.floating) else np.int64)
