"""The mode "grouped": a model's forward pass in batched kernels, all slots at once.

`trace` finds the operations of a model and compiles them with the rules of `layers`, `norms`, `attention`,
`recurrent`, `functions`, `shapes` and `kernels`; importing those registers them.
"""

from luthier.engines.torch.grouped import attention, functions, kernels, layers, norms, recurrent, shapes
from luthier.engines.torch.grouped.program import Program, trace

__all__ = ["Program", "attention", "functions", "kernels", "layers", "norms", "recurrent", "shapes", "trace"]
