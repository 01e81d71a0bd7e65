"""From a builder and a recipe to a torch model, and between a model and flat named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from luthier.engines.building import called, keywords
from luthier.engines.spec import Array, Builder
from luthier.engines.torch.randomness import own_draws
from luthier.errors import InvalidInput, Unsupported
from luthier.records import Recipe

Tensors = dict[str, torch.Tensor]


class Blueprint(NamedTuple):
    """What every model of a population is built from."""

    builder: Builder
    settings: dict[str, Any]
    inputs: int
    outputs: int
    device: torch.device

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
        trained: nn.Module = model.to(self.device).train()
        return trained

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
    """The plan of recipe.model."""
    return Blueprint(builder, dict(recipe.model), *sizes, device)


def weights_of(model: nn.Module) -> Tensors:
    """All parameters, a tied one once, frozen ones included."""
    return {name: param.detach() for name, param in model.named_parameters()}


def buffers_of(model: nn.Module) -> Tensors:
    """All buffers: statistics of BatchNorm with their counters, and those that state_dict leaves out."""
    return dict(model.named_buffers())


def to_arrays(room: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    """{"room/name": copy}."""
    return {f"{room}/{name}": np.array(tensor.detach().cpu().numpy()) for name, tensor in tensors.items()}


def load_(room: str, tensors: Mapping[str, torch.Tensor], snapshot: Mapping[str, Array]) -> None:
    """Copy "room/name" of a snapshot into the tensors of that name.

    Raises:
        InvalidInput: a name is missing or too many, or a shape differs; nothing has been copied then.
    """
    given = {key.removeprefix(room + "/"): value for key, value in snapshot.items() if key.startswith(room + "/")}
    for name in tensors.keys() | given.keys():
        have = np.shape(given[name]) if name in given else None
        must = tuple(tensors[name].shape) if name in tensors else None
        if have != must:
            raise InvalidInput(
                f"{room}/{name} has the shape {have}",
                must=f"its shape is {must}",
                where="snapshot",
                remedy="Stack only trials whose GroupKey equals that of the population",
            )
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.tensor(given[name]))


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
"""`luthier.algorithms.losses` in torch's own words."""
