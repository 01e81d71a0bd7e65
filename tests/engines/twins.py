"""Torch engines that each break one promise, so that the conformance suite can be seen to fail.

A flaw takes a sound population, or the engine, and spoils one of its functions; FLAWS names the test that
must notice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from luthier.codec import digest
from luthier.engines.spec import Builder, GroupKey, Loss, Plan, Snapshot, Source
from luthier.engines.torch import TorchEngine
from luthier.engines.torch.randomness import Clock, DropoutTwin
from luthier.groups import GROUPS
from luthier.recipe import Recipe

Flaw = Callable[[Any], None]
FLAWS: dict[Flaw, str] = {}
OF_THE_ENGINE: set[Flaw] = set()


class FlawedEngine:
    """A torch engine whose populations have a flaw."""

    name = "flawed"
    framework = "torch"

    def __init__(self, flaw: Flaw) -> None:
        self._sound, self._flaw = TorchEngine(inputs=64, outputs=10), flaw
        if flaw in OF_THE_ENGINE:
            flaw(self)

    def modes(self) -> tuple[str, ...]:
        return self._sound.modes()[:1]  # the reference: its slots lie open

    def inspect(self, builder: Builder, recipe: Recipe) -> GroupKey:
        return self._sound.inspect(builder, recipe)

    def open(self, builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> Any:
        population = self._sound.open(builder, recipe, loss, mode, P)
        if self._flaw not in OF_THE_ENGINE:
            self._flaw(population)
        return population

    def place(self, source: Source) -> Any:
        return self._sound.place(source)


def noticed_by(test: str, *, of_the_engine: bool = False) -> Callable[[Flaw], Flaw]:
    """Enter a flaw with the test that must fail on it."""

    def enter(flaw: Flaw) -> Flaw:
        FLAWS[flaw] = test
        if of_the_engine:
            OF_THE_ENGINE.add(flaw)
        return flaw

    return enter


def with_plan(population: Any, change: Callable[[Any, Plan], Plan]) -> None:
    """Let `advance` work on another plan than the one it was given; `change` also sees the state."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        return sound(state, data, change(state, plan))

    population.advance = advance


