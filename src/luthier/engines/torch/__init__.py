"""PyTorch models: the reference engine, one model after another."""

from luthier.engines.torch.engine import TorchEngine

__all__ = ["TorchEngine"]
