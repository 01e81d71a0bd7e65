"""What every sampler and scheduler must keep: test classes to subclass, one method a promise.

    class TestMine(SamplerConformance):
        def make(self):
            return MySampler()

pytest collects the methods without a plugin. The same for `SchedulerConformance`.
"""

from luthier.search.conformance.histories import LOSS, RUNGS, SPACES, make_history, make_trial
from luthier.search.conformance.samplers import SamplerConformance
from luthier.search.conformance.schedulers import SchedulerConformance, Simulation

__all__ = [
    "LOSS",
    "RUNGS",
    "SPACES",
    "SamplerConformance",
    "SchedulerConformance",
    "Simulation",
    "make_history",
    "make_trial",
]
