"""Mistakes that only a program of many trials can make are noticed by the conformance suite, or by the comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from luthier.engines.spec import Builder, Engine, Plan
from luthier.engines.torch import fused
from luthier.engines.torch.flat import Shelf
from luthier.engines.torch.randomness import Draws
from luthier.engines.torch.updates import Updater
from luthier.errors import Unsupported
from luthier.recipe import Recipe

from . import test_fused
from .test_torch import TestCNNVmap as CNNSuite
from .test_torch import TestMLPVmap as MLPSuite
from .torch_bench import ENGINE

Break = Callable[[pytest.MonkeyPatch], None]


def one_mask_for_all_slots(patch: pytest.MonkeyPatch) -> None:
    """What randomness="same" of torch.vmap does: a trial's masks are those of its neighbour."""
    sound = Draws.mask

    def mask(self: Draws, layer: int, shape: Any, rates: Any, *, like: torch.Tensor) -> torch.Tensor:
        return sound(self, layer, shape, rates, like=like)[:1].expand(len(rates), *shape)

    patch.setattr(Draws, "mask", mask)


def masks_of_one_draw(patch: pytest.MonkeyPatch) -> None:
    """What randomness="different" does: one draw for all slots, so that masks change with P and slot."""

    def mask(self: Draws, layer: int, shape: Any, rates: Any, *, like: torch.Tensor) -> torch.Tensor:
        clock = self.clocks[0]
        generator = torch.Generator().manual_seed(clock.seed + 1000 * clock.step + layer)
        kept = 1 - torch.tensor(rates).view(-1, *([1] * len(shape)))
        return (torch.rand(len(rates), *shape, generator=generator) < kept).float() / kept

    patch.setattr(Draws, "mask", mask)


def buffers_of_frozen_slots_move(patch: pytest.MonkeyPatch) -> None:
    """Weights are written back slot by slot, statistics whole."""
    sound = fused.Rows.write

    def write(self: Any, slots: Any, trained: Any, places: Any) -> None:
        sound(self, slots, trained, places)
        if trained.num_slots == self.num_slots:
            self.buffers = trained.buffers

    patch.setattr(fused.Rows, "write", write)
    patch.setattr(fused.FusedPopulation, "_chosen", lambda self, active: list(range(self.P)))


def one_step_counter(patch: pytest.MonkeyPatch) -> None:
    """The bias correction of Adam goes by the first slot's step."""
    sound = Updater.step_

    def step(self: Updater, s: int, grads: torch.Tensor) -> None:
        rows = self.rows_of_the_test
        own, rows.steps = rows.steps, [rows.steps[0]] * len(rows.steps)
        sound(self, s, grads)
        rows.steps = own

    with_rows(patch)
    patch.setattr(Updater, "step_", step)


def with_rows(
    patch: pytest.MonkeyPatch,
    change: Callable[[Any], Any] = lambda named: {n: v for n, v in named.items() if n != "rows"},
) -> None:
    """Let an updater remember its rows, and begin with other arguments."""
    sound = Updater.__init__

    def init(self: Any, rows: Any, *rest: Any, **named: Any) -> None:
        self.rows_of_the_test = rows
        sound(self, rows, *rest, **change(named | {"rows": rows}))

    patch.setattr(Updater, "__init__", init)


def one_learning_rate(patch: pytest.MonkeyPatch) -> None:
    """All slots train with the numbers of the first, as torch's optimizers on stacked weights would."""
    with_numbers(patch, lambda plan: {n: np.broadcast_to(v[:, :1], v.shape) for n, v in plan.hparams.items()})


def with_numbers(patch: pytest.MonkeyPatch, change: Callable[[Plan], Any]) -> None:
    sound = fused.FusedPopulation.advance
    patch.setattr(
        fused.FusedPopulation,
        "advance",
        lambda self, state, data, plan: sound(self, state, data, plan._replace(hparams=change(plan))),
    )


def norm_over_all_slots(patch: pytest.MonkeyPatch) -> None:
    """clip_grad_norm_ on stacked gradients: one wild neighbour stops all others."""
    sound = torch.linalg.vector_norm
    patch.setattr(
        torch.linalg,
        "vector_norm",
        lambda x, *rest, **named: sound(x).expand(len(x)) if named.get("dim") == 1 else sound(x, *rest, **named),
    )


