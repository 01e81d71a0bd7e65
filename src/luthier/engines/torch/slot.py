"""One trial on the device: a model, its optimizer, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from luthier.data.streams import Stream
from luthier.data.trees import Tree
from luthier.engines.spec import GROUPS, Array, Loss, Snapshot
from luthier.engines.torch import constants
from luthier.engines.torch.model import (
    CRITERIA,
    Blueprint,
    Criterion,
    as_rows,
    buffers_of,
    load_,
    to_arrays,
    weights_of,
)
from luthier.engines.torch.optimizers import WORDS, Tensors, initial_state, optimizer_on, update_
from luthier.engines.torch.own import blocks, measured, outputs_of, streamed, training_loss, unpacked
from luthier.engines.torch.randomness import Clock, Draws, default_seeds, replace_dropout_

BLOCK = 1024
"""Rows that are evaluated at once, so that memory does not grow with the data."""


class Placed(NamedTuple):
    """Data on the device: inputs [n, ...] float32; targets int64 [n] or float32 [n] or [n, k].

    `tree`, `labelled`, `whole`: see `luthier.engines.spec.Source`.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    tree: Tree | None = None
    labelled: bool = True
    whole: bool = False
    stream: Stream | None = None

    def inputs_of(self, rows_B: torch.Tensor) -> Any:
        """Inputs of some rows, as the model takes them."""
        rows = self.inputs.index_select(0, rows_B)
        if self.tree is not None:
            return unpacked(rows, self.tree)
        return rows.long() if self.whole else rows

    def batch(self, rows_B: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Inputs and targets of some rows."""
        return self.inputs_of(rows_B), self.targets.index_select(0, rows_B)


class Chunk(NamedTuple):
    """One slot's share of a plan: S steps that it takes all."""

    rows: torch.Tensor  # int64 [S, B]
    rule: str
    numbers: list[list[dict[str, Any]]]  # [S][G], in torch's words
    clip_norms: list[float]  # [S]
    smoothings: list[float]  # [S]


def chunk_of(hparams: dict[str, Array], rows_SB: Array, rule: str, device: torch.device) -> Chunk:
    """Turn the slot's numbers {name: [S] or [S, G]} into torch's words, once for all steps."""
    S = len(rows_SB)
    columns = {
        name: np.broadcast_to(v.reshape(S, -1), (S, len(GROUPS))).tolist()
        for name, v in hparams.items()
    }  # fmt: skip
    words = WORDS[rule].numbers
    numbers_SG = [
        [words({name: column[s][g] for name, column in columns.items()}) for g in range(len(GROUPS))]
        for s in range(S)
    ]
    return Chunk(
        rows=torch.from_numpy(rows_SB.astype(np.int64)).to(device),
        rule=rule,
        numbers=numbers_SG,
        clip_norms=[row[0] for row in columns["clip_norm"]],
        smoothings=[row[0] for row in columns["label_smoothing"]],
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
        self._loss_asked, self._device = loss, plan.device
        self._model = plan.build(self.seed)
        self._params = {n: p for n, p in self._model.named_parameters() if p.requires_grad}
        self._clock = Clock()
        replace_dropout_(self._model, Draws([self._clock]))
        load_("weights", weights_of(self._model), snapshot)
        load_("buffers", buffers_of(self._model), snapshot)
        constants.load_(self._model, constants.in_snapshot(snapshot))
        self._kept = self._optimizer_state(snapshot)
        self._rule = ""
        self._optimizer: torch.optim.Optimizer | None = None

    def _optimizer_state(self, snapshot: Snapshot) -> dict[str, Tensors]:
        states = {key.split("/")[1] for key in snapshot if key.startswith("optimizer/")}
        kept = {state: {n: torch.zeros_like(p) for n, p in self._params.items()} for state in sorted(states)}
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
        return arrays | {"seed": np.array(self.seed, np.int64), "step": np.array(self.step, np.int64)}

    def train(self, data: Placed, chunk: Chunk, seed_draws: Callable[[int], Any]) -> tuple[Array, Array]:
        """Take the steps of a chunk; (loss [S], norm of the gradient [S]), float32.

        Nothing waits for the device before the end.
        """
        optimizer = self._optimizer_for(chunk.rule)
        losses, norms = [], []
        for s, seed in enumerate(default_seeds(self.seed, self.step, len(chunk.rows))):
            self._clock.begin(self.seed, self.step + s)
            seed_draws(seed)
            batch = self._training_batch(data, chunk.rows[s], self.step + s)
            loss = self._loss(data, batch, smoothing=chunk.smoothings[s])
            norm = self._gradient(loss, chunk.clip_norms[s])
            update_(optimizer, chunk.numbers[s])
            losses.append(loss.detach())
            norms.append(norm)
        self.step += len(losses)
        return _to_host(losses), _to_host(norms)

    def _optimizer_for(self, rule: str) -> torch.optim.Optimizer:
        if self._optimizer is None or rule != self._rule:
            self._optimizer = optimizer_on(rule, self._params, self._kept, self.step)
            self._rule = rule
        return self._optimizer

    def _training_batch(self, data: Placed, rows_B: torch.Tensor, step: int) -> Any:
        if data.stream is not None:
            found = data.stream.batch(self.seed, step, batch_size=len(rows_B))
            return streamed(found, data.labelled, whole=data.whole, device=self._device)
        return self._batch(data, rows_B)

    def _batch(self, data: Placed, rows_B: torch.Tensor) -> Any:
        return data.batch(rows_B) if data.labelled else data.inputs_of(rows_B)

    def _loss(self, data: Placed, batch: Any, *, smoothing: float) -> torch.Tensor:
        if self._loss_asked.function is not None:
            return training_loss(self._loss_asked, self._model, batch)
        inputs, targets = batch
        return self._criterion(as_rows(outputs_of(self._model, inputs)), targets, smoothing, "mean")

    def _named_loss(self, model: nn.Module, batch: Any) -> torch.Tensor:
        """Loss of each row, for those who measure something else beside it."""
        return self._criterion(as_rows(outputs_of(model, batch[0])), batch[1], 0.0, "none")

    @property
    def _criterion(self) -> Criterion:
        return CRITERIA[self._loss_asked.name]

    @property
    def model(self) -> nn.Module:
        """The model itself, live."""
        return self._model

    def _gradient(self, loss: torch.Tensor, clip_norm: float) -> torch.Tensor:
        """Fill `.grad`, clipped; returns the norm before it. A weight that had no part has gradient 0."""
        params = list(self._params.values())
        for param in params:
            param.grad = None
        self._clock.backward = True
        loss.backward()
        self._clock.backward = False
        grads = []
        for param in params:
            if param.grad is None:
                param.grad = torch.zeros_like(param)
            grads.append(param.grad)
        norm = l2_norm(grads)
        if clip_norm != float("inf"):
            torch._foreach_mul_(grads, (clip_norm / norm).clamp(max=1.0))
        return norm

    def predict(self, data: Placed, rows_n: torch.Tensor) -> torch.Tensor:
        """Outputs [n, C] in evaluation mode."""
        with self._evaluating(), torch.no_grad():
            return torch.cat([as_rows(outputs_of(self._model, data.inputs_of(rows))) for rows in rows_n.split(BLOCK)])

    def evaluate(self, data: Placed, rows_n: torch.Tensor) -> torch.Tensor:
        """Loss of each example [n] in evaluation mode, not smoothed."""
        if self._loss_asked.function is not None:
            return self.measure(data, rows_n)["loss"]
        outputs = self.predict(data, rows_n)
        return self._criterion(outputs, data.targets.index_select(0, rows_n), 0.0, "none")

    def measure(self, data: Placed, rows_n: torch.Tensor) -> dict[str, torch.Tensor]:
        """What functions of one's own say of the rows: {name: [n]}, in evaluation mode."""
        parts = (rows_n[at] for at in blocks(len(rows_n)))
        asked = self._loss_asked
        if asked.function is None:
            asked = asked._replace(function=self._named_loss)
        with self._evaluating(), torch.no_grad():
            return measured(asked, self._model, ((self._batch(data, rows), len(rows)) for rows in parts))

    def probe(self, data: Placed, rows_B: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss, gradient norm and weight norm on one batch in evaluation mode; changes nothing."""
        with self._evaluating():
            loss = self._loss(data, self._batch(data, rows_B), smoothing=0.0)
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


def fresh_snapshot(plan: Blueprint, rule: str, seed: int) -> Snapshot:
    """A newly initialised trial at step 0."""
    model = plan.build(seed)
    params = {name: param for name, param in model.named_parameters() if param.requires_grad}
    arrays = to_arrays("weights", weights_of(model)) | to_arrays("buffers", buffers_of(model))
    for state, tensors in initial_state(rule, params).items():
        arrays |= to_arrays(f"optimizer/{state}", tensors)
    arrays |= constants.to_arrays(model)
    return arrays | {"seed": np.array(seed, np.int64), "step": np.array(0, np.int64)}


def l2_norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Over all tensors together; half the time of torch.nn.utils.get_total_norm."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))


def _to_host(values: list[torch.Tensor]) -> Array:
    array: Array = torch.stack(values).float().cpu().numpy()
    return array
