"""How the weights of a torch model begin where the recipe says so."""

from __future__ import annotations

import torch
from torch import nn

from luthier.algorithms.initialisers import begun
from luthier.engines.serial.parts import TABLES
from luthier.engines.torch.following import factors
from luthier.engines.torch.model import weights_of
from luthier.recipe import Recipe


def begin_(model: nn.Module, other: nn.Module, recipe: Recipe, seed: int, *, outputs: int = 0) -> None:
    """Set them by `recipe.init` and `recipe.zero_init`; embeddings and what is not drawn at random stay.

    Args:
        other: the model built with another seed. outputs: the axis of a weight that counts its outputs.
    """
    weights, others = (
        {name: weight.cpu().numpy() for name, weight in weights_of(built).items()} for built in (model, other)
    )
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    tables |= {id(p) for name, p in model.named_parameters() if name.rpartition(".")[2] in TABLES}
    params = dict(model.named_parameters())
    found = begun(
        weights,
        others,
        init=recipe.init,
        factor=factors(model, recipe.init) if isinstance(recipe.init_gain, str) else recipe.init_gain,
        zero=recipe.zero_init,
        seed=seed,
        outputs=outputs,
        spared=frozenset(name for name, param in params.items() if id(param) in tables or not param.requires_grad),
    )
    with torch.no_grad():
        for name, array in found.items():
            params[name].copy_(torch.from_numpy(array))
