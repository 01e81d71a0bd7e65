"""What the active tests do with a model: build it, train it on copies, read it. Through the engine's Population only.

Nothing here touches the person's objects: a Population builds its own models, and `place` copies the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from luthier.engines.spec import Engine, Loss, Placed, Plan, Population, Snapshot, Source, State
from luthier.recipe import Recipe
from luthier.training.batches import Course, make_plan

Array = npt.NDArray[Any]
CHUNK = 25
"""Steps between two looks; one length for all, so that a compiled program is compiled once."""


@dataclass
class Bench:
    """A population of one slot.

    Args:
        loss: what the engine minimises.
        inputs: float32 [n, ...] as the model sees them; targets: as `Source` has them.
    """

    engine: Engine
    builder: Callable[..., Any]
    recipe: Recipe
    loss: Loss
    inputs: Array
    targets: Array
    num_steps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.population: Population = self.engine.open(
            self.builder, self.recipe, self.loss, self.engine.modes()[0], 1
        )
        self.data: Placed = self.engine.place(Source(self.inputs, self.targets))

    def placed(self, inputs: Array, targets: Array) -> Placed:
        """Other rows, or the same otherwise scaled."""
        return self.engine.place(Source(inputs, targets))

    def fresh(self, recipe: Recipe, seed: int) -> State:
        """A new model."""
        return self.population.stack([self.snapshot(recipe, seed)])

    def snapshot(self, recipe: Recipe, seed: int) -> Snapshot:
        """A new model outside of the engine."""
        return self.population.fresh(recipe, seed)

    def plain(self, lr: float, batch_size: int, optimizer: str = "adamw") -> Recipe:
        """The recipe's model under a bare optimizer: no decay, no schedule, no clipping, no smoothing."""
        return msgspec.structs.replace(
            self.recipe,
            optimizer=optimizer,
            lr=lr,
            weight_decay=0.0,
            momentum=0.0,
            nesterov=False,
            schedule="constant",
            warmup=0.0,
            clip_norm=None,
            label_smoothing=0.0,
            groups={name: {} for name in self.recipe.named_groups},
            batch_size=batch_size,
        )

    def advance(self, state: State, data: Placed, plan: Plan) -> tuple[State, dict[str, Array]]:
        """Take steps: the state and what each step reported, [S]."""
        state, told = self.population.advance(state, data, plan)
        self.num_steps += int(plan.steps[0])
        return state, {name: values[:, 0] for name, values in told.items()}

    def read(self, state: State, rows: Array, data: Placed | None = None) -> Array:
        """Outputs in evaluation mode, [n, C]."""
        return np.asarray(self.population.predict(state, self.data if data is None else data, rows)[0])

    def losses(self, state: State, rows: Array, data: Placed | None = None) -> Array:
        """Loss of each row in evaluation mode, [n]."""
        return np.asarray(self.population.evaluate(state, self.data if data is None else data, rows)[0])

    def gradients(self, state: State, batches_SB: Array) -> Iterator[dict[str, Array]]:
        """Gradients by name for each batch of rows [S, B], in training mode; the weights stay as they are.

        SGD's velocity after one step from rest is the gradient itself, whatever the momentum; with learning rate 0
        nothing else moves but statistics of BatchNorm.
        """
        recipe = msgspec.structs.replace(self.plain(1.0, batches_SB.shape[1], "sgd"), momentum=0.5)
        rest = self.snapshot(recipe, 0)
        velocities = [name for name in rest if name.startswith("optimizer/")]
        now = self.population.take(state, 0)
        kept = {name: array for name, array in now.items() if not name.startswith("optimizer/")}
        for batch in batches_SB:
            moved = self.population.stack([{**rest, **kept}])
            moved, _ = self.advance(moved, self.data, still(repeated(recipe, batch, 1)))
            told = self.population.take(moved, 0)
            yield {name.split("/", 2)[2]: told[name] for name in velocities}


def course(recipe: Recipe, rows: Array, step: int, total: int) -> Plan:
    """A chunk of ordinary training."""
    return make_plan([Course(recipe, 1, rows, total, step, CHUNK)], CHUNK)


def repeated(recipe: Recipe, batch: Array, num: int) -> Plan:
    """One batch, again and again."""
    plan = make_plan([Course(recipe, 1, np.asarray(batch), num, 0, num)], num)
    return plan._replace(rows=np.broadcast_to(batch.astype(np.int32), (num, 1, len(batch))).copy())


def still(plan: Plan) -> Plan:
    """The same with learning rate 0."""
    return plan._replace(hparams={**plan.hparams, "lr": np.zeros_like(plan.hparams["lr"])})


def draw(rows: Array, num: int, seed: int) -> Array:
    """At most `num` of the rows, without repetition, in their order."""
    if len(rows) <= num:
        return np.asarray(rows)
    chosen = np.random.default_rng(seed).choice(len(rows), num, replace=False)
    return np.asarray(rows)[np.sort(chosen)]


def batches(rows: Array, num: int, size: int, seed: int) -> Array:
    """[num, size] rows for batches, each drawn anew."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice(rows, size, replace=len(rows) < size) for _ in range(num)])


def varied(inputs: Array, targets: Array, rows: Array, *, num: int, classes: bool) -> Array:
    """Rows for a batch that can be learned: all inputs different, the classes in turn."""
    order = np.random.default_rng(3).permutation(rows)
    _, first = np.unique(inputs[order].reshape(len(order), -1), axis=0, return_index=True)
    order = order[np.sort(first)]
    if not classes:
        return order[:num]
    turn = {int(c): list(order[targets[order] == c]) for c in np.unique(targets[order])}
    chosen: list[int] = []
    while len(chosen) < num and any(turn.values()):
        chosen += [int(left.pop(0)) for left in turn.values() if left]
    return np.asarray(chosen[:num], np.int64)


def chance(targets: Array, *, classes: bool) -> float:
    """Loss of the best constant output on these rows: entropy of the labels in nats, or variance of the target."""
    return float(constant_loss(targets, targets, classes=classes).mean())


def constant_loss(train: Array, val: Array, *, classes: bool) -> Array:
    """Loss of each row of `val` under the output that is best for `train` and the same for all rows, [n]."""
    if classes:
        num = int(max(train.max(), val.max())) + 1
        counts = np.bincount(train, minlength=num).astype(float)
        counts = counts if train is val else counts + 1e-3
        return np.asarray(-np.log(counts[val] / counts.sum()))
    columns, seen = val.reshape(len(val), -1), train.reshape(len(train), -1).astype(np.float64)
    return np.asarray(((columns - seen.mean(0)) ** 2).mean(1))


def standardised(values: Array, train: Array) -> Array:
    """Zero mean and unit variance per column on the training rows; constant columns become 0. float32."""
    seen = values[train].astype(np.float64)
    width = seen.std(0)
    return np.asarray((values - seen.mean(0)) / np.where(width > 0, width, 1.0) * (width > 0), np.float32)


def first_difference(one: Snapshot, other: Snapshot, names: Sequence[str]) -> str:
    """The first array that is not the same, to the bit; NaN equals NaN."""
    return next((name for name in names if one[name].tobytes() != other[name].tobytes()), "")
