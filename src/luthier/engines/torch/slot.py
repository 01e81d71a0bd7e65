"""One trial on the device: a model, its optimizer, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from luthier.algorithms.gradients import climbed
from luthier.algorithms.rule import AVERAGE, WHOLE
from luthier.engines.grouping import ONE, Grouping
from luthier.engines.outside import Maker
from luthier.engines.spec import Array, Loss, Snapshot, optimizer_numbers
from luthier.engines.torch import constants
from luthier.engines.torch.batch import Batch, Placed
from luthier.engines.torch.foreign import FOREIGN, Foreign, Outside, begun, kept_in, tried
from luthier.engines.torch.model import (
    Blueprint,
    Dress,
    as_rows,
    buffers_of,
    criterion_of,
    load_,
    to_arrays,
    weights_of,
)
from luthier.engines.torch.optimizers import (
    FusedAdamW,
    Tensors,
    group_of,
    initial_state,
    numbers_in_words,
    optimizer_on,
    update_,
)
from luthier.engines.torch.own import blocks, measured, outputs_of, training_loss
from luthier.engines.torch.randomness import Clock, Draws, default_seeds, replace_dropout_
from luthier.engines.torch.starting import begin_
from luthier.engines.torch.step import dtype_of, finish_, l2_norm, prepare_
from luthier.recipe import Recipe


class Chunk(NamedTuple):
    """One slot's share of a plan: S steps that it takes all."""

    rows: torch.Tensor  # int64 [S, B]
    rule: str
    numbers: list[list[dict[str, Any]]]  # [S][G], in torch's words
    by_group: list[list[dict[str, float]]]  # [S][G], as in the plan
    weights: torch.Tensor | None = None  # [S, B]


def chunk_of(
    hparams: dict[str, Array],
    rows_SB: Array,
    rule: str,
    device: torch.device,
    *,
    weights_SB: Array | None = None,
    num_groups: int,
) -> Chunk:
    """Turn the slot's numbers {name: [S] or [S, G]} into torch's words, once for all steps."""
    S, G = len(rows_SB), num_groups
    columns = {
        name: np.broadcast_to(v.reshape(S, -1), (S, G)).tolist()
        for name, v in hparams.items()
    }  # fmt: skip
    by_group = [[{name: column[s][g] for name, column in columns.items()} for g in range(G)] for s in range(S)]
    return Chunk(
        rows=torch.from_numpy(rows_SB.astype(np.int64)).to(device),
        rule=rule,
        numbers=[[numbers_in_words(rule, numbers) for numbers in groups] for groups in by_group],
        by_group=by_group,
        weights=None if weights_SB is None else torch.from_numpy(np.ascontiguousarray(weights_SB)).to(device),
    )


