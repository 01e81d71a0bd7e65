"""Optuna's samplers (5.x, MIT) behind the contract of this room: TPE, Gaussian process, NSGA-II.

Only its public ask/tell, add_trials, distributions and samplers are used, not its loop, storage or pruners. The
study is made from the history: anew where an earlier trial changed, and by adding to it where trials came on.

TPE ranks trials by (rung, value), which is what it does with pruned trials: every trial counts. The other two
model the value itself, so they learn from one rung only, the highest with a few results.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from luthier.errors import InvalidInput, MissingExtra
from luthier.records import History
from luthier.search.draw import Fresh, generator
from luthier.search.spec import Suggestion
from luthier.search.table import Table
from luthier.space import Choice, Config, Domain, Int, Space

FEW = 10
"""Results that a rung must have before values are taken from it: Optuna's own number of startup trials."""
POPULATION = 20
"""Of NSGA-II; Optuna's 50 is more than most searches have trials."""
GENERATION = "NSGAIISampler:generation"
"""Where Optuna's NSGA-II keeps the generation of a trial: the one attribute that has to be set for it."""


class OptunaSampler:
    """One of Optuna's samplers.

    Args:
        name: tpe, gp or nsga2.

    Raises:
        MissingExtra: gp without torch.
    """

    def __init__(self, name: str) -> None:
        if name not in ("tpe", "gp", "nsga2"):
            raise InvalidInput(f"name={name!r}", must="name is tpe, gp or nsga2", where="Optuna sampler")
        if name == "gp" and find_spec("torch") is None:
            raise MissingExtra("sampler 'gp' needs PyTorch", remedy="Run: pip install 'luthier[torch]'")
        self.name = name
        self._table = Table()
        self._study: Any = None
        self._basis: tuple[Space, int] | None = None
        self._added: list[Any] = []

    def suggest(self, space: Space, history: History, key: int, n: int) -> list[Suggestion]:
        """`n` proposals; those before the last count as running for the next."""
        import optuna

        changed = self._table.update(space, history)
        distributions = {name: distribution(domain) for name, domain in space.domains.items()}
        with quiet(), one_thread() if self.name == "gp" else ExitStack():
            self._rebuild(space, distributions, changed)
            self._study.sampler = self._make(space, key % 2**32)
            fresh = Fresh(space, self._table, generator(key))
            asked: list[Any] = []

            def propose() -> Config:
                asked.append(self._study.ask())
                return _define_by_run(space, distributions, asked[-1])

            out = [Suggestion(fresh.draw(propose), self.name) for _ in range(n)]
            for trial in asked:  # the history brings them back
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return out

    def _make(self, space: Space, seed: int) -> Any:
        from optuna import samplers

        if self.name == "tpe":
            conditional = any(domain.when for domain in space.domains.values())
            return samplers.TPESampler(seed=seed, group=conditional)
        if self.name == "gp":
            return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        return samplers.NSGAIISampler(seed=seed, population_size=POPULATION)

    def _rebuild(self, space: Space, distributions: dict[str, Any], changed: list[int]) -> None:
        """Make the study hold what the table holds."""
        import optuna

        level = -1 if self.name == "tpe" else self._table.level(FEW)
        # NSGA-II keeps its parents in the study, and in another order than it first had them (Optuna 5.0)
        num_added = len(self._added)
        grown = len(self._table.trials) >= num_added and min(changed, default=num_added) >= num_added
        if self.name == "nsga2" or not grown or self._basis != (space, level):
            self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
            self._added, self._basis = [], (space, level)
        num_complete = sum(trial.state == optuna.trial.TrialState.COMPLETE for trial in self._added)
        for row in range(len(self._added), len(self._table.trials)):
            trial = self._frozen(row, space, distributions, level, num_complete // POPULATION)
            num_complete += trial.state == optuna.trial.TrialState.COMPLETE
            self._added.append(trial)
            self._study.add_trial(trial)

    def _frozen(self, row: int, space: Space, distributions: dict[str, Any], level: int, generation: int) -> Any:
        """A trial of the table as Optuna's record of it."""
        import optuna

        config, utility_K = self._table.configs[row], self._table.utility_NK[row]
        state, value, reached = optuna.trial.TrialState.RUNNING, None, {}
        if self._table.status_N[row] == "failed" or not space.contains(config):
            return optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
        if self._table.status_N[row] == "diverged" and level < 0:
            state = optuna.trial.TrialState.PRUNED  # without any value: the worst there is
        elif not np.isnan(utility_K[level]):  # level -1: the end
            state, value = optuna.trial.TrialState.COMPLETE, float(utility_K[level])
        elif level < 0 and np.isfinite(utility_K).any():
            state = optuna.trial.TrialState.PRUNED
            reached = {k: float(u) for k, u in enumerate(utility_K, 1) if np.isfinite(u)}
        return optuna.trial.create_trial(
            state=state,
            value=value,
            params=config,
            distributions={name: distributions[name] for name in config},
            intermediate_values=reached,
            system_attrs={GENERATION: generation},
        )


def distribution(domain: Domain) -> Any:
    """The domain as Optuna has it."""
    from optuna import distributions

    if isinstance(domain, Choice):
        return distributions.CategoricalDistribution(domain.options)
    if isinstance(domain, Int):
        return distributions.IntDistribution(domain.low, domain.high, log=domain.log)
    return distributions.FloatDistribution(domain.low, domain.high, log=domain.log)


def _define_by_run(space: Space, distributions: dict[str, Any], trial: Any) -> Config:
    """Ask for the active settings only, parents before the settings that hang on them."""
    config: Config = {}
    left = list(space)
    while left:
        ready = [name for name in left if not set(space.domains[name].when) & set(left)]
        for name in ready:
            if space.active(name, config):
                config[name] = _suggest(trial, name, distributions[name])
        left = [name for name in left if name not in ready]
    return {name: config[name] for name in space if name in config}


def _suggest(trial: Any, name: str, distribution: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    ask = trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    return ask(name, distribution.low, distribution.high, log=distribution.log)


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its log lines and without warnings that a feature is experimental; set back afterwards."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: with more, the small matrices of a Gaussian process wait for each other (8 to 11 s
    instead of 1 s a proposal on two busy cores)."""
    torch = import_module("torch")  # by name: this room depends on no framework, Optuna's GP does
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
