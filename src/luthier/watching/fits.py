"""What a program that trains by `fit` shows: the call, its data, and one real batch looked at before the first step.

The records are filled while the program runs and judged when it has ended. They hold plain numbers; no array, no
model, no framework.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from luthier.findings import Place
from luthier.watching.values import Values, Windows


@dataclass(slots=True)
class Layer:
    """One layer call on the looked-at batch, in inference mode.

    Args:
        name, kind: of the layer and its class. activation: of the layer ("relu"), "" where it has none.
        inputs, outputs: values on that batch; `dead`: units (last axis) that are zero for every row, as a share.
        weights: shapes of its own weights; `trainable`: whether they are to be trained.
        rate: of a dropout layer. equal_columns, equal_rows: all columns (rows) of the kernel
            are equal, of at least two. follows: name of the layer whose output it was given as it is; "": none.
    """

    name: str
    kind: str
    activation: str = ""
    inputs: Values | None = None
    outputs: Values | None = None
    dead: float = math.nan
    weights: tuple[tuple[int, ...], ...] = ()
    trainable: bool = True
    rate: float = math.nan
    equal_columns: bool = False
    equal_rows: bool = False
    follows: str = ""


@dataclass(slots=True)
class Loss:
    """The loss of one output.

    Args:
        name: of the function ("binary_crossentropy"); `own`: written by the person.
        from_logits: as set; None where the loss has no such setting.
        output, target: values of one batch (target: of the whole target where it was in hand).
        activation: that made the output, "" for none.
        value: on that batch, in inference mode.
        zero_gradient: share of the output's numbers whose gradient is exactly zero; NaN where it was not measured.
        label_smoothing: as set.
        head: name of the output, "" where the model has one only.
        gives_to: cross entropy of Keras that an own loss gives the output to as it is (`from_logits` is then that
            call's), `gives_at`: the line.
    """

    name: str
    own: bool = False
    from_logits: bool | None = None
    output: Values | None = None
    target: Values | None = None
    activation: str = ""
    value: float = math.nan
    zero_gradient: float = math.nan
    label_smoothing: float = 0.0
    head: str = ""
    gives_to: str = ""
    gives_at: Place | None = None


@dataclass(slots=True)
class Metric:
    """A metric as it was resolved. threshold: of a binary one; NaN where there is none."""

    name: str
    kind: str
    threshold: float = math.nan
    from_logits: bool | None = None
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Weight:
    """A trainable weight: gradient norm on the looked-at batch (None: no path to it), norms before and after."""

    name: str
    shape: tuple[int, ...]
    grad_norm: float | None = math.nan
    norm: float = math.nan
    moved: float = math.nan
    moved_early: float = math.nan


@dataclass(slots=True)
class Mode:
    """A layer with a training mode that is to be trained: dropout, batch normalisation.

    Args:
        moved: its random state, or its statistics, are not those of before the first step.
        learned: its own weights have changed. told: a functional model calls it with training=False, or a `call`
            that the person wrote says so to some part.
    """

    name: str
    kind: str
    moved: bool
    learned: bool
    told: bool


@dataclass(slots=True)
class Schedule:
    """A schedule of Keras over the planned steps of a fit that began at step 0 of its optimizer.

    Args:
        kind: of its class. decay_steps: as set; 0 where it has none.
        num_steps: planned; rates: at evenly spread steps of these, the first and the last among them.
    """

    kind: str
    decay_steps: int
    num_steps: int
    rates: list[float]


@dataclass(slots=True)
class Chooser:
    """A callback of Keras that follows a quantity. mode: as it was given: "min", "max" or "auto"."""

    kind: str
    monitor: str
    mode: str


@dataclass(slots=True)
class Rows:
    """How the rows of the training data lie.

    Args:
        num_rows: of the training part; num_classes: of its labels (0: not class labels); class_counts: rows
            of each, in the order of the classes.
        sorted_labels: the labels lie in order, one block a class.
        only_in_validation: classes of the validation part that the training part lacks.
        num_validation_classes: classes of the validation part.
        num_validation: rows of the validation part; num_shared: of these, rows that the training part holds too.
        num_hashed: rows compared.
        num_repeated: rows of the training part that occur more than once.
        column: the only one of at least three that is the target in every row, up to scale and shift (-1: none);
            column_equal: as it is. windows: how inputs and targets are scaled, row by row.
    """

    num_rows: int = 0
    num_classes: int = 0
    class_counts: tuple[int, ...] = ()
    sorted_labels: bool = False
    only_in_validation: tuple[int, ...] = ()
    num_validation_classes: int = 0
    num_validation: int = 0
    num_shared: int = 0
    num_hashed: int = 0
    num_repeated: int = 0
    column: int = -1
    column_equal: bool = False
    windows: Windows = field(default_factory=Windows)


@dataclass(slots=True)
class Fit:
    """One call of `fit`, or a row of `train_on_batch` calls from one line.

    Args:
        place: of the call; compiled: of `compile`; built: of the model.
        framework: "keras"; backend: that computes. model: class and name.
        source: "arrays", "dataset" or "generator". own_step: the person wrote the training step.
        batch_size, epochs, shuffle, validation ("", "split", "data"), validation_split, monitored: names that
        callbacks choose by; `restores`: EarlyStopping restores the best weights.
        choosers: the callbacks that follow a quantity once an epoch.
        first_hashes: of the first batch of each of the first epochs.
        optimizer, learning_rate, scheduled: the rate is a schedule or a callback sets it.
        schedule: of the rate, where it is one of Keras' own and the planned steps are known.
        logged: names in the logs of the epochs.
        batch_losses: (step, loss as logged: mean since the epoch began) at sampled steps; `logs`: by epoch.
        num_steps: taken; `steps_per_epoch`: 0 where unknown. unseen: why no batch was looked at.
        validation_digest: of the validation arrays; equal arrays have equal digests.
        modes: of the layers that have one; `learned`: names of the layers whose weights have changed; both after
            `modes_after` steps.
        ended: the call returned.
        cached_draw: the random operation of a `tf.data` pipeline whose results are cached; "": none is.
        reshuffled: the training and the validation pipeline are parts of one that is shuffled anew in each epoch.
        ahead: where the target is the input shifted by one, how far outputs before the last token change with it, as
            a share of their spread; NaN: not asked.
        thawed, frozen: variables that are to be trained and were not when the model's step was made; the other way.
    """

    place: Place | None = None
    compiled: Place | None = None
    framework: str = "keras"
    backend: str = ""
    model: str = ""
    source: str = ""
    own_step: bool = False
    inputs: list[Values] = field(default_factory=list)
    targets: list[Values] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    rows: Rows | None = None
    batch_size: int = 0
    epochs: int = 1
    shuffle: bool = True
    validation: str = ""
    validation_split: float = 0.0
    validation_digest: str = ""
    monitored: tuple[str, ...] = ()
    choosers: list[Chooser] = field(default_factory=list)
    logged: set[str] = field(default_factory=set)
    restores: bool = True
    first_hashes: list[str] = field(default_factory=list)
    optimizer: str = ""
    learning_rate: float = math.nan
    scheduled: bool = False
    schedule: Schedule | None = None
    num_steps: int = 0
    steps_per_epoch: int = 0
    batch_losses: list[tuple[int, float]] = field(default_factory=list)
    logs: list[dict[str, float]] = field(default_factory=list)
    unseen: str = ""
    modes: list[Mode] = field(default_factory=list)
    learned: frozenset[str] = frozenset()
    modes_after: int = 0
    ended: bool = False
    cached_draw: str = ""
    reshuffled: bool = False
    ahead: float = math.nan
    thawed: int = 0
    frozen: int = 0


@dataclass(slots=True)
class Taped:
    """Layers of a kind that were called while a `tf.GradientTape` recorded outside of `fit`, once a trace.

    Args:
        kind: "Dropout" or "BatchNormalization". train, infer: calls in training mode, in inference mode; place: of
            the first of these.
    """

    kind: str
    train: int = 0
    infer: int = 0
    place: Place | None = None


@dataclass(slots=True)
class Evaluated:
    """One call of `evaluate` by the person: its place, a digest of its data, its rows."""

    place: Place | None
    digest: str = ""
    num_rows: int = 0
    logs: dict[str, float] = field(default_factory=dict)