class Slot:
    """A live trial. It is changed in place, and owned by the population's state.

    The model is built with the trial's own seed, so that what a builder draws beside parameters and buffers
    is the same after a resume.

    Args:
        snapshot: where it stands; copied.
        loss: named, or one's own.
    """

    def __init__(self, plan: Blueprint, snapshot: Snapshot, loss: Loss) -> None:
        self.seed, self.step = int(snapshot["seed"]), int(snapshot["step"])
        self._loss, self._device, self._outputs_axis = loss, plan.device, plan.outputs_axis
        self._model = plan.build(self.seed)
        self._params = {n: p for n, p in self._model.named_parameters() if p.requires_grad}
        self._grouping, self._index = plan.grouping, group_of(self._params, plan.grouping)
        self._clock = Clock()
        replace_dropout_(self._model, Draws([self._clock]))
        load_("weights", weights_of(self._model), snapshot)
        load_("buffers", buffers_of(self._model), snapshot)
        constants.load_(self._model, constants.in_snapshot(snapshot))
        self._kept = self._optimizer_state(snapshot)
        self._rule = ""
        self._optimizer: torch.optim.Optimizer | FusedAdamW | Outside | None = None
        self._maker, self._of_foreign = plan.optimizer, kept_in(snapshot)

    def _optimizer_state(self, snapshot: Snapshot) -> dict[str, Tensors]:
        states = {key.split("/")[1] for key in snapshot if key.startswith("optimizer/")}
        kept = {
            state: {WHOLE: torch.zeros((), dtype=dtype_of(self._params), device=self._device)}
            if f"optimizer/{state}/{WHOLE}" in snapshot
            else {n: torch.zeros_like(p) for n, p in self._params.items()}
            for state in sorted(states)
        }
        for state, tensors in kept.items():
            load_(f"optimizer/{state}", tensors, snapshot)
        return kept

    def look_at(self, weights: Tensors, buffers: Tensors, numbers: dict[str, float]) -> None:
        """See another trial: its weights as they are, without a copy, its buffers and lifted numbers copied."""
        for name, param in self._model.named_parameters():
            param.data = weights[name]
        for name, buffer in self._model.named_buffers():
            buffer.copy_(buffers[name])
        constants.load_(self._model, numbers)

    @property
    def states(self) -> set[str]:
        """Names of what the trial's update rule keeps."""
        return set(self._kept)

    def snapshot(self) -> Snapshot:
        """A copy of everything that training changes."""
        arrays = to_arrays("weights", weights_of(self._model)) | to_arrays("buffers", buffers_of(self._model))
        for state, tensors in self._kept.items():
            arrays |= to_arrays(f"optimizer/{state}", tensors)
        arrays |= constants.to_arrays(self._model)
        arrays |= self._optimizer.arrays() if isinstance(self._optimizer, Outside) else self._of_foreign
        return arrays | {"seed": np.array(self.seed, np.int64), "step": np.array(self.step, np.int64)}

    def train(self, data: Placed, chunk: Chunk, seed_draws: Callable[[int], Any]) -> tuple[Array, Array]:
        """Take the steps of a chunk; (loss [S], norm of the gradient [S]), float32.

        Nothing waits for the device before the end.
        """
        optimizer = self._optimizer_for(chunk.rule)
        losses, norms = [], []
        for s, seed in enumerate(default_seeds(self.seed, self.step, len(chunk.rows))):
            groups = chunk.by_group[s]
            weights = None if chunk.weights is None else chunk.weights[s]
            drawn = data.drawn(chunk.rows[s], self.seed, self.step + s)
            batch = Batch.of(drawn, weights, groups[0])

            def gradients(step: int = self.step + s, seed: int = seed, batch: Batch = batch) -> torch.Tensor:
                self._clock.begin(self.seed, step)
                seed_draws(seed)
                return self._gradients(batch)

            loss = gradients()
            if groups[0]["sam_rho"] > 0:
                self._climb(groups[0]["sam_rho"], gradients)
            norms.append(prepare_(self._params, groups, self._index))
            if isinstance(optimizer, Outside):
                optimizer.step_(groups)
            else:
                update_(optimizer, chunk.numbers[s])
            averages = chunk.rule == "schedule_free"
            finish_(self._params, self._kept, groups, self._index, own=averages, outputs=self._outputs_axis)
            losses.append(loss)
        self.step += len(losses)
        return _to_host(losses), _to_host(norms)

    def _optimizer_for(self, rule: str) -> torch.optim.Optimizer | FusedAdamW | Outside:
        if self._optimizer is None or rule != self._rule:
            if rule == FOREIGN:
                assert self._maker is not None, "opened for a rule of the rulebook"
                self._optimizer = outside_on(
                    self._model, self._maker, self._params, self._of_foreign, grouping=self._grouping
                )
            else:
                self._optimizer = optimizer_on(
                    rule, self._params, self._kept, self.step, outputs=self._outputs_axis, grouping=self._grouping
                )
            self._rule = rule
        return self._optimizer

    @property
    def model(self) -> nn.Module:
        """The model itself, live."""
        return self._model

    def _gradients(self, batch: Batch) -> torch.Tensor:
        """Fill `.grad` with the gradient of the mean loss, which is returned. A weight that had no part has 0."""
        for param in self._params.values():
            param.grad = None
        parts = batch.parts()
        losses = [self._of_part(part) / len(parts) for part in parts]
        for param in self._params.values():
            if param.grad is None:
                param.grad = torch.zeros_like(param)
        return torch.stack(losses).sum() if len(losses) > 1 else losses[0]

    def _of_part(self, part: Batch) -> torch.Tensor:
        loss = self._loss_of(part)
        self._clock.backward = True
        (loss / part.num_parts).backward()
        self._clock.backward = False
        return loss.detach()

    def _loss_of(self, batch: Batch) -> torch.Tensor:
        if self._loss.function is not None:
            return training_loss(self._loss, self._model, batch.whole())
        return batch.loss(criterion_of(self._loss), as_rows(outputs_of(self._model, batch.inputs)))

    def _climb(self, rho: float, gradients: Callable[[], torch.Tensor]) -> None:
        """The gradient a distance rho uphill, on the same batch and masks; weights and statistics stay."""
        here = {name: param.detach().clone() for name, param in self._params.items()}
        buffers = {name: buffer.clone() for name, buffer in self._model.named_buffers()}
        grads = {name: param.grad for name, param in self._params.items()}
        with torch.no_grad():
            for name, place in climbed(torch, here, grads, rho).items():
                self._params[name].copy_(place)
        gradients()
        with torch.no_grad():
            for name, param in self._params.items():
                param.copy_(here[name])
            for name, buffer in self._model.named_buffers():
                buffer.copy_(buffers[name])

    def predict(self, data: Placed, rows_n: torch.Tensor) -> torch.Tensor:
        """Outputs [n, C] in evaluation mode."""
        with self._evaluating(), self._averaged(), torch.no_grad():
            parts = (data.inputs_of(rows) for rows in rows_n.split(data.block()))
            return torch.cat([as_rows(outputs_of(self._model, inputs)) for inputs in parts])

    def evaluate(self, data: Placed, rows_n: torch.Tensor) -> torch.Tensor:
        """Loss of each example [n] in evaluation mode, not smoothed."""
        if self._loss.function is not None:
            return self.measure(data, rows_n)["loss"]
        outputs = self.predict(data, rows_n)
        return criterion_of(self._loss)(outputs, data.targets.index_select(0, rows_n), 0.0, "none")

    def measure(self, data: Placed, rows_n: torch.Tensor) -> dict[str, torch.Tensor]:
        """What functions of one's own say of the rows: {name: [n]}, in evaluation mode."""
        parts = (rows_n[at] for at in blocks(len(rows_n)))
        asked = self._loss
        if asked.function is None:
            asked = asked._replace(function=self._named_loss)
        with self._evaluating(), self._averaged(), torch.no_grad():
            batches = ((Batch.of(data.at(rows), None, {}).whole(), len(rows)) for rows in parts)
            return measured(asked, self._model, batches)

    def _named_loss(self, model: nn.Module, batch: Any) -> torch.Tensor:
        """Loss of each row, for those who measure something else beside it."""
        return criterion_of(self._loss)(as_rows(outputs_of(model, batch[0])), batch[1], 0.0, "none")

    def probe(self, data: Placed, rows_B: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss, gradient norm and weight norm on one batch in evaluation mode; changes nothing."""
        with self._evaluating():
            loss = self._loss_of(Batch.of(data.at(rows_B), None, {}))
            grads = torch.autograd.grad(loss, list(self._params.values()), allow_unused=True)
        return {
            "loss": loss.detach(),
            "grad_norm": l2_norm([grad for grad in grads if grad is not None]),
            "weight_norm": l2_norm(list(weights_of(self._model).values())),
        }

    @contextmanager
    def _evaluating(self) -> Iterator[nn.Module]:
        self._model.eval()
        try:
            yield self._model
        finally:
            self._model.train()

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The averaged weights in the place of those that are trained, where an average is kept."""
        average = self._kept.get(AVERAGE, {})
        trained = {name: self._params[name].data for name in average}
        for name, mean in average.items():
            self._params[name].data = mean
        try:
            yield
        finally:
            for name, own in trained.items():
                self._params[name].data = own


def outside_on(
    model: nn.Module, maker: Maker, params: Tensors, arrays: Snapshot, *, grouping: Grouping = ONE
) -> Outside:
    """An optimizer of a library on these weights of the model, as in a snapshot."""
    of_its_own = model.optimizer(maker, arrays, grouping) if isinstance(model, Dress) else None
    return of_its_own or Foreign(maker, params, arrays=arrays, grouping=grouping)


def try_outside(plan: Blueprint, recipe: Recipe) -> None:
    """See `foreign.tried`, on a model of the plan."""
    assert plan.optimizer is not None
    model = plan.build(seed=0)
    params = {name: param for name, param in model.named_parameters() if param.requires_grad}
    optimizer = outside_on(model, plan.optimizer, params, begun(recipe), grouping=plan.grouping)
    tried(optimizer, params, plan.optimizer, num_groups=plan.grouping.num)


def fresh_snapshot(plan: Blueprint, recipe: Recipe, seed: int) -> Snapshot:
    """A newly initialised trial at step 0."""
    model = plan.build(seed)
    if recipe.init or recipe.zero_init:
        begin_(model, plan.build(seed + 1), recipe, seed, outputs=plan.outputs_axis)
    params = {name: param for name, param in model.named_parameters() if param.requires_grad}
    arrays = to_arrays("weights", weights_of(model)) | to_arrays("buffers", buffers_of(model))
    averages = float(optimizer_numbers(recipe)["averaging"][0]) > 0
    for state, tensors in initial_state(recipe.optimizer, params, average=averages).items():
        arrays |= to_arrays(f"optimizer/{state}", tensors)
    arrays |= constants.to_arrays(model) | (begun(recipe) if recipe.foreign else {})
    return arrays | {"seed": np.array(seed, np.int64), "step": np.array(0, np.int64)}


def _to_host(values: list[torch.Tensor]) -> Array:
    array: Array = torch.stack(values).float().cpu().numpy()
    return array