def rule_of_the_first_slot(patch: pytest.MonkeyPatch) -> None:
    """The update rule of slot 0 for all."""

    def change(named: dict[str, Any]) -> dict[str, Any]:
        rows, kinds = named.pop("rows"), named["kinds"]
        mixed = {"m", "v", "momentum"} <= rows.kept.keys()
        return named | {"kinds": [kinds[0]] * len(kinds) if mixed else kinds}

    with_rows(patch, change)


def statistics_of_the_last_reader(patch: pytest.MonkeyPatch) -> None:
    """Evaluation sees the weights of its slot and the BatchNorm statistics of another."""
    patch.setattr(fused.FusedPopulation, "_read", _stale)


def _stale(self: Any, state: Any, slot: int) -> Any:
    reader = fused.Slot(self._plan, self.take(state, 0), self._loss)
    weights = self._shelf.layout.views(state.weights[slot])
    reader.look_at(weights, dict(reader._model.named_buffers()), state.constants[slot])
    return reader


def snapshot_is_a_view(patch: pytest.MonkeyPatch) -> None:
    """A snapshot that trains on with its slot."""
    patch.setattr(Shelf, "_arrays", lambda self, row: {n: t.numpy() for n, t in self.layout.views(row).items()})


def put_keeps_the_old_moments(patch: pytest.MonkeyPatch) -> None:
    """A refilled slot trains on with the optimizer state of the trial before it."""
    sound = Shelf.put

    def put(self: Shelf, rows: Any, slot: int, snapshot: Any) -> None:
        kept = {name: tensor[slot].clone() for name, tensor in rows.kept.items()}
        sound(self, rows, slot, snapshot)
        for name, row in kept.items():
            rows.kept[name][slot] = row

    patch.setattr(Shelf, "put", put)


SUITE: dict[Break, tuple[type[MLPSuite], str]] = {
    one_mask_for_all_slots: (MLPSuite, "test_neighbours_do_not_matter"),
    masks_of_one_draw: (MLPSuite, "test_place_in_the_population_does_not_matter"),
    buffers_of_frozen_slots_move: (CNNSuite, "test_frozen_slot_stays"),
    one_learning_rate: (MLPSuite, "test_neighbours_do_not_matter"),
    rule_of_the_first_slot: (MLPSuite, "test_two_rules_train_side_by_side"),
    statistics_of_the_last_reader: (CNNSuite, "test_evaluation_does_not_depend_on_the_width"),
    snapshot_is_a_view: (MLPSuite, "test_snapshot_is_a_copy"),
    put_keeps_the_old_moments: (MLPSuite, "test_put_replaces_one_slot_and_no_other"),
}


class Bold(MLPSuite):
    """Dropout and BatchNorm are on in all of its trials."""

    __test__ = False

    def recipe(self, **changes: Any) -> Recipe:
        return super().recipe(**({"model": {"dropout": 0.5}} | changes))

    def builder(self) -> Builder:
        return test_fused.models.mlp

    def engine(self) -> Engine:
        return ENGINE


@pytest.mark.parametrize("breaking", SUITE, ids=lambda breaking: breaking.__name__)
def test_suite_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """The named test of the conformance suite fails on the twin, or the population itself refuses."""
    suite, test = SUITE[breaking]
    made = Bold() if suite is MLPSuite else suite()
    breaking(monkeypatch)
    with pytest.raises((AssertionError, Unsupported)):
        getattr(made, test)()


@pytest.mark.parametrize("breaking", [one_step_counter, norm_over_all_slots])
def test_comparison_with_the_loop_notices(breaking: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs trials at different steps, or one that is clipped."""
    build, model = test_fused.CASES["mlp"]
    trials = test_fused.trials_of(**model)[::-1]
    bench = test_fused.population(build, "vmap", 4, of=trials[0].recipe)
    only = [0] if breaking is one_step_counter else None
    breaking(monkeypatch)
    curve, state = test_fused.curves(bench, trials, 50, only)
    curve = test_fused.curves_from(bench, state, trials) if only else curve
    monkeypatch.undo()
    loop = test_fused.population(build, "loop", 4, of=trials[0].recipe)
    known, state = test_fused.curves(loop, trials, 50, only)
    known = test_fused.curves_from(loop, state, trials) if only else known
    assert np.abs(curve / known - 1).max() > 1e-3


def test_a_wrapper_without_a_flaw_passes() -> None:
    """It is the flaw that is noticed."""
    for suite, test in SUITE.values():
        getattr(Bold() if suite is MLPSuite else suite(), test)()
