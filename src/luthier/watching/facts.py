"""The facts that a trace is made of: small records of numbers, shapes and places, no tensors and no framework.

Every event carries `at`, its place in the order of all events of the program (1, 2, 3 ...), and `step`, the number
of optimizer steps that were finished before it. Things that live on (parameters, models, optimizers, schedulers,
loaders) carry a running `number` that is never used twice, and events name them by it. Shapes are tuples. NaN
stands for "not measured": tensors are looked at in every one of the first steps and in every 50th later on.

A fact is filled in by the hooks and may be completed later (whether a gradient was used, for instance): the
records can be written to, the checks only read them.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from luthier.findings import Place

Shape = tuple[int, ...]
Phase = Literal["train", "evaluation", "other"]
"""See `luthier.watching.trace.phase_of`."""
NAN = math.nan


class Fact(msgspec.Struct, kw_only=True):
    """Base of all facts; every field has a default, so that a trace can be written by hand in a test."""


class Event(Fact, kw_only=True):
    """Something that happened.

    Args:
        at: its place in the order of all events, from 1.
        step: optimizer steps (of all optimizers together) finished before it.
        place: the innermost line of the person's own code; None where no such line was on the stack.
    """

    at: int = 0
    step: int = 0
    place: Place | None = None


class Stats(Fact, kw_only=True):
    """Numbers of one tensor, from at most 4096 of its entries, taken at even distances.

    Args:
        n: entries looked at. low, high, mean, std, absmax: of the finite ones (NaN where there are none).
        zero_share, integer_share: share of exact zeros, of whole numbers. num_nonfinite: NaN and infinities.
        num_nan: of these, NaN. num_distinct: distinct values among them.
        unit_share: share of values in [0, 1].
    """

    n: int = 0
    low: float = NAN
    high: float = NAN
    mean: float = NAN
    std: float = NAN
    absmax: float = NAN
    zero_share: float = NAN
    integer_share: float = NAN
    unit_share: float = NAN
    num_nonfinite: int = 0
    num_nan: int = 0
    num_distinct: int = 0


class TensorFact(Fact, kw_only=True):
    """Shape, type ("float32", without the framework's name), device ("cpu", "cuda:0") and, when sampled, numbers."""

    shape: Shape = ()
    dtype: str = ""
    device: str = "cpu"
    requires_grad: bool = False
    is_leaf: bool = True
    stats: Stats | None = None


class Origin(Fact, kw_only=True):
    """Where a tensor came from, by the identity of its autograd node or of the tensor itself.

    Args:
        op: "softmax", "log_softmax", "sigmoid", "logsigmoid", "relu", "tanh", "linear", "conv", "embedding",
            "batch_norm", "exp", "argmax", "leaf" (a parameter), "input" (what a model was given), "detach"
            (gradient cut by detach, .data, torch.tensor, .item ...), or the framework's own name of the operation
            in lower case; empty: not known.
        via: shape and type changes between that operation and the tensor, nearest first ("squeeze", "view", "to").
        axis_size: for softmax and log_softmax, the size of the axis.
        layer: name of the module that made it, such as "net.3" (class in `layer_class`), empty outside modules.
        is_model_output: it is what an outermost model returned (perhaps through `via`).
        place, at: of the call, where it was seen.
    """

    op: str = ""
    via: tuple[str, ...] = ()
    axis_size: int | None = None
    layer: str = ""
    layer_class: str = ""
    is_model_output: bool = False
    place: Place | None = None
    at: int = 0


class Parameter(Fact, kw_only=True):
    """One trainable or frozen parameter, of a model or handed to an optimizer.

    Args:
        model: number of the first model that it was seen in; None: in no model that ran. name: in that model.
        other_names: further names in that model (tied weights).
        requires_grad: when last looked at. was_trainable: at any time.
        optimizers: numbers of all optimizers that ever held it.
        num_gradients: backward passes that left it a gradient (where no optimizer holds it: sampled ones).
            num_steps: steps of an optimizer that used one.
        loaded: its values were put there by load_state_dict or an in-place copy before the first step.
        rows_equal: all rows (of at least two) were equal when first seen; constant: all entries were.
        sparse: its gradients are sparse.
        copied_at: `at` when it was made by a deep copy of another one; 0: it was not. untouched: it still had the
            values of that moment at the model's first call and at the end (where it lived as long).
    """

    number: int = 0
    model: int | None = None
    name: str = ""
    other_names: tuple[str, ...] = ()
    shape: Shape = ()
    size: int = 0
    dtype: str = "float32"
    device: str = "cpu"
    requires_grad: bool = True
    was_trainable: bool = True
    optimizers: tuple[int, ...] = ()
    num_gradients: int = 0
    num_steps: int = 0
    loaded: bool = False
    rows_equal: bool = False
    constant: bool = False
    sparse: bool = False
    copied_at: int = 0
    untouched: bool = False


class Layer(Fact, kw_only=True):
    """A module inside a model, as it was at the model's first call.

    Args:
        name: as in `named_modules`; empty for the model itself. kind: its class.
        options: its plain settings where it has them: p, inplace, dim, bias, momentum, eps, affine,
            track_running_stats, num_features, in_features, out_features, in_channels, out_channels, kernel_size,
            stride, padding, batch_first, num_layers, dropout, num_heads, num_embeddings, padding_idx, reduction.
        options also holds "requires_grad": False where the person set that attribute on the module itself (which does
            nothing), and "spectral_norm": True where the old form of spectral normalisation is on it.
        parameters: numbers of its own parameters. num_calls: calls seen in sampled steps. training: last seen.
        active: it behaves differently in training (dropout with p > 0, batch norm that tracks statistics).
        follows: name of the layer whose output it was given unchanged; empty where that is not so.
        foreign: its class comes from an installed package other than the framework.
    """

    name: str = ""
    kind: str = ""
    options: dict[str, float | int | str | bool | None] = {}
    parameters: tuple[int, ...] = ()
    num_calls: int = 0
    training: bool = True
    active: bool = False
    follows: str = ""
    foreign: bool = False


class Hidden(Fact, kw_only=True):
    """A module or trainable tensor that a model holds where the framework does not see it (a list, a dict)."""

    owner: str = ""
    attribute: str = ""
    kind: str = ""
    num_parameters: int = 0
    in_optimizer: bool = False


class Override(Fact, kw_only=True):
    """A method of the framework that the person's class defines itself.

    Args:
        name: train, eval, parameters, named_parameters, zero_grad, state_dict, load_state_dict, __call__, modules,
            children, to, step (optimizers). arguments: without self. calls_super: its source calls super().
        returns_value: its source returns something.
    """

    name: str = ""
    kind: str = ""
    arguments: tuple[str, ...] = ()
    calls_super: bool = False
    returns_value: bool = False
    place: Place | None = None


class Model(Fact, kw_only=True):
    """An outermost module that was called.

    Args:
        name: its class. variable: the person's name for it where it was found ("model", "self.net").
        parameters: numbers; num_trainable: entries that ask for a gradient, num_frozen: that do not.
        layers: in the order of `named_modules`, the model itself first; at most 1000.
        last_layer: name of the layer whose output is the model's output, where one is.
        hidden: what it holds unseen. overrides: methods of nn.Module that a class of it defines itself.
        num_forwards: outermost calls. num_train_calls, num_eval_calls: of .train() and .eval() on it.
        loaded: load_state_dict was called on it. compiled: it is a compiled module.
        wrapper: "DataParallel", "DistributedDataParallel" or empty. buffers_loaded: see `loaded`.
        default_dtype: type of floating numbers that the program's new tensors had at its first call.
        inside: the line that put it into a DistributedDataParallel, where one did.
        num_averaged: models that an AveragedModel has averaged with equal weights by its last call; 0: it is none.
            keeps_buffers: it averages buffers as well.
        num_moved: evaluations that found other weights than the one before, and the running statistics of batch
            normalisation as they were; -1: these have moved as well. In evaluation mode only.
    """

    number: int = 0
    name: str = ""
    variable: str = ""
    at: int = 0
    place: Place | None = None
    parameters: tuple[int, ...] = ()
    num_trainable: int = 0
    num_frozen: int = 0
    layers: list[Layer] = []
    last_layer: str = ""
    hidden: list[Hidden] = []
    overrides: list[Override] = []
    num_forwards: int = 0
    num_train_calls: int = 0
    num_eval_calls: int = 0
    loaded: bool = False
    compiled: bool = False
    wrapper: str = ""
    inside: Place | None = None
    num_averaged: int = 0
    keeps_buffers: bool = False
    num_moved: int = 0
    default_dtype: str = "float32"


class Group(Fact, kw_only=True):
    """A parameter group when the optimizer was made; NaN: it has no such setting.

    Args:
        parameters: numbers. trainable: how many of them asked for a gradient then.
        options: all plain settings by name.
    """

    lr: float = NAN
    weight_decay: float = NAN
    momentum: float = NAN
    beta1: float = NAN
    beta2: float = NAN
    eps: float = NAN
    parameters: tuple[int, ...] = ()
    num_trainable: int = 0
    options: dict[str, float | int | str | bool | None] = {}


class Optimizer(Event, kw_only=True):
    """An optimizer; the event is its creation.

    Args:
        name: its class. variable: the person's name for it, where it was found.
        groups: at creation, and groups that were added later.
        num_steps: of it. has_state: it keeps running averages or momentum.
        num_twins_before: optimizers made earlier at the same line for exactly the same parameters.
        unknown_attributes: attributes that the person set on it and that it does not read, such as "lr".
        state_loaded: load_state_dict was called on it.
        own: the class comes from the person's own code.
    """

    number: int = 0
    name: str = ""
    variable: str = ""
    groups: list[Group] = []
    num_steps: int = 0
    has_state: bool = False
    num_twins_before: int = 0
    unknown_attributes: tuple[str, ...] = ()
    state_loaded: bool = False
    own: bool = False


class Scheduler(Event, kw_only=True):
    """A learning-rate scheduler; the event is its creation.

    Args:
        horizon: its plain settings: step_size, gamma, T_max, total_steps, T_0, T_mult, total_iters, eta_min,
            patience, max_lr, factor ... ; milestones in `milestones`.
        num_steps: calls of step by the person. first_step_at: `at` of the first.
        is_child: it is driven by another scheduler (SequentialLR, ChainedScheduler).
    """

    number: int = 0
    name: str = ""
    optimizer: int | None = None
    horizon: dict[str, float | int | str | bool | None] = {}
    milestones: tuple[int, ...] = ()
    num_steps: int = 0
    is_child: bool = False


class Stored(Fact, kw_only=True):
    """A floating tensor or array that the program keeps and takes rows of again and again, each time it had changed.

    Args:
        kind: "dataset" (an attribute of a loader's data set) or "base" (inputs of a model are views of it).
        name: of the attribute. owner: class of the data set. loader: number of the loader.
        versions: its version counter at the beginning of each pass, or at each call that found another one than the
            last; at most 64. An array has none: its number rises when its contents were others.
        stds: standard deviations of a sample of it then. steps: optimizer steps before.
        place: of the first such moment.
    """

    kind: str = "dataset"
    name: str = ""
    owner: str = ""
    loader: int | None = None
    versions: list[int] = []
    stds: list[float] = []
    steps: list[int] = []
    place: Place | None = None


class Epoch(Fact, kw_only=True):
    """One pass over a loader.

    Args:
        at: when it began, `end_at`: when the last batch was taken. step: optimizer steps before it.
        num_batches: taken from it. complete: until the loader had no more.
        order: hash of the contents of its first 16 batches in order; 0: not hashable.
        wait_s: seconds spent waiting for batches, `first_wait_s`: of these, for the first. least_wait_s: for the one
            of the others that came soonest (infinite where there was none).
        seconds: from its beginning to its last batch (what the person does with the batches included).
        num_trained, num_evaluated: forwards of the phases train and evaluation between its begin and its end.
        num_hashed: batches whose contents were hashed; num_again: of these, equal to one that another worker had just
            given.
    """

    at: int = 0
    end_at: int = 0
    step: int = 0
    num_batches: int = 0
    complete: bool = False
    order: int = 0
    wait_s: float = 0.0
    first_wait_s: float = 0.0
    least_wait_s: float = math.inf
    seconds: float = 0.0
    num_trained: int = 0
    num_evaluated: int = 0
    num_hashed: int = 0
    num_again: int = 0


class Loader(Event, kw_only=True):
    """A data loader; the event is its first use, at the line that made it.

    Args:
        variable: the name that this line gives it; empty where it gives none.
        names: of the variables that held it where it was first read, and in the functions around.
        sampler: class of its sampler ("RandomSampler", "SequentialSampler", "DistributedSampler" ...).
        shuffled: True, False, or None where that cannot be known (own samplers, iterable data sets).
        dataset: number of the data set by identity (through Subset to the data set below: `base`).
        num_rows, num_batches: -1 where it has no length. num_weights: of a WeightedRandomSampler, else -1.
        set_epoch: the sampler's set_epoch was called. epochs: at most 200. iterable: of an IterableDataset.
    """

    number: int = 0
    name: str = ""
    variable: str = ""
    names: tuple[str, ...] = ()
    batch_size: int | None = None
    sampler: str = ""
    shuffled: bool | None = None
    drop_last: bool = False
    num_workers: int = 0
    dataset: int = 0
    base: int = 0
    dataset_kind: str = ""
    num_rows: int = -1
    num_batches: int = -1
    num_weights: int = -1
    set_epoch: bool = False
    iterable: bool = False
    num_epochs: int = 0
    epochs: list[Epoch] = []