def with_hparams(population: Any, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> None:
    """Let `advance` work with other numbers; {name: [S, P, G]} -> those that differ."""
    with_plan(population, lambda _, plan: plan._replace(hparams=plan.hparams | change(plan.hparams)))


def with_snapshots(population: Any, change: Callable[[Snapshot], Snapshot]) -> None:
    """Let `take` hand out something else."""
    sound = population.take
    population.take = lambda state, slot: change(sound(state, slot))


def modules(state: Sequence[Any]) -> list[nn.Module]:
    return [module for slot in state for module in slot._model.modules()]


# --------------------------------------------------------------------------------------------------- shape


@noticed_by("test_signatures_are_the_protocols")
def predict_without_slots(population: Any) -> None:
    """An argument of the protocol is missing."""
    sound = population.predict

    def predict(state: Any, data: Any, rows: Any) -> Any:
        return sound(state, data, rows)

    population.predict = predict


@noticed_by("test_rows_that_do_not_exist_are_refused")
def rows_wrap_around(population: Any) -> None:
    """A row past the end is taken from the beginning."""
    with_plan(population, lambda _, plan: plan._replace(rows=plan.rows % 400))


@noticed_by("test_modes_are_named_and_open")
def mode_under_another_name(population: Any) -> None:
    """The journal would name a mode that cannot be opened again."""
    population.mode = population.mode._replace(name="quick")


@noticed_by("test_unknown_mode_is_refused_in_words", of_the_engine=True)
def any_mode_will_do(engine: Any) -> None:
    """An unknown mode falls back to the first."""
    sound = engine.open
    engine.open = lambda builder, recipe, loss, mode, P=1: sound(builder, recipe, loss, "loop", P)


@noticed_by("test_unknown_loss_is_refused_in_words", of_the_engine=True)
def any_loss_will_do(engine: Any) -> None:
    """An unknown loss falls back to the squared error."""
    sound, known = engine.open, ("cross_entropy", "mse", "bce_with_logits")
    engine.open = lambda builder, recipe, loss, mode, P=1: sound(
        builder, recipe, loss if loss.name in known else Loss("mse"), mode, P
    )


@noticed_by("test_unknown_setting_is_refused_in_words", of_the_engine=True)
def unknown_settings_are_dropped(engine: Any) -> None:
    """A misspelt setting has no effect, and no one is told."""
    sound = engine.inspect
    engine.inspect = lambda builder, recipe: sound(builder, msgspec.structs.replace(recipe, model={}))


@noticed_by("test_key_says_what_the_program_depends_on", of_the_engine=True)
def key_holds_the_whole_recipe(engine: Any) -> None:
    """No two trials ever share a program."""
    sound = engine.inspect
    engine.inspect = lambda builder, recipe: sound(builder, recipe)._replace(tree=digest(recipe))


@noticed_by("test_snapshot_of_another_model_is_refused")
def snapshots_are_made_to_fit(population: Any) -> None:
    """A weight of another shape is replaced in silence."""
    sound, fitting = population.stack, population.fresh(Recipe(), 0)

    def fitted(snapshot: Snapshot) -> Snapshot:
        return {n: v if v.shape == fitting[n].shape else fitting[n] for n, v in snapshot.items()}

    population.stack = lambda snapshots: sound([fitted(snapshot) for snapshot in snapshots])


@noticed_by("test_plan_of_another_rule_is_refused")
def rule_of_the_snapshot_wins(population: Any) -> None:
    """The plan's rule is ignored where the state is another's."""

    def change(state: Any, plan: Plan) -> Plan:
        return plan._replace(kinds=np.where([slot.states == {"m", "v"} for slot in state], 0, plan.kinds))

    with_plan(population, change)


@noticed_by("test_curves_have_the_shape_of_the_plan")
def zero_for_no_step(population: Any) -> None:
    """Steps that were not taken report 0."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        state, out = sound(state, data, plan)
        return state, {name: np.nan_to_num(curve) for name, curve in out.items()}

    population.advance = advance


# ----------------------------------------------------------------------------------------------- snapshots


@noticed_by("test_snapshot_holds_numpy_under_the_names_of_the_contract")
def snapshot_of_tensors(population: Any) -> None:
    """Arrays of the framework leave the engine."""
    with_snapshots(population, lambda s: {name: torch.tensor(value) for name, value in s.items()})


@noticed_by("test_snapshot_is_a_copy")
def snapshot_is_a_view(population: Any) -> None:
    """`take` shares memory with the live weights."""
    sound = population.take

    def take(state: Any, slot: int) -> Snapshot:
        live = {f"weights/{n}": p.detach().numpy() for n, p in state[slot]._model.named_parameters()}
        return sound(state, slot) | live

    population.take = take


@noticed_by("test_snapshot_is_a_copy")
def stack_writes_back(population: Any) -> None:
    """Training changes the snapshot that was stacked."""
    sound_stack, sound_advance = population.stack, population.advance
    given: list[Snapshot] = []

    def stack(snapshots: Sequence[Snapshot]) -> Any:
        given[:] = snapshots
        return sound_stack(snapshots)

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        found = sound_advance(state, data, plan)
        for snapshot, slot in zip(given, state, strict=True):
            for name, param in slot._model.named_parameters():
                snapshot[f"weights/{name}"][...] = param.detach().numpy()
        return found

    population.stack, population.advance = stack, advance


@noticed_by("test_fresh_depends_on_model_and_seed_only")
def fresh_draws_from_the_global_generator(population: Any) -> None:
    """The start depends on what was drawn before."""
    sound = population.fresh
    population.fresh = lambda recipe, seed: (
        sound(recipe, int(torch.randint(2**31, ()))) | {"seed": np.array(seed, np.int64)}
    )


@noticed_by("test_fresh_depends_on_model_and_seed_only")
def fresh_depends_on_the_learning_rate(population: Any) -> None:
    """Recipes that differ in training only start from different weights."""
    sound = population.fresh
    population.fresh = lambda recipe, seed: (
        sound(recipe, seed + int(1000 * recipe.lr)) | {"seed": np.array(seed, np.int64)}
    )


@noticed_by("test_pause_and_resume_is_exact")
def optimizer_state_is_lost(population: Any) -> None:
    """The averages of Adam start again at zero."""
    with_snapshots(
        population,
        lambda s: {n: v * np.float32(0) if n.startswith("optimizer/") else v for n, v in s.items()},
    )


@noticed_by("test_pause_and_resume_is_exact")
def step_is_lost(population: Any) -> None:
    """A resumed trial counts from 0: other masks, another bias correction."""
    with_snapshots(population, lambda s: s | {"step": np.array(0, np.int64)})


@noticed_by("test_fresh_is_the_same_in_another_population")
def fresh_depends_on_the_width(population: Any) -> None:
    """As one draw for all slots would."""
    sound = population.fresh
    population.fresh = lambda recipe, seed: sound(recipe, seed + population.P) | {"seed": np.array(seed, np.int64)}


@noticed_by("test_stack_take_is_a_round_trip")
def stack_starts_the_optimizer_anew(population: Any) -> None:
    """Only weights and buffers come back."""
    sound = population.stack
    population.stack = lambda snapshots: sound([
        {n: v * np.float32(0) if n.startswith("optimizer/") else v for n, v in s.items()} for s in snapshots
    ])  # fmt: skip


@noticed_by("test_pause_and_resume_is_exact")
def snapshot_in_half_precision(population: Any) -> None:
    """Bits are lost on the way."""
    with_snapshots(
        population,
        lambda s: {n: v.astype(np.float16).astype(v.dtype) if n[0] == "w" else v for n, v in s.items()},
    )


@noticed_by("test_taking_leaves_the_state_usable")
def take_resets_the_optimizer(population: Any) -> None:
    """A checkpoint costs the momentum."""
    sound = population.take

    def take(state: Any, slot: int) -> Snapshot:
        snapshot = sound(state, slot)
        for tensors in state[slot]._kept.values():
            for tensor in tensors.values():
                tensor.zero_()
        return snapshot

    population.take = take


@noticed_by("test_put_replaces_one_slot_and_no_other")
def put_restacks_everything(population: Any) -> None:
    """The other slots lose their step."""

    def put(state: Any, slot: int, snapshot: Snapshot) -> Any:
        all_of_them = [population.take(state, p) | {"step": np.array(0, np.int64)} for p in range(len(state))]
        return population.stack([snapshot if p == slot else s for p, s in enumerate(all_of_them)])

    population.put = put


# --------------------------------------------------------------------------------------------------- slots


@noticed_by("test_frozen_slot_stays")
def frozen_slot_creeps(population: Any) -> None:
    """A slot with steps = 0 is masked after weight decay."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        for p in np.flatnonzero(plan.steps == 0):
            with torch.no_grad():
                for param in state[p]._model.parameters():
                    param.mul_(1 - 1e-6)
        return sound(state, data, plan)

    population.advance = advance


@noticed_by("test_each_slot_takes_its_own_number_of_steps")
def all_slots_take_the_most_steps(population: Any) -> None:
    """One number of steps for all."""
    with_plan(population, lambda _, plan: plan._replace(steps=np.full_like(plan.steps, plan.steps.max())))


@noticed_by("test_place_in_the_population_does_not_matter")
def seed_by_slot(population: Any) -> None:
    """Masks depend on the slot."""

    def change(state: Any, plan: Plan) -> Plan:
        for p, slot in enumerate(state):
            slot.seed += 1000 * p
        return plan

    with_plan(population, change)


@noticed_by("test_neighbours_do_not_matter")
def divergence_spreads(population: Any) -> None:
    """One NaN in the population, and a norm over all slots carries it on."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        state, out = sound(state, data, plan)
        taken = np.arange(len(plan.rows))[:, None] < plan.steps
        if not np.isfinite(out["loss"][taken]).all():
            with torch.no_grad():
                for slot in state:
                    for param in slot._model.parameters():
                        param.fill_(torch.nan)
        return state, out

    population.advance = advance


@noticed_by("test_neighbours_do_not_matter")
def width_changes_the_result(population: Any) -> None:
    """A rounding that depends on P, as of a fused kernel, under a mode that promises otherwise."""
    if population.P > 1:
        with_hparams(population, lambda h: {"lr": h["lr"] * np.float32(1 + 1e-6)})


@noticed_by("test_two_rules_train_side_by_side")
def one_rule_for_all(population: Any) -> None:
    """Every slot is updated by the rule of the first."""

    def change(state: Any, plan: Plan) -> Plan:
        for slot in state[1:]:
            slot._kept = {name: dict(tensors) for name, tensors in state[0]._kept.items()}
            slot._kept = {name: {n: torch.zeros_like(p) for n, p in slot._params.items()} for name in state[0]._kept}
        return plan._replace(kinds=np.full_like(plan.kinds, plan.kinds[0]))

    with_plan(population, change)


@noticed_by("test_chunking_does_not_matter")
def masks_begin_again_with_each_chunk(population: Any) -> None:
    """Random numbers by the step within the chunk."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        steps = [slot.step for slot in state]
        for slot in state:
            slot._optimizer_for("adamw")  # made at the true step
            slot.step = 0
        state, out = sound(state, data, plan)
        for slot, before in zip(state, steps, strict=True):
            slot.step += before
        return state, out

    population.advance = advance


@noticed_by("test_plan_is_not_changed")
def plan_is_scratch_space(population: Any) -> None:
    """The caller's arrays are written to."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        found = sound(state, data, plan)
        plan.hparams["lr"] *= 2
        return found

    population.advance = advance


# ------------------------------------------------------------------------------------------------- numbers


@noticed_by("test_no_learning_rate_moves_no_weight")
def decay_without_the_learning_rate(population: Any) -> None:
    """Decay is not scheduled."""

    def change(state: Any, plan: Plan) -> Plan:
        with torch.no_grad():
            for p, slot in enumerate(state):
                for param in slot._params.values():
                    param.mul_(1 - 1e-3 * plan.hparams["weight_decay"][0, p, 0])
        return plan

    with_plan(population, change)


@noticed_by("test_numbers_may_do_without_the_group_axis")
def numbers_need_their_groups(population: Any) -> None:
    """A number without the group axis is taken for nothing."""
    with_hparams(population, lambda h: {"lr": h["lr"] if h["lr"].ndim == 3 else np.zeros_like(h["lr"])})


@noticed_by("test_learning_rate_is_that_of_the_step")
def rate_of_the_first_step(population: Any) -> None:
    """The schedule is read once a chunk."""
    with_hparams(population, lambda h: {"lr": np.broadcast_to(h["lr"][:1], h["lr"].shape)})


@noticed_by("test_learning_rate_is_that_of_the_slot")
def rate_of_the_first_slot(population: Any) -> None:
    """All slots train with the numbers of slot 0."""
    with_hparams(population, lambda h: {n: np.broadcast_to(v[:, :1], v.shape) for n, v in h.items()})


@noticed_by("test_groups_have_their_own_learning_rate")
def rate_of_the_first_group(population: Any) -> None:
    """Groups are ignored."""
    with_hparams(population, lambda h: {n: np.broadcast_to(v[..., :1], v.shape) for n, v in h.items()})


@noticed_by("test_decay_is_decoupled_and_in_its_group_only")
def decay_for_all(population: Any) -> None:
    """Biases decay too."""
    decay = GROUPS.index("decay")
    with_hparams(
        population,
        lambda h: {"weight_decay": np.broadcast_to(h["weight_decay"][..., [decay]], h["weight_decay"].shape)},
    )


@noticed_by("test_decay_is_decoupled_and_in_its_group_only")
def no_decay(population: Any) -> None:
    """Decay is forgotten."""
    with_hparams(population, lambda h: {"weight_decay": np.zeros_like(h["weight_decay"])})


@noticed_by("test_clipping_bounds_the_step_and_reports_the_norm_before_it")
def no_clipping(population: Any) -> None:
    """clip_norm is ignored."""
    with_hparams(population, lambda h: {"clip_norm": np.full_like(h["clip_norm"], np.inf)})


@noticed_by("test_clipping_bounds_the_step_and_reports_the_norm_before_it")
def norm_after_clipping(population: Any) -> None:
    """The reported norm never exceeds clip_norm."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        state, out = sound(state, data, plan)
        return state, out | {"grad_norm": np.minimum(out["grad_norm"], plan.hparams["clip_norm"][..., 0])}

    population.advance = advance


@noticed_by("test_grad_norm_is_that_of_the_step_taken")
def norm_of_matrices_only(population: Any) -> None:
    """Biases are left out of the norm."""
    sound = population.advance

    def advance(state: Any, data: Any, plan: Plan) -> Any:
        state, out = sound(state, data, plan)
        for p, slot in enumerate(state):
            n = plan.steps[p]
            if n:
                grads = [param.grad for param in slot._params.values() if param.ndim > 1]
                out["grad_norm"][n - 1, p] = float(torch.nn.utils.get_total_norm(grads))
        return state, out

    population.advance = advance


@noticed_by("test_loss_is_the_mean_over_the_rows_of_the_step")
def no_smoothing(population: Any) -> None:
    """label_smoothing is ignored."""
    with_hparams(population, lambda h: {"label_smoothing": np.zeros_like(h["label_smoothing"])})


@noticed_by("test_loss_is_the_mean_over_the_rows_of_the_step")
def rows_of_the_first_step(population: Any) -> None:
    """Every step of a chunk sees the same batch."""
    with_plan(population, lambda _, plan: plan._replace(rows=np.broadcast_to(plan.rows[:1], plan.rows.shape)))


# --------------------------------------------------------------------------------------------------- rules


@noticed_by("test_sgd_is_the_rulebooks")
def momentum_as_an_average(population: Any) -> None:
    """Dampening: the step is smaller by 1 - momentum."""
    with_hparams(population, lambda h: {"lr": h["lr"] * (1 - h["momentum"])})


@noticed_by("test_nesterov_is_the_rulebooks")
def no_nesterov(population: Any) -> None:
    """Plain momentum, whatever is asked."""
    with_hparams(population, lambda h: {"nesterov": np.zeros_like(h["nesterov"])})


@noticed_by("test_adamw_is_the_rulebooks")
def no_second_moment_correction(population: Any) -> None:
    """The step count of Adam starts at 1,000."""

    def change(state: Any, plan: Plan) -> Plan:
        for slot in state:
            if set(slot._kept) == {"m", "v"}:
                slot._optimizer_for("adamw")._step.fill_(1000.0)
        return plan

    with_plan(population, change)


@noticed_by("test_nadamw_is_the_rulebooks")
def nadamw_is_adamw(population: Any) -> None:
    """No look ahead."""
    with_plan(population, lambda _, plan: plan._replace(kinds=np.where(plan.kinds == 1, 0, plan.kinds)))


@noticed_by("test_rmsprop_is_the_rulebooks")
def rmsprop_without_momentum(population: Any) -> None:
    """The form that some frameworks have."""
    with_hparams(population, lambda h: {"momentum": np.zeros_like(h["momentum"])})


@noticed_by("test_learning_happens")
def uphill(population: Any) -> None:
    """The sign is wrong."""
    with_hparams(population, lambda h: {"lr": -h["lr"]})


# ---------------------------------------------------------------------------------------------- randomness


def with_dropout(population: Any, change: Callable[[DropoutTwin], None]) -> None:
    """Change the dropout layers of every slot before it trains."""

    def each(state: Any, plan: Plan) -> Plan:
        for module in modules(state):
            if isinstance(module, DropoutTwin):
                change(module)
        return plan

    with_plan(population, each)


@noticed_by("test_dropout_is_on_in_training_and_off_in_evaluation")
def no_dropout(population: Any) -> None:
    """Training without dropout."""
    with_dropout(population, lambda layer: setattr(layer, "p", 0.0))


@noticed_by("test_dropout_is_on_in_training_and_off_in_evaluation")
def dropout_in_evaluation(population: Any) -> None:
    """Evaluation in training mode."""
    sound = population.predict

    def predict(state: Any, data: Any, rows: Any, slots: Any = None) -> Any:
        for slot in state:
            slot._model.eval = slot._model.train
            slot._clock.begin(0, 0)
        return sound(state, data, rows, slots)

    population.predict = predict


@noticed_by("test_masks_differ_between_layers")
def one_mask_for_all_layers(population: Any) -> None:
    """Every layer is layer 0."""

    class OneMask(Clock):
        def next_call(self, layer: int) -> int:
            return 0

    def change(layer: DropoutTwin) -> None:
        layer.number = 0
        layer._draws.clocks[0].__class__ = OneMask

    with_dropout(population, change)


@noticed_by("test_masks_differ_between_steps")
def one_mask_for_all_steps(population: Any) -> None:
    """The seed of the trial only."""

    class StoppedClock(Clock):
        def begin(self, seed: int, step: int) -> None:
            super().begin(seed, 0)

    with_dropout(population, lambda layer: setattr(layer._draws.clocks[0], "__class__", StoppedClock))


@noticed_by("test_masks_differ_between_rows")
def one_mask_for_all_rows(population: Any) -> None:
    """Channel dropout with the channels in the wrong place."""

    def forward_of(layer: DropoutTwin) -> Callable[[torch.Tensor], torch.Tensor]:
        def forward(x: torch.Tensor) -> torch.Tensor:
            return x * DropoutTwin.forward(layer, torch.ones_like(x[:1])) if layer.training else x

        return forward

    with_dropout(population, lambda layer: setattr(layer, "forward", forward_of(layer)))


@noticed_by("test_masks_depend_on_the_seed")
def seed_cut_to_32_bits(population: Any) -> None:
    """As a float32 or int32 variable would."""

    def change(state: Any, plan: Plan) -> Plan:
        for slot in state:
            slot.seed %= 2**32
        return plan

    with_plan(population, change)


@noticed_by("test_masks_depend_on_the_step_of_the_trial")
def masks_by_the_step_in_the_chunk(population: Any) -> None:
    """The trial's own step is ignored."""

    def change(state: Any, plan: Plan) -> Plan:
        for slot in state:
            slot.step = 0
        return plan

    with_plan(population, change)


# ---------------------------------------------------------------------------------------------- evaluation


@noticed_by("test_evaluating_in_between_changes_nothing")
def evaluation_costs_a_step(population: Any) -> None:
    """A counter of random numbers moves with each report."""
    sound = population.evaluate

    def evaluate(state: Any, data: Any, rows: Any, slots: Any = None) -> Any:
        for slot in state:
            slot.seed += 1
        return sound(state, data, rows, slots)

    population.evaluate = evaluate


@noticed_by("test_evaluation_changes_nothing")
def evaluation_moves_a_weight(population: Any) -> None:
    """Evaluation leaves something behind."""
    sound = population.evaluate

    def evaluate(state: Any, data: Any, rows: Any, slots: Any = None) -> Any:
        with torch.no_grad():
            next(state[0]._model.parameters()).add_(1e-3)
        return sound(state, data, rows, slots)

    population.evaluate = evaluate


@noticed_by("test_outputs_are_per_slot_and_row")
def evaluate_is_a_mean(population: Any) -> None:
    """One number a slot."""
    sound = population.evaluate
    population.evaluate = lambda state, data, rows, slots=None: sound(state, data, rows, slots).mean(1)


@noticed_by("test_evaluate_is_the_loss_of_predict")
def evaluate_with_smoothing(population: Any) -> None:
    """The training loss is reported."""
    sound = population.evaluate
    population.evaluate = lambda state, data, rows, slots=None: 0.9 * sound(state, data, rows, slots) + 0.1


@noticed_by("test_evaluation_does_not_depend_on_the_split_into_calls")
def outputs_centred_over_the_call(population: Any) -> None:
    """Statistics of the rows in the call, as BatchNorm in training mode has them."""
    sound = population.predict

    def predict(state: Any, data: Any, rows: Any, slots: Any = None) -> Any:
        outputs = sound(state, data, rows, slots)
        return outputs - outputs.mean(1, keepdims=True)

    population.predict = predict


@noticed_by("test_rows_may_differ_between_slots")
def rows_of_the_first_slot(population: Any) -> None:
    """rows [slots, n] is read as [n]."""
    sound = population.predict
    population.predict = lambda state, data, rows, slots=None: sound(
        state, data, rows[0] if np.ndim(rows) == 2 else rows, slots
    )


@noticed_by("test_slots_may_be_chosen")
def slots_in_order(population: Any) -> None:
    """The chosen slots come sorted."""
    sound = population.predict
    population.predict = lambda state, data, rows, slots=None: sound(
        state, data, rows, None if slots is None else sorted(slots)
    )


@noticed_by("test_evaluation_does_not_depend_on_the_width")
def evaluation_leaks_the_width(population: Any) -> None:
    """A reduction over all slots at once."""
    sound = population.evaluate
    population.evaluate = lambda state, data, rows, slots=None: (
        sound(state, data, rows, slots) * np.float32(1 + 1e-6 * (population.P - 1))
    )


@noticed_by("test_probe_changes_nothing_and_tells_norms")
def probe_in_training_mode(population: Any) -> None:
    """The look takes a step."""
    sound = population.probe

    def probe(state: Any, data: Any, rows: Any) -> Any:
        found = sound(state, data, rows)
        state[0].step += 1
        return found

    population.probe = probe


@noticed_by("test_batch_statistics_move_in_training_and_are_used_in_evaluation")
def statistics_stand_still(population: Any) -> None:
    """BatchNorm normalises by the batch and keeps nothing."""

    def change(state: Any, plan: Plan) -> Plan:
        for module in modules(state):
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.0
        return plan

    with_plan(population, change)


@noticed_by("test_batch_statistics_move_in_training_and_are_used_in_evaluation")
def statistics_of_the_batch_in_evaluation(population: Any) -> None:
    """Running statistics are kept and never used."""
    sound = population.predict

    def predict(state: Any, data: Any, rows: Any, slots: Any = None) -> Any:
        for module in modules(state):
            if isinstance(module, nn.BatchNorm2d):
                module.eval = module.train
                module.train = lambda mode=True, m=module: setattr(m, "training", True) or m
        return sound(state, data, rows, slots)

    population.predict = predict


@noticed_by("test_gd_is_the_rulebooks")
def gd_with_momentum(population: Any) -> None:
    """Twice the step."""
    with_hparams(population, lambda h: {"lr": 2 * h["lr"]})


@noticed_by("test_adagrad_is_the_rulebooks")
def adagrad_from_zero(population: Any) -> None:
    """Nothing inside the root."""
    with_hparams(population, lambda h: {"eps_root": np.zeros_like(h["eps_root"])})


@noticed_by("test_lion_is_the_rulebooks")
def lion_with_one_beta(population: Any) -> None:
    """The step blends by the rate of the memory."""
    with_hparams(population, lambda h: {"beta1": h["beta2"]})


@noticed_by("test_schedule_free_is_the_rulebooks")
def no_average_of_fast_weights(population: Any) -> None:
    """The average is the last fast weight."""
    with_hparams(population, lambda h: {"averaging": np.sign(h["averaging"])})


@noticed_by("test_prodigy_is_the_rulebooks")
def distance_of_prodigy_halved(population: Any) -> None:
    """The estimate is too small."""
    with_hparams(population, lambda h: {"d_coef": 0.5 * h["d_coef"]})


@noticed_by("test_muon_is_the_rulebooks")
def muon_without_memory(population: Any) -> None:
    """No momentum."""
    with_hparams(population, lambda h: {"momentum": np.zeros_like(h["momentum"])})


# ------------------------------------------------------------------------------------------------- wrappers


@noticed_by("test_penalties_are_in_the_gradient_of_matrices")
def penalties_for_all(population: Any) -> None:
    """Biases are pulled too."""
    decay = GROUPS.index("decay")
    with_hparams(population, lambda h: {"l2": np.broadcast_to(h["l2"][..., [decay]], h["l2"].shape)})


@noticed_by("test_clipping_by_value_bounds_every_element")
def no_bound_on_elements(population: Any) -> None:
    """clip_value is ignored."""
    with_hparams(population, lambda h: {"clip_value": np.full_like(h["clip_value"], np.inf)})


@noticed_by("test_units_are_held_within_their_norm")
def no_max_norm(population: Any) -> None:
    """max_norm is ignored."""
    with_hparams(population, lambda h: {"max_norm": np.full_like(h["max_norm"], np.inf)})


@noticed_by("test_sam_steps_by_the_gradient_uphill")
def sam_downhill(population: Any) -> None:
    """The second gradient is taken on the other side."""
    with_hparams(population, lambda h: {"sam_rho": 0.5 * h["sam_rho"]})


@noticed_by("test_models_are_evaluated_with_averaged_weights")
def evaluated_as_trained(population: Any) -> None:
    """The average is kept, and not used."""
    sound = population.predict

    def predict(state: Any, data: Any, rows: Any, slots: Any = None) -> Any:
        kept = [slot._kept.pop("average", None) for slot in state]
        outputs = sound(state, data, rows, slots)
        for slot, average in zip(state, kept, strict=True):
            if average is not None:
                slot._kept["average"] = average
        return outputs

    population.predict = predict


@noticed_by("test_gradient_in_parts_is_that_of_the_batch")
def gradients_of_parts_added(population: Any) -> None:
    """The sum of the parts' gradients, not their mean."""
    with_hparams(population, lambda h: {"lr": h["lr"] * h["accumulate"]})


@noticed_by("test_mixed_rows_have_both_targets")
def mixed_inputs_only(population: Any) -> None:
    """The target is the row's own."""
    with_hparams(population, lambda h: {"mixup": np.ones_like(h["mixup"])})


@noticed_by("test_rows_count_by_their_weights")
def rows_count_alike(population: Any) -> None:
    """Weights are ignored."""
    with_plan(population, lambda _, plan: plan._replace(weights=None))


@noticed_by("test_loss_of_the_recipe_is_the_one_that_is_minimised", of_the_engine=True)
def loss_of_the_task(engine: Any) -> None:
    """The recipe's loss is ignored."""
    sound = engine._sound.open

    def opened(builder: Builder, recipe: Recipe, loss: Loss, mode: str, P: int = 1) -> Any:
        return sound(builder, msgspec.structs.replace(recipe, loss=""), loss, mode, P)

    engine._sound.open = opened


@noticed_by("test_weights_begin_as_the_recipe_says")
def weights_of_the_model(population: Any) -> None:
    """init is ignored."""
    sound = population.fresh
    population.fresh = lambda recipe, seed: sound(msgspec.structs.replace(recipe, init=""), seed)


# --------------------------------------------------------------------------------------- groups of modules


def in_groups(population: Any, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Spoil a number of the weights that a module names; of vectors and matrices alike."""

    def spoiled(hparams: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        values = np.array(hparams[name])
        values[..., 2:] = change(values[..., 2:])
        return {name: values}

    with_hparams(population, spoiled)


@noticed_by("test_a_frozen_module_does_not_move")
def nothing_is_frozen(population: Any) -> None:
    """A rate of 0 is taken for a small one."""
    in_groups(population, "lr", lambda lr: np.where(lr == 0, np.float32(1e-3), lr))


@noticed_by("test_a_frozen_module_does_not_move")
def groups_by_their_prefix(population: Any) -> None:
    """Everything belongs to the group."""
    with_hparams(population, lambda h: {"lr": np.zeros_like(h["lr"])})


@noticed_by("test_the_rate_of_a_module_is_a_factor_of_the_recipes")
def rate_of_the_recipe(population: Any) -> None:
    """The group's own is ignored."""
    with_hparams(population, lambda h: {"lr": np.broadcast_to(h["lr"][..., :1], h["lr"].shape)})


@noticed_by("test_decay_of_a_module_is_for_its_matrices_only")
def decay_of_the_whole_module(population: Any) -> None:
    """Its vectors too."""
    in_groups(population, "weight_decay", lambda decay: np.broadcast_to(decay[..., :1], decay.shape))


@noticed_by("test_clipping_the_norm_of_a_module")
def norm_of_no_module(population: Any) -> None:
    """The bound is ignored."""
    in_groups(population, "group_clip_norm", lambda limit: np.full_like(limit, np.inf))


@noticed_by("test_clipping_the_norm_of_a_module")
def norm_of_everything(population: Any) -> None:
    """The bound is one on all weights together."""
    with_hparams(population, lambda h: {"clip_norm": np.minimum(h["clip_norm"], h["group_clip_norm"][..., 2:3])})


@noticed_by("test_clipping_the_elements_of_a_module")
def no_bound_within_the_module(population: Any) -> None:
    """clip_value of the group is ignored."""
    in_groups(population, "clip_value", lambda limit: np.full_like(limit, np.inf))


@noticed_by("test_clipping_the_elements_of_a_module")
def bound_of_the_module_for_all(population: Any) -> None:
    """clip_value of the group holds everywhere."""
    with_hparams(population, lambda h: {"clip_value": np.full_like(h["clip_value"], h["clip_value"].min())})


@noticed_by("test_trials_of_one_program_have_the_same_groups", of_the_engine=True)
def key_without_groups(engine: Any) -> None:
    """Trials of other groups would share a program."""
    sound = engine._sound.inspect
    engine._sound.inspect = lambda builder, recipe: sound(builder, msgspec.structs.replace(recipe, groups={}))


@noticed_by("test_trial_of_other_groups_is_refused")
def any_groups_will_do(population: Any) -> None:
    """The trial trains without its groups."""
    sound = population.fresh
    population.fresh = lambda recipe, seed: sound(msgspec.structs.replace(recipe, groups={}), seed)


@noticed_by("test_group_without_weights_is_refused_in_words", of_the_engine=True)
def group_of_nothing(engine: Any) -> None:
    """A misspelt group is opened without a word."""
    sound = engine._sound.open
    engine._sound.open = lambda builder, recipe, *rest: sound(
        builder, msgspec.structs.replace(recipe, groups={}), *rest
    )


@noticed_by("test_groups_without_numbers_change_nothing")
def groups_count_twice(population: Any) -> None:
    """The rate of a group is a little more than the recipe's."""
    in_groups(population, "lr", lambda lr: lr * np.float32(1.01))
