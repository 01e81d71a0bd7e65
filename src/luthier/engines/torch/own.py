"""A loss of a person's own, on a batch that is any tree of tensors; and how a model is called with its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from luthier.data.loaders import parted
from luthier.data.trees import Leaf, Tree, of_leaf
from luthier.engines.spec import MEASURED_ROWS, Loss
from luthier.errors import InvalidInput

TYPES = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}
Named = dict[str, torch.Tensor]


def unpacked(rows_BD: torch.Tensor, tree: Tree) -> Any:
    """Packed rows of a batch as the tree that they were."""

    def leaf(one: Leaf) -> torch.Tensor:
        numbers: torch.Tensor = of_leaf(rows_BD, one)
        return numbers.to(TYPES[one.dtype])

    return tree.unpack(leaf)


def streamed(batch: Any, labelled: bool, *, whole: bool, device: torch.device) -> tuple[Any, torch.Tensor]:
    """A batch of a loader as tensors on the device: (inputs, targets). Without labels, all of it are inputs.

    Real numbers become float32 and whole ones int64; one array of inputs becomes float32 unless it is `whole`.
    """

    def tensor(value: Any) -> torch.Tensor:
        found = torch.as_tensor(value, device=device)
        if found.dtype == torch.bool:
            return found
        return found.float() if found.is_floating_point() else found.long()

    def hang(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: hang(below) for key, below in value.items()}
        return tuple(map(hang, value)) if isinstance(value, tuple | list) else tensor(value)

    inputs, targets = parted(batch)
    if not labelled:
        tree = hang(inputs if targets is None else (inputs, targets))
        return tree, torch.zeros(num_rows(tree), device=device)
    inputs = hang(inputs)
    plain = isinstance(inputs, torch.Tensor) and not whole
    return (inputs.float() if plain else inputs), tensor(targets)


def num_rows(tree: Any) -> int:
    """Rows of a tree of tensors: the length of its first one."""
    while isinstance(tree, Mapping | tuple):
        tree = next(iter(tree.values())) if isinstance(tree, Mapping) else tree[0]
    return len(tree)


def outputs_of(model: nn.Module, inputs: Any) -> Any:
    """The model called with its inputs: a dict as keywords, a tuple as arguments."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, tuple):
        return model(*inputs)
    return model(inputs)


def training_loss(loss: Loss, model: nn.Module, batch: Any) -> torch.Tensor:
    """What is minimised on a batch: a scalar that a gradient can be taken of.

    Raises:
        InvalidInput: the function returned something else.
    """
    assert loss.function is not None
    found = loss.function(model, batch)
    if isinstance(found, Mapping):
        if "loss" not in found:
            raise InvalidInput(
                f"the loss function returned a dict of {', '.join(map(str, found)) or 'nothing'}",
                must='its "loss" is what is minimised',
                where="loss",
                remedy='Return {"loss": ..., "other": ...}, or the one number',
            )
        found = found["loss"]
    if not isinstance(found, torch.Tensor):
        raise InvalidInput(
            f"the loss function returned {type(found).__name__}",
            must="a tensor with one number",
            where="loss",
            remedy="Return the loss itself, without .item()",
        )
    if found.numel() != 1:
        raise InvalidInput(
            f"the loss function returned a tensor of shape {tuple(found.shape)}",
            must="one number for the batch",
            where="loss",
            remedy="Take the mean over the rows: return loss.mean()",
        )
    if torch.is_grad_enabled() and not found.requires_grad:
        raise InvalidInput(
            "the loss does not depend on the weights",
            must="a gradient reaches the model through it",
            where="loss",
            remedy="Look for detach(), no_grad(), argmax or numpy on the way from the model to the loss",
        )
    return found.reshape(())


def measured(loss: Loss, model: nn.Module, batches: Iterator[tuple[Any, int]]) -> Named:
    """{name: float32 [n]} of the rows of all batches; each comes with its number of rows.

    A scalar stands at every row of its batch; "loss" is always among the names.

    Raises:
        InvalidInput: the function returned something else, or other names in another batch.
    """
    taken: list[Named] = []
    for batch, num in batches:
        values = _values(loss.evaluate or loss.function, model, batch, num=num)
        if loss.evaluate is not None and "loss" not in values:
            values |= {"loss": _values(loss.function, model, batch, num=num)["loss"]}
        if taken and values.keys() != taken[0].keys():
            raise InvalidInput(
                f"evaluate returned {', '.join(values)}",
                must=f"the names of the first batch: {', '.join(taken[0])}",
                where="evaluate",
            )
        taken.append(values)
    return {name: torch.cat([values[name] for values in taken]) for name in taken[0]}


def _values(function: Callable[..., Any] | None, model: nn.Module, batch: Any, *, num: int) -> Named:
    assert function is not None
    found = function(model, batch)
    named = found if isinstance(found, Mapping) else {"loss": found}
    out: Named = {}
    for name, value in named.items():
        tensor = torch.as_tensor(value).detach().to(torch.float32)
        if tensor.numel() == 1:
            out[str(name)] = tensor.reshape(1).expand(num)
        elif tensor.shape == (num,):
            out[str(name)] = tensor
        else:
            raise InvalidInput(
                f"{name!r} has the shape {tuple(tensor.shape)} for a batch of {num} rows",
                must="one number, or one a row",
                where="evaluate",
                remedy="Take the mean over the other axes",
            )
    return out


def blocks(num_rows: int) -> list[slice]:
    """Rows that are measured at once."""
    return [slice(at, min(at + MEASURED_ROWS, num_rows)) for at in range(0, num_rows, MEASURED_ROWS)]
