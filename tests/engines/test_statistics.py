"""Batch normalisation over many rows and places, where torch's channels-last kernel is too coarse."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from luthier.engines.torch.statistics import MANY, batch_norm, is_coarse, refine_


def images(num_rows: int, side: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    x = (torch.randn(num_rows, 16, side, side, generator=draw) + 1).relu()
    return x.contiguous(memory_format=torch.channels_last)


def everything(layer: nn.BatchNorm2d, x: torch.Tensor, grad: torch.Tensor) -> list[torch.Tensor]:
    """Output, gradients of input, scale and shift, running statistics."""
    x = x.detach().requires_grad_()
    y = layer(x)
    grads = torch.autograd.grad(y, (x, layer.weight, layer.bias), grad)
    return [y.detach(), *grads, *(b.double() for b in layer.buffers())]


@pytest.mark.parametrize("affine", [True, False])
def test_it_is_right_to_float32_where_torchs_kernel_is_not(affine: bool) -> None:
    """Against float64, on 50,176 rows and places: 1e-6 of the largest number."""
    x = images(64, 28)
    grad = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)) * 0.01
    scale, shift = (torch.rand(16) + 0.5, torch.randn(16)) if affine else (None, None)
    mean, var = torch.zeros(16), torch.ones(16)
    leaf = x.clone().requires_grad_()
    y = batch_norm(leaf, (mean, var), scale, shift, momentum=0.3, eps=1e-5)
    (of_x,) = torch.autograd.grad(y, leaf, grad)
    true_mean, true_var, true_leaf = torch.zeros(16).double(), torch.ones(16).double(), x.double().requires_grad_()
    wide = [None if t is None else t.double() for t in (scale, shift)]
    true_y = nn.functional.batch_norm(true_leaf, true_mean, true_var, wide[0], wide[1], True, 0.3, 1e-5)
    (true_of_x,) = torch.autograd.grad(true_y, true_leaf, grad.double())
    for found, true in ((y, true_y), (of_x, true_of_x), (mean, true_mean), (var, true_var)):
        assert float((found.detach().double() - true.detach()).abs().max() / true.detach().abs().max()) < 1e-6


def test_a_refined_layer_is_the_layer() -> None:
    """Outputs, gradients, running statistics and their counter in training; torch's own in evaluation, and on few."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.BatchNorm2d(16, momentum=0.2))
    refined = copy.deepcopy(plain)
    refine_(refined)
    for x in (images(64, 28), images(8, 8)):
        grad = torch.randn(x.shape)
        both = [everything(model[0], x, grad) for model in (plain, refined)]
        for one, other in zip(*both, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-3)
    assert torch.equal(refined.eval()(x), refined[0].eval().__class__.forward(refined[0], x))


def test_only_channels_last_images_of_many_rows_are_coarse() -> None:
    """Elsewhere torch's kernel stays."""
    assert is_coarse(images(64, 28))
    assert not is_coarse(images(64, 28).contiguous())
    assert MANY > 64 * 8 * 8
    assert not is_coarse(images(64, 8))
