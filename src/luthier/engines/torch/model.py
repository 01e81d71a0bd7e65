"""From a builder and a recipe to a torch model, and between a model and flat named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from luthier.algorithms.losses import LOSSES
from luthier.codec import digest
from luthier.engines.building import called, keywords
from luthier.engines.grouping import ONE, Grouping
from luthier.engines.outside import Maker
from luthier.engines.spec import Array, Builder, Loss, Snapshot
from luthier.engines.torch import constants
from luthier.engines.torch.foreign import Outside
from luthier.engines.torch.randomness import own_draws
from luthier.engines.torch.statistics import refine_
from luthier.engines.torch.structure import structure_of
from luthier.errors import InvalidInput, Unsupported
from luthier.recipe import Recipe

Tensors = dict[str, torch.Tensor]
LOOKS_KEPT = 256


class Dress(nn.Module):
    """A model of another library as a torch module."""

    def optimizer(self, maker: Maker, arrays: Snapshot, grouping: Grouping) -> Outside | None:
        """An optimizer of that library on this model, as in a snapshot; None where the maker makes one of torch's."""
        raise NotImplementedError

    def inner(self) -> Any:
        """The model itself, in evaluation mode."""
        raise NotImplementedError


class _Look(NamedTuple):
    """See the methods of `Blueprint` with these names; `numbers` are those of the layers, rates aside; `trained` and
    `frozen` name the weights."""

    tree: str
    free: tuple[str, ...]
    dtypes: str
    numbers: dict[str, float]
    trained: tuple[str, ...]
    frozen: tuple[str, ...]


_LOOKS: dict[Any, _Look] = {}


class Blueprint(NamedTuple):
    """What every model of a population is built from.

    Args:
        outputs_axis: that of a weight which counts its outputs: -1 where the layers are those of Keras.
    """

    builder: Builder
    settings: dict[str, Any]
    inputs: int
    outputs: int
    device: torch.device
    memory_format: torch.memory_format = torch.contiguous_format
    outputs_axis: int = 0
    optimizer: Maker | None = None  # of a library, or of the person's own
    grouping: Grouping = ONE

    def build(self, seed: int) -> nn.Module:
        """A fresh model in training mode; its random start depends on the seed only, not on the device.

        Raises:
            InvalidInput: the builder does not take a setting, or returns something else.
            Unsupported: a module whose sizes are not known yet, or nothing to train.
        """
        offered = {"inputs": self.inputs, "outputs": self.outputs}
        arguments = keywords(self.builder, self.settings, offered)
        with own_draws(self.device) as seed_draws:
            seed_draws(seed)
            model = self.builder(**arguments)
        self._check(model)
        trained: nn.Module = model.to(self.device, memory_format=self.memory_format).train()
        if self.memory_format == torch.channels_last:
            refine_(trained)
        return trained

    def tree(self) -> str:
        """Digest of what the models of a population must have in common.

        A builder's settings belong to it where they do not show: in an attribute that can not be compared.
        """
        return self._look().tree

    def free(self) -> tuple[str, ...]:
        """Numbers of layers, rates aside, that are not those of the builder's own defaults.

        Their layers are computed by formulas with a number for each slot; the others by torch's faster kernels, with
        one number for all. Which of the two is part of the structure, so that no trial depends on its neighbours.
        """
        return self._look().free

    def dtypes(self) -> str:
        """Types of the weights."""
        return self._look().dtypes

    def check_groups(self) -> None:
        """Every parameter group holds a weight that is trained.

        Raises:
            InvalidInput: names the module that comes nearest.
        """
        if self.grouping.named:
            look = self._look()
            self.grouping.check(look.trained, look.frozen, where="recipe")

    def _plain(self) -> Blueprint:
        return self._replace(device=torch.device("cpu"), memory_format=torch.contiguous_format)

    def _look(self) -> _Look:
        key = (self.builder, self.inputs, self.outputs, repr(sorted(self.settings.items())))
        if key not in _LOOKS:
            if len(_LOOKS) >= LOOKS_KEPT:
                _LOOKS.clear()
            model = self._plain().build(seed=0)
            numbers = {n: v for n, v in constants.constants_of(model).items() if not constants.is_rate(n)}
            usual = self._usual() if numbers and self.settings else numbers
            free = [name for name, value in numbers.items() if usual.get(name) != value]
            description, complete = structure_of(model)
            tree = digest({"model": description, "free": free, "settings": {} if complete else self.settings})
            dtypes = sorted({str(param.dtype).removeprefix("torch.") for param in model.parameters()})
            frozen = tuple(name for name, param in model.named_parameters() if not param.requires_grad)
            trained = tuple(name for name, param in model.named_parameters() if param.requires_grad)
            _LOOKS[key] = _Look(tree, tuple(free), ", ".join(dtypes), numbers, trained, frozen)
        return _LOOKS[key]

    def _usual(self) -> dict[str, float]:
        """The numbers of the layers by the builder's own defaults; none where it needs settings."""
        try:
            return self._replace(settings={})._look().numbers
        except Exception:  # it lacks a setting that has no default, or fails in its own code
            return {}

    def of(self, recipe: Recipe) -> Blueprint:
        """The plan of another trial of the same population.

        Raises:
            InvalidInput: its model is of another structure, or it has other parameter groups.
        """
        self.grouping.must_be_of(recipe, "torch engine")
        if recipe.model == self.settings:
            return self
        other = self._replace(settings=dict(recipe.model))
        if other.tree() != self.tree():
            raise InvalidInput(
                f"recipe.model={recipe.model}",
                must=f"a model of the structure that {self.settings} gives, for which the population was opened",
                where="torch engine",
                remedy="Open a population for each GroupKey",
            )
        return other

    def _check(self, model: Any) -> None:
        name = called(self.builder)
        if not isinstance(model, nn.Module):
            raise InvalidInput(
                f"{name} returned {type(model).__name__}",
                must="it returns a torch.nn.Module",
                where="torch engine",
                remedy="Return the model itself",
            )
        for path, param in model.named_parameters():
            if nn.parameter.is_lazy(param):
                raise Unsupported(
                    f"{name}: the shape of {path} is not known before the first batch",
                    where="torch engine",
                    remedy="Give the sizes: a builder that asks for `inputs` and `outputs` is handed them",
                )
        if not any(param.requires_grad for param in model.parameters()):
            raise Unsupported(
                f"{name} returned a model without trainable parameters",
                where="torch engine",
                remedy="Leave requires_grad on in at least one of them",
            )


