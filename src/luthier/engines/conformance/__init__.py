"""The promises of `luthier.engines.spec` as tests: subclass `EngineConformance` and supply an engine.

    class TestMine(EngineConformance):
        def engine(self): return ENGINE                     # MyEngine(inputs=64, outputs=10)
        def builder(self): return mlp                       # a function of this module
        def dropout_builder(self): return two_dropouts

pytest finds the tests by their names; each takes well under two seconds on one core.
"""

from luthier.engines.conformance.bench import Supplied
from luthier.engines.conformance.evaluation import EvaluationPromises
from luthier.engines.conformance.groups import GroupPromises
from luthier.engines.conformance.numbers import NumberPromises
from luthier.engines.conformance.randomness import RandomnessPromises
from luthier.engines.conformance.rules import RulePromises
from luthier.engines.conformance.shape import ShapePromises
from luthier.engines.conformance.slots import SlotPromises
from luthier.engines.conformance.snapshots import SnapshotPromises
from luthier.engines.conformance.wrappers import WrapperPromises

__all__ = ["EngineConformance"]


class EngineConformance(
    ShapePromises,
    SnapshotPromises,
    SlotPromises,
    NumberPromises,
    GroupPromises,
    RulePromises,
    WrapperPromises,
    RandomnessPromises,
    EvaluationPromises,
    Supplied,
):
    """All promises of an engine and its populations, in all its modes."""
