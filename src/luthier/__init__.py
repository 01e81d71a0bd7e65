"""luthier: makes deep-learning models better, faster and smaller, and proves every gain.

Public names are listed here, once, and loaded when they are used: `import luthier` imports no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.algorithms.converting import convert
    from luthier.data import Data, DataSpec
    from luthier.errors import LuthierError
    from luthier.programs.frameworks import hf
    from luthier.recipe import Recipe
    from luthier.space import Choice, Float, Int, Space
    from luthier.training.metrics import OwnMetric
    from luthier.training.task import Task
    from luthier.verbs.keras_check import keras_check
    from luthier.verbs.lightning_check import lightning_check
    from luthier.verbs.load import Model, load
    from luthier.verbs.lr_range import lr_range
    from luthier.verbs.report import report
    from luthier.verbs.result import Run
    from luthier.verbs.tune import tune
    from luthier.verbs.watch import watch

_HOMES = {
    "Choice": "luthier.space",
    "Data": "luthier.data",
    "DataSpec": "luthier.data",
    "Float": "luthier.space",
    "Int": "luthier.space",
    "LuthierError": "luthier.errors",
    "Model": "luthier.verbs.load",
    "OwnMetric": "luthier.training.metrics",
    "Recipe": "luthier.records",
    "Run": "luthier.verbs.result",
    "Space": "luthier.space",
    "Task": "luthier.training.task",
    "hf": "luthier.programs.frameworks.hf",
    "convert": "luthier.algorithms.converting",
    "keras_check": "luthier.verbs.keras_check",
    "lightning_check": "luthier.verbs.lightning_check",
    "load": "luthier.verbs.load",
    "lr_range": "luthier.verbs.lr_range",
    "report": "luthier.verbs.report",
    "tune": "luthier.verbs.tune",
    "watch": "luthier.verbs.watch",
}

__all__ = [
    "Choice", "Data", "DataSpec", "Float", "Int", "LuthierError", "Model", "OwnMetric", "Recipe", "Run", "Space",
    "Task", "convert", "hf", "keras_check", "lightning_check", "load", "lr_range", "report", "tune", "watch",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'luthier' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return home if _HOMES[name].endswith(f".{name}") and not hasattr(home, name) else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