def blueprint(builder: Builder, recipe: Recipe, sizes: tuple[int, int], device: torch.device) -> Blueprint:
    """The plan of recipe.model.

    Raises:
        InvalidInput: a parameter group that holds no weight.
    """
    plan = Blueprint(builder, dict(recipe.model), *sizes, device, grouping=Grouping.of(recipe))
    plan.check_groups()
    return plan


def weights_of(model: nn.Module) -> Tensors:
    """All parameters, a tied one once, frozen ones included."""
    return {name: param.detach() for name, param in model.named_parameters()}


def buffers_of(model: nn.Module) -> Tensors:
    """All buffers: statistics of BatchNorm with their counters, and those that state_dict leaves out."""
    return dict(model.named_buffers())


def to_arrays(room: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    """{"room/name": copy}."""
    return {f"{room}/{name}": np.array(tensor.detach().cpu().numpy(), order="C") for name, tensor in tensors.items()}


def load_(room: str, tensors: Mapping[str, torch.Tensor], snapshot: Mapping[str, Array]) -> None:
    """Copy "room/name" of a snapshot into the tensors of that name.

    Raises:
        InvalidInput: a name is missing or too many, or a shape differs; nothing has been copied then.
    """
    check_room(room, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, snapshot)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.tensor(snapshot[f"{room}/{name}"]))


def check_room(room: str, shapes: Mapping[str, tuple[int, ...]], snapshot: Mapping[str, Array]) -> None:
    """A snapshot holds arrays of these shapes under "room/", and no others.

    Raises:
        InvalidInput: it does not.
    """
    given = {key.removeprefix(room + "/"): np.shape(v) for key, v in snapshot.items() if key.startswith(room + "/")}
    for name in shapes.keys() | given.keys():
        have, must = given.get(name), shapes.get(name)
        if have != must:
            raise InvalidInput(
                f"{room}/{name} has the shape {have}",
                must=f"its shape is {must}",
                where="snapshot",
                remedy="Stack only trials whose GroupKey equals that of the population",
            )


def as_rows(output: Any) -> torch.Tensor:
    """[B] or [B, C] -> [B, C].

    Raises:
        Unsupported: another shape, or not one tensor.
    """
    if not isinstance(output, torch.Tensor) or output.ndim not in {1, 2}:
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise Unsupported(
            f"the model returned {shape}",
            must="it returns [B] or [B, C]",
            where="torch engine",
            remedy="Let the model end in one row of outputs for each example",
        )
    return output if output.ndim == 2 else output[:, None]


Criterion = Callable[..., torch.Tensor]
"""(outputs [B, C], targets, smoothing, reduction "mean" or "none") -> [] or [B]."""


def _cross_entropy(z: torch.Tensor, y: torch.Tensor, smoothing: float, reduction: str) -> torch.Tensor:
    return functional.cross_entropy(z, y, label_smoothing=smoothing, reduction=reduction)


def _bce_with_logits(z: torch.Tensor, y: torch.Tensor, smoothing: float, reduction: str) -> torch.Tensor:
    y = y.reshape(z.shape).to(z.dtype) * (1.0 - smoothing) + smoothing / 2.0
    loss = functional.binary_cross_entropy_with_logits(z, y, reduction=reduction)
    return loss if reduction == "mean" else loss.mean(1)


def _mse(z: torch.Tensor, y: torch.Tensor, smoothing: float, reduction: str) -> torch.Tensor:  # noqa: ARG001 - one signature
    loss = functional.mse_loss(z, y.reshape(z.shape).to(z.dtype), reduction=reduction)
    return loss if reduction == "mean" else loss.mean(1)


CRITERIA: dict[str, Criterion] = {
    "cross_entropy": _cross_entropy,
    "bce_with_logits": _bce_with_logits,
    "mse": _mse,
}
"""`luthier.algorithms.losses` in torch's own words, where torch has them."""


def criterion_of(loss: Loss) -> Criterion:
    """How torch computes a loss."""
    if loss.name in CRITERIA:
        return CRITERIA[loss.name]

    def criterion(z: torch.Tensor, y: torch.Tensor, smoothing: float, reduction: str) -> torch.Tensor:
        per_row: torch.Tensor = LOSSES[loss.name](torch, z, y, smoothing, **loss.settings)
        return per_row.mean() if reduction == "mean" else per_row

    return criterion
